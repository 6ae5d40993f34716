"""In a fleet a group is appended to the log before anything else: before it is on this disk, and before it is sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.values.locks import LockState
from daemon.errors import BackendFailed, CommitFailed, Deposed, LogWentBack
from daemon.store.commit import Commit
from daemon.store.store import Store, open_store
from daemon.store.writer import LARGE
from tests.support import making


class Log:
    """A log outside of the disk, whose answers can be held back."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.answers.set()
        self.groups: list[list[str]] = []
        self.failure: Exception | None = None

    async def append(self, group: Commit) -> None:
        self.groups.append([*group.orders])
        await self.answers.wait()
        if self.failure is not None:
            raise self.failure
        group.facts["place"] = str(len(self.groups))


@asynccontextmanager
async def store_with(log: Log, path: Path) -> AsyncIterator[Store]:
    async with open_store(path / "x.db", is_copy=True) as store:
        store.writer.append_first(log.append)
        yield store


def step(*numbers: int) -> ChangeSet:
    orders = [making.order(number) for number in numbers]
    return ChangeSet(orders={order.order_id: order for order in orders})


def order_id(number: int) -> str:
    return making.order(number).order_id


async def test_nothing_is_on_disk_or_sent_before_the_log_has_it(tmp_path: Path) -> None:
    log, sent = Log(), list[str]()
    log.answers.clear()
    async with store_with(log, tmp_path) as store:
        commit = store.commit(step(1))
        commit.write_when_durable(lambda: sent.append("order 1"), give_up=lambda: sent.append("none"))
        await anyio.wait_all_tasks_blocked()
        assert (log.groups, await store.order(order_id(1)), sent) == ([[order_id(1)]], None, [])
        log.answers.set()
        await commit.durable()
        assert (await store.order(order_id(1)), sent) == (making.order(1), ["order 1"])


async def test_the_next_group_fills_while_one_is_appended(tmp_path: Path) -> None:
    log = Log()
    log.answers.clear()
    async with store_with(log, tmp_path) as store:
        first = store.commit(step(1))
        await anyio.wait_all_tasks_blocked()
        later = [store.commit(step(number)) for number in (2, 3, 4)]
        await anyio.wait_all_tasks_blocked()
        log.answers.set()
        await later[-1].durable()
        assert log.groups == [[order_id(1)], [order_id(2), order_id(3), order_id(4)]]
        assert all(commit is later[0] and commit is not first for commit in later)


async def test_what_the_log_adds_is_written_with_the_group(tmp_path: Path) -> None:
    async with store_with(Log(), tmp_path) as store:
        await store.commit(step(1)).durable()
        assert await store.fact("place") == "1"
        await store.commit(step(2)).durable()
        assert await store.fact("place") == "2"
        assert await store.fact("another") is None


async def test_a_large_group_is_appended_too(tmp_path: Path) -> None:
    log = Log()
    async with store_with(log, tmp_path) as store:
        await store.commit(step(*range(1, LARGE + 2))).durable()
        assert [len(group) for group in log.groups] == [LARGE + 1]
        assert await store.order(order_id(LARGE + 1)) is not None


async def test_what_joined_before_the_end_is_appended_before_the_store_is_closed(tmp_path: Path) -> None:
    log = Log()
    async with store_with(log, tmp_path) as store:
        store.commit(step(1))
    assert log.groups == [[order_id(1)]]


@pytest.mark.parametrize(
    ("failure", "seen"),
    [
        (Deposed("tokyo-2 owns the account"), Deposed),
        (BackendFailed("no answer"), CommitFailed),
        (LogWentBack("the log ends at entry 1"), CommitFailed),
        (CommitFailed("the lease ended"), CommitFailed),
    ],
)
async def test_a_group_that_the_log_does_not_take_is_nowhere(
    tmp_path: Path, failure: Exception, seen: type[CommitFailed]
) -> None:
    log, sent = Log(), list[str]()
    log.failure = failure
    with pytest.RaisesGroup(pytest.RaisesExc(seen, match=str(failure)), allow_unwrapped=True, flatten_subgroups=True):
        async with store_with(log, tmp_path) as store:
            commit = store.commit(step(1))
            commit.write_when_durable(lambda: sent.append("order 1"), give_up=lambda: sent.append("none"))
            with pytest.raises(seen) as waiter:
                await commit.durable()
            assert type(waiter.value) is seen
            with pytest.raises(seen):
                store.commit(step(2))
            assert sent == ["none"]
    async with open_store(tmp_path / "x.db") as store:
        assert await store.order(order_id(1)) is None


async def test_groups_of_another_member_are_written_in_its_order(tmp_path: Path) -> None:
    """Two locks of one resource: the second may only be written after the first was released."""
    first, second = making.lock(1, resource="r"), making.lock(2, resource="r")
    released = making.lock(1, resource="r", state=LockState.RELEASED, released_ms=making.NOW_MS)
    events = [Event(name="lock.acquired", at_ms=1), Event(name="lock.released", at_ms=2)]
    async with open_store(tmp_path / "x.db", is_copy=True) as store:
        assert await store.apply([ChangeSet(locks={first.lock_id: first}, events=events[:1])]) == events[:1]
        groups = [
            ChangeSet(locks={first.lock_id: released}, events=events[1:]),
            ChangeSet(locks={second.lock_id: second}, facts={"place": "3"}),
        ]
        assert await store.apply(groups) == events[1:]
        assert (await store.lock("lock-1"), await store.lock("lock-2")) == (released, second)
        assert await store.fact("place") == "3"


async def test_a_key_that_the_owner_gave_to_another_order_is_taken_from_the_one_that_was_removed_there(
    tmp_path: Path,
) -> None:
    """The owner's clean-up removed the first order, which is no part of the log."""
    first, second = making.order(1, key="k", key_until_ms=1), making.order(2, key="k")
    async with open_store(tmp_path / "x.db", is_copy=True) as store:
        await store.apply([ChangeSet(orders={first.order_id: first})])
        await store.apply([ChangeSet(orders={second.order_id: second})])
        assert store.recall(["k"]) == [second]
        assert await store.order(first.order_id) is not None


async def test_groups_that_contradict_the_copy_are_not_written_at_all(tmp_path: Path) -> None:
    first, second = making.lock(1, resource="r"), making.lock(2, resource="r")
    with pytest.RaisesGroup(CommitFailed, allow_unwrapped=True, flatten_subgroups=True):
        async with open_store(tmp_path / "x.db", is_copy=True) as store:
            groups = [ChangeSet(facts={"place": "1"}, locks={lock.lock_id: lock}) for lock in (first, second)]
            with pytest.raises(CommitFailed, match="cannot copy the fleet's log"):
                await store.apply(groups)
            assert await store.fact("place") is None


async def test_a_copy_does_not_wait_for_the_disk_and_a_database_alone_does(tmp_path: Path) -> None:
    for is_copy, setting in ((True, 1), (False, 2)):
        async with open_store(tmp_path / "x.db", is_copy=is_copy) as store:
            found = await store._write.in_thread(lambda each: each.execute("PRAGMA synchronous").fetchone()[0])
            assert found == setting
