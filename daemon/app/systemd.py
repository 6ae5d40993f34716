"""The service manager's side of the process: what it is told, and the sockets that it hands over.

Both are systemd's protocols, a datagram socket named by ``$NOTIFY_SOCKET`` (sd_notify(3)) and open descriptors from 3
on counted by ``$LISTEN_FDS`` (sd_listen_fds(3)), and a few lines each. Without the variables nothing of it happens.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from daemon.errors import BadConfig

FIRST_DESCRIPTOR = 3
SOCKET_NAMES = ("signals", "status")

NAMES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
"""Variables that are meant for this process and for none that it starts."""


class ServiceManager:
    """Who started the process, if it wants to be told how it fares."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None

    @property
    def listens(self) -> bool:
        """Whether there is anybody to tell."""
        return self._address is not None

    def ready(self) -> None:
        """Tell that the process does its work, now or again."""
        self._tell("READY=1")

    def reloading(self, monotonic_us: int) -> None:
        """Tell that the configuration is being read again; :meth:`ready` ends it."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}")

    def stopping(self, *, within_s: int | None = None) -> None:
        """Tell that the process is on its way to its end; and how long that may take, where it is more than usual."""
        extended = [] if within_s is None else [f"EXTEND_TIMEOUT_USEC={within_s * 1_000_000}"]
        self._tell("STOPPING=1", *extended)

    def alive(self) -> None:
        """Feed the watchdog."""
        self._tell("WATCHDOG=1")

    def status(self, line: str) -> None:
        """Tell in one line how the process stands."""
        self._tell("STATUS=" + " ".join(line.split()))

    def _tell(self, *words: str) -> None:
        """Send a message. One that cannot be sent is left out: trading does not end because nobody listens."""
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.sendto("\n".join(words).encode(), self._address)
        except OSError:
            return

    def close(self) -> None:
        """Tell nothing any more."""
        self._address = None
        if self._socket is not None:
            self._socket.close()


def watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Return how soon, again and again, the service manager wants to hear that the process is alive."""
    given = environ.get("WATCHDOG_USEC", "")
    if not given.isdecimal() or not int(given) or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(given) / 1_000_000


def given_sockets(environ: Mapping[str, str], pid: int) -> dict[str, socket.socket]:
    """Take the listening sockets that the service manager hands over, by name: ``signals`` and ``status``.

    A socket's name is the one in ``$LISTEN_FDNAMES``, or, since systemd names all sockets of a unit alike, the file's.

    Raises:
        BadConfig: one of them is none of ours.

    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdecimal():
        return {}
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    given: dict[str, socket.socket] = {}
    for index in range(int(count)):
        listener = socket.socket(fileno=FIRST_DESCRIPTOR + index)
        listener.set_inheritable(False)
        name = _name(listener, names[index] if index < len(names) else "")
        if name in given:
            raise BadConfig(f"the service manager hands over two sockets for {name}; see systemd/sniperd.socket")
        given[name] = listener
    return given


def without(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for processes that are none of the service manager's business."""
    return {name: value for name, value in environ.items() if name not in NAMES}


def _name(listener: socket.socket, told: str) -> str:
    path = listener.getsockname() if listener.family == socket.AF_UNIX else ""
    name = told if told in SOCKET_NAMES else Path(os.fsdecode(path)).name.removesuffix(".sock")
    if name not in SOCKET_NAMES or not isinstance(path, str) or not path.startswith("/"):
        raise BadConfig(
            f"the service manager hands over a socket {told!r} at {listener.getsockname()!r}; allowed: Unix sockets "
            "called signals and status (FileDescriptorName=, or signals.sock and status.sock)"
        )
    return name


def _address(given: str) -> str | None:
    """Return where to send; ``@`` begins an abstract name."""
    if given.startswith("@"):
        return "\0" + given[1:]
    return given if given.startswith("/") else None
