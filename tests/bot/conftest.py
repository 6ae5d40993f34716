"""One exchange and one daemon for all these tests; a test speaks of its own resources, so others' do not matter."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.processes import Daemon, Exchange
from tests.processes.stage import Stage, stage


@pytest.fixture(scope="package")
def bot_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def bot_exchange(bot_stage: Stage) -> Exchange:
    """The exchange."""
    return bot_stage.exchange()


@pytest.fixture(scope="package")
def bot_daemon(bot_stage: Stage, bot_exchange: Exchange) -> Daemon:
    """The daemon, taking requests."""
    daemon = bot_stage.daemon(bot_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def exchange(bot_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield bot_exchange
    bot_exchange.lay()


@pytest.fixture
def daemon(bot_daemon: Daemon, exchange: Exchange) -> Daemon:
    """The daemon."""
    del exchange  # whose faults end with the test
    return bot_daemon


@pytest.fixture(scope="package")
def brisk(bot_stage: Stage, bot_exchange: Exchange) -> Daemon:
    """A daemon for which everything is over soon: deadlines, the window of derived keys, what is kept."""
    config: dict[str, dict[str, Any]] = {
        "queue": {"buy_deadline_ms": 400, "manual_window_ms": 50},
        "locks": {"cleanup_interval_s": 0.2, "retention_h": 0.0001},
    }
    daemon = bot_stage.daemon(bot_exchange, config)
    daemon.start(with_rules=True)
    return daemon
