"""A ledger for each test, over each backend."""

from collections.abc import AsyncIterator

import pytest

from tests.fleet.contract.places import PLACES, Join


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.needs(*kind.needs)) for name, kind in PLACES.items()])
async def join(request: pytest.FixtureRequest) -> AsyncIterator[Join]:
    """Return what opens a new ledger, as often as there are members."""
    async with PLACES[request.param].place(request) as joining:
        yield joining
