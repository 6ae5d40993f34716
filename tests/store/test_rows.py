"""Values to rows and back: what is written is what is read."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.api.views import encode, order_view
from daemon.core.state.changes import ChangeSet
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.events import CATALOGUE, Event
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock, LockState, OwnerType
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.quote_assets import quote_asset
from daemon.core.values.states import State
from daemon.store import queries, rows
from daemon.store.bot_tables import Filter, iso, reader
from daemon.store.commit import Commit
from daemon.store.opening import prepare
from daemon.store.order_pages import order_page
from daemon.store.queries import OrderFilter
from daemon.store.writer import write
from tests.support import making

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)
MS = st.integers(0, 2**53)
AMOUNT = st.decimals("0", "1e18", allow_nan=False, allow_infinity=False, places=18)


def amounts_without_trailing_zeros(amount: Decimal) -> Decimal:
    return Decimal(format(amount, "f").rstrip("0").rstrip(".") or "0") if "." in format(amount, "f") else amount


AMOUNTS = AMOUNT.map(amounts_without_trailing_zeros)
NOTHING_OR = st.none()
ORDERS = st.builds(
    Order,
    seq=st.integers(1, 2**62),
    order_id=TEXT,
    state=st.sampled_from(State),
    symbol=TEXT,
    side=st.sampled_from(Side),
    type=st.sampled_from(OrderType),
    quantity=NOTHING_OR | AMOUNTS,
    quote_quantity=NOTHING_OR | AMOUNTS,
    price=NOTHING_OR | AMOUNTS,
    asked_quantity=NOTHING_OR | AMOUNTS,
    asked_quote_quantity=NOTHING_OR | AMOUNTS,
    asked_price=NOTHING_OR | AMOUNTS,
    owner_id=TEXT,
    target_id=NOTHING_OR | TEXT,
    resource=TEXT,
    priority=st.integers(1, 10),
    skip_lock=st.booleans(),
    key=TEXT,
    fingerprint=TEXT,
    key_bound=st.booleans(),
    key_until_ms=NOTHING_OR | MS,
    accepted_ms=MS,
    deadline_ms=MS,
    execute_at_ms=NOTHING_OR | MS,
    not_before_ms=MS,
    timeout_ms=MS,
    attempts=st.integers(0, 1_000),
    repriced=st.booleans(),
    refitted=st.booleans(),
    lock_id=NOTHING_OR | TEXT,
    client_order_id=NOTHING_OR | TEXT,
    sent_ms=NOTHING_OR | MS,
    doubt_ms=NOTHING_OR | MS,
    exchange_order_id=NOTHING_OR | TEXT,
    executed_quantity=AMOUNTS,
    executed_quote=AMOUNTS,
    seen_ms=NOTHING_OR | MS,
    reason=NOTHING_OR | TEXT,
    updated_ms=MS,
    finished_ms=NOTHING_OR | MS,
)
ATTEMPTS = st.builds(
    Attempt,
    client_order_id=st.just("1-1"),
    order_id=st.just("1"),
    number=st.integers(1, 1_000),
    state=st.sampled_from(AttemptState),
    price=NOTHING_OR | AMOUNTS,
    started_ms=MS,
    answered_ms=NOTHING_OR | MS,
    code=NOTHING_OR | TEXT,
    message=NOTHING_OR | TEXT,
    exchange_order_id=NOTHING_OR | TEXT,
    asked=NOTHING_OR | TEXT,
    answered=NOTHING_OR | TEXT,
)
LOCKS = st.builds(
    making.lock,
    token=st.integers(1, 2**62),
    resource=TEXT,
    owner_id=TEXT,
    owner_type=st.sampled_from(OwnerType),
    order_id=st.just("1"),
    key=TEXT,
    acquired_ms=MS,
    expires_ms=MS,
    timeout_ms=MS,
    state=st.sampled_from(LockState),
    released_ms=NOTHING_OR | MS,
    result=NOTHING_OR | TEXT,
    error=NOTHING_OR | TEXT,
    overdue=st.booleans(),
)
FILLS = st.builds(
    Fill,
    symbol=TEXT,
    trade_id=st.uuids().map(str),
    order_id=st.just("1"),
    at_ms=MS,
    price=AMOUNTS,
    quantity=AMOUNTS,
    quote=AMOUNTS,
    fee=AMOUNTS,
    fee_asset=TEXT,
    is_maker=st.booleans(),
)
EVENTS = st.builds(
    Event,
    name=st.sampled_from(sorted(CATALOGUE)),
    at_ms=MS,
    actor=TEXT,
    order_id=st.just("1"),
    lock_id=NOTHING_OR | TEXT,
    resource=NOTHING_OR | TEXT,
    client_order_id=NOTHING_OR | TEXT,
    state=NOTHING_OR | st.sampled_from(State),
    detail=st.dictionaries(TEXT, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT, max_size=4),
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "x.db", isolation_level=None)) as connection:
        prepare(connection, tmp_path / "x.db")
        connection.execute("DROP TRIGGER orders_are_removed_past_retention_only")  # an example removes the last one's
        yield connection


def written(connection: sqlite3.Connection, *steps: ChangeSet) -> None:
    """Write changes, one commit each, over those of the previous example."""
    for table in ("orders", "attempts", "transaction_locks", "transaction_queue"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  # names from above
    for step in steps:
        group = Commit()
        group.join(step)
        write(connection, group)


SHARED_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)


@SHARED_FIXTURE
@given(order=ORDERS)
def test_an_order_is_read_as_it_was_written(connection: sqlite3.Connection, order: Order) -> None:
    written(connection, ChangeSet(orders={order.order_id: order}))
    assert queries.by_id(connection, order.order_id) == order


@SHARED_FIXTURE
@given(lock=LOCKS, at_ms=st.integers(0, 2**47))
def test_a_lock_is_listed_under_the_bots_names(connection: sqlite3.Connection, lock: Lock, at_ms: int) -> None:
    lock = msgspec.structs.replace(lock, acquired_ms=at_ms, released_ms=None)
    written(connection, ChangeSet(locks={lock.lock_id: lock}))
    [shown] = msgspec.json.decode(reader(Filter(limit=9))(connection).locks)
    assert (shown["id"], shown["lockId"], shown["resourceId"]) == (lock.token, lock.lock_id, lock.resource)
    assert (shown["result"], shown["errorMessage"], shown["overdue"]) == (lock.result, lock.error, lock.overdue)
    assert (shown["acquiredAt"], shown["releasedAt"]) == (iso(at_ms), None)


@SHARED_FIXTURE
@given(order=ORDERS)
def test_an_order_is_listed_as_it_is_shown_alone(connection: sqlite3.Connection, order: Order) -> None:
    written(connection, ChangeSet(orders={order.order_id: order}))
    (row,) = order_page(OrderFilter(), 9)(connection)
    assert row.seq == order.seq
    assert msgspec.json.decode(row.json(quote_asset)) == msgspec.json.decode(encode(order_view(order, quote_asset)))


@SHARED_FIXTURE
@given(attempt=ATTEMPTS, lock=LOCKS, event=EVENTS, fill=FILLS)
def test_what_belongs_to_an_order_is_read_as_it_was_written(
    connection: sqlite3.Connection, attempt: Attempt, lock: Lock, event: Event, fill: Fill
) -> None:
    order = making.order(order_id="1")
    connection.execute("DELETE FROM fills")  # of other examples
    step = ChangeSet(
        orders={"1": order},
        attempts={attempt.client_order_id: attempt},
        locks={lock.lock_id: lock},
        events=[event],
        fills=[fill],
    )
    written(connection, step)
    history = queries.history(connection, "1")
    assert history is not None
    assert (history.order, history.attempts, history.locks) == (order, [attempt], [lock])
    assert history.events[-1] == event
    assert fill in history.fills


@SHARED_FIXTURE
@given(fill=FILLS)
def test_a_fill_that_is_written_again_changes_nothing(connection: sqlite3.Connection, fill: Fill) -> None:
    connection.execute("DELETE FROM fills")  # of other examples
    written(connection, ChangeSet(fills=[fill, msgspec.structs.replace(fill, fee=fill.fee + 1)]))
    written(connection, ChangeSet(fills=[msgspec.structs.replace(fill, fee=fill.fee + 2)]))
    found = connection.execute("SELECT * FROM fills WHERE symbol = ? AND trade_id = ?", (fill.symbol, fill.trade_id))
    assert [rows.fill_from(row) for row in found] == [fill]


@given(order=ORDERS, attempt=ATTEMPTS, lock=LOCKS, event=EVENTS)
@settings(deadline=None, max_examples=50)
def test_cells_are_of_the_types_that_sqlite_takes_as_they_are(
    order: Order, attempt: Attempt, lock: Lock, event: Event
) -> None:
    """Any other type works too, but takes several times as long."""
    row = (
        *rows.order_row(order), *rows.queue_row(order), *rows.attempt_row(attempt), *rows.lock_row(lock),
        *rows.event_row(event),
    )  # fmt: skip
    assert {type(cell) for cell in row} <= {str, int, type(None)}


@pytest.mark.parametrize("state", State, ids=str)
def test_every_state_has_its_word_in_the_bots_queue(connection: sqlite3.Connection, state: State) -> None:
    steps = [ChangeSet(orders={"1": making.order(state=each)}) for each in (State.QUEUED, state)]
    written(connection, *steps)
    status = connection.execute("SELECT status FROM transaction_queue").fetchone()[0]
    waiting = {State.QUEUED: "pending", State.WITHDRAWN: "cancelled", State.CANCELED: "cancelled"}
    under_way = {State.ARMED, State.IN_FLIGHT, State.IN_DOUBT, State.LOST}
    unplaced = {State.REJECTED, State.EXPIRED, State.DEAD_LETTER}
    expected = waiting.get(state) or (
        "processing" if state in under_way else "failed" if state in unplaced else "completed"
    )
    assert status == expected


def test_an_order_that_is_sent_at_once_is_never_in_the_bots_queue(connection: sqlite3.Connection) -> None:
    order = making.order(state=State.IN_FLIGHT)
    written(connection, ChangeSet(orders={order.order_id: order}))
    assert connection.execute("SELECT count(*) FROM transaction_queue").fetchone()[0] == 0


def test_the_queue_row_holds_the_order_as_it_was_asked(connection: sqlite3.Connection) -> None:
    order = making.order(quote_quantity=None, quantity=Decimal("0.00000001"), price=Decimal(120_000))
    written(connection, ChangeSet(orders={order.order_id: order}))
    data = connection.execute("SELECT transaction_data FROM transaction_queue").fetchone()[0]
    assert msgspec.json.decode(data) == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "MARKET",
        "quantity": "0.00000001",
        "quoteOrderQty": None,
        "price": "120000",
        "snipeTargetId": "T1",
    }
