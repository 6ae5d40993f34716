"""One exchange and one daemon for all these tests; a test speaks of its own resources, so others' do not matter."""

from collections.abc import Iterator

import pytest

from tests.processes import Daemon, Exchange
from tests.processes.stage import Stage, stage


@pytest.fixture(scope="package")
def locks_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def locks_exchange(locks_stage: Stage) -> Exchange:
    """The exchange."""
    return locks_stage.exchange()


@pytest.fixture(scope="package")
def locks_daemon(locks_stage: Stage, locks_exchange: Exchange) -> Daemon:
    """The daemon, taking requests."""
    daemon = locks_stage.daemon(locks_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def exchange(locks_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield locks_exchange
    locks_exchange.lay()


@pytest.fixture
def daemon(locks_daemon: Daemon, exchange: Exchange) -> Daemon:
    """The daemon."""
    del exchange  # whose faults end with the test
    return locks_daemon
