"""Set the recorded time back, after the operator has confirmed that the machine's clock is right.

A run begins no earlier than the last one ended (:func:`daemon.clock.anchored`), so times that were recorded while the
machine's clock was ahead keep the daemon ahead, over restarts and reboots. The reset sets them to the present, in one
transaction, and makes nothing younger than it is:

- queued orders expire at the next start, because their age is unknown;
- leases, keys and waits that the exchange asked for keep at most the rest of their time;
- every other instant in the future becomes the present.

Existing events are not changed; a new event records the actor and the reason.
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
from daemon.store import queries, rows
from daemon.store.files import instance_lock, real, refuse_remains
from daemon.store.opening import check, open_for_writing, prepare, transaction

_INSTANTS = {
    "orders": ("not_before_ms", "accepted_ms", "sent_ms", "doubt_ms", "seen_ms", "updated_ms", "finished_ms"),
    "attempts": ("started_ms", "answered_ms"),
    "transaction_locks": ("acquired_at", "released_at", "created_at", "updated_at"),
    "transaction_queue": ("queued_at", "processing_started_at", "completed_at", "created_at", "updated_at"),
}
"""Columns whose instants are in the past when the clock is right. They are changed last."""

_WAITING = ", ".join(f"'{state.value}'" for state in State if state in WAITING)

_DURATIONS = (
    f"""UPDATE orders SET deadline_ms = :now_ms
       WHERE deadline_ms > :now_ms AND execute_at_ms IS NULL AND state IN ({_WAITING})""",  # noqa: S608  # ours
    f"""UPDATE orders SET deadline_ms = deadline_ms - accepted_ms + :now_ms
       WHERE accepted_ms > :now_ms AND execute_at_ms IS NULL AND state NOT IN ({_WAITING})""",  # noqa: S608  # ours
    """UPDATE orders SET key_until_ms = key_until_ms - coalesce(finished_ms, accepted_ms) + :now_ms
       WHERE coalesce(finished_ms, accepted_ms) > :now_ms""",
    """UPDATE transaction_locks SET expires_at = timeout_ms + :now_ms
       WHERE status = 'active' AND expires_at > timeout_ms + :now_ms""",
)
"""Statements for instants that are a duration after another one. An order's instant, and a deadline that counts from
it, are instants of the exchange's clock, which was not wrong: they stay."""


class Reset(msgspec.Struct, frozen=True, rename="camel"):
    """The result of a reset."""

    path: str
    was_ms: int  # where the next run would have begun at the earliest
    now_ms: int  # the machine's time
    waiting: int  # orders that expire at the next start
    changed: bool  # False: no recorded time was ahead


def recorded_ms(connection: sqlite3.Connection, now: Anchor) -> int:
    """Return the earliest instant at which a run could begin now, whatever the wall clock shows, in Unix ms."""
    last = connection.execute("SELECT at_ms FROM events ORDER BY event_id DESC LIMIT 1").fetchone()
    stored = queries.fact(connection, CLOCK_FACT)
    previous = None if stored is None else msgspec.json.decode(stored, type=Anchor)
    return anchored(msgspec.structs.replace(now, unix_ns=0), previous, 0 if last is None else last[0]).unix_ms


def reset_clock(path: Path, *, reason: str, actor: str, now: Anchor) -> Reset:
    """Make the next run begin at the machine's wall clock. Change nothing if it would anyway.

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
            waiting = _set_back(connection, was_ms, now)
            detail: dict[str, Detail] = {"reason": reason, "was_ms": was_ms, "set_ms": now.unix_ms, "waiting": waiting}
            event = Event(name="clock.reset", at_ms=now.unix_ms, actor=actor, detail=detail)
            connection.execute(rows.INSERT_EVENT, rows.event_row(event))
    return Reset(str(path), was_ms, now.unix_ms, waiting, changed=True)


def _set_back(connection: sqlite3.Connection, was_ms: int, now: Anchor) -> int:
    """Change the rows; return the number of queued orders that expire by that."""
    now_ms = now.unix_ms
    [waiting] = connection.execute(
        "SELECT count(*) FROM orders WHERE state = 'queued' AND execute_at_ms IS NULL"
    ).fetchone()
    for statement in _DURATIONS:
        connection.execute(statement, {"now_ms": now_ms})
    for table, columns in _INSTANTS.items():
        for column in columns:
            connection.execute(f"UPDATE {table} SET {column} = :now_ms WHERE {column} > :now_ms", {"now_ms": now_ms})  # noqa: S608  # ours
    backoff_left_ms = int(queries.fact(connection, RATE_BACKOFF_FACT) or "0") - was_ms
    facts = {
        CLOCK_FACT: msgspec.json.encode(now).decode(),
        RATE_BACKOFF_FACT: str(max(0, backoff_left_ms) and now_ms + backoff_left_ms),
    }
    connection.executemany(rows.UPSERT_FACT, facts.items())
    return int(waiting)
