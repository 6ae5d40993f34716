"""One browser, one exchange and one daemon for all these tests; each speaks of its own orders."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.dashboard.browser import Page, chromium, tab
from tests.dashboard.dashboard import Dashboard
from tests.processes import Daemon, Exchange
from tests.processes.daemon_process import Tables
from tests.processes.stage import Stage, stage

CALM: Tables = {
    "http": {"listen": "127.0.0.1:0"},
    "reconcile": {"first_ms": 200, "longest_ms": 2_000, "grace_ms": 60_000},
    "queue": {"buy_deadline_ms": 600_000, "sell_deadline_ms": 600_000},
}
"""What stays as it is for as long as somebody looks at it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let all of these tests need a browser."""
    for item in items:
        if "tests/dashboard/" in item.path.as_posix():
            item.add_marker(pytest.mark.needs("chromium"))


@pytest.fixture(scope="package")
def dashboard_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def browser(dashboard_stage: Stage) -> str:
    """The browser, by its address."""
    return chromium(dashboard_stage)


@pytest.fixture(scope="package")
def dashboard_exchange(dashboard_stage: Stage) -> Exchange:
    """The exchange."""
    return dashboard_stage.exchange()


@pytest.fixture(scope="package")
def dashboard_daemon(dashboard_stage: Stage, dashboard_exchange: Exchange) -> Daemon:
    """The daemon, taking signals, with its page on any free port."""
    daemon = dashboard_stage.daemon(dashboard_exchange, CALM)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def exchange(dashboard_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield dashboard_exchange
    dashboard_exchange.lay()


@pytest.fixture
def daemon(dashboard_daemon: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The daemon; after a test it trades again."""
    del exchange  # whose faults end with the test
    yield dashboard_daemon
    dashboard_daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over"})


@pytest.fixture
async def page(browser: str) -> AsyncIterator[Page]:
    """A tab; whatever was tried, nothing ran in it that is not the page's own."""
    async with tab(browser) as found:
        yield found
        assert found.alarms == []


@pytest.fixture
async def dashboard(page: Page, daemon: Daemon) -> Dashboard:
    """The page with the token, live."""
    found = Dashboard(page, daemon)
    await found.open()
    return found
