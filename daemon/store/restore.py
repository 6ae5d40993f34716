"""Replaces the database by a backup, and keeps the former database beside it."""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from daemon.errors import BadDatabase, CannotCreate
from daemon.store.backup import BackedUp, backup, sync
from daemon.store.files import cannot, incident, incident_file, instance_lock, real, restoring
from daemon.store.opening import UNREADABLE, open_for_reading, other_schema

BESIDE = ("", "-wal", "-shm")
"""Suffixes of a database's files. SQLite would write a WAL that is left beside another database into that one."""


class Restored(BackedUp, frozen=True, rename="camel"):
    """The restored database, and the one that it replaced."""

    kept: str | None  # the former database
    halted: bool  # whether the next start is halted; False if the backup is a complete rescue


def restore(source: Path, database: Path, *, now_ms: int) -> Restored:
    """Make a checked copy of a backup the database. A daemon that starts from it is halted until the operator resumes.

    A copy that a daemon rescued when its files were deleted is complete, so the next start is not halted.

    Raises:
        AlreadyRunning: a daemon uses the database.
        BadDatabase: the backup is missing, damaged, foreign, or newer than this program.
        CannotCreate: the database's directory cannot be written.
        NotNow: the disk is full.

    """
    database = real(database)
    fresh = restoring(database)
    remedy = "restore again as root or the database's owner, with space on the disk"
    with instance_lock(database), cannot(f"put {source} in the place of {database}", remedy):
        fresh.unlink(missing_ok=True)
        _check_schema(source)
        is_complete = _is_complete(source, database)
        done = backup(source, fresh, is_complete=is_complete)
        _give_to_owner(database, fresh)
        kept = _keep_former(database, now_ms)
        fresh.replace(database)
        incident_file(database).unlink(missing_ok=True)
        sync(database.parent, os.O_DIRECTORY)
    return Restored(str(database), done.bytes, done.orders, done.schema, kept, halted=not is_complete)


def _is_complete(source: Path, database: Path) -> bool:
    """Return whether the source is the daemon's own rescue of this database; no daemon has run since."""
    known = incident(database)
    return known is not None and known.saved == os.fspath(source.resolve())


def _check_schema(source: Path) -> None:
    if not source.is_file():
        raise BadDatabase(f"there is no backup at {source}; name one of the files that `sniperd backup` wrote")
    try:
        with closing(open_for_reading(source)) as connection:
            schema = connection.execute("PRAGMA user_version").fetchone()[0]
    except (*UNREADABLE, sqlite3.Error) as error:
        raise BadDatabase(f"{source} cannot be read as a database ({error}); restore another backup") from error
    if other := other_schema(schema):
        raise BadDatabase(f"{source} was written by {other}; install that version, or restore another backup")


def _give_to_owner(database: Path, fresh: Path) -> None:
    """Give files that root created to the owner of the directory, who is the daemon's user."""
    owner = database.parent.stat()
    for path in (fresh, database.with_name(f"{database.name}.lock")):
        if path.stat().st_uid != owner.st_uid:
            os.chown(path, owner.st_uid, owner.st_gid)


def _keep_former(database: Path, now_ms: int) -> str | None:
    """Rename the database together with its WAL, so that it can be opened or put back; return its new path."""
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
