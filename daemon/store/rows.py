"""Converts values to rows and back.

A whole row is written, by ``INSERT … ON CONFLICT (primary key) DO UPDATE``, so the last snapshot of a value is correct
whatever was written before. ``INSERT OR REPLACE`` would silently delete *another* row that violates a unique index, and
the index must fail such a write.

Words are written with ``str``: for an enum's member it calls no function of Python's, and ``value`` calls two.
"""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import get_args

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.decimals import plain
from daemon.core.values.events import Event
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock, OwnerType, TransactionType
from daemon.core.values.orders import Order
from daemon.core.values.states import MEANINGS
from daemon.core.values.waiters import LeaseRequest, Waiter, WaiterState

Cell = str | int | None
Row = tuple[Cell, ...]
_encode = msgspec.json.Encoder().encode


def _places(value_type: type[Order | Attempt | Fill], kind: type) -> list[int]:
    """Return the positions of the fields of a type, or of a type derived from it, among a value's fields."""
    types = [(get_args(field.type) or (field.type,)) for field in msgspec.structs.fields(value_type)]
    return [place for place, kinds in enumerate(types) if any(issubclass(each, kind) for each in kinds)]


ORDER_COLUMNS = tuple(field.name for field in msgspec.structs.fields(Order))
ATTEMPT_COLUMNS = tuple(field.name for field in msgspec.structs.fields(Attempt))
FILL_COLUMNS = tuple(field.name for field in msgspec.structs.fields(Fill))
_ORDER_AMOUNTS, _ORDER_WORDS, _ORDER_FLAGS = (_places(Order, kind) for kind in (Decimal, StrEnum, bool))
_ATTEMPT_AMOUNTS, _ATTEMPT_WORDS = (_places(Attempt, kind) for kind in (Decimal, StrEnum))
_FILL_AMOUNTS, _FILL_FLAGS = (_places(Fill, kind) for kind in (Decimal, bool))
EVENT_COLUMNS = (
    "at_ms", "name", "actor", "order_id", "lock_id", "resource", "client_order_id", "state", "detail",
)  # fmt: skip
LOCK_COLUMNS = (
    "fencing_token", "resource_id", "idempotency_key", "owner_id", "owner_type", "order_id", "acquired_at",
    "expires_at", "released_at", "status", "lock_type", "transaction_type", "transaction_data", "max_retries",
    "current_retries", "timeout_ms", "result", "error_message", "overdue", "created_at", "updated_at",
)  # fmt: skip
QUEUE_COLUMNS = (
    "queue_id", "lock_id", "resource_id", "priority", "transaction_type", "transaction_data", "idempotency_key",
    "status", "queued_at", "processing_started_at", "completed_at", "result", "error_message", "attempts", "owner_id",
    "owner_type", "created_at", "updated_at",
)  # fmt: skip


def upsert(table: str, key: str, columns: Sequence[str]) -> str:
    """Return the statement that inserts or updates a row."""
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    changes = ", ".join(f"{name} = excluded.{name}" for name in columns if name != key)
    return f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {changes}"  # noqa: S608  # our own names


UPSERT_ORDER = upsert("orders", "seq", ORDER_COLUMNS)
UPSERT_ATTEMPT = upsert("attempts", "client_order_id", ATTEMPT_COLUMNS)
UPSERT_LOCK = upsert("transaction_locks", "fencing_token", LOCK_COLUMNS)
UPSERT_QUEUE = upsert("transaction_queue", "queue_id", QUEUE_COLUMNS)
_CHANGES = ", ".join(f"{name} = ?" for name in QUEUE_COLUMNS)
UPDATE_QUEUE = f"UPDATE transaction_queue SET {_CHANGES} WHERE queue_id = ?"  # noqa: S608  # our own names
"""Parameters: a row, then its id again. For an order that no longer waits."""
HAS_QUEUE_ROW = "SELECT 1 FROM transaction_queue WHERE queue_id = ?"
"""Parameter: an order's id. An order that was sent at once has no row in the queue."""
TAKE_KEY = "UPDATE orders SET key_bound = 0 WHERE key = ? AND key_bound = 1 AND seq <> ?"
"""Parameters: a key, and the number of the order to which it is bound from now on."""
UPSERT_FACT = upsert("facts", "name", ("name", "value"))
INSERT_EVENT = f"INSERT INTO events ({', '.join(EVENT_COLUMNS)}) VALUES ({', '.join('?' * len(EVENT_COLUMNS))})"  # noqa: S608  # our own names

INSERT_FILL = (
    f"INSERT INTO fills ({', '.join(FILL_COLUMNS)}) VALUES ({', '.join('?' * len(FILL_COLUMNS))})"  # noqa: S608  # our own names
    " ON CONFLICT (symbol, trade_id) DO NOTHING"
)
"""A trade does not change, so one that is read again is no news."""


def order_row(order: Order) -> Row:
    """Return an order's columns."""
    return _cells(order, _ORDER_AMOUNTS, _ORDER_WORDS, _ORDER_FLAGS)


def attempt_row(attempt: Attempt) -> Row:
    """Return an attempt's columns."""
    return _cells(attempt, _ATTEMPT_AMOUNTS, _ATTEMPT_WORDS, ())


def fill_row(fill: Fill) -> Row:
    """Return a fill's columns."""
    return _cells(fill, _FILL_AMOUNTS, (), _FILL_FLAGS)


