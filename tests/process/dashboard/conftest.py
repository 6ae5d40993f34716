"""One browser, one exchange and one daemon for all these tests; each test uses its own orders."""

from collections.abc import AsyncIterator

import pytest

from tests.process.dashboard.browser import Page, chromium, tab
from tests.process.dashboard.dashboard import Dashboard
from tests.support import Daemon
from tests.support.daemon_process import Tables
from tests.support.shared import daemon, exchange, package_daemon, package_exchange, package_stage
from tests.support.stage import Stage

__all__ = ["daemon", "exchange", "package_daemon", "package_exchange", "package_stage"]

CALM: Tables = {
    "http": {"listen": "127.0.0.1:0"},
    "reconcile": {"first_ms": 200, "longest_ms": 2_000, "grace_ms": 60_000},
    "queue": {"buy_deadline_ms": 600_000, "sell_deadline_ms": 600_000},
}
"""Times long enough that no order changes its state by itself during a test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this directory as needing a browser."""
    for item in items:
        if "tests/process/dashboard/" in item.path.as_posix():
            item.add_marker(pytest.mark.needs("chromium"))


@pytest.fixture(scope="package")
def package_config() -> Tables:
    """The configuration of the daemon: its page on any free port, long times."""
    return CALM


@pytest.fixture(scope="package")
def browser(package_stage: Stage) -> str:
    """The address of the browser."""
    return chromium(package_stage)


@pytest.fixture
async def page(browser: str) -> AsyncIterator[Page]:
    """A tab. After the test, no foreign script has run in it, and there were no errors."""
    async with tab(browser) as found:
        yield found
        assert found.alarms == []


@pytest.fixture
async def dashboard(page: Page, daemon: Daemon) -> Dashboard:
    """The page, live, with the token."""
    found = Dashboard(page, daemon)
    await found.open()
    return found
