"""Writes new files so that each exists whole or not at all, and none replaces another by accident."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from daemon.errors import CannotCreate

DIRECTORY_MODE = 0o700


class NewFile(msgspec.Struct, frozen=True):
    """A file to write."""

    path: Path
    content: bytes
    mode: int


def refuse_existing(path: Path) -> None:
    """Refuse a path that is in use.

    Raises:
        CannotCreate: there is something.

    """
    if os.path.lexists(path):
        raise CannotCreate(f"{path} exists, and nothing was written; choose another --config, or replace it by --force")


def write_all(files: Sequence[NewFile], *, replace: bool) -> None:
    """Write all files, or none if one cannot be written.

    With ``replace``, files that exist are replaced one by one; each is whole at every moment.

    Raises:
        CannotCreate: a file exists, or cannot be written.

    """
    staged: list[tuple[Path, Path]] = []
    placed: list[Path] = []
    try:
        for file in files:
            _stage(file, staged)
        for temporary, path in staged:
            if replace:
                temporary.replace(path)
            else:
                refuse_existing(path)
                os.link(temporary, path)  # fails where rename would replace a file that came meanwhile
                placed.append(path)
    except BaseException as error:
        for path in placed:
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotCreate(f"cannot write {error.filename2 or error.filename}: {error.strerror}") from error
        raise
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _stage(file: NewFile, staged: list[tuple[Path, Path]]) -> None:
    """Write a file under another name in its directory; only its owner can read it until its mode is set."""
    file.path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{file.path.name}.", dir=file.path.parent)
    staged.append((Path(name), file.path))
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(file.content)
        stream.flush()
        os.fchmod(descriptor, file.mode)
        os.fsync(descriptor)
