"""The key pair appears nowhere: not even where a gateway echoes everything that it was sent."""

import re
from collections.abc import Iterator

import pytest

from tests.process.app.echo import STATUS, echoing
from tests.support import KEYS, Daemon, Exchange
from tests.support.command import sniperd
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage

SIGNATURE = re.compile(rb"signature=[0-9a-f]")

ORDERS = {
    kind: (market_buy() if kind == "MARKET" else resting_buy(type=kind)) | {"snipeTargetId": f"echo-{kind}"}
    for kind in STATUS
}


class Echoed:
    """A daemon all of whose orders were answered with an echo of the request."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.order_ids: dict[str, str] = {}
        for kind, signal in ORDERS.items():
            order_id = self.order_ids[kind] = daemon.accept(signal)
            daemon.until(order_id, "rejected" if kind == "MARKET" else "in_doubt")
            daemon.ask("POST", "/v1/admin/resume", {"reason": "the next goes at once", "clearWait": True})

    def sniperd(self, *words: str) -> str:
        """Run a command; return everything that it wrote."""
        ran = sniperd(
            *words,
            "--config",
            str(self.daemon.config_path),
            environ=self.daemon.environ,
            directory=self.daemon.directory,
        )
        assert ran.code == 0, ran.errors
        return ran.output + ran.errors


@pytest.fixture(scope="module")
def echoed(shared_stage: Stage, daemon_exchange: Exchange) -> Iterator[Echoed]:
    """Let a gateway echo orders of every kind."""
    with echoing(daemon_exchange.url) as (url, _):
        daemon = shared_stage.daemon(
            daemon_exchange, {"exchange": {"base_url": url}, "reconcile": {"grace_ms": 60_000}}
        )
        daemon.start(with_rules=True)
        yield Echoed(daemon)


def holds_no_secret(content: str | bytes) -> bool:
    raw = content if isinstance(content, bytes) else content.encode()
    return not any(secret.encode() in raw for secret in KEYS)


@pytest.mark.parametrize("kind", STATUS)
def test_an_echo_is_kept_as_evidence_without_the_key(echoed: Echoed, kind: str) -> None:
    found = echoed.daemon.ask("GET", f"/v1/orders/{echoed.order_ids[kind]}/explain")
    assert "newClientOrderId" in found.json["attempts"][0]["answered"]
    assert "***" in found.json["attempts"][0]["answered"]
    assert holds_no_secret(found.raw)
    assert SIGNATURE.search(found.raw) is None


@pytest.mark.parametrize("target", ["/v1/status", "/v1/orders?limit=1000", "/readyz"])
def test_no_answer_contains_it(echoed: Echoed, target: str) -> None:
    assert holds_no_secret(echoed.daemon.ask("GET", target).raw)


@pytest.mark.parametrize("command", ["status", "orders", "explain", "status --json", "explain --json"])
def test_no_command_shows_it(echoed: Echoed, command: str) -> None:
    verb, *options = command.split()
    order = [echoed.order_ids["MARKET"]] if verb == "explain" else []
    assert holds_no_secret(echoed.sniperd(verb, *order, *options))


def test_no_log_line_contains_it(echoed: Echoed) -> None:
    lines = "\n".join(echoed.daemon.process.output.so_far() + echoed.daemon.process.errors.so_far())
    assert all(order_id in lines for order_id in echoed.order_ids.values())
    assert holds_no_secret(lines)


def test_no_file_or_backup_of_the_daemon_contains_it(echoed: Echoed) -> None:
    backup = echoed.daemon.directory / "backup.db"
    echoed.sniperd("backup", str(backup))
    files = [path for path in echoed.daemon.directory.iterdir() if path.is_file()]
    assert {"backup.db", "sniperd.db", "sniperd.db-wal", "config.toml"} <= {path.name for path in files}
    assert [path.name for path in files if not holds_no_secret(path.read_bytes())] == []
