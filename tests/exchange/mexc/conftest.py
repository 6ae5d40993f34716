"""Fixtures: a scripted exchange and a client of it."""

from collections.abc import AsyncIterator

import pytest

from daemon.exchange.mexc.client import MexcExchange

from .clocks import ManualClock
from .scripted import ScriptedExchange, scripted, trading


@pytest.fixture
async def exchange() -> AsyncIterator[ScriptedExchange]:
    """Run an exchange that sends the replies that the test sets."""
    async with scripted() as script:
        yield script


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that the test moves."""
    return ManualClock()


@pytest.fixture
async def client(exchange: ScriptedExchange, clock: ManualClock) -> AsyncIterator[MexcExchange]:
    """Open a client of the scripted exchange."""
    async with trading(exchange.url, clock) as found:
        yield found
