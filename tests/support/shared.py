"""One exchange and one daemon for all the tests of a package; a test speaks of its own orders and resources.

A package's ``conftest.py`` imports these fixtures, and with that has processes of its own.
"""

from collections.abc import Iterator

import pytest

from tests.support.daemon_process import Daemon, Tables
from tests.support.exchange_process import Exchange
from tests.support.stage import Stage, stage


@pytest.fixture(scope="package")
def package_config() -> Tables:
    """What the daemon is configured with; a package may say otherwise."""
    return {}


@pytest.fixture(scope="package")
def package_stage() -> Iterator[Stage]:
    """Where the processes live that all these tests share."""
    with stage() as place:
        yield place


@pytest.fixture(scope="package")
def package_exchange(package_stage: Stage) -> Exchange:
    """The exchange."""
    return package_stage.exchange()


@pytest.fixture(scope="package")
def package_daemon(package_stage: Stage, package_exchange: Exchange, package_config: Tables) -> Daemon:
    """The daemon, taking signals."""
    daemon = package_stage.daemon(package_exchange, package_config)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def exchange(package_exchange: Exchange) -> Iterator[Exchange]:
    """The exchange, without faults before and after a test."""
    yield package_exchange
    package_exchange.lay()


@pytest.fixture
def daemon(package_daemon: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The daemon; after a test it runs and trades again, and waits for nothing that the exchange asked for."""
    del exchange  # whose faults end with the test
    if not package_daemon.process.is_running():
        package_daemon.start()
    yield package_daemon
    package_daemon.ask("POST", "/v1/admin/resume", {"reason": "the test is over", "clearWait": True})