def event_row(event: Event) -> Row:
    """Return an event's columns."""
    return (
        event.at_ms,
        event.name,
        event.actor,
        event.order_id,
        event.lock_id,
        event.resource,
        event.client_order_id,
        None if event.state is None else str(event.state),
        _encode(event.detail).decode(),
    )


def lock_row(lock: Lock) -> Row:
    """Return a lock's columns as the bot knows them."""
    return (
        lock.token,
        lock.resource,
        lock.key,
        lock.owner_id,
        str(lock.owner_type),
        lock.order_id,
        lock.acquired_ms,
        lock.expires_ms,
        lock.released_ms,
        str(lock.state),
        "exclusive",
        str(lock.transaction_type),
        lock.transaction_data,
        3,
        0,
        lock.timeout_ms,
        lock.result,
        lock.error,
        int(lock.overdue),
        lock.acquired_ms,
        lock.released_ms or lock.acquired_ms,
    )


def queue_row(order: Order) -> Row:
    """Return an order's row in the queue as the bot knows it."""
    status = MEANINGS[order.state].queue_status
    ended = status not in {"pending", "processing"}
    return (
        order.order_id,
        order.lock_id,
        order.resource,
        order.priority,
        "trade",
        _encode(
            {
                "symbol": order.symbol,
                "side": order.side,
                "type": order.type,
                "quantity": _amount(order.quantity),
                "quoteOrderQty": _amount(order.quote_quantity),
                "price": _amount(order.price),
                "snipeTargetId": order.target_id,
            }
        ).decode(),
        order.key,
        status,
        order.accepted_ms,
        order.sent_ms,
        order.updated_ms if ended else None,
        _encode({"orderId": order.exchange_order_id, "state": order.state}).decode() if ended else None,
        order.reason if status == "failed" else None,
        order.attempts,
        order.owner_id,
        "user",
        order.accepted_ms,
        order.updated_ms,
    )


def waiter_row(waiter: Waiter) -> Row:
    """Return a waiter's row in the queue as the bot knows it."""
    request = waiter.request
    granted = waiter.state is WaiterState.COMPLETED
    return (
        waiter.waiter_id,
        waiter.lock_id,
        request.resource,
        request.priority,
        str(request.transaction_type),
        request.transaction_data or "null",
        waiter.key,
        str(waiter.state),
        waiter.queued_ms,
        waiter.ended_ms if granted else None,
        waiter.ended_ms,
        None,
        waiter.error,
        0,
        request.owner_id,
        str(request.owner_type),
        waiter.queued_ms,
        waiter.ended_ms or waiter.queued_ms,
    )


def waiter_from(row: sqlite3.Row) -> Waiter:
    """Read a waiter. The requested lease time is not stored, because the wait ended with the process."""
    return Waiter(
        waiter_id=row["queue_id"],
        request=LeaseRequest(
            resource=row["resource_id"],
            owner_id=row["owner_id"],
            owner_type=OwnerType(row["owner_type"]),
            transaction_type=TransactionType(row["transaction_type"]),
            transaction_data=row["transaction_data"],
            timeout_ms=0,
            priority=row["priority"],
            key=row["idempotency_key"],
        ),
        queued_ms=row["queued_at"],
        state=WaiterState(row["status"]),
        lock_id=row["lock_id"],
        ended_ms=row["completed_at"],
        error=row["error_message"],
    )


def order_from(row: sqlite3.Row) -> Order:
    """Read an order. The table's columns are its fields, in their order."""
    return msgspec.convert(tuple(row), Order, strict=False)


def attempt_from(row: sqlite3.Row) -> Attempt:
    """Read an attempt."""
    return msgspec.convert(dict(zip(row.keys(), row, strict=True)), Attempt, strict=False)


def fill_from(row: sqlite3.Row) -> Fill:
    """Read a fill."""
    return msgspec.convert(dict(zip(row.keys(), row, strict=True)), Fill, strict=False)


def lock_from(row: sqlite3.Row) -> Lock:
    """Read a lock."""
    return msgspec.convert(
        {
            "lock_id": row["lock_id"],
            "resource": row["resource_id"],
            "token": row["fencing_token"],
            "owner_id": row["owner_id"],
            "owner_type": row["owner_type"],
            "order_id": row["order_id"],
            "key": row["idempotency_key"],
            "transaction_type": row["transaction_type"],
            "transaction_data": row["transaction_data"],
            "acquired_ms": row["acquired_at"],
            "expires_ms": row["expires_at"],
            "timeout_ms": row["timeout_ms"],
            "state": row["status"],
            "released_ms": row["released_at"],
            "result": row["result"],
            "error": row["error_message"],
            "overdue": row["overdue"],
        },
        Lock,
        strict=False,
    )


def event_from(row: sqlite3.Row) -> Event:
    """Read an event."""
    fields = dict(zip(row.keys(), row, strict=True))
    del fields["event_id"]
    return msgspec.convert(fields | {"detail": msgspec.json.decode(row["detail"])}, Event, strict=False)


def _cells(value: Order | Attempt | Fill, amounts: Sequence[int], words: Sequence[int], flags: Sequence[int]) -> Row:
    """Return a value's fields as text, numbers and ``None``. For other types SQLite's module looks for an adapter."""
    cells = list(msgspec.structs.astuple(value))
    for place in amounts:
        if cells[place] is not None:
            cells[place] = plain(cells[place])
    for place in words:
        if cells[place] is not None:
            cells[place] = str(cells[place])
    for place in flags:
        cells[place] = int(cells[place])
    return tuple(cells)


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
