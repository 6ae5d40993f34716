"""Clean-up: removes rows past their retention in small slices, so that no commit waits for long.

Finished locks and queue rows are removed after ``[locks] retention_h``. An order's events and attempts are removed
after ``[store] retention_days``, and the order and its fills with them, unless its key still counts. Then its row and
its fills are kept, so that a repeated signal is always answered with it. The row of a target's BUY is also kept,
whatever its outcome: a target is bought once.

Also kept: the newest lock, event and order, which hold the last fencing token, instant and number; orders that have not
ended; dead letters, and what the same signal became after them; orders with a recent event. Triggers of the schema
enforce the most important of these rules for every program.
"""

import sqlite3

import msgspec

from daemon.store.opening import transaction

SLICE = 200
"""Rows removed per transaction. One takes a few milliseconds, and a commit waits for at most one."""

_EVENTS = """
SELECT event_id, at_ms, order_id FROM events
WHERE event_id > ? AND event_id < (SELECT max(event_id) FROM events) ORDER BY event_id LIMIT ?
"""

_LOCKS = """
DELETE FROM transaction_locks WHERE fencing_token IN (
    SELECT fencing_token FROM transaction_locks WHERE status <> 'active' AND released_at < ?
    AND fencing_token < (SELECT max(fencing_token) FROM transaction_locks) LIMIT ?)
"""

_QUEUE = """
DELETE FROM transaction_queue WHERE queue_id IN (SELECT queue_id FROM transaction_queue WHERE completed_at < ? LIMIT ?)
"""

_ORDER_EVENTS = """
DELETE FROM events WHERE event_id IN (
    SELECT event_id FROM events WHERE order_id = ? AND event_id < (SELECT max(event_id) FROM events)
    ORDER BY event_id LIMIT ?)
"""


class Cleaned(msgspec.Struct, frozen=True):
    """Numbers of removed rows, by table."""

    locks: int = 0
    queue: int = 0
    orders: int = 0
    attempts: int = 0
    fills: int = 0
    events: int = 0

    @property
    def rows(self) -> int:
        """Their sum."""
        return sum(msgspec.structs.astuple(self))


class Cleaning:
    """One clean-up: removes what ended before ``before_ms``, and history from before ``history_before_ms`` if set."""

    def __init__(self, before_ms: int, history_before_ms: int | None) -> None:
        self.removed = dict.fromkeys(Cleaned.__struct_fields__, 0)
        self._before_ms = before_ms
        self._history_before_ms = history_before_ms
        self._after = 0  # the last event id that was examined
        self._parts = [self._locks, self._queue] + ([] if history_before_ms is None else [self._history])

    @property
    def done(self) -> Cleaned:
        """The rows removed so far."""
        return Cleaned(**self.removed)

    def slice(self, connection: sqlite3.Connection) -> bool:
        """Remove a slice in one transaction; return whether there may be more."""
        before = dict(self.removed), self._after
        try:
            with transaction(connection):
                is_over = self._parts[0](connection)
        except sqlite3.Error:
            self.removed, self._after = before
            raise
        if is_over:
            del self._parts[0]
        return bool(self._parts)

    def _locks(self, connection: sqlite3.Connection) -> bool:
        return self._count("locks", connection.execute(_LOCKS, (self._before_ms, SLICE))) < SLICE

    def _queue(self, connection: sqlite3.Connection) -> bool:
        return self._count("queue", connection.execute(_QUEUE, (self._before_ms, SLICE))) < SLICE

    def _history(self, connection: sqlite3.Connection) -> bool:
        """Read the events from the oldest on, and remove the orders that they belong to."""
        before_ms = self._history_before_ms
        found = connection.execute(_EVENTS, (self._after, SLICE)).fetchall()
        if not found or found[0]["at_ms"] >= before_ms:
            return True
        connection.execute("INSERT INTO retention VALUES (?)", (before_ms,))
        orders: set[str] = set()
        left = SLICE
        for event_id, at_ms, order_id in found:
            if left <= 0 or at_ms >= before_ms:
                break
            if order_id is None:
                left -= self._count("events", connection.execute("DELETE FROM events WHERE event_id = ?", (event_id,)))
            elif order_id not in orders:
                orders.add(order_id)
                left -= self._remove_order(connection, order_id, left)
            self._after = event_id
        connection.execute("DELETE FROM retention")
        return False

    def _remove_order(self, connection: sqlite3.Connection, order_id: str, limit: int) -> int:
        """Remove up to ``limit`` events of an order, then its attempts and the order; return the number of rows."""
        before_ms = self._history_before_ms
        order = connection.execute("SELECT * FROM orders WHERE order_id = ?", (order_id,)).fetchone()
        if order is not None and not _is_past(connection, order, before_ms):
            return 0
        events = self._count("events", connection.execute(_ORDER_EVENTS, (order_id, limit)))
        if events == limit and _has_events(connection, order_id):  # the next slice continues
            return events
        attempts = self._count(
            "attempts",
            connection.execute(
                "DELETE FROM attempts WHERE client_order_id BETWEEN ? AND ?", (f"{order_id}-", f"{order_id}.")
            ),
        )
        if order is None or _is_kept(connection, order):
            return events + attempts
        fills = self._count("fills", connection.execute("DELETE FROM fills WHERE order_id = ?", (order_id,)))
        removed = self._count("orders", connection.execute("DELETE FROM orders WHERE seq = ?", (order["seq"],)))
        return events + attempts + fills + removed

    def _count(self, what: str, done: sqlite3.Cursor) -> int:
        self.removed[what] += done.rowcount
        return done.rowcount


def _has_events(connection: sqlite3.Connection, order_id: str) -> bool:
    return connection.execute("SELECT 1 FROM events WHERE order_id = ? LIMIT 1", (order_id,)).fetchone() is not None


def _is_past(connection: sqlite3.Connection, order: sqlite3.Row, before_ms: int | None) -> bool:
    """Return whether an order's history may be removed: it ended, its key's window is over, it has no later event.

    While a dead letter has its key, the order shows that it must not be requeued.
    """
    if order["finished_ms"] is None or order["finished_ms"] >= before_ms or order["state"] == "dead_letter":
        return False
    if order["key_until_ms"] is not None and order["key_until_ms"] >= before_ms:
        return False
    set_aside = "SELECT 1 FROM orders WHERE state = 'dead_letter' AND key = ? LIMIT 1"
    if connection.execute(set_aside, (order["key"],)).fetchone() is not None:
        return False
    since = "SELECT 1 FROM events WHERE order_id = ? AND at_ms >= ? LIMIT 1"
    return connection.execute(since, (order["order_id"], before_ms)).fetchone() is None


def _is_kept(connection: sqlite3.Connection, order: sqlite3.Row) -> bool:
    """Return whether an order's row is kept: its key never expires, it buys a target, or it is the newest."""
    key_counts = order["key_bound"] and order["key_until_ms"] is None
    buys_target = order["side"] == "BUY" and order["target_id"] is not None
    return (
        bool(key_counts or buys_target)
        or connection.execute("SELECT max(seq) FROM orders").fetchone()[0] == order["seq"]
    )
