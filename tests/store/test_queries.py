"""Queries of the database."""

import sqlite3
import threading
from collections import Counter
from contextlib import closing
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from daemon.core.rules.exposure import DAY_MS, MAX_REPEAT_WINDOW_MS, Spent
from daemon.core.state.changes import ChangeSet
from daemon.core.state.trading_state import HALT_FACT
from daemon.core.values.attempts import AttemptState
from daemon.core.values.events import Event
from daemon.core.values.locks import LockState
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.store.bot_tables import BotTables, Filter, reader
from daemon.store.opening import open_for_reading
from daemon.store.queries import OrderFilter, remembered
from daemon.store.store import open_store
from tests.support import making
from tests.support.waiting import PATIENCE_S


async def test_an_empty_database_remembers_nothing(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        found = await store.remembered()
    assert (list(found.orders.take()), found.locks, found.attempts, found.halted) == ([], [], [], None)
    assert (found.last_seq, found.last_token, found.last_ms) == (0, 0, 0)


async def test_recovery_reads_what_is_not_finished_and_only_that(tmp_path: Path) -> None:
    finished = making.order(1, state=State.FILLED, finished_ms=making.NOW_MS)
    in_flight = making.order(2, state=State.IN_FLIGHT, attempts=2, client_order_id=f"{2:026d}-2")
    queued = making.order(3)
    refused = making.attempt(in_flight, 1, state=AttemptState.REFUSED)
    under_way = making.attempt(in_flight, 2)
    held, released = making.lock(1), making.lock(2, state=LockState.RELEASED, released_ms=1)
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(
            ChangeSet(
                orders={each.order_id: each for each in (finished, in_flight, queued)},
                attempts={each.client_order_id: each for each in (refused, under_way)},
                locks={each.lock_id: each for each in (held, released)},
                facts={HALT_FACT: "a person said so"},
                events=[Event(name="trading.halted", at_ms=123)],
            )
        ).durable()
        found = await store.remembered()
    assert list(found.orders.take()) == [in_flight, queued]
    assert (found.locks, found.attempts) == ([held], [under_way])
    assert (found.last_seq, found.last_token, found.last_ms) == (3, 2, 123)
    assert found.halted == "a person said so"


async def test_a_start_takes_the_same_steps_however_many_orders_are_finished(tmp_path: Path) -> None:
    """A million finished orders delay no start: every query goes by an index, to unfinished or to the newest rows."""

    async def steps_with(finished: int) -> int:
        path = tmp_path / f"{finished}.db"
        async with open_store(path) as store:
            await store.commit(history_of(finished)).durable()
        steps = Counter[str]()

        def count() -> int:
            steps["taken"] += 1
            return 0

        with closing(open_for_reading(path)) as connection:
            connection.set_progress_handler(count, 1)
            assert len([*remembered(connection).orders.take()]) == 1
        return steps["taken"]

    assert await steps_with(2_000) == await steps_with(200)


def history_of(finished: int) -> ChangeSet:
    """Make finished orders of earlier days, as trading leaves them, and then one that is queued."""
    ended_ms = making.NOW_MS - 2 * DAY_MS
    orders = [
        making.order(
            number, state=State.FILLED, accepted_ms=ended_ms, finished_ms=ended_ms, attempts=1, lock_id=f"lock-{number}"
        )
        for number in range(1, finished + 1)
    ]
    attempts = [making.attempt(order, state=AttemptState.PLACED, started_ms=ended_ms) for order in orders]
    locks = [making.lock(order.seq, state=LockState.RELEASED, released_ms=ended_ms) for order in orders]
    queued = making.order(finished + 1)
    accepted = Event(name="order.accepted", at_ms=making.NOW_MS, order_id=queued.order_id)
    return ChangeSet(
        orders={each.order_id: each for each in (*orders, queued)},
        attempts={each.client_order_id: each for each in attempts},
        locks={each.lock_id: each for each in locks},
        events=[accepted],
    )


async def test_a_key_is_recalled_while_it_is_bound(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        bound = making.order(1, state=State.FILLED, finished_ms=1)
        free = making.order(2, state=State.REJECTED, finished_ms=1, key_bound=False)
        await store.commit(ChangeSet(orders={each.order_id: each for each in (bound, free)})).durable()
        assert store.recall([bound.key]) == [bound]
        assert store.recall([free.key, bound.key, "never seen"]) == [bound]
        assert store.recall(["never seen"]) == []


async def test_of_every_target_the_order_that_counts_is_found(tmp_path: Path) -> None:
    made = [
        making.order(1, target_id="a", state=State.FILLED, finished_ms=1),
        making.order(2, target_id="a", state=State.REJECTED, finished_ms=1, key_bound=False),
        making.order(3, target_id="b", state=State.REJECTED, finished_ms=1, key_bound=False),
        making.order(4, target_id="b", state=State.EXPIRED, finished_ms=1, key_bound=False),
        making.order(5, target_id="c", side=Side.SELL),
        making.order(6, target_id=None),
    ]
    async with open_store(tmp_path / "x.db") as store:
        assert await store.bought_targets() == {}
        await store.commit(ChangeSet(orders={each.order_id: each for each in made})).durable()
        assert await store.bought_targets() == {"a": made[0].order_id, "b": made[3].order_id}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [5, 4, 3]),
        ({"before_seq": 3}, [2, 1]),
        ({"state": State.FILLED}, [4, 2]),
        ({"symbol": "ETHUSDT"}, [5]),
        ({"state": State.FILLED, "symbol": "ETHUSDT"}, []),
        ({"owner_id": "somebody"}, [4]),
        ({"since_ms": making.NOW_MS + 3_000}, [4, 3]),
    ],
    ids=["newest", "next page", "state", "symbol", "both", "owner", "since"],
)
async def test_a_page_is_newest_first_and_filtered(
    tmp_path: Path, filters: dict[str, object], expected: list[int]
) -> None:
    orders = [making.order(n, state=State.QUEUED if n % 2 else State.FILLED) for n in range(1, 5)]
    orders[3] = msgspec.structs.replace(orders[3], owner_id="somebody", accepted_ms=making.NOW_MS + 4_000)
    orders[2] = msgspec.structs.replace(orders[2], accepted_ms=making.NOW_MS + 3_000)
    orders.append(making.order(5, symbol="ETHUSDT"))
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(ChangeSet(orders={order.order_id: order for order in orders})).durable()
        page = await store.page(OrderFilter(**filters), 3)  # type: ignore[arg-type]  # the parameters above
    assert [order.seq for order in page] == expected


