"""One exchange and one daemon with a loopback listener and webhooks, for all tests here that need processes."""

from collections.abc import Iterator

import pytest

from tests.monitoring.receiver import Receiver, receiver
from tests.support import Daemon, Exchange
from tests.support.stage import Stage, stage


@pytest.fixture(scope="package")
def monitoring_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def exchange(monitoring_stage: Stage) -> Exchange:
    """The exchange."""
    return monitoring_stage.exchange()


@pytest.fixture(scope="package")
def hook() -> Iterator[Receiver]:
    """Where the daemon's alerts go."""
    with receiver() as server:
        yield server


@pytest.fixture(scope="package")
def watched(monitoring_stage: Stage, exchange: Exchange, hook: Receiver) -> Daemon:
    """The daemon, taking signals."""
    daemon = monitoring_stage.daemon(exchange, {"http": {"listen": "127.0.0.1:0"}})
    with_webhooks(daemon, f"json {hook.url('/secret-path')}")
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def daemon(watched: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The daemon; after a test it trades again."""
    yield watched
    exchange.inject()
    watched.ask("POST", "/v1/admin/resume", {"reason": "the test is over"})


def with_webhooks(daemon: Daemon, *lines: str) -> None:
    """Let a daemon send its alerts to webhooks; they count from its start."""
    file = daemon.directory / "webhooks"
    file.write_text("\n".join(lines))
    file.chmod(0o600)
    daemon.configure({"alerts": {"webhook_file": str(file)}})
