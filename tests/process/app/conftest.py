"""One exchange for the daemons of all these tests: each speaks of its own orders, so others' do not matter."""

from collections.abc import Iterator

import pytest

from tests.process.app.aftermath import Aftermath
from tests.support import Daemon, Exchange
from tests.support.stage import Stage, stage


@pytest.fixture(scope="package")
def daemon_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
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
    """A daemon that takes signals, for tests that leave it so."""
    daemon = daemon_stage.daemon(daemon_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture(scope="package")
def aftermath(daemon_stage: Stage) -> Aftermath:
    """A daemon that was killed with much under way, and started again."""
    return Aftermath(daemon_stage)
