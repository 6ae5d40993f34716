"""Backups in a directory: each is named by its time, and only the newest ones are kept."""

import re
import time
from pathlib import Path

from daemon.errors import CannotCreate
from daemon.store.backup import BackedUp, backup

_NAME = re.compile(r"sniperd-\d{8}T\d{6}\.\d{3}Z\.db")


def backup_into(directory: Path, source: Path, *, keep: int, now_ms: int) -> BackedUp:
    """Copy the database into a directory, then remove all but the newest ``keep`` copies.

    Old copies are removed only after the new one has been checked and is on disk, so a damaged database never costs a
    good copy. Files with other names are never removed.

    Raises:
        BadDatabase: there is no database, or the copy failed its check.
        CannotCreate: the directory cannot be written.

    """
    if not directory.is_dir():
        raise CannotCreate(f"{directory} is not a directory; create it, or omit --keep to name a file")
    done = backup(source, directory / _name(now_ms))
    for old in sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))[:-keep]:
        try:
            old.unlink()
        except OSError as error:
            raise CannotCreate(f"cannot remove the old copy {old}: {error.strerror}") from error
    return done


def _name(now_ms: int) -> str:
    return f"sniperd-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now_ms // 1_000))}.{now_ms % 1_000:03d}Z.db"
