"""A scripted exchange and a client of it, for every test that asks."""

from collections.abc import AsyncIterator

import pytest

from daemon.exchange.mexc.client import MexcExchange

from .clocks import HandClock
from .scripted import ScriptedExchange, scripted, trading


@pytest.fixture
async def exchange() -> AsyncIterator[ScriptedExchange]:
    """Run an exchange that answers what the test lays out."""
    async with scripted() as script:
        yield script


@pytest.fixture
def clock() -> HandClock:
    """Return a clock that the test moves."""
    return HandClock()


@pytest.fixture
async def client(exchange: ScriptedExchange, clock: HandClock) -> AsyncIterator[MexcExchange]:
    """Open a client of the scripted exchange."""
    async with trading(exchange.url, clock) as found:
        yield found
