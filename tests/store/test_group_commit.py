"""Group commit: all waiting changes share one transaction, and no waiter returns before it is on disk."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import anyio
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.errors import CommitFailed
from daemon.store import writer
from daemon.store.store import Store, open_store
from tests.support import making

T = TypeVar("T")


def step(number: int, *, may_wait: bool = False) -> ChangeSet:
    """Return changes that write one order."""
    order = making.order(number)
    return ChangeSet(orders={order.order_id: order}, may_wait=may_wait)


class Valve:
    """Wraps a store's writing connection, delays transactions, and records their statements."""

    def __init__(self, store: Store) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.statements: list[str] = []
        self.checkpointed = threading.Event()
        self._runner = store.writer._runner
        store.writer._runner = self  # in the way of the real one

    @property
    def is_free(self) -> bool:
        return self.open.is_set() and self._runner.is_free

    def here(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        return self._runner.here(self._traced(work))

    async def in_thread(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        return await self._runner.in_thread(self._traced(work))

    async def waiting_for_lock(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        await self.open.wait()
        return await self._runner.waiting_for_lock(self._traced(work))

    def _traced(self, work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
        def traced(connection: sqlite3.Connection) -> T:
            connection.set_trace_callback(self._note)
            return work(connection)

        return traced

    def _note(self, statement: str) -> None:
        self.statements.append(statement)
        if "wal_checkpoint" in statement:
            self.checkpointed.set()

    @property
    def transactions(self) -> int:
        return self.statements.count("COMMIT")


@asynccontextmanager
async def store_at(path: Path) -> AsyncIterator[tuple[Store, Valve]]:
    async with open_store(path / "sniperd.db") as store:
        yield store, Valve(store)


async def orders_on_disk(store: Store) -> int:
    return len([*(await store.remembered()).orders.take()])


async def test_a_thousand_concurrent_changes_are_one_transaction(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, valve):
        commits = [store.commit(step(number)) for number in range(1, 1_001)]
        await commits[-1].durable()
        assert valve.transactions == 1
        assert await orders_on_disk(store) == 1_000


async def test_a_commit_keeps_none_of_its_rows_after_its_end(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        commit = store.commit(step(1))
        rows = commit.rows
        await commit.durable()
        assert (commit.rows, commit.orders, commit.events) == (rows, {}, [])


async def test_what_arrives_during_a_commit_goes_into_the_next_together(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, valve):
        valve.open.clear()
        first = store.commit(step(1))
        await anyio.wait_all_tasks_blocked()
        later = [store.commit(step(number)) for number in range(2, 50)]
        valve.open.set()
        await first.durable()
        await later[-1].durable()
        assert valve.transactions == 2
        assert all(commit is later[0] for commit in later)


async def test_durable_means_that_another_connection_can_read_it(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        await store.commit(step(1)).durable()
        assert await store.order(making.order(1).order_id) == making.order(1)


async def test_no_waiter_returns_before_the_commit(tmp_path: Path) -> None:
    returned = False

    async def wait(store: Store) -> None:
        nonlocal returned
        await store.commit(step(1)).durable()
        returned = True

    async with store_at(tmp_path) as (store, valve), anyio.create_task_group() as tasks:
        valve.open.clear()
        tasks.start_soon(wait, store)
        await anyio.wait_all_tasks_blocked()
        assert not returned
        valve.open.set()


async def test_cancelling_a_waiter_does_not_affect_the_transaction(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, valve):
        valve.open.clear()
        for number in range(1, 21):
            with anyio.move_on_after(0) as scope:
                await store.commit(step(number)).durable()
            assert scope.cancelled_caught
        valve.open.set()
        await store.commit(step(21)).durable()
        assert await orders_on_disk(store) == 21
        await store.commit(step(22)).durable()  # the connection is not left inside a transaction


async def test_an_empty_change_set_waits_for_all_earlier_changes(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        store.commit(step(1))
        await store.commit(ChangeSet()).durable()
        assert await orders_on_disk(store) == 1


async def test_an_empty_change_set_waits_for_the_running_commit(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, valve):
        valve.open.clear()
        store.commit(step(1))
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0) as scope:
            await store.commit(ChangeSet()).durable()
        assert scope.cancelled_caught
        valve.open.set()


async def test_an_empty_change_set_on_an_idle_store_does_not_wait(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, valve):
        await store.commit(ChangeSet()).durable()
        assert valve.transactions == 0


async def test_the_last_snapshot_of_an_order_is_stored(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        for attempts in range(5):
            commit = store.commit(ChangeSet(orders={"x": making.order(1, attempts=attempts)}))
        await commit.durable()
        found = await store.order(making.order(1).order_id)
        assert found is not None
        assert found.attempts == 4


async def test_a_stream_that_never_ends_keeps_no_group_open(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        first = store.commit(step(1))
        number = 1
        while store.commit(step(number)) is first:
            number += 1
            assert number < 100, "joined turn after turn"
            await asyncio.sleep(0)
        await first.durable()


async def test_changes_that_are_not_urgent_are_written_with_the_next_urgent_ones(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, valve):
        late = store.commit(step(1, may_wait=True))
        assert store.commit(step(2)) is late
        await late.durable()
        assert valve.transactions == 1
        assert await orders_on_disk(store) == 2


async def test_changes_that_are_not_urgent_are_written_after_a_short_delay(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        with anyio.fail_after(10):
            await store.commit(step(1, may_wait=True)).durable()
        assert await orders_on_disk(store) == 1


async def test_an_empty_change_set_makes_waiting_changes_urgent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "NOT_URGENT_S", 3_600)
    async with store_at(tmp_path) as (store, _):
        store.commit(step(1, may_wait=True))
        with anyio.fail_after(10):
            await store.commit(ChangeSet()).durable()
        assert await orders_on_disk(store) == 1


async def test_closing_writes_the_open_group(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        store.commit(step(1))
    async with store_at(tmp_path) as (store, _):
        assert await orders_on_disk(store) == 1


async def test_a_closed_store_accepts_no_changes(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, _):
        pass
    with pytest.raises(CommitFailed, match="closed"):
        store.commit(step(1))


async def test_a_failure_elsewhere_does_not_lose_the_open_group(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup):
        async with store_at(tmp_path) as (store, _):
            store.commit(step(1))
            raise RuntimeError("something else broke")
    async with store_at(tmp_path) as (store, _):
        assert await orders_on_disk(store) == 1


async def test_a_failed_commit_fails_all_waiters_and_ends_the_store(tmp_path: Path) -> None:
    async def expect_failure(store: Store, number: int) -> None:
        with pytest.raises(CommitFailed, match="commit failed"):
            await store.commit(step(number)).durable()
        failures.append(number)

    failures: list[int] = []
    with pytest.raises(ExceptionGroup) as caught:
        async with store_at(tmp_path) as (store, valve):
            await store.commit(step(1)).durable()
            valve.here(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
            valve.here(lambda connection: connection.execute("PRAGMA cache_spill = OFF"))
            big = making.order(2, reason="x" * 8_000_000)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(expect_failure, store, 3)
                with pytest.raises(CommitFailed):
                    await store.commit(ChangeSet(orders={"big": big})).durable()
                await anyio.wait_all_tasks_blocked()
                with pytest.raises(CommitFailed):
                    store.commit(step(4))
    assert caught.group_contains(CommitFailed)
    assert failures == [3]
    async with store_at(tmp_path) as (store, _):
        assert await orders_on_disk(store) == 1


async def test_rows_that_cannot_be_written_end_the_store_as_a_failed_commit_does(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with store_at(tmp_path) as (store, _):
            wrong = making.order(1, reason="\ud800")  # no text that SQLite can store: an error of Python's, not its own
            with anyio.fail_after(5), pytest.raises(CommitFailed):
                await store.commit(ChangeSet(orders={"wrong": wrong})).durable()
            with pytest.raises(CommitFailed):
                store.commit(step(2))
    assert caught.group_contains(CommitFailed)


async def test_idle_moments_are_used_for_a_checkpoint(tmp_path: Path) -> None:
    async with store_at(tmp_path) as (store, valve):
        for number in range(1, 31):
            await store.commit(step(number)).durable()
        assert await anyio.to_thread.run_sync(valve.checkpointed.wait, 10)


def busy(number: int) -> ChangeSet:
    """Return changes as large as an order's first ones."""
    order, lock = making.order(number), making.lock(number)
    events = [Event(name=name, at_ms=number, order_id=order.order_id) for name in ("order.accepted", "order.sent")]
    attempt = making.attempt(order)
    return ChangeSet(
        orders={order.order_id: order},
        locks={lock.lock_id: lock},
        attempts={attempt.client_order_id: attempt},
        events=events,
    )


def lease(number: int) -> ChangeSet:
    """Return changes as small as a lease's."""
    lock = making.lock(number)
    return ChangeSet(locks={lock.lock_id: lock})


@pytest.mark.parametrize("make", [busy, lease])
async def test_without_an_idle_moment_the_wal_is_copied_back_before_it_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[int], ChangeSet]
) -> None:
    monkeypatch.setattr(writer, "IDLE_S", 3_600)
    async with store_at(tmp_path) as (store, valve):
        wal = tmp_path / "sniperd.db-wal"
        before = wal.stat().st_size
        for number in range(1, 501):
            await store.commit(make(number)).durable()
        assert valve.checkpointed.is_set()
        assert wal.stat().st_size == before


async def test_a_failed_checkpoint_ends_the_store_as_a_failed_commit_does(tmp_path: Path) -> None:
    def refuse(_action: int, _first: str | None, _second: str | None, _database: str | None, _by: str | None) -> int:
        return sqlite3.SQLITE_DENY

    with pytest.raises(ExceptionGroup) as caught:
        async with store_at(tmp_path) as (store, valve):
            for number in range(1, 31):
                await store.commit(step(number)).durable()
            valve.here(lambda connection: connection.set_authorizer(refuse))
            await anyio.sleep_forever()  # until the idle moment comes
    assert caught.group_contains(CommitFailed)
    with pytest.raises(CommitFailed, match="checkpoint failed"):
        store.commit(step(31))


async def test_aiosqlite_runs_a_function_on_the_connections_thread_and_returns_its_result(tmp_path: Path) -> None:
    """Pin the one verb of aiosqlite that is not public and that the store needs."""
    async with store_at(tmp_path) as (store, _):
        name = await store._write.in_thread(
            lambda connection: (threading.get_ident(), connection.execute("SELECT 7").fetchone()[0])
        )
    assert name[0] != threading.get_ident()
    assert name[1] == 7
