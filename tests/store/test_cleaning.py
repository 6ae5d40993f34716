"""Clean-up: finished rows leave after their retention, nothing else does, and no commit waits for long."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.attempts import AttemptState
from daemon.core.values.events import Event
from daemon.core.values.locks import LockState
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.store import cleaning
from daemon.store.cleaning import Cleaned
from daemon.store.queries import OrderFilter
from daemon.store.store import Store, open_store
from tests.support import making

NOW_MS = making.NOW_MS


async def tokens(store: Store) -> list[int]:
    found = await store._read(
        lambda connection: connection.execute(
            "SELECT fencing_token FROM transaction_locks ORDER BY fencing_token"
        ).fetchall()
    )
    return [row[0] for row in found]


async def test_finished_locks_past_their_retention_are_removed(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        locks = [
            making.lock(1, state=LockState.RELEASED, released_ms=NOW_MS - 1),
            making.lock(2, state=LockState.FAILED, released_ms=NOW_MS),
            making.lock(3, state=LockState.ACTIVE),
            making.lock(4, state=LockState.EXPIRED, released_ms=NOW_MS - 1),
            making.lock(5, state=LockState.RELEASED, released_ms=NOW_MS + 1),
        ]
        await store.commit(ChangeSet(locks={lock.lock_id: lock for lock in locks})).durable()
        assert await store.clean(NOW_MS) == Cleaned(locks=2, queue=0)
        assert await tokens(store) == [2, 3, 5]


async def test_the_last_fencing_token_is_never_forgotten(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        lock = making.lock(41, state=LockState.RELEASED, released_ms=1)
        await store.commit(ChangeSet(locks={lock.lock_id: lock})).durable()
        await store.clean(NOW_MS)
        assert (await store.remembered()).last_token == 41


async def test_queue_rows_go_and_their_orders_stay(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        orders = [making.order(seq, state=State.QUEUED) for seq in (1, 2, 3)]
        await store.commit(ChangeSet(orders={order.order_id: order for order in orders})).durable()
        orders = [
            making.order(1, state=State.FILLED, finished_ms=NOW_MS, updated_ms=NOW_MS),
            making.order(3, state=State.LOST),
        ]
        await store.commit(ChangeSet(orders={order.order_id: order for order in orders})).durable()
        assert await store.clean(NOW_MS + 1) == Cleaned(locks=0, queue=1)
        page = await store.page(OrderFilter(), 10)
        assert [order.seq for order in page] == [3, 2, 1]


async def test_cleaning_twice_removes_nothing_more(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        order = making.order(1, state=State.FILLED, finished_ms=NOW_MS, updated_ms=NOW_MS)
        await store.commit(ChangeSet(orders={order.order_id: order})).durable()
        await store.clean(NOW_MS + 1)
        assert await store.clean(NOW_MS + 1) == Cleaned(locks=0, queue=0)


DAY_MS = 86_400_000
BEFORE_MS = NOW_MS - 365 * DAY_MS
ENDED_MS = BEFORE_MS - 1


def ended(number: int, **changes: Any) -> Order:
    """Make an order that ended just before the retention, whose key is free."""
    given = {"state": State.FILLED, "target_id": None, "key_bound": False, "accepted_ms": ENDED_MS - 10}
    return making.order(number, **given | {"finished_ms": ENDED_MS, "updated_ms": ENDED_MS} | changes)


async def lived(store: Store, *orders: Order, at_ms: int = ENDED_MS, events: int = 3) -> None:
    """Write orders with an attempt and events each, and a newer order and event behind them."""
    attempts = [making.attempt(order, state=AttemptState.PLACED) for order in orders]
    newest = making.order(1_000, accepted_ms=NOW_MS)
    seen = [Event(name="order.seen", at_ms=at_ms, order_id=order.order_id) for order in orders for _ in range(events)]
    step = ChangeSet(
        orders={order.order_id: order for order in [*orders, newest]},
        attempts={attempt.client_order_id: attempt for attempt in attempts},
        events=[
            *seen,
            Event(name="trading.halted", at_ms=at_ms),
            Event(name="order.accepted", at_ms=NOW_MS, order_id=newest.order_id),
        ],
    )
    await store.commit(step).durable()


async def rows(store: Store, table: str) -> int:
    def count(connection: sqlite3.Connection) -> int:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  # our own names
        return found

    return await store._read(count)


async def test_an_order_past_its_retention_goes_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        await lived(store, ended(1), ended(2, key_bound=True, key_until_ms=ENDED_MS), ended(3, side=Side.SELL))
        await store.commit(ChangeSet(fills=[making.fill(ended(1), 1), making.fill(ended(1), 2)])).durable()
        assert await store.clean(BEFORE_MS, BEFORE_MS) == Cleaned(orders=3, attempts=3, fills=2, events=10)
        assert [await rows(store, table) for table in ("orders", "attempts", "fills", "events")] == [1, 0, 0, 1]
        assert await store.clean(BEFORE_MS, BEFORE_MS) == Cleaned()


@pytest.mark.parametrize(
    "order",
    [
        pytest.param(ended(1, key_bound=True), id="a caller's key"),
        pytest.param(ended(1, key_bound=True, target_id="T1"), id="a target's key"),
        pytest.param(ended(1, state=State.REJECTED, target_id="T1"), id="a target that was refused"),
    ],
)
async def test_an_order_whose_key_counts_stays_without_its_history(tmp_path: Path, order: Order) -> None:
    async with open_store(tmp_path / "x.db") as store:
        await lived(store, order)
        assert await store.clean(BEFORE_MS, BEFORE_MS) == Cleaned(attempts=1, events=4)
        history = await store.history(order.order_id)
        assert history is not None
        assert (history.order, history.events, history.attempts) == (order, [], [])
        assert store.recall([order.key]) == ([order] if order.key_bound else [])
        assert (await store.bought_targets()).get("T1") == (order.order_id if order.target_id else None)


@pytest.mark.parametrize(
    ("changes", "at_ms"),
    [
        pytest.param({"finished_ms": BEFORE_MS}, ENDED_MS, id="it ended too late"),
        pytest.param({"finished_ms": None, "state": State.LOST}, ENDED_MS, id="it has not ended"),
        pytest.param({"state": State.DEAD_LETTER}, ENDED_MS, id="it waits for a person"),
        pytest.param({"key_until_ms": BEFORE_MS, "key_bound": True}, ENDED_MS, id="its key's window is not past"),
        pytest.param({}, BEFORE_MS, id="something happened to it since"),
    ],
)
async def test_what_is_not_past_stays_whole(tmp_path: Path, changes: dict[str, Any], at_ms: int) -> None:
    async with open_store(tmp_path / "x.db") as store:
        order = ended(1, **changes)
        await lived(store, order, at_ms=at_ms)
        await store.clean(BEFORE_MS, BEFORE_MS)
        history = await store.history(order.order_id)
        assert history is not None
        assert (len(history.events), len(history.attempts)) == (3, 1)


async def test_what_the_signal_of_a_dead_letter_became_stays_while_the_dead_letter_can_be_requeued(
    tmp_path: Path,
) -> None:
    async with open_store(tmp_path / "x.db") as store:
        again: dict[str, Any] = {"side": Side.SELL, "key": "derived:1"}
        dead = ended(1, state=State.DEAD_LETTER, **again)
        await lived(store, dead, ended(2, key_bound=True, key_until_ms=ENDED_MS, **again))
        assert (await store.clean(BEFORE_MS, BEFORE_MS)).orders == 0
        assert [order.seq for order in store.recall(["derived:1"])] == [2]
        withdrawn = msgspec.structs.replace(dead, state=State.WITHDRAWN)
        await store.commit(ChangeSet(orders={dead.order_id: withdrawn})).durable()
        assert (await store.clean(BEFORE_MS, BEFORE_MS)).orders == 2


async def test_without_a_retention_orders_are_kept_for_ever(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        await lived(store, ended(1))
        assert await store.clean(BEFORE_MS, None) == Cleaned()


async def test_the_last_number_and_instant_are_never_forgotten(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        order = ended(41)
        event = Event(name="order.seen", at_ms=ENDED_MS, order_id=order.order_id)
        await store.commit(ChangeSet(orders={"1": order}, events=[event, event])).durable()
        assert await store.clean(BEFORE_MS, BEFORE_MS) == Cleaned(events=1)
        remembered = await store.remembered()
        assert (remembered.last_seq, remembered.last_ms) == (41, ENDED_MS)


async def test_it_goes_on_slice_by_slice_and_commits_go_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "SLICE", 7)
    async with open_store(tmp_path / "x.db") as store:
        orders = [ended(number, key_bound=number % 2 == 0) for number in range(1, 31)]
        await lived(store, *orders, events=9)  # more than a slice each
        locks = [making.lock(token, state=LockState.RELEASED, released_ms=ENDED_MS) for token in range(1, 31)]
        await store.commit(ChangeSet(locks={lock.lock_id: lock for lock in locks})).durable()
        statements: list[str] = []
        store._write._connection.set_trace_callback(statements.append)  # type: ignore[attr-defined]
        assert await store.clean(BEFORE_MS, BEFORE_MS) == Cleaned(locks=29, orders=15, attempts=30, events=271)
        assert statements.count("COMMIT") >= (29 + 271) / 7


@pytest.mark.parametrize("size", [3, 4, 5, 6, 7])
async def test_no_order_stays_where_its_last_event_ends_a_slice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(cleaning, "SLICE", size)
    async with open_store(tmp_path / "x.db") as store:
        await lived(store, *[ended(number) for number in range(1, 8)])
        assert await store.clean(BEFORE_MS, BEFORE_MS) == Cleaned(orders=7, attempts=7, events=22)
        assert [await rows(store, table) for table in ("orders", "attempts")] == [1, 0]


async def test_a_clean_up_waits_for_the_next_time_where_another_program_has_the_database(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        await lived(store, ended(1))
        with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await store.clean(BEFORE_MS, BEFORE_MS) == Cleaned()
        assert (await store.clean(BEFORE_MS, BEFORE_MS)).orders == 1
