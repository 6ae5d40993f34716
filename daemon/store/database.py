"""Opening the database: one instance, one writer, a checked file of a known version.

What is set and why: WAL with ``synchronous=FULL`` is the pair that loses nothing that was committed when the power
goes (with ``NORMAL`` it does); the WAL file is grown once, because a commit that extends it takes up to twice
as long as one that overwrites it; checkpoints are made by :mod:`daemon.store.writer`, and the automatic one is only a
bound.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import AlreadyRunning, BadDatabase, CannotCreate
from daemon.store.schema import APPLICATION_ID, MIGRATIONS

WAL_BYTES = 4 << 20
"""Grown to at start. It is also a reserve: on a full disk, outcomes can be written into what is there already."""

AUTOCHECKPOINT_PAGES = 8_000
"""Bound of the WAL, 32 MB, should the writer's own checkpoints not be enough."""


@contextmanager
def instance_lock(path: Path) -> Iterator[None]:
    """Hold the database for this process; the file beside it names the holder.

    Raises:
        AlreadyRunning: another process holds it.
        CannotCreate: the directory cannot be made or written.

    """
    lock_path = path.with_name(path.name + ".lock")
    descriptor = -1
    try:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(
                f"another sniperd (pid {holder}) uses {path}; stop it first, or set another [store] path"
            ) from None
        except OSError as error:
            raise CannotCreate(
                f"cannot write in {path.parent}: {error.strerror}; make it a directory with space that this user "
                "may write, or set [store] path"
            ) from error
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def make_file(path: Path) -> None:
    """Make the database's file, for its owner alone; SQLite gives the files beside it the same mode.

    Raises:
        BadDatabase: a restore was cut off: what stands there, if anything, is neither the old database nor the new one.
        CannotCreate: it cannot be made or opened.

    """
    if restoring(path).exists():
        raise BadDatabase(f"a restore of {path} was cut off; run `sniperd restore` again")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise CannotCreate(
            f"cannot open {path}: {error.strerror}; check its permissions, or set [store] path"
        ) from error


def restoring(path: Path) -> Path:
    """Return the file that stands beside a database from the beginning of a restore to its end."""
    return path.with_name(f"{path.name}.restoring")


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check a freshly opened database, bring it to this program's version, and set it up for writing.

    Raises:
        BadDatabase: corrupt, not ours, or newer than this program.
        CannotCreate: the file cannot be written.

    """
    connection.row_factory = sqlite3.Row
    try:
        version = _check(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {AUTOCHECKPOINT_PAGES}")
        _migrate(connection, version)
        _grow_wal(connection)
    except sqlite3.OperationalError as error:
        raise CannotCreate(
            f"cannot write {path}: {error}; check its permissions and the space on its disk, or set [store] path"
        ) from error
    except sqlite3.DatabaseError as error:
        raise _corrupt(path, str(error)) from error


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the connection that writes; whoever has it sees to it that one thread at a time does."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open a second connection that cannot write, nor checkpoint.

    Two connections that write or checkpoint one WAL can corrupt it in SQLite before 3.51.3; one that only reads cannot.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> int:
    version = int(_pragma(connection, "user_version"))
    application = int(_pragma(connection, "application_id"))
    is_new = version == 0 and application == 0 and not connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    if not is_new and application != APPLICATION_ID:
        raise BadDatabase(f"{path} is a database of another program; set another [store] path")
    if version > len(MIGRATIONS):
        raise BadDatabase(
            f"{path} was written by a newer sniperd (schema {version}; this one knows {len(MIGRATIONS)}); "
            "start that version, or restore a backup of this one's"
        )
    found = _pragma(connection, "quick_check(1)")
    if found != "ok":
        raise _corrupt(path, found)
    return version


def _corrupt(path: Path, found: str) -> BadDatabase:
    return BadDatabase(
        f"{path} is damaged ({found}); keep it, restore the last backup beside it, and compare the orders since "
        "then with the exchange before trading goes on"
    )


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}; PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {number}; COMMIT;"
        )


def _grow_wal(connection: sqlite3.Connection) -> None:
    """Let the WAL file have its working size, then start it from the beginning again.

    What an earlier process left in it is copied back first, or the file would grow beyond that.
    """
    connection.executescript("DROP TABLE IF EXISTS ballast; CREATE TABLE ballast (bytes BLOB) STRICT;")
    connection.executescript("PRAGMA wal_checkpoint(RESTART);")
    connection.execute("INSERT INTO ballast VALUES (zeroblob(?))", (WAL_BYTES,))
    connection.executescript("DROP TABLE ballast; PRAGMA wal_checkpoint(RESTART);")


def _pragma(connection: sqlite3.Connection, name: str) -> str:
    return str(connection.execute(f"PRAGMA {name}").fetchone()[0])
