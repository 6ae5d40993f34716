"""Clean-up: finished locks and queue rows leave after their retention. Orders, attempts and events stay."""

import sqlite3

import msgspec


class Cleaned(msgspec.Struct, frozen=True):
    """How many rows were removed."""

    locks: int
    queue: int


def clean(connection: sqlite3.Connection, before_ms: int) -> Cleaned:
    """Remove what ended before an instant, in one transaction.

    The newest lock stays, whatever its age: it remembers the last fencing token.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        locks = connection.execute(
            "DELETE FROM transaction_locks WHERE status <> 'active' AND released_at < ?"
            " AND fencing_token < (SELECT max(fencing_token) FROM transaction_locks)",
            (before_ms,),
        ).rowcount
        queue = connection.execute("DELETE FROM transaction_queue WHERE completed_at < ?", (before_ms,)).rowcount
    except sqlite3.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return Cleaned(locks, queue)
