"""The queries of the database, as functions over a connection."""

import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import msgspec

from daemon.core.rules.exposure import DAY_MS, MAX_REPEAT_WINDOW_MS, Ended, Spent, spent_by
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.events import Event
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.states import KEY_FREE, OUTCOME_UNKNOWN, UNDER_WAY, State
from daemon.core.verbs.recovery import Remembered, Unfinished
from daemon.core.verbs.restored import TOKEN_FACT
from daemon.store import rows
from daemon.store.fill_queries import fills_of

LATEST_ATTEMPTS = 100
_EVER_MS = 1 << 62
_NOT_BOUGHT = msgspec.json.encode(sorted(KEY_FREE)).decode()
_UNDER_WAY = msgspec.json.encode(sorted(UNDER_WAY)).decode()
_OUTCOME_UNKNOWN = msgspec.json.encode(sorted(OUTCOME_UNKNOWN)).decode()
_TOKEN = re.compile(r"lock-([0-9]{1,18})")


class History(msgspec.Struct, frozen=True):
    """All records of one order."""

    order: Order
    attempts: list[Attempt]
    locks: list[Lock]
    events: list[Event]
    fills: list[Fill]


def remembered(connection: sqlite3.Connection) -> Remembered:
    """Read what recovery needs.

    Finished orders are not read, except some columns of the latest day's BUYs.
    """
    last_ms = _number(connection, "SELECT at_ms FROM events ORDER BY event_id DESC LIMIT 1")
    found = connection.execute("SELECT * FROM orders WHERE finished_ms IS NULL ORDER BY seq")
    orders = Unfinished(map(rows.order_from, found))
    facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    return Remembered(
        orders=orders,
        ended=list(_ended(connection, last_ms - MAX_REPEAT_WINDOW_MS, _EVER_MS)),
        spent=_spent(connection, last_ms // DAY_MS, last_ms - MAX_REPEAT_WINDOW_MS),
        locks=[
            rows.lock_from(row) for row in connection.execute("SELECT * FROM transaction_locks WHERE status = 'active'")
        ],
        attempts=_open_attempts(connection),
        waiters=[
            rows.waiter_from(row)
            for row in connection.execute(
                "SELECT * FROM transaction_queue WHERE queue_id BETWEEN 'wait-' AND 'wait.' AND status = 'pending'"
            )
        ],
        facts=facts,
        sent_ms=[
            row[0]
            for row in connection.execute(
                "SELECT started_ms FROM attempts ORDER BY client_order_id DESC LIMIT ?", (LATEST_ATTEMPTS,)
            )
        ],
        last_seq=_number(connection, "SELECT max(seq) FROM orders"),
        last_token=max(
            _number(connection, "SELECT max(fencing_token) FROM transaction_locks"), int(facts.get(TOKEN_FACT, "0"))
        ),
        last_ms=last_ms,
        filled=_filled(connection, last_ms // DAY_MS * DAY_MS),
        accepted_ms=_number(connection, "SELECT accepted_ms FROM orders ORDER BY seq DESC LIMIT 1") or None,
    )


def fact(connection: sqlite3.Connection, name: str) -> str | None:
    """Return a fact's value."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def by_keys(connection: sqlite3.Connection, keys: Sequence[str]) -> list[Order]:
    """Return the orders that keys are bound to.

    Most keys have none. So the columns, whose description takes longer than the lookup, are read only if there is one.
    """
    marks = ", ".join("?" * len(keys))
    found = connection.execute(f"SELECT seq FROM orders WHERE key_bound = 1 AND key IN ({marks})", keys)  # noqa: S608
    orders = [_order(connection, "seq = ?", seq) for (seq,) in found.fetchall()]
    return [order for order in orders if order is not None]


def lease_by_key(connection: sqlite3.Connection, key: str) -> Lock | None:
    """Return the latest lease that was granted under a caller's key."""
    row = connection.execute(
        "SELECT * FROM transaction_locks WHERE idempotency_key = ? AND order_id IS NULL"
        " ORDER BY fencing_token DESC LIMIT 1",
        (key,),
    ).fetchone()
    return None if row is None else rows.lock_from(row)


def lock_by_id(connection: sqlite3.Connection, lock_id: str) -> Lock | None:
    """Return a lock by its id."""
    token = _TOKEN.fullmatch(lock_id)
    if token is None:
        return None
    row = connection.execute("SELECT * FROM transaction_locks WHERE fencing_token = ?", (int(token[1]),)).fetchone()
    return None if row is None else rows.lock_from(row)


def by_id(connection: sqlite3.Connection, order_id: str) -> Order | None:
    """Return an order by its id."""
    return _order(connection, "order_id = ?", order_id)


def history(connection: sqlite3.Connection, order_id: str) -> History | None:
    """Read all records of one order."""
    order = by_id(connection, order_id)
    if order is None:
        return None
    locks = connection.execute("SELECT * FROM transaction_locks WHERE order_id = ? ORDER BY fencing_token", (order_id,))
    events = connection.execute("SELECT * FROM events WHERE order_id = ? ORDER BY event_id", (order_id,))
    return History(
        order,
        _attempts(connection, order_id),
        [rows.lock_from(row) for row in locks],
        [rows.event_from(row) for row in events],
        fills_of(connection, order_id),
    )


def bought_targets(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the order of every target with a BUY, by target id: the one whose key is bound, else the newest.

    This scans the table, once, at a start with polling on. An index would make every commit slower.
    """
    found = connection.execute(
        "SELECT target_id, order_id FROM orders WHERE side = 'BUY' AND target_id IS NOT NULL ORDER BY key_bound, seq"
    )
    return dict(found.fetchall())


def dead_letters(connection: sqlite3.Connection) -> int:
    """Count the dead letters."""
    return _number(connection, "SELECT count(*) FROM orders WHERE state = 'dead_letter'")


class OnDisk(msgspec.Struct, frozen=True):
    """The first unfinished orders and active locks on disk, and how many there are."""

    orders: list[Order]
    by_state: dict[State, int]
    locks: list[Lock]
    active_locks: int


def unfinished(connection: sqlite3.Connection, limit: int) -> OnDisk:
    """Read at most ``limit`` unfinished orders, in the board's order, and as many locks, oldest first."""
    orders = connection.execute(
        "SELECT * FROM orders WHERE finished_ms IS NULL ORDER BY state IN (SELECT value FROM json_each(?)) DESC,"
        " state IN (SELECT value FROM json_each(?)) DESC, state = ? DESC, priority, seq LIMIT ?",
        (_OUTCOME_UNKNOWN, _UNDER_WAY, State.QUEUED, limit),
    )
    counts = connection.execute("SELECT state, count(*) FROM orders WHERE finished_ms IS NULL GROUP BY state")
    locks = connection.execute(
        "SELECT * FROM transaction_locks WHERE status = 'active' ORDER BY fencing_token LIMIT ?", (limit,)
    )
    return OnDisk(
        orders=[rows.order_from(row) for row in orders],
        by_state={State(state): count for state, count in counts},
        locks=[rows.lock_from(row) for row in locks],
        active_locks=_number(connection, "SELECT count(*) FROM transaction_locks WHERE status = 'active'"),
    )


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders are wanted; ``None`` excludes none."""

    state: State | None = None
    symbol: str | None = None
    owner_id: str | None = None
    since_ms: int | None = None  # accepted then or later, Unix ms
    before_seq: int | None = None  # older than the order with this number

    def where(self) -> tuple[str, list[str | int]]:
        """Return the condition in SQL, and its values."""
        conditions = {
            "state = ?": self.state,
            "symbol = ?": self.symbol,
            "owner_id = ?": self.owner_id,
            "accepted_ms >= ?": self.since_ms,
            "seq < ?": self.before_seq,
        }
        wanted = {condition: value for condition, value in conditions.items() if value is not None}
        return " AND ".join(wanted) or "1", list(wanted.values())


def page(wanted: OrderFilter, limit: int) -> Callable[[sqlite3.Connection], list[Order]]:
    """Return a function that reads a page of orders, newest first."""
    where, values = wanted.where()

    def read(connection: sqlite3.Connection) -> list[Order]:
        found = connection.execute(
            f"SELECT * FROM orders WHERE {where} ORDER BY seq DESC LIMIT ?",  # noqa: S608  # conditions are constants
            (*values, limit),
        )
        return [rows.order_from(row) for row in found]

    return read


def _open_attempts(connection: sqlite3.Connection) -> list[Attempt]:
    """Read the attempts without a recorded answer of the orders that were under way."""
    under_way = connection.execute(
        "SELECT order_id FROM orders WHERE finished_ms IS NULL AND state IN (SELECT value FROM json_each(?))"
        " ORDER BY seq",
        (_UNDER_WAY,),
    )
    found = [attempt for (order_id,) in under_way for attempt in _attempts(connection, order_id)]
    return [attempt for attempt in found if attempt.state is AttemptState.IN_FLIGHT]


def _spent(connection: sqlite3.Connection, day: int, until_ms: int) -> Spent:
    """Sum the finished BUYs of a day that were accepted before an instant."""
    return spent_by(day, _ended(connection, day * DAY_MS, until_ms))


def _filled(connection: sqlite3.Connection, since_ms: int) -> int:
    """Count the orders that were shown as filled since an instant: only the events from then on are read."""
    before = _number(connection, "SELECT event_id FROM events WHERE at_ms < ? ORDER BY event_id DESC LIMIT 1", since_ms)
    return _number(
        connection, "SELECT count(DISTINCT order_id) FROM events WHERE event_id > ? AND state = 'filled'", before
    )


def _ended(connection: sqlite3.Connection, since_ms: int, until_ms: int) -> Iterator[Ended]:
    """Read the finished BUYs accepted in ``[since_ms, until_ms)``, without those that were never placed."""
    found = connection.execute(
        f"SELECT {', '.join(Ended._fields)} FROM orders WHERE seq > ? AND accepted_ms < ?"  # noqa: S608  # constants
        " AND side = 'BUY' AND finished_ms IS NOT NULL"
        " AND state NOT IN (SELECT value FROM json_each(?)) ORDER BY seq",
        (_seq_before(connection, since_ms), until_ms, _NOT_BOUGHT),
    )
    for seq, order_id, state, symbol, owner_id, target_id, accepted_ms, filled, quote, *asked in found:
        yield Ended(
            seq, order_id, State(state), symbol, owner_id, target_id, accepted_ms, Decimal(filled), Decimal(quote),
            *map(_amount, asked),
        )  # fmt: skip


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _seq_before(connection: sqlite3.Connection, at_ms: int) -> int:
    """Return the number of the newest order that was accepted before an instant.

    Orders are numbered as they are accepted, so the search goes back from the newest and ends at the first older one.
    """
    return _number(connection, "SELECT seq FROM orders WHERE accepted_ms < ? ORDER BY seq DESC LIMIT 1", at_ms)


def _order(connection: sqlite3.Connection, where: str, value: str | int) -> Order | None:
    row = connection.execute(f"SELECT * FROM orders WHERE {where}", (value,)).fetchone()  # noqa: S608  # constants
    return None if row is None else rows.order_from(row)


def _attempts(connection: sqlite3.Connection, order_id: str) -> list[Attempt]:
    """Read an order's attempts: their client order ids are its id, a dash and a number."""
    found = connection.execute(
        "SELECT * FROM attempts WHERE client_order_id BETWEEN ? AND ? ORDER BY number", (f"{order_id}-", f"{order_id}.")
    )
    return [rows.attempt_from(row) for row in found]


def _number(connection: sqlite3.Connection, query: str, *values: int) -> int:
    row = connection.execute(query, values).fetchone()
    return (row[0] if row else None) or 0
