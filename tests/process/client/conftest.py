"""A daemon for the tests of a module, and a client of it. Tests that kill take a daemon of their own."""

from collections.abc import AsyncIterator

import pytest

from daemon.client import Client
from tests.support import Daemon, Exchange
from tests.support.stage import Stage


@pytest.fixture(scope="module")
def exchange(shared_stage: Stage) -> Exchange:
    """An exchange."""
    return shared_stage.exchange()


@pytest.fixture(scope="module")
def daemon(shared_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that takes signals."""
    daemon = shared_stage.daemon(exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
async def client(daemon: Daemon) -> AsyncIterator[Client]:
    """A client of it."""
    async with Client(daemon.signals) as client:
        yield client
