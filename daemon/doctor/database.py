"""The database and its disk."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from daemon.clock import read_anchor, wall_ms
from daemon.core.verbs.clock_steps import FAR_MS
from daemon.doctor.findings import Finding, failure, ok, warning
from daemon.errors import BadDatabase
from daemon.store.clock_reset import recorded_ms
from daemon.store.files import real, refuse_remains
from daemon.store.opening import UNREADABLE, check, damaged, open_for_reading, other_schema
from daemon.store.schema import APPLICATION_ID, VERSION

CHECK = "database"
MB = 1_000_000
WAL_MUCH = 64 * MB
"""Twice the size that the daemon allows."""

DISK_LOW, DISK_FULL = 1_000 * MB, 100 * MB


def examine(path: Path, *, is_copy: bool = False) -> Iterator[Finding]:
    """Check the database, without changing it, and its disk. ``is_copy``: it is a fleet's."""
    try:
        yield from _file(path, is_copy=is_copy)
    except (*UNREADABLE, sqlite3.Error, OSError) as error:
        yield _unreadable(path, error)
    yield _disk(path)


def _file(path: Path, *, is_copy: bool) -> Iterator[Finding]:
    path = real(path)
    try:
        refuse_remains(path, is_copy=is_copy)
    except BadDatabase as error:
        yield failure(CHECK, str(error), "do what it says: the next start is refused until then")
        return
    if not path.exists():
        yield ok(CHECK, f"there is none yet at {path}; the first start creates it")
        return
    with closing(open_for_reading(path)) as connection:
        application, version = _number(connection, "application_id"), _number(connection, "user_version")
        if application != APPLICATION_ID:
            yield failure(CHECK, f"{path} is a database of another program", "set another [store] path")
            return
        yield _version(path, version)
        try:
            check(connection, path, decisive=False)
        except BadDatabase as error:
            yield failure(CHECK, str(error), "stop the daemon first")
            return
        ahead_ms = recorded_ms(connection, read_anchor()) - wall_ms()
    yield ok(CHECK, f"{path} is intact, {path.stat().st_size / MB:.1f} MB, SQLite {sqlite3.sqlite_version}")
    yield _recorded(ahead_ms)
    yield _wal(path.with_name(path.name + "-wal"))


def _recorded(ahead_ms: int) -> Finding:
    """Compare the recorded times with the machine's clock: the daemon's clock never starts before them."""
    if ahead_ms > FAR_MS:
        return failure(
            "recorded",
            f"the latest time in the database is {ahead_ms / 1_000:,.0f} s ahead of this machine's clock, and the "
            "daemon's clock continues from there: every recorded time is that much late",
            "if this machine's clock is right (see the line `clock`), stop the daemon and run `sniperd reset-clock`",
        )
    return ok("recorded", "no time in the database is ahead of this machine's clock")


def _version(path: Path, version: int) -> Finding:
    if other := other_schema(version):
        return failure(
            "schema", f"{path} was written by {other}", "start that version, or restore a backup of this version"
        )
    return ok("schema", str(version) if version == VERSION else f"{version}; the next start makes it {VERSION}")


def _wal(path: Path) -> Finding:
    size = path.stat().st_size if path.exists() else 0
    text = f"{size / MB:.1f} MB are not yet copied into the database"
    if size > WAL_MUCH:
        return warning("wal", text, "find the program that keeps the database open for reading")
    return ok("wal", text)


def _unreadable(path: Path, error: Exception) -> Finding:
    if isinstance(error, UNREADABLE) and not isinstance(error, sqlite3.OperationalError):
        return failure(CHECK, str(damaged(path, str(error))), "stop the daemon first")
    return warning(CHECK, f"{path} cannot be read: {error}", "run `sniperd doctor` as root or as the daemon's user")


def _disk(path: Path) -> Finding:
    directory = next((parent for parent in path.absolute().parents if _is_there(parent)), Path("/"))
    free = shutil.disk_usage(directory).free
    text = f"{free / MB:,.0f} MB free at {directory}"
    advice = "free some space: a commit that fails stops the daemon"
    if free < DISK_FULL:
        return failure("disk", text, advice)
    return warning("disk", text, advice) if free < DISK_LOW else ok("disk", text)


def _is_there(directory: Path) -> bool:
    try:
        return directory.exists()
    except PermissionError:
        return False


def _number(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
