"""The service manager as a process meets it: a socket to be told on, and sockets that it hands over."""

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


class Told:
    """What a process tells the service manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def next(self, timeout_s: float = PATIENCE_S) -> str:
        """Wait for the next message."""
        self._socket.settimeout(timeout_s)
        return self._socket.recv(65_536).decode()

    def wait_for(self, beginning: str) -> str:
        """Wait for a message that begins so; return it."""
        deadline, seen = Deadline(PATIENCE_S), list[str]()
        while deadline.left_s():
            try:
                seen.append(self.next(deadline.left_s()))
            except TimeoutError:
                break
            if seen[-1].startswith(beginning):
                return seen[-1]
        raise AssertionError(f"not told {beginning}, but {seen}")

    def forget(self) -> None:
        """Drop what has been told so far."""
        self._socket.setblocking(False)
        try:
            while True:
                self._socket.recv(65_536)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


class ServiceManager:
    """Starts a daemon as systemd would."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self.told = Told(daemon.directory / "notify.sock")
        daemon.environ["NOTIFY_SOCKET"] = str(self.told.path)
        self._listeners: list[socket.socket] = []

    def hold_sockets(self, *paths: Path) -> None:
        """Make the daemon's sockets, to be handed over to each process."""
        for path in paths:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(str(path))
            listener.listen(128)
            self._listeners.append(listener)
        self.daemon.descriptors = [listener.fileno() for listener in self._listeners]

    def launch(self) -> None:
        """Start a process that is handed the sockets."""
        numbers = map(str, self.daemon.descriptors)
        self.daemon.launch(sys.executable, "-c", _GIVE, str(len(self._listeners)), *numbers)

    def close(self) -> None:
        """Let go of everything."""
        self.told.close()
        for listener in self._listeners:
            listener.close()
