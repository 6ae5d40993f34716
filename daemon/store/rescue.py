"""Rescue: save the content of a database whose files were deleted or replaced under the running daemon.

The process still has the files open, and so everything that it acknowledged. Before it ends it copies the content to a
new file beside the former database, and records the incident there. No daemon starts until the operator has acted: it
would start with an empty or older database and buy again what was bought.
"""

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType

import msgspec

from daemon.clock import wall_ms
from daemon.errors import DatabaseGone
from daemon.store.backup import create, sync
from daemon.store.connection import ConnectionRunner, EmitName
from daemon.store.files import Incident, beside, incident_file


async def rescue(
    write: ConnectionRunner,
    path: Path,
    emit: EmitName,
    _kind: type[BaseException] | None,
    error: BaseException | None,
    _trace: TracebackType | None,
) -> None:
    """Save what can be saved, if the store ends because its files were deleted or replaced.

    Raises:
        DatabaseGone: what happened, where the content was saved, and what to do.

    """
    gone = _gone(error)
    if gone is None:
        return
    emit("store.gone")
    kept = await write.in_thread(lambda connection: _save(connection, path, str(gone)))
    raise DatabaseGone(kept.text) from gone


def _gone(error: BaseException | None) -> DatabaseGone | None:
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := _gone(each)) is not None), None)
    return error if isinstance(error, DatabaseGone) else None


def _save(connection: sqlite3.Connection, path: Path, what: str) -> Incident:
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(wall_ms() // 1_000))
    happened = f"{what} while the daemon used it (process {os.getpid()}, {at})"
    saved = beside(path, f".saved-{at}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copy(connection, saved)
        kept = Incident(
            f"{happened}; everything that the daemon acknowledged was saved to {saved}: run "
            f"`sniperd restore {saved}`, then start again",
            str(saved),
        )
    except (OSError, sqlite3.Error) as error:
        saved.unlink(missing_ok=True)
        kept = Incident(
            f"{happened}, and its content could not be saved ({error}): run `sniperd restore` with the last backup, "
            "and compare the orders since then with the exchange"
        )
    _note(path, kept)
    return kept


def _copy(connection: sqlite3.Connection, saved: Path) -> None:
    create(saved)
    with closing(sqlite3.connect(saved)) as copy:
        connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != "ok":
            raise sqlite3.DatabaseError(found)
    sync(saved)


def _note(path: Path, kept: Incident) -> None:
    """Record the incident beside the database. If that fails, only the log shows it."""
    file = incident_file(path)
    try:
        file.unlink(missing_ok=True)
        create(file)
        file.write_bytes(msgspec.json.encode(kept))
        sync(file)
        sync(path.parent, os.O_DIRECTORY)
    except OSError:
        return
