"""One exchange for all these tests: each daemon asks only for its own orders, so those of others do not matter."""

from collections.abc import Iterator

import pytest

from tests.process.app.aftermath import Aftermath
from tests.support import Daemon, Exchange
from tests.support.stage import Stage, stage


@pytest.fixture(scope="package")
def daemon_stage() -> Iterator[Stage]:
    """The directory of the processes that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def daemon_exchange(daemon_stage: Stage) -> Exchange:
    """The exchange."""
    return daemon_stage.exchange()


@pytest.fixture
def exchange(daemon_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield daemon_exchange
    daemon_exchange.inject()


@pytest.fixture(scope="package")
def running(daemon_stage: Stage, daemon_exchange: Exchange) -> Daemon:
    """A daemon that accepts signals, for tests that leave it running."""
    daemon = daemon_stage.daemon(daemon_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture(scope="package")
def aftermath(daemon_stage: Stage) -> Aftermath:
    """A daemon that was killed with orders in every state, and started again."""
    return Aftermath(daemon_stage)
