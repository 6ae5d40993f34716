"""All rows of a database as groups, in an order in which another database can take them."""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

import msgspec

from daemon.core.state.changes import ChangeSet
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.store import rows

PIECE = 500
"""Rows of a group."""

_T = TypeVar("_T")


def groups(connection: sqlite3.Connection, *, events_after_ms: int = -1) -> Iterator[ChangeSet]:
    """Yield everything but the facts, in groups, with the events after an instant.

    The same database yields the same groups.
    """
    for locks in _pieces(map(rows.lock_from, _all(connection, "transaction_locks", "fencing_token"))):
        yield ChangeSet(locks={lock.lock_id: lock for lock in locks})
    # An order has a row in the bot's queue if it has waited, so it is written once as it waited.
    waited = connection.execute(
        "SELECT * FROM orders WHERE order_id IN (SELECT queue_id FROM transaction_queue) ORDER BY seq"
    )
    for orders in _pieces(map(_waiting, waited)):
        yield _of_orders(orders)
    for orders in _pieces(map(rows.order_from, _all(connection, "orders", "seq"))):
        yield _of_orders(orders)
    for attempts in _pieces(map(rows.attempt_from, _all(connection, "attempts", "client_order_id"))):
        yield ChangeSet(attempts={attempt.client_order_id: attempt for attempt in attempts})
    for fills in _pieces(map(rows.fill_from, _all(connection, "fills", "symbol, trade_id"))):
        yield ChangeSet(fills=fills)
    waiters = connection.execute(
        "SELECT * FROM transaction_queue WHERE queue_id BETWEEN 'wait-' AND 'wait.' ORDER BY queue_id"
    )
    for found in _pieces(map(rows.waiter_from, waiters)):
        yield ChangeSet(waiters={waiter.waiter_id: waiter for waiter in found})
    later = connection.execute("SELECT * FROM events WHERE at_ms > ? ORDER BY event_id", (events_after_ms,))
    for events in _pieces(map(rows.event_from, later)):
        yield ChangeSet(events=events)


def _all(connection: sqlite3.Connection, table: str, key: str) -> sqlite3.Cursor:
    return connection.execute(f"SELECT * FROM {table} ORDER BY {key}")  # noqa: S608  # our own names


def _waiting(row: sqlite3.Row) -> Order:
    return msgspec.structs.replace(rows.order_from(row), state=State.QUEUED)


def _of_orders(orders: list[Order]) -> ChangeSet:
    return ChangeSet(orders={order.order_id: order for order in orders})


def _pieces(found: Iterable[_T]) -> Iterator[list[_T]]:
    left = iter(found)
    while piece := list(islice(left, PIECE)):
        yield piece
