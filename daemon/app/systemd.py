"""The protocols of systemd: notifications to it, and the sockets that it passes.

Notifications go to the datagram socket ``$NOTIFY_SOCKET`` (sd_notify(3)). The sockets are open descriptors from 3
on; ``$LISTEN_FDS`` is their number (sd_listen_fds(3)). Without the variables nothing happens.
"""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

from daemon.errors import BadConfig

FIRST_DESCRIPTOR = 3
SOCKET_NAMES = ("signals", "status")

NAMES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES")
"""Variables for this process only; child processes do not get them."""


class ServiceManager:
    """Sends notifications to systemd, if it started the process and wants them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None

    @property
    def listens(self) -> bool:
        """Return whether systemd wants notifications."""
        return self._address is not None

    def ready(self) -> None:
        """Report that the process is ready, after the start or a reload."""
        self._notify("READY=1")

    def reloading(self, monotonic_us: int) -> None:
        """Report that the configuration is being reloaded; :meth:`ready` ends it."""
        self._notify("RELOADING=1", f"MONOTONIC_USEC={monotonic_us}")

    def stopping(self, *, within_s: int | None = None) -> None:
        """Report that the process is stopping, and how long that may take if it is longer than usual."""
        extended = [] if within_s is None else [f"EXTEND_TIMEOUT_USEC={within_s * 1_000_000}"]
        self._notify("STOPPING=1", *extended)

    def alive(self) -> None:
        """Reset the watchdog."""
        self._notify("WATCHDOG=1")

    def status(self, line: str) -> None:
        """Report the state of the process in one line."""
        self._notify("STATUS=" + " ".join(line.split()))

    def _notify(self, *words: str) -> None:
        """Send a message. Ignore errors: trading must not stop because a notification fails."""
        if self._address is None:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._socket.sendto("\n".join(words).encode(), self._address)
        except OSError:
            return

    def close(self) -> None:
        """Stop sending notifications."""
        self._address = None
        if self._socket is not None:
            self._socket.close()


def watchdog_s(environ: Mapping[str, str], pid: int) -> float | None:
    """Return the watchdog's timeout in seconds; ``None`` if it is off."""
    given = environ.get("WATCHDOG_USEC", "")
    if not given.isdecimal() or not int(given) or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return int(given) / 1_000_000


def given_sockets(environ: Mapping[str, str], pid: int) -> dict[str, socket.socket]:
    """Return the listening sockets from systemd, by name: ``signals`` and ``status``.

    The name is the one in ``$LISTEN_FDNAMES``, else the file's: systemd gives all sockets of a unit the same name.

    Raises:
        BadConfig: a socket is unknown.

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
    """Return the environment for child processes: without systemd's variables."""
    return {name: value for name, value in environ.items() if name not in NAMES}


def _name(listener: socket.socket, label: str) -> str:
    path = listener.getsockname() if listener.family == socket.AF_UNIX else ""
    name = label if label in SOCKET_NAMES else Path(os.fsdecode(path)).name.removesuffix(".sock")
    if name not in SOCKET_NAMES or not isinstance(path, str) or not path.startswith("/"):
        raise BadConfig(
            f"the service manager hands over a socket {label!r} at {listener.getsockname()!r}; allowed: Unix sockets "
            "called signals and status (FileDescriptorName=, or signals.sock and status.sock)"
        )
    return name


def _address(given: str) -> str | None:
    """Return the address to send to; ``@`` begins an abstract name."""
    if given.startswith("@"):
        return "\0" + given[1:]
    return given if given.startswith("/") else None
