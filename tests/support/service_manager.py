"""The service manager from a process's view: a notification socket, and sockets that it passes to the process."""

import socket
import sys
from pathlib import Path

from tests.support.daemon_process import Daemon
from tests.support.waiting import PATIENCE_S, Deadline

_GIVE = """
import fcntl, os, sys
count, command = int(sys.argv[1]), sys.argv[2:]
copies = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 100) for word in command[:count]]
for number, copy in enumerate(copies, 3):
    os.dup2(copy, number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count)}
os.execvp(command[count], command[count:])
"""


class Notifications:
    """The notifications of a process to the service manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def next(self, timeout_s: float = PATIENCE_S) -> str:
        """Wait for the next message."""
        self._socket.settimeout(timeout_s)
        return self._socket.recv(65_536).decode()

    def wait_for(self, beginning: str) -> str:
        """Wait for a message with this beginning; return it."""
        deadline, seen = Deadline(PATIENCE_S), list[str]()
        while deadline.left_s():
            try:
                seen.append(self.next(deadline.left_s()))
            except TimeoutError:
                break
            if seen[-1].startswith(beginning):
                return seen[-1]
        raise AssertionError(f"no notification {beginning}, but {seen}")

    def forget(self) -> None:
        """Drop the messages so far."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(65_536)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class ServiceManager:
    """Starts a daemon as systemd does."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.notifications = Notifications(daemon.directory / "notify.sock")
        daemon.environ["NOTIFY_SOCKET"] = str(self.notifications.path)
        self._listeners: list[socket.socket] = []

    def create_sockets(self, *paths: Path) -> None:
        """Create the daemon's sockets, which are passed to each process."""
        for path in paths:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(path))
            listener.listen(128)
            self._listeners.append(listener)
        self.daemon.descriptors = [listener.fileno() for listener in self._listeners]

    def launch(self) -> None:
        """Start a process and pass it the sockets."""
        numbers = map(str, self.daemon.descriptors)
        self.daemon.launch(sys.executable, "-c", _GIVE, str(len(self._listeners)), *numbers)

    def close(self) -> None:
        """Close all sockets."""
        self.notifications.close()
        for listener in self._listeners:
            listener.close()
