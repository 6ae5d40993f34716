"""Recorded times that are ahead go back to the present, and nothing becomes younger or freer by that."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from daemon.clock import CLOCK_FACT, NS_PER_MS, Anchor, anchored
from daemon.core.state.changes import ChangeSet
from daemon.core.state.trading_state import RATE_BACKOFF_FACT
from daemon.core.values.events import Event
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.recovery import Remembered
from daemon.errors import AlreadyRunning, BadDatabase
from daemon.store.clock_reset import reset_clock
from daemon.store.store import open_store
from tests.support import making

NOW_MS = making.NOW_MS
AHEAD_MS = 3 * 86_400_000
WRONG_MS = NOW_MS + AHEAD_MS
NOW = Anchor(boot_id="boot-1", boot_ns=50_000 * NS_PER_MS, unix_ns=NOW_MS * NS_PER_MS)
STARTED = Anchor(boot_id="boot-1", boot_ns=40_000 * NS_PER_MS, unix_ns=(WRONG_MS - 10_000) * NS_PER_MS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sniperd.db"


async def written(path: Path, *steps: ChangeSet) -> None:
    """Let a daemon have recorded something in its own time, three days ahead."""
    facts = {CLOCK_FACT: msgspec.json.encode(STARTED).decode()}
    event = Event(name="trading.halted", at_ms=WRONG_MS, detail={"reason": "r"})
    async with open_store(path) as store:
        for step in (*steps, ChangeSet(facts=facts, events=[event])):
            await store.commit(step).durable()


async def read(path: Path) -> Remembered:
    async with open_store(path) as store:
        return await store.remembered()


def reset(path: Path) -> int:
    """Set the times back; return the number of waiting orders."""
    return reset_clock(path, reason="ntp was off", actor="uid:0", now=NOW).waiting


async def order_after(path: Path, **changes: object) -> Order:
    """Return an order that was written at the wrong time, after the reset."""
    order = making.order(1, accepted_ms=WRONG_MS, updated_ms=WRONG_MS, **changes)
    await written(path, ChangeSet(orders={order.order_id: order}))
    reset(path)
    async with open_store(path) as store:
        found = await store.order(order.order_id)
    assert found is not None
    return found


async def test_a_run_begins_at_the_machines_clock_again(path: Path) -> None:
    await written(path)
    done = reset_clock(path, reason="ntp was off", actor="uid:7", now=NOW)
    assert (done.was_ms, done.now_ms) == (WRONG_MS, NOW_MS)
    found = await read(path)
    previous = msgspec.json.decode(found.facts[CLOCK_FACT], type=Anchor)
    later = Anchor(NOW.boot_id, NOW.boot_ns + 5 * NS_PER_MS, NOW.unix_ns + 5 * NS_PER_MS)
    assert anchored(later, previous, found.last_ms).unix_ms == NOW_MS + 5
    with closing(sqlite3.connect(path)) as database:
        events = database.execute("SELECT at_ms, name, actor FROM events ORDER BY event_id").fetchall()
    assert events == [(WRONG_MS, "trading.halted", "daemon"), (NOW_MS, "clock.reset", "uid:7")]


async def test_what_waits_expires_at_the_next_start(path: Path) -> None:
    found = await order_after(path, deadline_ms=WRONG_MS + 5_000)
    assert (found.state, found.deadline_ms, found.accepted_ms) == (State.QUEUED, NOW_MS, NOW_MS)


async def test_what_waits_for_an_instant_keeps_it_because_that_is_one_of_the_exchanges_clock(path: Path) -> None:
    found = await order_after(path, deadline_ms=NOW_MS + 65_000, execute_at_ms=NOW_MS + 60_000)
    assert (found.state, found.execute_at_ms, found.deadline_ms) == (State.QUEUED, NOW_MS + 60_000, NOW_MS + 65_000)
    assert found.accepted_ms == NOW_MS


async def test_a_deadline_that_has_passed_stays_passed(path: Path) -> None:
    assert (await order_after(path, deadline_ms=NOW_MS - 7)).deadline_ms == NOW_MS - 7


async def test_an_unknown_outcome_stays_one_and_its_grace_begins_no_later_than_now(path: Path) -> None:
    found = await order_after(path, state=State.IN_DOUBT, sent_ms=WRONG_MS, doubt_ms=WRONG_MS + 1)
    assert (found.state, found.sent_ms, found.doubt_ms) == (State.IN_DOUBT, NOW_MS, NOW_MS)


async def test_nothing_changes_where_no_recorded_time_is_ahead(path: Path) -> None:
    order = making.order(1, state=State.QUEUED, accepted_ms=NOW_MS - 10, execute_at_ms=NOW_MS + 60_000)
    event = Event(name="order.accepted", at_ms=NOW_MS - 10, order_id=order.order_id)
    async with open_store(path) as store:
        await store.commit(ChangeSet(orders={order.order_id: order}, events=[event])).durable()
    done = reset_clock(path, reason="to be sure", actor="uid:0", now=NOW)
    assert (done.changed, done.waiting) == (False, 0)
    async with open_store(path) as store:
        assert await store.order(order.order_id) == order


async def test_the_key_of_an_order_that_came_before_the_wrong_time_and_ended_in_it_counts_no_longer_than_its_window(
    path: Path,
) -> None:
    order = making.order(
        1, state=State.FILLED, accepted_ms=NOW_MS - 10, finished_ms=WRONG_MS, key_until_ms=WRONG_MS + 60_000
    )
    await written(path, ChangeSet(orders={order.order_id: order}))
    reset(path)
    async with open_store(path) as store:
        found = await store.order(order.order_id)
    assert found is not None
    assert found.key_until_ms == NOW_MS + 60_000


async def test_a_key_counts_for_as_long_as_it_would_have(path: Path) -> None:
    found = await order_after(path, state=State.FILLED, finished_ms=WRONG_MS, key_until_ms=WRONG_MS + 60_000)
    assert (found.key_until_ms, found.finished_ms) == (NOW_MS + 60_000, NOW_MS)


async def test_a_dead_letter_keeps_its_time_for_a_requeue(path: Path) -> None:
    found = await order_after(path, state=State.DEAD_LETTER, finished_ms=WRONG_MS, deadline_ms=WRONG_MS + 5_000)
    assert found.deadline_ms - found.accepted_ms == 5_000


async def test_a_lease_is_not_longer_than_it_was_granted_for(path: Path) -> None:
    lock = making.lock(1, acquired_ms=WRONG_MS, expires_ms=WRONG_MS + 30_000, timeout_ms=30_000)
    await written(path, ChangeSet(locks={lock.lock_id: lock}))
    reset(path)
    [found] = (await read(path)).locks
    assert (found.acquired_ms, found.expires_ms) == (NOW_MS, NOW_MS + 30_000)


@pytest.mark.parametrize(("until_ms", "after_ms"), [(WRONG_MS + 9_000, NOW_MS + 9_000), (WRONG_MS - 1, 0)])
async def test_what_is_left_of_the_exchanges_wait_is_waited(path: Path, until_ms: int, after_ms: int) -> None:
    await written(path, ChangeSet(facts={RATE_BACKOFF_FACT: str(until_ms)}))
    reset(path)
    assert (await read(path)).backoff_until_ms == after_ms


async def test_what_lies_in_the_past_is_left_as_it_is(path: Path) -> None:
    order = making.order(1, accepted_ms=NOW_MS - 9, updated_ms=NOW_MS - 8, deadline_ms=NOW_MS - 1, state=State.LOST)
    await written(path, ChangeSet(orders={order.order_id: order}))
    assert reset(path) == 0
    assert list((await read(path)).orders.take()) == [order]


async def test_a_database_that_a_daemon_uses_is_left_alone(path: Path) -> None:
    async with open_store(path):
        with pytest.raises(AlreadyRunning):
            reset(path)


def test_where_there_is_no_database_none_is_made(path: Path) -> None:
    with pytest.raises(BadDatabase, match="--database"):
        reset(path)
    assert not path.exists()
