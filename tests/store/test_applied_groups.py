"""A copy of a fleet's log writes many groups together, and its rows are those that the groups leave one by one."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.values.locks import Lock, LockState
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.store.store import open_store
from tests.support import making
from tests.support.tables import read

TABLES = ("orders", "attempts", "events", "transaction_locks", "transaction_queue", "facts", "fills")
KEYS = 3
RESOURCES = 2


async def rows_after(path: Path, pieces: Sequence[Sequence[ChangeSet]]) -> dict[str, object]:
    """Apply groups, each piece in one transaction, to a new database; return the rows of all tables."""
    async with open_store(path, is_copy=True) as store:
        for groups in pieces:
            await store.apply(groups)
        return {table: read(path, f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608  # ours


class Days:
    """Groups of an owner that lets orders wait, sends and ends them, and gives a freed key to the next order."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)  # noqa: S311  # draws of a test
        self._orders: dict[str, Order] = {}
        self._locks: dict[str, Lock] = {}  # by resource
        self._seq = self._token = 0

    def group(self) -> ChangeSet:
        """Return the rows of some steps."""
        found = ChangeSet(facts={"n": str(self._dice.random())})
        for _ in range(self._dice.randint(1, 4)):
            self._dice.choice((self._accept, self._move, self._lock))(found)
        return found

    def _accept(self, found: ChangeSet) -> None:
        self._seq += 1
        key = f"key-{self._dice.randrange(KEYS)}"
        former = self._orders.get(key)
        if former is not None and self._dice.random() < 0.5:  # otherwise the owner's clean-up removed it
            freed = msgspec.structs.replace(former, key_bound=False)
            found.orders[freed.order_id] = freed
        elif former is not None and former.order_id in found.orders:
            return
        state = self._dice.choice((State.QUEUED, State.IN_FLIGHT))
        self._note(found, making.order(self._seq, key=key, state=state))

    def _move(self, found: ChangeSet) -> None:
        if self._orders:
            order = self._dice.choice([*self._orders.values()])
            state = self._dice.choice((State.QUEUED, State.IN_FLIGHT, State.FILLED))
            self._note(found, msgspec.structs.replace(order, state=state, updated_ms=order.updated_ms + 1))

    def _note(self, found: ChangeSet, order: Order) -> None:
        self._orders[order.key] = found.orders[order.order_id] = order
        attempt = making.attempt(order)
        found.attempts[attempt.client_order_id] = attempt
        found.events.append(Event(name="order.sent", at_ms=order.updated_ms, order_id=order.order_id))

    def _lock(self, found: ChangeSet) -> None:
        resource = f"r-{self._dice.randrange(RESOURCES)}"
        held = self._locks.pop(resource, None)
        if held is not None:
            released = msgspec.structs.replace(held, state=LockState.RELEASED, released_ms=making.NOW_MS)
            found.locks[held.lock_id] = released
        self._token += 1
        self._locks[resource] = lock = making.lock(self._token, resource=resource)
        found.locks[lock.lock_id] = lock


@pytest.mark.parametrize("seed", range(20))
async def test_groups_that_are_written_together_leave_the_rows_that_they_leave_one_by_one(
    tmp_path: Path, seed: int
) -> None:
    days = Days(seed)
    groups = [days.group() for _ in range(40)]
    together = await rows_after(tmp_path / "together.db", [groups])
    assert together == await rows_after(tmp_path / "single.db", [[group] for group in groups])


async def test_an_order_that_several_groups_hold_is_written_once(tmp_path: Path) -> None:
    """A member that joins a long log writes each order once, and not for each of its states."""
    order = making.order()
    states = (State.IN_FLIGHT, State.OPEN, State.FILLED)
    groups = [ChangeSet(orders={order.order_id: msgspec.structs.replace(order, state=state)}) for state in states]
    async with open_store(tmp_path / "x.db", is_copy=True) as store:
        before = await store._write.in_thread(lambda each: each.total_changes)
        await store.apply(groups)
        assert await store._write.in_thread(lambda each: each.total_changes) == before + 1
        assert await store.order(order.order_id) == groups[-1].orders[order.order_id]
