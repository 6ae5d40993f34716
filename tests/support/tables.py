"""Reads the daemon's database with SQLite, read-only, while the daemon writes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any


def read(database: Path, query: str, *values: str | int) -> list[dict[str, Any]]:
    """Read committed rows."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(query, values)]


def locks_of(database: Path, resource: str) -> list[dict[str, Any]]:
    """Return a resource's locks, oldest first."""
    return read(database, "SELECT * FROM transaction_locks WHERE resource_id = ? ORDER BY fencing_token", resource)


def queue_of(database: Path, resource: str) -> list[dict[str, Any]]:
    """Return a resource's rows in the lease queue, oldest first."""
    return read(
        database, "SELECT * FROM transaction_queue WHERE resource_id = ? ORDER BY queued_at, queue_id", resource
    )


def events_of(database: Path, resource: str) -> list[dict[str, Any]]:
    """Return a resource's recorded events, oldest first."""
    return read(database, "SELECT * FROM events WHERE resource = ? ORDER BY event_id", resource)


@contextmanager
def commits_blocked(database: Path) -> Iterator[None]:
    """Block every commit of the daemon until the context ends: another connection holds the write lock."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
