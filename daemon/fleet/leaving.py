"""A member leaves its fleet: its copy becomes a database that a daemon may use alone."""

from pathlib import Path

import msgspec

from daemon.core.verbs.restored import COPIED_FACT, COPIED_WHY_FACT
from daemon.errors import BadDatabase
from daemon.fleet.beginning import FLEET_FACTS, opened
from daemon.fleet.identity import MEMBER_FACT, Identity
from daemon.store import queries, rows
from daemon.store.backup import complete_until
from daemon.store.opening import POSITION_FACT, transaction

WHY = "it left its fleet with a copy"
"""Why trading is halted afterwards."""


class Left(msgspec.Struct, frozen=True, rename="camel"):
    """A member that left."""

    path: str
    member: str | None  # to be removed from the fleet's list; None: it never took part
    complete_until: str  # the instant of the copy's last event


def leave(database: Path) -> Left:
    """Make a member's copy a database of its own.

    The others may go on with the account. So a daemon that uses the copy alone starts like from a backup
    (:mod:`daemon.core.verbs.restored`): halted.

    Raises:
        AlreadyRunning: a daemon uses the database.
        BadDatabase: there is none, it is damaged or foreign, or it belongs to no fleet.

    """
    with opened(database) as (connection, path):
        if queries.fact(connection, POSITION_FACT) is None:
            raise BadDatabase(f"{path} belongs to no fleet")
        stored = queries.fact(connection, MEMBER_FACT)
        until = complete_until(connection)
        with transaction(connection):
            connection.execute("DELETE FROM facts WHERE substr(name, 1, ?) = ?", (len(FLEET_FACTS), FLEET_FACTS))
            connection.executemany(rows.UPSERT_FACT, {COPIED_FACT: until, COPIED_WHY_FACT: WHY}.items())
    member = None if stored is None else msgspec.json.decode(stored, type=Identity).member
    return Left(str(path), member, until)
