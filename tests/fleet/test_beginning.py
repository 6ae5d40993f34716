"""One machine becomes a fleet: its database is the beginning of the log, and every member has all of it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.values.locks import LockState, OwnerType, TransactionType
from daemon.core.values.states import State
from daemon.core.values.waiters import LeaseRequest, Waiter, WaiterState
from daemon.errors import BackendFailed, BadDatabase
from daemon.fleet.beginning import begin_log
from daemon.fleet.memory import Link, MemoryDatabase
from daemon.store import snapshot
from daemon.store.store import open_store
from tests.exchange.mexc.clocks import in_virtual_time
from tests.fleet.machines import LEASE_MS, Machine, database, elsewhere, owns
from tests.support import making

TABLES = ("orders", "attempts", "transaction_locks", "transaction_queue", "fills", "events")


async def fill(path: Path) -> None:
    """Write orders that waited and some that did not, attempts, locks, waiters, facts and events."""
    waited, placed = making.order(1), making.order(2, state=State.FILLED, key_bound=False, finished_ms=making.NOW_MS)
    done = making.order(1, state=State.FILLED, sent_ms=making.NOW_MS + 5, finished_ms=making.NOW_MS + 9)
    lock = making.lock(1, resource="r")
    released = making.lock(1, resource="r", state=LockState.RELEASED, released_ms=making.NOW_MS + 9)
    request = LeaseRequest(
        resource="r", owner_id="bot", owner_type=OwnerType.USER, transaction_type=TransactionType.TRADE,
        transaction_data=None, timeout_ms=0, priority=5, key="waits",
    )  # fmt: skip
    waiter = Waiter(
        waiter_id="wait-1", request=request, queued_ms=making.NOW_MS, state=WaiterState.CANCELLED,
        ended_ms=making.NOW_MS + 3, error="it went away",
    )  # fmt: skip
    async with open_store(path) as store:
        await store.apply(
            [
                ChangeSet(orders={waited.order_id: waited}, locks={lock.lock_id: lock}),
                ChangeSet(
                    orders={done.order_id: done, placed.order_id: placed},
                    attempts={"a": making.attempt(done), "b": making.attempt(placed)},
                    locks={lock.lock_id: released, "lock-2": making.lock(2, resource="r")},
                    waiters={waiter.waiter_id: waiter},
                    fills=[making.fill(done, 1), making.fill(done, 2), making.fill(placed, 1)],
                    facts={"halted": "a look around", "fleet_other": "of this machine"},
                    events=[
                        Event(name="order.sent", at_ms=making.NOW_MS + n, order_id=done.order_id) for n in range(5)
                    ],
                ),
            ]
        )


def content(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}  # noqa: S608


@in_virtual_time
@pytest.mark.parametrize("piece", [1, 2, 500])
async def test_a_new_member_has_everything_that_the_first_machine_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(snapshot, "PIECE", piece)
    shared = database()
    first, second = Machine(shared, tmp_path, "a"), Machine(shared, tmp_path, "b")
    await elsewhere(fill, first.path)
    before = content(first.path)
    begun = await begin_log(shared.backend(), first.path)
    assert (begun.orders, begun.events, begun.entries) == (2, 5, len(shared.log))
    async with first.running() as owner:
        await owns(owner)
        async with second.running() as standby:
            await owner.commit(3)
            await anyio.sleep(0.1)
            assert await standby.has(3)
            assert await standby.store.fact("halted") == "a look around"
            assert await standby.store.fact("fleet_other") is None
    after = content(second.path)
    assert all({*before[table]} <= {*after[table]} for table in TABLES)


@in_virtual_time
async def test_nobody_takes_over_before_the_beginning_is_complete(tmp_path: Path) -> None:
    shared = database()
    first = Machine(shared, tmp_path, "a")
    await elsewhere(fill, first.path)
    breaks = BreaksAfter(3)
    with pytest.raises(BackendFailed):
        await begin_log(shared.backend(breaks), first.path)
    async with Machine(shared, tmp_path, "b").running() as standby:
        await anyio.sleep(2 * LEASE_MS / 1_000)
        assert not standby.member.is_owner
        assert "fleet init" in (standby.member.cannot_own or "")
        await begin_log(shared.backend(), first.path)  # simply again
        await owns(standby)
        assert await standby.has(2)


class BreaksAfter(Link):
    """Fails after some appends."""

    def __init__(self, appends: int) -> None:
        self._left = appends

    async def to_database(self, operation: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise BackendFailed(f"no answer to {operation}")


async def test_a_log_that_has_begun_otherwise_is_not_mixed_with_a_database(tmp_path: Path) -> None:
    shared = MemoryDatabase(lambda: 0)
    for name in ("a", "b"):
        await fill(tmp_path / f"{name}.db")
    async with open_store(tmp_path / "b.db") as store:
        await store.apply([ChangeSet(facts={"halted": "otherwise"})])
    await begin_log(shared.backend(), tmp_path / "a.db")
    entries = [*shared.log]
    with pytest.raises(BadDatabase, match="has begun with other entries"):
        await begin_log(shared.backend(), tmp_path / "b.db")
    with pytest.raises(BadDatabase, match="belongs to a fleet already"):
        await begin_log(shared.backend(), tmp_path / "a.db")
    with pytest.raises(BadDatabase, match="there is no database"):
        await begin_log(shared.backend(), tmp_path / "c.db")
    assert shared.log == entries
