"""The database's files: instance locks, checks that the open files are still in place, and remains of a database.

A path is not a file. If the database, its WAL (``-wal``) or the WAL's index (``-shm``) is deleted, a daemon that has it
open still reads and writes it, but what it commits from then on is lost when the process ends. So the daemon remembers
the device and inode of each file that it opened, and compares them before each group commit and once a second.

Two locks (``flock``) exclude a second process. The lock on the file ``….lock`` covers the time in which there is no
database yet, or a restore replaces it. The other lock is on the database itself, so that deleting ``….lock`` admits no
second process. SQLite's own locks are POSIX locks, and a process loses those when it closes *any* descriptor of the
file: the descriptor that is held here is opened before SQLite's and closed after them.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from daemon.errors import AlreadyRunning, BadDatabase, CannotCreate, NotNow

PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR})
"""System errors that can pass without a change of permissions or paths."""

LISTED = 3
"""The number of remaining files that an error names."""

Identity = tuple[int, int] | None
"""Device and inode; ``None`` if there is no such file."""


class Incident(msgspec.Struct, frozen=True):
    """What happened to the files of a running daemon. While its record exists, no daemon starts."""

    text: str  # what happened, and what to do
    saved: str | None = None  # the complete copy, if one could be made


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to a database."""
    return path.with_name(path.name + suffix)


def real(path: Path) -> Path:
    """Resolve symbolic links: the files that belong to a database are beside it, not beside a link to it."""
    return path.resolve()


def restoring(path: Path) -> Path:
    """Return the file that exists beside a database while a restore runs."""
    return beside(path, ".restoring")


def incident_file(path: Path) -> Path:
    """Return the file that records an incident."""
    return beside(path, ".incident")


def incident(path: Path) -> Incident | None:
    """Read the recorded incident, if there is one."""
    file = incident_file(path)
    try:
        return msgspec.json.decode(file.read_bytes(), type=Incident)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return Incident(f"{file} cannot be read; compare the database with the exchange")