async def test_attempts_are_listed_by_number_beyond_nine(tmp_path: Path) -> None:
    order, neighbour = making.order(1), making.order(2)
    attempts = [making.attempt(order, n) for n in range(1, 13)] + [making.attempt(neighbour)]
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(
            ChangeSet(orders={"1": order, "2": neighbour}, attempts={each.client_order_id: each for each in attempts})
        ).durable()
        history = await store.history(order.order_id)
    assert history is not None
    assert [attempt.number for attempt in history.attempts] == list(range(1, 13))


async def test_the_fills_of_an_order_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    first, second = making.order(1), making.order(2)
    early, late = making.fill(first, 11, at_ms=1_000), making.fill(first, 9, at_ms=2_000)
    later = making.fill(first, 10, at_ms=2_000)
    other = making.fill(second, 1, at_ms=1_999, symbol="ETHUSDT")
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(ChangeSet(orders={"1": first, "2": second}, fills=[later, late, other, early])).durable()
        history = await store.history(first.order_id)
    assert history is not None
    assert history.fills == [early, late, later]


async def test_an_unknown_order_has_no_history(tmp_path: Path) -> None:
    async with open_store(tmp_path / "x.db") as store:
        assert await store.history("nobody") is None
        assert await store.order("nobody") is None


async def test_dead_letters_are_counted(tmp_path: Path) -> None:
    orders = [making.order(n, state=State.DEAD_LETTER if n < 3 else State.REJECTED, key_bound=False) for n in range(5)]
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(ChangeSet(orders={order.order_id: order for order in orders})).durable()
        assert await store.dead_letters() == 3


