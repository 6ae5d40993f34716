"""The bot's two tables as the bot reads them: camelCase names, dates in ISO 8601, JSON columns as text."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

Row = dict[str, Any]

_DATES = frozenset(
    {"acquired_at", "expires_at", "released_at", "queued_at", "processing_started_at", "completed_at", "created_at",
     "updated_at"}
)  # fmt: skip


class BotTables(msgspec.Struct, frozen=True):
    """Locks newest first, pending queue rows by priority then age, and counts over all rows."""

    locks: list[Row]
    queue: list[Row]
    counts: dict[str, int]  # locks by status, and "pending" of the queue


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Selects locks and queue rows; ``status`` applies to locks only."""

    resource: str | None = None
    owner_id: str | None = None
    status: str | None = None
    limit: int


def reader(wanted: Filter) -> Callable[[sqlite3.Connection], BotTables]:
    """Return a function that reads both tables."""

    def read(connection: sqlite3.Connection) -> BotTables:
        by_lock = {"resource_id = ?": wanted.resource, "owner_id = ?": wanted.owner_id, "status = ?": wanted.status}
        by_row = {"resource_id = ?": wanted.resource, "owner_id = ?": wanted.owner_id, "status = ?": "pending"}
        locks = _select(connection, "transaction_locks", by_lock, "fencing_token DESC", wanted.limit)
        queue = _select(connection, "transaction_queue", by_row, "priority, queued_at, queue_id", wanted.limit)
        counts = dict(connection.execute("SELECT status, count(*) FROM transaction_locks GROUP BY status").fetchall())
        pending = connection.execute("SELECT count(*) FROM transaction_queue WHERE status = 'pending'").fetchone()[0]
        return BotTables(locks, queue, counts | {"pending": pending})

    return read


def iso(at_ms: int) -> str:
    """Format an instant as JavaScript does: 2026-01-02T03:04:05.678Z."""
    return datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _select(
    connection: sqlite3.Connection, table: str, conditions: dict[str, str | None], order: str, limit: int
) -> list[Row]:
    wanted = {condition: value for condition, value in conditions.items() if value is not None}
    where = " AND ".join(wanted) or "1"
    found = connection.execute(
        f"SELECT * FROM {table} WHERE {where} ORDER BY {order} LIMIT ?",  # noqa: S608  # column names are constants
        (*wanted.values(), limit),
    )
    return [_shown(row) for row in found]


def _shown(row: sqlite3.Row) -> Row:
    """Return a row under the bot's names; its ``id`` is the fencing token or the queue id."""
    shown = {
        _camel(name): _date(value) if name in _DATES else value for name, value in zip(row.keys(), row, strict=True)
    }
    return {"id": shown["fencingToken"], **shown} if "fencingToken" in shown else {"id": shown["queueId"], **shown}


def _date(at_ms: int | None) -> str | None:
    return None if at_ms is None else iso(at_ms)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
