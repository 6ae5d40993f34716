"""The bot's two tables as the bot reads them: camelCase names, dates in ISO 8601, JSON columns as text.

SQLite writes them as JSON, as it does pages of orders (:mod:`daemon.store.order_pages`).
"""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec

from daemon.store.rows import LOCK_COLUMNS, QUEUE_COLUMNS

_DATES = frozenset(
    {"acquired_at", "expires_at", "released_at", "queued_at", "processing_started_at", "completed_at", "created_at",
     "updated_at"}
)  # fmt: skip


class BotTables(msgspec.Struct, frozen=True):
    """Locks newest first, pending queue rows by priority then age, as JSON lists; and counts over all rows."""

    locks: msgspec.Raw
    queue: msgspec.Raw
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
        locks = _select(connection, "transaction_locks", _LOCK, by_lock, "fencing_token DESC", wanted.limit)
        queue = _select(connection, "transaction_queue", _ROW, by_row, "priority, queued_at, queue_id", wanted.limit)
        counts = dict(connection.execute("SELECT status, count(*) FROM transaction_locks GROUP BY status").fetchall())
        pending = connection.execute("SELECT count(*) FROM transaction_queue WHERE status = 'pending'").fetchone()[0]
        return BotTables(locks, queue, counts | {"pending": pending})

    return read


def iso(at_ms: int) -> str:
    """Format an instant as JavaScript does: 2026-01-02T03:04:05.678Z."""
    at_s, ms = divmod(at_ms, 1_000)
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"


def _object(identifier: str, columns: Sequence[str]) -> str:
    """Return SQL that writes a row under the bot's names; ``id`` is the fencing token or the queue id."""
    shown = {_camel(column): _date(column) if column in _DATES else column for column in columns}
    pairs = [f"'{name}', {value}" for name, value in {"id": identifier, **shown}.items()]
    return f"json_object({', '.join(pairs)})"


def _date(column: str) -> str:
    """Return SQL that writes an instant as :func:`iso` does."""
    return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000.0, 'unixepoch')"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


_LOCK = _object("fencing_token", ("lock_id", *LOCK_COLUMNS))
_ROW = _object("queue_id", QUEUE_COLUMNS)


def _select(
    connection: sqlite3.Connection,
    table: str,
    shown: str,
    conditions: dict[str, str | None],
    order: str,
    limit: int,
) -> msgspec.Raw:
    wanted = {condition: value for condition, value in conditions.items() if value is not None}
    where = " AND ".join(wanted) or "1"
    (found,) = connection.execute(
        f"SELECT CAST(json_group_array({shown}) AS BLOB)"  # noqa: S608  # column names are constants
        f" FROM (SELECT * FROM {table} WHERE {where} ORDER BY {order} LIMIT ?)",
        (*wanted.values(), limit),
    ).fetchone()
    return msgspec.Raw(found)
