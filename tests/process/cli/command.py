"""The ``sniperd`` command as a user has it: through pipes, or at a terminal."""

import codecs
import fcntl
import itertools
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.command import SNIPERD, Ran, run, sniperd
from tests.support.waiting import PATIENCE_S, Deadline, eventually

PAINT = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")

_targets = itertools.count(1)


class Command:
    """``sniperd`` in one environment."""

    def __init__(self, environ: dict[str, str], directory: Path) -> None:
        self.environ = environ
        self.directory = directory

    def __call__(self, *words: str | Path, **environ: str) -> Ran:
        """Run it through pipes."""
        return sniperd(*words, environ=self.environ | environ, directory=self.directory)

    def python(self, program: str, *words: str) -> Ran:
        """Run one of the project's programs in the same environment."""
        return run(sys.executable, "-c", program, *words, environ=self.environ, directory=self.directory)

    def submit(self, *words: str) -> Ran:
        """Send a signal for a target that no other signal has."""
        return self("submit", *words, "--target", f"cli-{os.getpid()}-{next(_targets)}")

    def order(self, *words: str) -> str:
        """Send a signal; return its order's id."""
        order_id = self.submit(*words, "--json").json["id"]
        assert isinstance(order_id, str)
        return order_id

    def at_terminal(self, *words: str, columns: int = 80) -> str:
        """Run it at a very wide terminal; return what it shows."""
        with self.terminal(*words, columns=columns) as terminal:
            return terminal.rest()

    @contextmanager
    def terminal(
        self, *words: str, columns: int = 80, rows: int = 50, program: Sequence[str] = SNIPERD
    ) -> Iterator["Terminal"]:
        """Run it, or another program, at a terminal that can be read and typed at; it ends with the context."""
        ours, its = pty.openpty()
        _set_size(its, columns, rows)
        environ = self.environ | {"TERM": "xterm"}
        process = subprocess.Popen(
            ["setsid", "--ctty", *program, *words],  # so that Ctrl-C reaches it
            stdin=its,
            stdout=its,
            stderr=its,
            env=environ,
            cwd=self.directory,
        )
        os.close(its)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            process.wait(PATIENCE_S)
            os.close(ours)


class Terminal:
    """A terminal and the command that runs at it."""

    def __init__(self, process: "subprocess.Popen[bytes]", ours: int) -> None:
        self._process = process
        self._ours = ours
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def resize(self, *, columns: int, rows: int) -> None:
        """Change the size of the terminal's window."""
        _set_size(self._ours, columns, rows)

    def modes(self) -> list[object]:
        """Return the terminal's settings: whether it shows what is typed, and the like."""
        return termios.tcgetattr(self._ours)

    def wait_for(self, text: str) -> str:
        """Wait until a text has been written since the last wait; return what was written, without colours."""
        deadline, shown = Deadline(PATIENCE_S), ""
        while text not in PAINT.sub("", shown):
            ready = select.select([self._ours], [], [], deadline.left_s())[0]
            part = self._read() if ready else ""
            assert part, f"{text!r} did not come, but\n{PAINT.sub('', shown)}"
            shown += part
        return shown

    def rest(self) -> str:
        """Return what is written until the command ends."""
        shown = "".join(iter(self._read, ""))
        self.exit_code()
        return shown

    def interrupt(self) -> int:
        """Press Ctrl-C until the command ends; return its exit code.

        Python notices one that comes between its prompt and its wait for a line only with the next key.
        """
        eventually(self._ends_by_ctrl_c, "the command's end")
        return self.exit_code()

    def _ends_by_ctrl_c(self) -> bool:
        self.type("\x03")
        return self._process.poll() is not None

    def exit_code(self) -> int:
        """Wait for the command's end; return its exit code."""
        return self._process.wait(PATIENCE_S)

    def _read(self) -> str:
        """Read the output; nothing once no process writes any more."""
        try:
            return self._decoder.decode(os.read(self._ours, 65_536)).replace("\r\n", "\n")
        except OSError:  # how Linux tells the end of a terminal
            return ""


def _set_size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
