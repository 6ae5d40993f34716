"""The ``sniperd`` command as a user has it: through pipes, or at a terminal."""

import fcntl
import itertools
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

from tests.processes.command import SNIPERD, Ran, run, sniperd
from tests.processes.waiting import PATIENCE_S

_targets = itertools.count(1)


class Command:
    """``sniperd`` in some environment."""

    def __init__(self, environ: dict[str, str], directory: Path) -> None:
        self.environ = environ
        self.directory = directory

    def __call__(self, *words: str | Path, **environ: str) -> Ran:
        """Run it through pipes."""
        return sniperd(*words, environ=self.environ | environ, directory=self.directory)

    def python(self, program: str, *words: str) -> Ran:
        """Run a program of ours in the same environment."""
        return run(sys.executable, "-c", program, *words, environ=self.environ, directory=self.directory)

    def submit(self, *words: str) -> Ran:
        """Send a signal of a target that no other has."""
        return self("submit", *words, "--target", f"cli-{os.getpid()}-{next(_targets)}")

    def order(self, *words: str) -> str:
        """Send a signal; return its order's id."""
        order_id = self.submit(*words, "--json").json["id"]
        assert isinstance(order_id, str)
        return order_id

    def at_terminal(self, *words: str, columns: int = 80) -> str:
        """Run it at a terminal so wide; return what stands there."""
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        environ = self.environ | {"TERM": "xterm"}
        with subprocess.Popen(
            [*SNIPERD, *words], stdin=its, stdout=its, stderr=its, env=environ, cwd=self.directory
        ) as process:
            os.close(its)
            shown = b"".join(iter(lambda: _read(ours), b""))
            process.wait(PATIENCE_S)
        os.close(ours)
        return shown.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    """Read what comes; nothing once nobody writes any more."""
    try:
        return os.read(terminal, 65_536)
    except OSError:  # how Linux tells the end of a terminal
        return b""
