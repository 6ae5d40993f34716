"""No daemon uses a member's copy alone before the member has left: the others may trade with the same account."""

from pathlib import Path

import pytest

from daemon.errors import BadDatabase
from daemon.fleet.leaving import leave
from daemon.store.store import open_store
from tests.exchange.mexc.clocks import in_virtual_time
from tests.fleet.machines import Machine, database, elsewhere, owns
from tests.support import making


async def member_with_an_order(tmp_path: Path) -> Path:
    machine = Machine(database(), tmp_path, "a")
    async with machine.running() as owner:
        await owns(owner)
        await owner.commit(1)
    return machine.path


async def start_alone(path: Path) -> None:
    async with open_store(path):
        pass


@in_virtual_time
async def test_a_copy_is_refused_without_its_fleet(tmp_path: Path) -> None:
    path = await member_with_an_order(tmp_path)
    with pytest.raises(BadDatabase, match=r"set \[fleet\] url, or make it a database of its own: sniperd fleet leave"):
        await elsewhere(start_alone, path)


@in_virtual_time
async def test_a_member_that_left_starts_alone_and_halted_with_everything(tmp_path: Path) -> None:
    path = await member_with_an_order(tmp_path)
    left = leave(path)
    assert left.complete_until == "2027-01-15T08:00:00.001Z"

    async def look() -> None:
        async with open_store(path) as store:
            remembered = await store.remembered()
            assert remembered.copied == left.complete_until
            assert not [name for name in remembered.facts if name.startswith("fleet_")]
            assert [order.order_id for order in remembered.orders.take()] == [making.order(1).order_id]

    await elsewhere(look)
    with pytest.raises(BadDatabase, match="belongs to no fleet"):
        leave(path)
