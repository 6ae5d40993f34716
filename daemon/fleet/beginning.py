"""Make a machine's database the beginning of a fleet's log: one machine becomes a fleet, and nothing is lost.

The daemon must not run meanwhile. The database is entered in pieces. A member does not take over before the last one is
there. The same database makes the same entries, so an interrupted run is simply repeated.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from daemon.core.state.changes import ChangeSet
from daemon.errors import BadDatabase, Deposed
from daemon.fleet.copying import BEGINNING_FACT, body_of, position_fact
from daemon.fleet.entries import encode
from daemon.fleet.port import Backend, Position, next_entry
from daemon.store import queries, rows, snapshot
from daemon.store.files import instance_lock, real, refuse_remains
from daemon.store.opening import POSITION_FACT, check, open_for_writing, prepare, transaction

FLEET_FACTS = "fleet_"
"""Facts whose names begin so are about this machine's place in a fleet."""


class Begun(msgspec.Struct, frozen=True, rename="camel"):
    """What was entered."""

    path: str
    entries: int
    orders: int
    events: int


async def begin_log(backend: Backend, database: Path) -> Begun:
    """Enter a database as the beginning of an empty log.

    Raises:
        AlreadyRunning: a daemon uses the database.
        BackendFailed: the fleet's database did not answer; repeat the command.
        BadDatabase: there is none, it is damaged or foreign, it belongs to a fleet already, or the log has begun
            otherwise.

    """
    with opened(database) as (connection, path):
        if queries.fact(connection, POSITION_FACT) is not None:
            raise BadDatabase(f"{path} belongs to a fleet already; start its daemon")
        return await _enter(backend, connection, path)


@contextmanager
def opened(database: Path) -> Iterator[tuple[sqlite3.Connection, Path]]:
    """Open a database for writing, and keep daemons from it.

    Raises:
        AlreadyRunning: a daemon uses it.
        BadDatabase: there is none, or it is damaged or foreign.

    """
    if not database.is_file():
        raise BadDatabase(f"there is no database at {database}; a member without one begins with a copy of the log")
    path = real(database)
    refuse_remains(path)
    with instance_lock(path), closing(open_for_writing(path)) as connection:
        prepare(connection, path, is_copy=True)
        check(connection, path, decisive=True)
        yield connection, path


async def _enter(backend: Backend, connection: sqlite3.Connection, path: Path) -> Begun:
    at_ms, position, events = latest_ms(connection), Position(), 0
    for group in _groups(connection):
        body = encode(body_of(group))
        entry = next_entry(position, epoch=0, at_ms=at_ms, body=body)
        try:
            await backend.append(entry)
        except Deposed as error:
            raise BadDatabase(
                f"the fleet's log has begun with other entries than those of {path}; give the fleet another ledger, or "
                "begin this machine with a copy: move its database away and start the daemon"
            ) from error
        position = entry.position
        events += len(group.events)
    orders = connection.execute("SELECT count(*) FROM orders").fetchone()[0]
    with transaction(connection):
        connection.executemany(rows.UPSERT_FACT, position_fact(position).items())
    return Begun(str(path), position.n, orders, events)


def latest_ms(connection: sqlite3.Connection) -> int:
    """Return the latest instant that a database has recorded, Unix ms; 0 without one."""
    last = connection.execute("SELECT at_ms FROM events ORDER BY event_id DESC LIMIT 1").fetchone()
    return 0 if last is None else int(last[0])


def _groups(connection: sqlite3.Connection) -> Iterator[ChangeSet]:
    """Yield the groups of a log that begins with a database."""
    facts = dict(connection.execute("SELECT name, value FROM facts ORDER BY name").fetchall())
    yield ChangeSet(facts={BEGINNING_FACT: "incomplete"})
    yield from snapshot.groups(connection)
    yield ChangeSet(
        facts={name: value for name, value in facts.items() if not name.startswith(FLEET_FACTS)} | {BEGINNING_FACT: ""}
    )
