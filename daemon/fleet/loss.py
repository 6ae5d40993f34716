"""Go on with a log that lost entries: the operator accepts it, on the member whose copy is the most complete.

The member's copy is entered after what is left of the log. No daemon of the fleet may run meanwhile. The next owner
starts like from a backup (:mod:`daemon.core.verbs.restored`): halted, and with what was queued in doubt, because the
lost entries may hold orders that no copy has.

If the log went on with orders or locks that this copy lacks, there are two histories, and no program can tell which one
the exchange has seen. Then it is refused.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.verbs.restored import COPIED_FACT, COPIED_WHY_FACT
from daemon.errors import BadDatabase, Deposed
from daemon.fleet.beginning import FLEET_FACTS, latest_ms, opened
from daemon.fleet.copying import BEGINNING_FACT, PIECE, body_of, changes_of, position_fact
from daemon.fleet.entries import Body, NewerFormat, decode, encode
from daemon.fleet.port import Backend, Entry, Position, next_entry
from daemon.store import queries, rows, snapshot
from daemon.store.backup import complete_until
from daemon.store.opening import POSITION_FACT, transaction
from daemon.store.schema import SCHEMA
from daemon.store.writer import write_groups

WHY = "the fleet's log lost entries, and went on with a copy"
"""Why trading is halted afterwards."""


class Accepted(msgspec.Struct, frozen=True, rename="camel"):
    """A loss that was accepted."""

    path: str
    left: int  # entries that the log still had
    known: int  # entries that this member had copied
    entries: int  # that were written


async def accept_loss(backend: Backend, database: Path, *, reason: str, actor: str) -> Accepted:
    """Enter this member's copy after the rest of the log, at the latest instant that either has.

    The next owner's clock goes on from there. The clock of this machine may be wrong, and is not asked.

    Raises:
        AlreadyRunning: a daemon uses the database.
        BackendFailed: the fleet's database did not answer; repeat the command.
        BadDatabase: there is none, it is damaged or in no fleet, nothing was lost, or the log went on otherwise.

    """
    with opened(database) as (connection, path), closing(sqlite3.connect(":memory:")) as rest:
        stored = queries.fact(connection, POSITION_FACT)
        if stored is None:
            raise BadDatabase(f"{path} belongs to no fleet")
        known = msgspec.json.decode(stored, type=Position)
        rest.row_factory = sqlite3.Row
        rest.executescript(SCHEMA)
        end, end_ms = await _read(backend, known, rest)
        _compare(connection, rest)
        await _forget_reports(backend, end.n)
        at_ms = max(end_ms, latest_ms(connection))
        last = _last(connection, reason, actor, at_ms, end.n, known.n)
        position = await _enter(backend, connection, end, _later_than(rest), last)
    return Accepted(str(path), end.n, known.n, position.n - end.n)


async def _read(backend: Backend, known: Position, rest: sqlite3.Connection) -> tuple[Position, int]:
    """Write what is left of the log into an empty database; return its end, and the instant of its last entry."""
    position, at_ms = Position(), 0
    while found := await backend.read(position.n, PIECE):
        for entry in found:
            if not entry.follows(position):
                raise BadDatabase(f"entry {entry.n} of the fleet's log was changed; restore the fleet's database")
            position, at_ms = entry.position, entry.at_ms
            if position == known:
                raise BadDatabase("the fleet's log has everything that this member has copied; start its daemon")
        write_groups(rest, [changes_of(_body(entry)) for entry in found])
    return position, at_ms


def _body(entry: Entry) -> Body:
    try:
        return decode(entry.body)
    except (NewerFormat, msgspec.DecodeError) as error:
        raise BadDatabase(
            f"entry {entry.n} of the fleet's log cannot be read ({error}); run this command of the newest sniperd"
        ) from error


def _compare(connection: sqlite3.Connection, rest: sqlite3.Connection) -> None:
    """Check that this copy has every order and every lock of the log."""
    for what, query in (
        ("order", "SELECT seq, order_id FROM orders"),
        ("lock", "SELECT fencing_token, acquired_at || resource_id FROM transaction_locks"),
    ):
        mine = {tuple(row) for row in connection.execute(query)}
        for row in rest.execute(query):
            if tuple(row) not in mine:
                raise BadDatabase(
                    f"the fleet's log went on with {what} {row[1]}, which this copy lacks: compare both with the "
                    "exchange, then begin another ledger with the copy that is right (`sniperd fleet init "
                    '--instead-of`; see `sniperd manual fleet`, "Two histories")'
                )


async def _forget_reports(backend: Backend, n: int) -> None:
    """Remove the members that reported entries which are lost; one that starts reports itself again.

    The new log may have fewer entries, and would seem to lack those for a day.
    """
    for report in await backend.members():
        if report.n > n:
            await backend.forget(report.member)


async def _enter(
    backend: Backend, connection: sqlite3.Connection, end: Position, events_after_ms: int, last: ChangeSet
) -> Position:
    """Append the rows of the copy; return the end of the log."""
    position = end
    for group in _groups(connection, events_after_ms, last):
        entry = next_entry(position, epoch=end.epoch, at_ms=last.events[0].at_ms, body=encode(body_of(group)))
        try:
            await backend.append(entry)
        except Deposed as error:
            raise BadDatabase(
                "another member writes to the fleet's log: stop all of its daemons, then repeat"
            ) from error
        position = entry.position
    with transaction(connection):
        connection.executemany(rows.UPSERT_FACT, (last.facts | position_fact(position)).items())
        connection.executemany(rows.INSERT_EVENT, map(rows.event_row, last.events))
    return position


def _groups(connection: sqlite3.Connection, events_after_ms: int, last: ChangeSet) -> Iterator[ChangeSet]:
    yield ChangeSet(facts={BEGINNING_FACT: "incomplete"})
    yield from snapshot.groups(connection, events_after_ms=events_after_ms)
    yield last


def _later_than(rest: sqlite3.Connection) -> int:
    """Return the latest instant of the events that the log still has; takeovers may have come later."""
    found = rest.execute("SELECT max(at_ms) FROM events WHERE name NOT LIKE 'fleet.%'").fetchone()
    return -1 if found[0] is None else int(found[0])


def _last(connection: sqlite3.Connection, reason: str, actor: str, at_ms: int, log: int, known: int) -> ChangeSet:
    facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    kept = {name: value for name, value in facts.items() if not name.startswith(FLEET_FACTS)}
    event = Event(
        name="fleet.loss_accepted", at_ms=at_ms, actor=actor, detail={"reason": reason, "log": log, "known": known}
    )
    return ChangeSet(
        facts=kept | {COPIED_FACT: complete_until(connection), COPIED_WHY_FACT: WHY, BEGINNING_FACT: ""},
        events=[event],
    )
