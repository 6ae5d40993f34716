"""Work on the writing connection: short work in the loop's thread, slow work in a worker thread."""

import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.errors import CommitFailed
from daemon.store import connection
from daemon.store.commit import Commit
from daemon.store.queries import OrderFilter
from daemon.store.store import Store, open_store
from daemon.store.writer import LARGE, write
from tests.support import making


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "x.db") as store:
        yield store


def where(_connection: sqlite3.Connection) -> bool:
    """Return whether this is the event-loop thread."""
    return threading.current_thread() is threading.main_thread()


def patience_ms(connection: sqlite3.Connection) -> int:
    found: int = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    return found


async def test_short_work_runs_in_the_event_loop_thread(store: Store) -> None:
    assert store._write.is_free
    assert store._write.here(where)


async def test_slow_work_runs_in_the_thread(store: Store) -> None:
    assert not await store._write.in_thread(where)


@pytest.mark.parametrize(("orders", "here"), [(10, True), (LARGE, False)], ids=["a small one", "a batch of hundreds"])
async def test_a_large_group_is_written_in_the_worker_thread(
    store: Store, monkeypatch: pytest.MonkeyPatch, orders: int, here: bool
) -> None:
    places: list[bool] = []

    def witnessed(connection: sqlite3.Connection, group: Commit) -> None:
        places.append(where(connection))
        write(connection, group)

    monkeypatch.setattr("daemon.store.writer.write", witnessed)
    batch = [making.order(number) for number in range(1, orders + 2)]
    await store.commit(ChangeSet(orders={order.order_id: order for order in batch})).durable()
    assert places == [here]
    assert len(await store.page(OrderFilter(), 1_000)) == len(batch)


async def test_after_a_slow_commit_commits_run_in_the_worker_thread_for_a_while(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SLOW_S", -1.0)
    places: list[bool] = []

    def witnessed(connection: sqlite3.Connection, group: Commit) -> None:
        places.append(where(connection))
        write(connection, group)

    monkeypatch.setattr("daemon.store.writer.write", witnessed)
    for number in range(1, 4):
        if number == 3:
            monkeypatch.setattr(store._write, "_in_thread_until_s", 0.0)  # the while is over
        await store.commit(ChangeSet(orders={"1": making.order(number)})).durable()
    assert places == [True, False, True]


async def test_the_worker_thread_waits_for_a_lock_of_another_process(store: Store, tmp_path: Path) -> None:
    async def order() -> None:
        await store.commit(ChangeSet(orders={"1": making.order(1)})).durable()
        finished.append("durable")

    finished: list[str] = []
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(order)
            await anyio.wait_all_tasks_blocked()
            assert finished == []
            assert len([*(await store.remembered()).orders.take()]) == 0
            other.execute("ROLLBACK")
    assert finished == ["durable"]
    assert len([*(await store.remembered()).orders.take()]) == 1


async def test_a_wait_for_another_programs_lock_is_a_heartbeat_and_is_emitted(store: Store, tmp_path: Path) -> None:
    """The watchdog is fed meanwhile: the wait for a lock may be far longer than its timeout."""
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        commit = store.commit(ChangeSet(orders={"1": making.order(1)}))
        await store.turn()
        assert store.locked_s > 0
        other.execute("ROLLBACK")
    await commit.durable()
    await store.turn()
    assert store.locked_s == 0


async def test_a_commit_that_waited_too_long_for_another_programs_lock_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LOCK_WAIT_S", 0.0)
    with closing(sqlite3.connect(tmp_path / "y.db", isolation_level=None)) as other:
        with pytest.raises(ExceptionGroup) as caught:
            async with open_store(tmp_path / "y.db") as store:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(CommitFailed, match="locked"):
                    await store.commit(ChangeSet(orders={"1": making.order(1)})).durable()
                await anyio.sleep_forever()
        assert caught.group_contains(CommitFailed)


async def test_only_the_worker_thread_waits_for_locks(store: Store) -> None:
    assert store._write.here(patience_ms) == 0
    assert await store._write.in_thread(patience_ms) == connection.RETRY_MS
    assert store._write.here(patience_ms) == 0


async def test_one_thread_at_a_time_uses_the_connection_even_after_the_caller_is_cancelled(store: Store) -> None:
    began, may_end = threading.Event(), threading.Event()
    done: list[str] = []

    def long(_connection: sqlite3.Connection) -> None:
        began.set()
        assert may_end.wait(10)
        done.append("long")

    async def leave() -> None:
        with anyio.CancelScope() as scope:
            scopes.append(scope)
            await store._write.in_thread(long)

    async def short() -> None:
        await store._write.in_thread(lambda _: done.append("short"))

    scopes: list[anyio.CancelScope] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(leave)
        assert await anyio.to_thread.run_sync(began.wait, 10)
        scopes[0].cancel()
        tasks.start_soon(short)
        await anyio.wait_all_tasks_blocked()
        assert done == []
        assert not store._write.is_free
        may_end.set()
    assert done == ["long", "short"]
