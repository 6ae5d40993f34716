"""One exchange and one daemon for all these tests; a test speaks of its own orders, so others' do not matter."""

from collections.abc import Iterator

import pytest

from tests.processes import Daemon, Exchange
from tests.processes.stage import Stage, stage


@pytest.fixture(scope="package")
def api_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def api_exchange(api_stage: Stage) -> Exchange:
    """The exchange."""
    return api_stage.exchange()


@pytest.fixture(scope="package")
def api_daemon(api_stage: Stage, api_exchange: Exchange) -> Daemon:
    """The daemon, taking signals."""
    daemon = api_stage.daemon(api_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def exchange(api_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield api_exchange
    api_exchange.lay()


@pytest.fixture
def daemon(api_daemon: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The daemon; after a test it trades again."""
    del exchange  # whose faults end with the test
    if not api_daemon.process.is_running():
        api_daemon.start()
    yield api_daemon
    api_daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over"})
