"""Key, secret and token are planted in every possible way, every operation is run, and all output is searched."""

import base64
import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from signal import SIGABRT

import pytest

from tests.process.app.echo import STATUS, echoing
from tests.support import KEYS, Daemon, Exchange
from tests.support.command import sniperd
from tests.support.service_manager import ServiceManager
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.stage import Stage

SIGNATURE = re.compile(rb"signature(=|%3D|\": ?\")[0-9a-f]", re.IGNORECASE)
PLANTED = {"http-token", "mexc_api_key", "mexc_api_secret"}
"""The files that may hold a secret."""

COMMANDS = [
    "status", "status --json", "orders", "orders --json", "locks", "locks --json", "doctor", "doctor --json",
    "config check", "config check --json", "backup backup.db",
]  # fmt: skip
ROUTES = ["/v1/status", "/v1/orders?limit=1000", "/v1/locks", "/healthz", "/readyz", "/openapi.json", "/no/such/route"]


def plant(daemon: Daemon, way: str) -> None:
    """Give a daemon its keys in one of the ways."""
    if way == "environment":
        return
    for name in KEYS.environ():
        del daemon.environ[name]
    files = {"mexc_api_key": KEYS.api_key, "mexc_api_secret": KEYS.api_secret}
    for name, text in files.items():
        (daemon.directory / name).write_text(text)
        (daemon.directory / name).chmod(0o600)
    if way == "credentials":
        daemon.environ["CREDENTIALS_DIRECTORY"] = str(daemon.directory)
    else:
        places = [str(daemon.directory / name) for name in files]
        daemon.configure({"exchange": dict(zip(("api_key_file", "api_secret_file"), places, strict=True))})


class Searched:
    """Everything that a daemon, its commands and its sockets wrote."""

    def __init__(self, daemon: Daemon, signatures: list[str]) -> None:
        self.daemon = daemon
        self.signatures = signatures  # of the orders that were echoed
        self.told: dict[str, bytes] = {}
        self.token = ""

    def live(self, manager: ServiceManager, exchange: Exchange) -> None:
        """Run everything: trading, failures, queries, a reload, a kill, an abort, refused starts."""
        daemon = self.daemon
        manager.launch()
        daemon.wait_for("daemon.ready")
        self.token = (daemon.directory / "http-token").read_text().strip()
        for kind in STATUS:
            signal = market_buy() if kind == "MARKET" else resting_buy(type=kind)
            order_id = daemon.accept(signal)
            daemon.until(order_id, "rejected" if kind == "MARKET" else "in_doubt")
            self.ask(f"/v1/orders/{order_id}/explain")
        self.told["bad signal"] = daemon.submit({"symbol": KEYS.api_key}).raw.replace(KEYS.api_key.encode(), b"")
        daemon.submit(market_sell(skipLock=True))
        self.over_tcp()
        daemon.reload()
        daemon.configure({"log": {"level": "debug"}, "queue": {"max_in_flight": 7}})
        daemon.reload()
        for route in ROUTES:
            self.ask(route)
        for command in COMMANDS:
            self.command(command)
        self.note("before the kill")
        daemon.kill()
        exchange.kill()
        manager.launch()
        daemon.wait_for("exchange.unproven")
        daemon.wait_for("exchange.unreachable")
        self.ask("/v1/status")
        self.command("doctor --json")
        daemon.process.send(SIGABRT)
        daemon.process.exit_code()
        daemon.process.errors.all()  # to its end
        self.note("before the abort")
        assert "Current thread" in self.told["before the abort"].decode()

    def ask(self, route: str) -> None:
        """Keep an answer."""
        self.told[route] = self.daemon.ask("GET", route).raw

    def over_tcp(self) -> None:
        """Ask on the loopback listener, with the token, a wrong one and none."""
        address = self.daemon.process.events("daemon.ready")[0]["http"].removeprefix("http://")
        for name, token in (("right", self.token), ("wrong", self.token[:-1]), ("none", "")):
            connection = http.client.HTTPConnection(address, timeout=15)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if token else {}
            connection.request("POST", "/v1/admin/halt", b"{", headers)
            self.told[f"tcp, {name}"] = connection.getresponse().read()
            connection.close()

    def command(self, words: str) -> None:
        """Keep what a command wrote."""
        *verbs, last = words.split()
        daemon = self.daemon
        ran = sniperd(*verbs, last, "--config", str(daemon.config_path), environ=daemon.environ,
                      directory=daemon.directory)  # fmt: skip
        self.told[f"sniperd {words}"] = (ran.output + ran.errors).encode()

    def note(self, when: str) -> None:
        """Keep the process's output."""
        lines = self.daemon.process.output.so_far() + self.daemon.process.errors.so_far()
        self.told[when] = "\n".join(lines).encode()

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """Yield all of it, files included."""
        yield from self.told.items()
        for path in sorted(self.daemon.directory.rglob("*")):
            if path.is_file() and path.name not in PLANTED:
                yield path.name, path.read_bytes()


@pytest.fixture(scope="module", params=["environment", "files", "credentials"])
def searched(request: pytest.FixtureRequest, shared_stage: Stage) -> Iterator[Searched]:
    """Plant the secrets in one way, and run everything."""
    exchange = shared_stage.exchange()
    with echoing(exchange.url) as (url, signatures):
        daemon = shared_stage.daemon(exchange, {"exchange": {"base_url": url}, "http": {"listen": "127.0.0.1:0"}})
        daemon.environ["WATCHDOG_USEC"] = "60000000"
        plant(daemon, request.param)
        manager = ServiceManager(daemon)
        found = Searched(daemon, signatures)
        found.live(manager, exchange)
        yield found
        manager.close()


def forms(secret: str) -> list[bytes]:
    """Return a secret in plain text and in its encodings."""
    plain = secret.encode()
    return [plain, plain.hex().encode(), base64.b64encode(plain).rstrip(b"=")]


def test_everything_was_run(searched: Searched) -> None:
    names = {name for name, _ in searched.everything()}
    assert names >= {"sniperd.db", "sniperd.db-wal", "backup.db", "before the kill", "before the abort", "tcp, wrong"}
    assert (
        b"newClientOrderId" in dict(searched.everything())["sniperd.db-wal"] + dict(searched.everything())["sniperd.db"]
    )
    assert b'"ok"' in searched.told["sniperd doctor --json"]


@pytest.mark.parametrize("secret", ["key", "secret", "token"])
def test_no_secret_is_anywhere(searched: Searched, secret: str) -> None:
    planted = {"key": KEYS.api_key, "secret": KEYS.api_secret, "token": searched.token}[secret]
    assert len(planted) > 15
    assert [name for name, text in searched.everything() if any(form in text for form in forms(planted))] == []


def test_no_signature_is_anywhere(searched: Searched) -> None:
    """In no notation in which an answer may quote it."""
    assert len(searched.signatures) >= len(STATUS)
    values = [signature.encode() for signature in searched.signatures]
    for name, text in searched.everything():
        assert not SIGNATURE.search(text), name
        assert not any(value in text.lower() for value in values), name


def test_no_core_dump_was_left(searched: Searched) -> None:
    assert [path for path in searched.daemon.directory.rglob("core*") if path.is_file()] == []


def test_the_daemon_can_leave_no_core_dump(shared_stage: Stage) -> None:
    daemon = shared_stage.daemon(None)
    daemon.start()
    limits = Path(f"/proc/{daemon.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children").read_text().split()
    assert children
    for child in children:
        assert re.search(r"^Max core file size +0 +0 ", Path(f"/proc/{child}/limits").read_text(), re.MULTILINE)
