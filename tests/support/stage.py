"""The stage of a test: starts its processes, and ends all of them."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.child import Child
from tests.support.daemon_process import KEYS, Daemon, Keys, Tables, plain_environment
from tests.support.exchange_process import Exchange
from tests.support.scratch import scratch

GROUP_MAY_PASS = 0o750


class Stage:
    """Starts processes, each in its own directory, and ends all of them."""

    def __init__(self, directory: Path, ends: ExitStack) -> None:
        self.directory = directory
        self.daemons: list[Daemon] = []
        self._ends = ends

    def exchange(self, *arguments: str, keys: Keys = KEYS, is_limited: bool = False) -> Exchange:
        """Start an exchange; with ``is_limited``, it has MEXC's limits."""
        directory = self.subdirectory("exchange")
        environ = plain_environment(directory) | keys.environ()
        exchange = Exchange(directory, *arguments, environ=environ, is_limited=is_limited)
        self._ends.callback(exchange.close)
        exchange.start()
        return exchange

    def daemon(self, exchange: Exchange | None, config: Tables | None = None, *, keys: Keys = KEYS) -> Daemon:
        """Make a daemon that trades on an exchange, or on paper, without starting it."""
        url = None if exchange is None else exchange.url
        daemon = Daemon(self.subdirectory("daemon"), url=url, config=config, keys=keys)
        self._ends.callback(daemon.close)
        self.daemons.append(daemon)
        return daemon

    def child(self, *command: str | Path, environ: dict[str, str], directory: Path) -> Child:
        """Start any process."""
        child = Child(command, environ=environ, directory=directory)
        self._ends.callback(child.close)
        return child

    def subdirectory(self, name: str) -> Path:
        """Make a new directory."""
        directory = self.directory / f"{name}-{len(list(self.directory.iterdir()))}"
        directory.mkdir()
        directory.chmod(GROUP_MAY_PASS)
        return directory


@contextmanager
def stage() -> Iterator[Stage]:
    """Create a stage. Its path is short, as a Unix socket's path must be, and accessible to root's group."""
    directory = Path(tempfile.mkdtemp(prefix="sd-", dir=scratch()))
    directory.chmod(GROUP_MAY_PASS)
    try:
        with ExitStack() as ends:
            yield Stage(directory, ends)
    finally:
        shutil.rmtree(
            directory, ignore_errors=True
        )  # a killed daemon's paper exchange ends, and removes files, by itself
