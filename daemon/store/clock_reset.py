"""Setting the recorded time back: a person's word that the machine's clock is right and the database's times are not.

A run begins no earlier than the last one ended (:func:`daemon.clock.anchored`), so times that were recorded while the
machine's clock was ahead keep the daemon ahead, over restarts and reboots. This takes them back to the present, in one
transaction, and so that nothing becomes younger than it is:

- what waits to be sent expires at the next start, because nobody knows how old it is;
- leases, keys and the exchange's waits keep at most what was left of their time;
- every other instant that lies in the future becomes the present.

The events stay as they were written; one more tells who did this, and why.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from daemon.clock import CLOCK_FACT, LEAST_STEP_MS, Anchor, anchored
from daemon.core.state.trading_state import RATE_BACKOFF_FACT
from daemon.core.values.events import Detail, Event
from daemon.core.values.states import WAITING, State
from daemon.errors import BadDatabase
from daemon.store import rows
from daemon.store.files import instance_lock, real, refuse_remains
from daemon.store.opening import check, open_for_writing, prepare, transaction

_INSTANTS = {
    "orders": ("not_before_ms", "accepted_ms", "sent_ms", "doubt_ms", "seen_ms", "updated_ms", "finished_ms"),
    "attempts": ("started_ms", "answered_ms"),
    "transaction_locks": ("acquired_at", "released_at", "created_at", "updated_at"),
    "transaction_queue": ("queued_at", "processing_started_at", "completed_at", "created_at", "updated_at"),
}
"""Columns whose instants lie in the past where the clock is right; they are changed last."""

_WAITING = ", ".join(f"'{state.value}'" for state in State if state in WAITING)

_DURATIONS = (
    f"UPDATE orders SET deadline_ms = :now_ms WHERE deadline_ms > :now_ms AND state IN ({_WAITING})",  # noqa: S608  # ours
    f"""UPDATE orders SET deadline_ms = deadline_ms - accepted_ms + :now_ms
       WHERE accepted_ms > :now_ms AND execute_at_ms IS NULL AND state NOT IN ({_WAITING})""",  # noqa: S608  # ours
    """UPDATE orders SET key_until_ms = key_until_ms - coalesce(finished_ms, accepted_ms) + :now_ms
       WHERE coalesce(finished_ms, accepted_ms) > :now_ms""",
    """UPDATE transaction_locks SET expires_at = timeout_ms + :now_ms
       WHERE status = 'active' AND expires_at > timeout_ms + :now_ms""",
)
"""What is reckoned from another instant."""


class Reset(msgspec.Struct, frozen=True, rename="camel"):
    """What was set."""

    path: str
    was_ms: int  # where the next run would have begun at the earliest
    now_ms: int  # the machine's time
    waiting: int  # orders that expire at the next start
    changed: bool  # False: no recorded time was ahead, and nothing was touched


def recorded_ms(connection: sqlite3.Connection, now: Anchor) -> int:
    """Return where a run that begins now would begin at the earliest, whatever the wall clock shows."""
    last = connection.execute("SELECT at_ms FROM events ORDER BY event_id DESC LIMIT 1").fetchone()
    stored = _fact(connection, CLOCK_FACT)
    previous = None if stored is None else msgspec.json.decode(stored, type=Anchor)
    return anchored(msgspec.structs.replace(now, unix_ms=0), previous, 0 if last is None else last[0]).unix_ms


def reset_clock(path: Path, *, reason: str, actor: str, now: Anchor) -> Reset:
    """Let the daemon's time begin at the machine's wall clock again; change nothing where it would anyway.

    Raises:
        AlreadyRunning: a daemon uses the database.
        BadDatabase: there is none, or it is damaged or foreign.
        CannotCreate: it cannot be written.
        NotNow: the disk is full, or another program keeps the database locked.

    """
    if not path.is_file():
        raise BadDatabase(
            f"there is no database at {path}; name it with --database, or the configuration with --config"
        )
    path = real(path)
    refuse_remains(path)
    with instance_lock(path), closing(open_for_writing(path)) as connection:
        prepare(connection, path)
        check(connection, path, decisive=True)
        was_ms = recorded_ms(connection, now)
        if was_ms - now.unix_ms < LEAST_STEP_MS:
            return Reset(str(path), was_ms, now.unix_ms, waiting=0, changed=False)
        with transaction(connection):
            waiting = _take_back(connection, was_ms, now)
            detail: dict[str, Detail] = {"reason": reason, "was_ms": was_ms, "set_ms": now.unix_ms, "waiting": waiting}
            event = Event(name="clock.reset", at_ms=now.unix_ms, actor=actor, detail=detail)
            connection.execute(rows.INSERT_EVENT, rows.event_row(event))
    return Reset(str(path), was_ms, now.unix_ms, waiting, changed=True)


def _take_back(connection: sqlite3.Connection, was_ms: int, now: Anchor) -> int:
    """Change the rows; return how many orders wait to be sent."""
    now_ms = now.unix_ms
    [waiting] = connection.execute("SELECT count(*) FROM orders WHERE state = 'queued'").fetchone()
    for statement in _DURATIONS:
        connection.execute(statement, {"now_ms": now_ms})
    for table, columns in _INSTANTS.items():
        for column in columns:
            connection.execute(f"UPDATE {table} SET {column} = :now_ms WHERE {column} > :now_ms", {"now_ms": now_ms})  # noqa: S608  # ours
    still_ms = int(_fact(connection, RATE_BACKOFF_FACT) or "0") - was_ms
    facts = {
        CLOCK_FACT: msgspec.json.encode(now).decode(),
        RATE_BACKOFF_FACT: str(max(0, still_ms) and now_ms + still_ms),
    }
    connection.executemany(rows.UPSERT_FACT, facts.items())
    return int(waiting)


def _fact(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])