class InstanceLock:
    """The locks that exclude a second process."""

    def __init__(self, path: Path) -> None:
        self._database = path
        self._path = beside(path, ".lock")
        self._file = -1
        self._on_database = -1

    def take(self) -> None:
        """Take the lock beside the database, and the one on the database if there is one."""
        self._database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = self._opened()
        if self._database.exists():
            self.take_database(os.O_RDONLY)

    def take_database(self, flags: int) -> None:
        """Take the lock on the database itself, unless it is held."""
        if self._on_database < 0:
            self._on_database = self._locked(os.open(self._database, flags | os.O_CLOEXEC, 0o600))

    def write_pid(self) -> None:
        """Write the process id into the lock file, which from then on shows that there is a database."""
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def renew(self) -> bool:
        """Create the lock file again if it was deleted or replaced; return whether it was."""
        if identity(self._path) == _identity_of(os.fstat(self._file)):
            return False
        try:
            fresh = self._opened()
        except (OSError, AlreadyRunning, CannotCreate):
            return False  # held by a process that is being refused: the next call retries
        os.close(self._file)
        self._file = fresh
        self.write_pid()
        return True

    def close(self) -> None:
        """Release both locks."""
        for descriptor in (self._file, self._on_database):
            if descriptor >= 0:
                os.close(descriptor)

    def _opened(self) -> int:
        try:
            return self._locked(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise CannotCreate(f"{self._path} is a symbolic link; allowed: a file; remove the link") from error

    def _locked(self, descriptor: int) -> int:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning(
                f"another sniperd (pid {self._holder()}) uses {self._database}; stop it first, or set another "
                "[store] path"
            ) from None
        return descriptor

    def _holder(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8", errors="replace")[:32].strip() or "unknown"
        except OSError:
            return "unknown"


@contextmanager
def instance_lock(path: Path) -> Iterator[InstanceLock]:
    """Hold the database for this process; the file beside it names the holder.

    Raises:
        AlreadyRunning: another process holds it.
        CannotCreate: the directory cannot be made or written.
        NotNow: the disk is full.

    """
    lock = InstanceLock(path)
    try:
        with cannot(
            f"write in {path.parent}", "make it a directory with space that this user may write, or set [store] path"
        ):
            lock.take()
        yield lock
    finally:
        lock.close()


@contextmanager
def cannot(what: str, remedy: str) -> Iterator[None]:
    """Turn a system error into one of this project: one that can pass, or one that the operator must fix."""
    try:
        yield
    except OSError as error:
        kind = NotNow if error.errno in PASSING else CannotCreate
        raise kind(f"cannot {what}: {error.strerror}; {remedy}") from error


def make_file(path: Path, lock: InstanceLock, *, is_copy: bool = False) -> None:
    """Create the database file with mode 0600; SQLite gives the files beside it the same mode.

    ``is_copy``: see :func:`refuse_remains`.

    Raises:
        AlreadyRunning: another process holds it.
        BadDatabase: there was a database here, and it is missing or incomplete: the operator must act first.
        CannotCreate: it cannot be made or opened.
        NotNow: the disk is full.

    """
    refuse_remains(path, is_copy=is_copy)
    with cannot(f"open {path}", "check its permissions and the space on its disk, or set [store] path"):
        lock.take_database(os.O_RDWR | os.O_CREAT)


def refuse_remains(path: Path, *, is_copy: bool = False) -> None:
    """Refuse to start with an empty or incomplete database where there was another one.

    A fleet's log has what a copy of it had (``is_copy``). Only SQLite's own files must not meet another database.

    Raises:
        BadDatabase: says what is there and what to do.

    """
    known = incident(path)
    if known is not None:
        raise BadDatabase(f"{known.text}. No daemon starts while {incident_file(path)} exists")
    if restoring(path).exists():
        raise BadDatabase(f"a restore of {path} was interrupted; run `sniperd restore` again")
    remains = remains_of(path, is_copy=is_copy)
    if remains and is_copy:
        raise BadDatabase(
            f"there is no database at {path}, but {remains} shows that there was one; move that away, too: the daemon "
            "then begins with a copy of the fleet's log"
        )
    if remains:
        raise BadDatabase(
            f"there is no database at {path}, but {remains} shows that there was one; put it back, or run "
            "`sniperd restore BACKUP`. To start with an empty database on purpose, move these files away first: "
            "signals that were bought before are then bought again"
        )


def remains_of(path: Path, *, is_copy: bool) -> str:
    """Name the files that show that there was a database, if there is none or an empty file; of a copy, its parts."""
    if path.exists() and path.stat().st_size:
        return ""
    parts = [beside(path, "-wal"), beside(path, "-shm")]
    ours = [] if is_copy else [beside(path, ".lock")]
    books = [] if is_copy else [path.with_name(name) for name in ("paper-exchange.db", "shadow-exchange.db")]
    found = [file for file in (*ours, *parts, *books) if file.exists() and file.stat().st_size]
    if is_copy:
        return ", ".join(map(str, found))
    found += sorted(path.parent.glob(f"{path.name}.[0-9s]*"))  # kept by a restore, or saved
    found += sorted([*path.parent.glob("sniperd-*Z.db"), *path.parent.glob("backups/sniperd-*Z.db")], reverse=True)
    more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return ", ".join(str(file) for file in found[:LISTED]) + more


def identity(path: Path) -> Identity:
    """Return the identity of the file at a path."""
    try:
        return _identity_of(path.stat())
    except OSError:
        return None


def _identity_of(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino


def file_check(path: Path, log_bytes: int) -> Callable[[], str | None]:
    """Remember the files that are open now; return a function that checks them.

    That function returns what is wrong, or ``None``. It costs three calls of ``stat``. ``log_bytes`` is the size below
    which SQLite never truncates the WAL.
    """
    files = [path, beside(path, "-wal"), beside(path, "-shm")]
    least = min(files[1].stat().st_size, log_bytes)
    known = [(os.fspath(file), identity(file)) for file in files]
    log = known[1][0]
    stat = os.stat

    def find_problem() -> str | None:
        for name, opened in known:
            try:
                found = stat(name)
            except OSError as error:
                return f"{name} was deleted" if error.errno == errno.ENOENT else f"{name}: {error.strerror}"
            if (found.st_dev, found.st_ino) != opened:
                return f"{name} was replaced by another file"
            if name is log and found.st_size < least:
                return f"{name} was truncated"
        return None

    return find_problem
