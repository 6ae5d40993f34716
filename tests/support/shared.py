"""One exchange and one daemon for all tests of a package; each test uses its own orders and resources.

A package whose ``conftest.py`` imports these fixtures has its own processes.
"""

from collections.abc import Iterator

import pytest

from tests.support.daemon_process import Daemon, Tables
from tests.support.exchange_process import Exchange
from tests.support.stage import Stage, stage


@pytest.fixture(scope="package")
def package_config() -> Tables:
    """The daemon's configuration; a package can override it."""
    return {}


@pytest.fixture(scope="package")
def package_stage() -> Iterator[Stage]:
    """The stage of the shared processes."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def package_exchange(package_stage: Stage) -> Exchange:
    """The exchange."""
    return package_stage.exchange()


@pytest.fixture(scope="package")
def package_daemon(package_stage: Stage, package_exchange: Exchange, package_config: Tables) -> Daemon:
    """The daemon, ready for signals."""
    daemon = package_stage.daemon(package_exchange, package_config)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def exchange(package_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield package_exchange
    package_exchange.inject()


@pytest.fixture
def daemon(package_daemon: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The daemon; after a test it runs, trading is resumed, and the exchange's backoff is cleared."""
    del exchange  # needed only because it removes its faults after the test
    if not package_daemon.process.is_running():
        package_daemon.start()
    yield package_daemon
    package_daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over", "clearWait": True})
