"""Fixtures of the simulator's tests."""

from collections.abc import Iterator
from decimal import localcontext

import pytest

from daemon.simulator.money import EXACT
from tests.simulator.trader import Trader


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def trader() -> Iterator[Trader]:
    """A trader on a new exchange in memory, without limits."""
    trader = Trader()
    yield trader
    trader.book.close()


@pytest.fixture
def exact() -> Iterator[None]:
    """The exchange's decimal context."""
    with localcontext(EXACT):
        yield
