"""Signal to order while eight clients read the board, or long lists, with many orders queued.

``python -m tests.bench.boards SOCKET TARGET COUNT``: this many readers, each asking again as soon as it is answered.
"""

import http.client
import json
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.bench.contestants import Exchange, daemon
from tests.bench.rounds import percentile
from tests.bench.wire import latencies
from tests.support.unix_http import Connection
from tests.support.waiting import wall_ms

READERS = 8
BATCH = 500
HOUR_MS = 3_600_000
TARGETS = {"alone": "", "boards": "/v1/board", "lists": "/v1/orders?limit=1000", "locks": "/v1/locks"}


class Read(msgspec.Struct):
    """The effect of one kind of readers on signals. Times in ms."""

    name: str
    queued: int
    p50: float
    p99: float


def measure(directory: Path, *, queued: int, signals: int) -> list[Read]:
    """Queue orders that wait for their time, then measure beside each kind of readers."""
    found = []
    with Exchange(directory) as exchange, daemon(directory / "sniperd", exchange) as ours:
        _queue(ours.signals, queued)
        latencies(ours.signals, exchange, signals)  # warm up before the first measurement
        for name, target in TARGETS.items():
            with _readers(ours.directory / "status.sock", target):
                took = latencies(ours.signals, exchange, signals)
            found.append(Read(name, queued, statistics.median(took), percentile(took, 0.99)))
    return found


def table(found: Sequence[Read]) -> str:
    """Write the figures."""
    lines = [f"signal → wire, {found[0].queued:,} queued       p50       p99 ms"]
    lines += [
        f"{READERS if each.name != 'alone' else 0} readers: {each.name:<20} {each.p50:>9.2f} {each.p99:>9.2f}"
        for each in found
    ]
    return "\n".join(lines)


def _queue(path: Path, orders: int) -> None:
    connection = Connection(path)
    at_ms = wall_ms() + HOUR_MS
    for first in range(0, orders, BATCH):
        batch = [
            {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "25", "ownerId": "bench",
             "snipeTargetId": f"later-{number}", "executeAt": at_ms}
            for number in range(first, min(first + BATCH, orders))
        ]  # fmt: skip
        answer = connection.ask("POST", "/v1/signals/batch", batch)
        if answer.status != http.client.ACCEPTED:
            raise RuntimeError(answer.raw.decode())
    connection.close()


@contextmanager
def _readers(path: Path, target: str) -> Iterator[None]:
    if not target:
        yield
        return
    command = [sys.executable, "-m", __name__, str(path), target, str(READERS)]
    readers = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert readers.stdout is not None
        readers.stdout.readline()  # they have begun
        yield
    finally:
        readers.kill()
        readers.wait()


def _main(path: Path, target: str, count: int) -> None:
    begun = threading.Barrier(count + 1)

    def read() -> None:
        with_socket = Connection(path)
        begun.wait()
        while True:
            try:
                json.loads(with_socket.ask("GET", target).raw)
            except (OSError, http.client.HTTPException):
                return

    for _ in range(count):
        threading.Thread(target=read, daemon=True).start()
    begun.wait()
    print("begun", flush=True)  # noqa: T201
    threading.Event().wait()


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
