"""Listening sockets: bound with the right owner and mode, removed at the end."""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import AlreadyRunning, CannotCreate

MODE = 0o660
MAX_PATH = 107
"""The longest path of a Unix socket, in bytes (Linux)."""


@contextmanager
def unix_listener(path: Path) -> Iterator[socket.socket]:
    """Bind a socket that only its owner and group can open, and remove it at the end.

    Raises:
        AlreadyRunning: another process answers on it.
        CannotCreate: it cannot be made.

    """
    if len(os.fsencode(path)) > MAX_PATH:
        raise CannotCreate(f"the socket's path is longer than {MAX_PATH} bytes: {path}; set [sockets] to a shorter one")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _clear(path)
        mask = os.umask(0o777 & ~MODE)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(mask)
    except OSError as error:
        listener.close()
        raise CannotCreate(
            f"cannot make the socket {path}: {error.strerror}; make its directory writable, or set [sockets]"
        ) from error
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    inode = path.stat().st_ino
    try:
        yield listener
    finally:
        listener.close()
        if path.exists() and path.stat().st_ino == inode:
            path.unlink()


@contextmanager
def given_listener(listener: socket.socket) -> Iterator[socket.socket]:
    """Use a socket that the service manager made and keeps: clients wait in it while the daemon restarts."""
    with listener:
        listener.setblocking(False)
        yield listener


@contextmanager
def tcp_listener(host: str, port: int) -> Iterator[socket.socket]:
    """Bind a port; 0 is any free port.

    Raises:
        AlreadyRunning: the port is taken.
        CannotCreate: it cannot be bound.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            kind = AlreadyRunning if error.errno == errno.EADDRINUSE else CannotCreate
            raise kind(
                f"cannot listen on {host}:{port}: {error.strerror}; set [http] listen to another port"
            ) from error
        listener.setblocking(False)
        yield listener


def _clear(path: Path) -> None:
    """Remove a socket that no process uses; keep one that answers."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise CannotCreate(f"{path} exists and is no socket; move it away, or set [sockets] to another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex(os.fspath(path)) == 0:
            raise AlreadyRunning(f"another process answers on {path}; stop it first, or set [sockets] to another path")
    path.unlink()
