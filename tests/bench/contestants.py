"""The processes that are measured, and the server that measures them in the exchange's place."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

SOURCES = Path(__file__).parent
ROOT = SOURCES.parents[1]
KEYS = {"MEXC_API_KEY": "mx0aBYs33eIilxBWC5", "MEXC_SECRET_KEY": "45d0b3c26f2644f19bfb98b07741b2f5"}


def compiled(name: str, directory: Path, *options: str) -> Path:
    """Compile one of the C programs."""
    program = directory / name
    subprocess.run(["gcc", "-O2", *options, "-o", program, SOURCES / f"{name}.c"], check=True)
    return program


class Arrival(NamedTuple):
    """When the first bytes of an order arrived."""

    monotonic_ns: int
    exchange_ns: int  # by the exchange's clock


class Exchange:
    """The server in the exchange's place: reports when each order's first bytes arrived."""

    def __init__(self, directory: Path, *, clock_ahead_ms: int = 0) -> None:
        """``clock_ahead_ms`` is by how much its clock is ahead of the machine's."""
        command = [str(compiled("exchange", directory)), str(clock_ahead_ms)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._ask, self._told = self._process.stdin, self._process.stdout
        self.port = int(self._told.readline())

    def arrivals_ns(self) -> dict[str, int]:
        """Return the arrivals since the last call by the monotonic clock, by the orders' amounts."""
        return {amount: arrival.monotonic_ns for amount, arrival in self.arrivals().items()}

    def arrivals(self) -> dict[str, Arrival]:
        """Return the arrivals since the last call, by the orders' amounts."""
        self._ask.write("?\n")
        self._ask.flush()
        found = {}
        for line in iter(self._told.readline, "end\n"):
            amount, monotonic_ns, exchange_ns = line.split()
            found[amount] = Arrival(int(monotonic_ns), int(exchange_ns))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()  # which closes the pipes


@contextmanager
def running(
    command: list[str], ready: str, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run a process and wait for the line that says it is ready."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **(environment or {})}
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if ready in line:
                break
        else:
            raise RuntimeError(f"{command[0]} ended with {process.wait()} before it was ready")
        yield process
    finally:
        process.terminate()
        process.wait()


class Contestant(NamedTuple):
    """A process that is measured."""

    name: str
    signals: Path  # the socket that takes signals
    pid: int
    directory: Path  # of its own, with its files and sockets

    @property
    def status(self) -> Path:
        """The daemon's socket for readers."""
        return self.directory / "status.sock"


@contextmanager
def floor(directory: Path, exchange: Exchange) -> Iterator[Contestant]:
    """Run the physical floor."""
    directory.mkdir()
    path = directory / "floor.sock"
    command = [compiled("floor", directory), path, directory / "floor.log", exchange.port]
    with running([str(word) for word in command], "ready") as process:
        yield Contestant("floor", path, process.pid, directory)


@contextmanager
def peer(directory: Path, exchange: Exchange) -> Iterator[Contestant]:
    """Run ccxt, which keeps nothing durable."""
    directory.mkdir()
    path = directory / "ccxt.sock"
    command = [sys.executable, "-m", "tests.bench.ccxt_peer", str(path), str(exchange.port)]
    with running(command, "ready") as process:
        yield Contestant("ccxt", path, process.pid, directory)


Tables = Mapping[str, Mapping[str, object]]


@contextmanager
def daemon(
    directory: Path,
    exchange: Exchange,
    more: Tables = MappingProxyType({}),
    *,
    checkout: Path | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
    ready: str = "daemon.ready",
) -> Iterator[Contestant]:
    """Run sniperd against that server, with rate limits out of the way; a directory that exists is used again.

    Its log goes to a file, as a service's goes to the journal: a pipe without a reader would fill up.

    Args:
        directory: for its database and sockets.
        exchange: the server in the exchange's place.
        more: keys of the configuration, by table, that replace or extend the benchmark's.
        checkout: another checkout, with its own ``.venv``, whose daemon is run. It is named "against".
        environment: variables of its process, besides the keys.
        ready: the event after which it takes signals.

    """
    defaults: Tables = {
        "exchange": {"mode": "live", "base_url": f"http://127.0.0.1:{exchange.port}", "order_rate_per_s": 1_000_000},
        "store": {"path": str(directory / "sniperd.db")},
        "sockets": {"signals": str(directory / "signals.sock"), "status": str(directory / "status.sock")},
        "queue": {"max_in_flight": 1_000, "max_queued": 1_000_000},
        "guards": {"repeat_window_ms": 0},
        "fleet": {},
    }
    tables = {name: {**keys, **more.get(name, {})} for name, keys in defaults.items()}
    directory.mkdir(exist_ok=True)
    config = directory / "config.toml"
    config.write_text(
        "".join(
            f"[{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in keys.items())
            for name, keys in tables.items()
            if keys  # an older checkout may not know the table
        )
    )
    log = directory / "log"
    log.unlink(missing_ok=True)
    python = sys.executable if checkout is None else str(python_of(checkout))
    with log.open("w") as written:
        process = subprocess.Popen(
            [python, "-m", "daemon", "run", "--config", str(config)],
            stdout=written,
            text=True,
            cwd=checkout or ROOT,
            env={**os.environ, **KEYS, **environment},
        )
    try:
        _await_ready(log, process, ready)
        name = "sniperd" if checkout is None else "against"
        yield Contestant(name, directory / "signals.sock", process.pid, directory)
    finally:
        process.terminate()
        process.wait()


def python_of(checkout: Path) -> Path:
    """Return the interpreter of a checkout's own environment."""
    return checkout / ".venv" / "bin" / "python"


def _await_ready(log: Path, process: subprocess.Popen[str], ready: str) -> None:
    while ready not in log.read_text():
        if process.poll() is not None:
            raise RuntimeError(f"sniperd ended with {process.returncode}: {log.read_text()[-500:]}")
        time.sleep(0.02)  # between two checks