async def test_what_was_bought_in_the_hour_before_the_latest_event_is_remembered_although_it_is_finished(
    tmp_path: Path,
) -> None:
    at_ms = making.NOW_MS
    given: dict[str, Any] = {"state": State.FILLED, "finished_ms": at_ms}
    accepted = [at_ms - MAX_REPEAT_WINDOW_MS - 1, at_ms - MAX_REPEAT_WINDOW_MS, at_ms]
    orders = [making.order(n, accepted_ms=accepted_ms, **given) for n, accepted_ms in enumerate(accepted, 1)]
    orders += [making.order(5, side=Side.SELL, **given), making.order(6)]
    step = ChangeSet(
        orders={order.order_id: order for order in orders}, events=[Event(name="trading.resumed", at_ms=at_ms)]
    )
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(step).durable()
        assert [order.seq for order in (await store.remembered()).ended] == [2, 3]


async def test_what_was_bought_earlier_in_the_day_is_added_up(tmp_path: Path) -> None:
    day = making.NOW_MS // DAY_MS
    noon_ms = day * DAY_MS + DAY_MS // 2
    early_ms = day * DAY_MS

    def bought(number: int, accepted_ms: int = early_ms, **changes: Any) -> Order:
        return making.order(number, **{"state": State.FILLED, "accepted_ms": accepted_ms, "finished_ms": 1, **changes})

    limit: dict[str, Any] = {"quote_quantity": None, "quantity": Decimal(3)}
    orders = [
        bought(1, early_ms - 1),
        bought(2, quote_quantity=Decimal(25)),
        bought(3, price=Decimal("1.5"), **limit),
        bought(4, last_price=Decimal(2), executed_quote=Decimal("6.5"), **limit),
        bought(5, side=Side.SELL),
        bought(6, state=State.REJECTED, key_bound=False),
        bought(7, finished_ms=None),
        bought(8, **limit, state=State.CANCELED, executed_quote=Decimal(7)),
        bought(9, noon_ms - MAX_REPEAT_WINDOW_MS),
    ]
    step = ChangeSet(
        orders={order.order_id: order for order in orders}, events=[Event(name="trading.resumed", at_ms=noon_ms)]
    )
    async with open_store(tmp_path / "x.db") as store:
        await store.commit(step).durable()
        assert (await store.remembered()).spent == Spent(day, Decimal("43.0"), symbols=frozenset({"BTCUSDT"}))


async def test_the_first_unfinished_orders_are_those_that_need_the_operator(tmp_path: Path) -> None:
    """Then those under way, then the queue by priority and age, and last what rests on the exchange."""
    orders = [
        making.order(1, state=State.OPEN),
        making.order(2, priority=5),
        making.order(3, priority=1),
        making.order(4, state=State.IN_FLIGHT),
        making.order(5, state=State.IN_DOUBT),
        making.order(6, state=State.FILLED, finished_ms=making.NOW_MS),
    ]
    locks = [making.lock(1), making.lock(2), making.lock(3, state=LockState.RELEASED, released_ms=1)]
    async with open_store(tmp_path / "x.db") as store:
        changes = ChangeSet(
            orders={each.order_id: each for each in orders}, locks={each.lock_id: each for each in locks}
        )
        await store.commit(changes).durable()
        everything, first = await store.unfinished(10), await store.unfinished(1)
    assert [order.seq for order in everything.orders] == [5, 4, 3, 2, 1]
    assert everything.by_state == {State.OPEN: 1, State.QUEUED: 2, State.IN_FLIGHT: 1, State.IN_DOUBT: 1}
    assert everything.locks == locks[:2]
    assert ([order.seq for order in first.orders], first.locks) == ([5], locks[:1])
    assert (first.by_state, first.active_locks) == (everything.by_state, 2)


async def test_an_urgent_read_does_not_wait_behind_a_list(tmp_path: Path) -> None:
    """Lists and histories have a connection and a thread of their own."""
    order = making.order(1)
    listing, listed = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> BotTables:
        listing.set()
        listed.wait(PATIENCE_S)
        return reader(Filter(limit=9))(connection)

    async with open_store(tmp_path / "x.db") as store, anyio.create_task_group() as tasks:
        await store.commit(ChangeSet(orders={order.order_id: order})).durable()
        tasks.start_soon(partial(store._read, slow, store._listing))  # a list as slow as one likes
        await anyio.to_thread.run_sync(listing.wait)
        try:
            assert await store.order(order.order_id) == order
            assert await store.dead_letters() == 0
        finally:
            listed.set()
        assert [each.order_id for each in await store.page(OrderFilter(), 9)] == [order.order_id]
