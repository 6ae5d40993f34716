"""Make a verified copy of the database, while the daemon runs or not."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from daemon.core.verbs.restored import COPIED_FACT
from daemon.errors import BadDatabase, CannotCreate
from daemon.store.files import cannot
from daemon.store.opening import open_for_reading
from daemon.store.schema import APPLICATION_ID


class BackedUp(msgspec.Struct, frozen=True, rename="camel"):
    """The copy that was written."""

    path: str
    bytes: int
    orders: int
    schema: int


def backup(source: Path, target: Path, *, is_complete: bool = False) -> BackedUp:
    """Copy the database to a temporary name, check the copy, then rename it.

    The copy is a consistent snapshot, also while the daemon writes. It holds no secrets: none are ever stored. It is
    marked as a copy, so that a daemon that starts from it takes precautions (:mod:`daemon.core.verbs.restored`). A copy
    that ``is_complete`` is not marked: it is the last state of a database that no daemon has used since.

    Raises:
        BadDatabase: there is no database, or the copy failed its check; the target was not written.
        CannotCreate: the target cannot be written, or exists.
        NotNow: the disk is full.

    """
    if not source.is_file():
        raise BadDatabase(
            f"there is no database at {source}; name it with --database, or the configuration with --config"
        )
    if target.exists() or target.is_symlink():
        raise CannotCreate(f"{target} exists; name a file that does not")
    partial = target.with_name(target.name + ".partial")
    try:
        with cannot(f"write {target}", "name a directory with space that this user may write"):
            partial.unlink(missing_ok=True)  # left by an interrupted copy
            create(partial)
            done = _copy(source, partial, target, is_complete=is_complete)
            partial.replace(target)
            sync(target.parent, os.O_DIRECTORY)
    except sqlite3.Error as error:
        raise BadDatabase(f"{source} could not be copied: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return done


def create(path: Path) -> None:
    """Create a file with mode 0600. An existing file or symbolic link is neither used nor followed.

    Raises:
        OSError: the path exists, or the file cannot be created.

    """
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def _copy(source: Path, partial: Path, target: Path, *, is_complete: bool) -> BackedUp:
    with closing(open_for_reading(source)) as original, closing(sqlite3.connect(partial)) as copy:
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        application = copy.execute("PRAGMA application_id").fetchone()[0]
        if application == APPLICATION_ID and not is_complete:
            _mark(copy)
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok" or application != APPLICATION_ID:
            raise BadDatabase(f"the copy of {source} failed its check ({found}); {target} was not written")
        orders = copy.execute("SELECT count(*) FROM orders").fetchone()[0]
        schema = copy.execute("PRAGMA user_version").fetchone()[0]
    sync(partial)
    return BackedUp(str(target), partial.stat().st_size, orders, schema)


def _mark(copy: sqlite3.Connection) -> None:
    """Record in a copy the instant up to which it is complete. A copy of a copy keeps the mark that it has."""
    with copy:
        copy.execute(
            "INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value = ''",
            (COPIED_FACT, complete_until(copy)),
        )


def complete_until(connection: sqlite3.Connection) -> str:
    """Return the instant of a database's last event, in ISO 8601: what happened later is not in it."""
    query = (
        "SELECT strftime('%Y-%m-%dT%H:%M:%fZ',"
        " coalesce((SELECT at_ms FROM events ORDER BY event_id DESC LIMIT 1), 0) / 1000.0, 'unixepoch')"
    )
    return str(connection.execute(query).fetchone()[0])


def sync(path: Path, flags: int = 0) -> None:
    """Flush a file's content, or a directory's names, to disk."""
    descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
