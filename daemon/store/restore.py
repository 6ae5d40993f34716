"""Putting a backup in the database's place, with what stood there kept beside it."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from daemon.errors import BadDatabase, CannotCreate
from daemon.store.backup import BackedUp, backup, sync
from daemon.store.files import cannot, incident, incident_file, instance_lock, real, restoring
from daemon.store.opening import open_for_reading, other_schema

BESIDE = ("", "-wal", "-shm")
"""What belongs to a database: a log of changes that is left beside another file would be written into that."""


class Restored(BackedUp, frozen=True, rename="camel"):
    """What was put in place, and what stood there."""

    kept: str | None  # the former database
    halted: bool  # the next start is; not where this is all that a daemon knew, which goes on as if nothing had been


def restore(source: Path, database: Path, *, now_ms: int) -> Restored:
    """Let a checked copy of a backup be the database; a daemon that starts from it is halted until a person resumes.

    What a daemon saved when its files were taken away lacks nothing, so the next start is not halted.

    Raises:
        AlreadyRunning: a daemon uses the database.
        BadDatabase: the backup is missing, damaged, foreign, or newer than this program.
        CannotCreate: the database's directory cannot be written.
        NotNow: the disk is full.

    """
    database = real(database)
    fresh = restoring(database)
    remedy = "restore again, as root or as the database's owner, with space on its disk"
    with instance_lock(database), cannot(f"put {source} in the place of {database}", remedy):
        fresh.unlink(missing_ok=True)
        _check_schema(source)
        is_complete = _is_complete(source, database)
        done = backup(source, fresh, is_complete=is_complete)
        _give_to_owner(database, fresh)
        kept = _set_aside(database, now_ms)
        fresh.replace(database)
        incident_file(database).unlink(missing_ok=True)
        sync(database.parent, os.O_DIRECTORY)
    return Restored(str(database), done.bytes, done.orders, done.schema, kept, halted=not is_complete)


def _is_complete(source: Path, database: Path) -> bool:
    """Tell whether this is all that a daemon saved when its files were taken away; none has run since."""
    known = incident(database)
    return known is not None and known.saved == os.fspath(source.resolve())


def _check_schema(source: Path) -> None:
    if not source.is_file():
        raise BadDatabase(f"there is no backup at {source}; name one of the files that `sniperd backup` wrote")
    try:
        with closing(open_for_reading(source)) as connection:
            schema = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise BadDatabase(f"{source} cannot be read as a database ({error}); restore another backup") from error
    if other := other_schema(schema):
        raise BadDatabase(f"{source} was written by {other}; install that version, or restore another backup")


def _give_to_owner(database: Path, fresh: Path) -> None:
    """Let the daemon's user own what root has made, as it owns the directory."""
    owner = database.parent.stat()
    for path in (fresh, database.with_name(f"{database.name}.lock")):
        if path.stat().st_uid != owner.st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)


def _set_aside(database: Path, now_ms: int) -> str | None:
    """Rename the database with what is beside it; together they can be opened, or put back."""
    if not database.exists():
        for suffix in BESIDE:
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        return None
    kept = database.with_name(f"{database.name}.{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now_ms // 1_000))}")
    if kept.exists():
        raise CannotCreate(f"{kept} exists; restore again in a second")
    for suffix in reversed(BESIDE):
        path = database.with_name(database.name + suffix)
        if path.exists():
            path.rename(kept.with_name(kept.name + suffix))
    return str(kept)
