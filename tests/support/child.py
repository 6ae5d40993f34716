"""A child process that ends with the test run, and the lines that it writes."""

import json
import os
import select
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, TypeVar

from tests.support.waiting import PATIENCE_S, Deadline

T = TypeVar("T")

_LEASH = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
"""The kernel kills the process when the thread that started it ends; that thread must outlive the test."""

_TAIL = 60


class Lines:
    """The lines of a stream, read by a thread, so that a test can wait for one."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._is_over = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._gather, name="lines", daemon=True)
        self._thread.start()

    def so_far(self) -> list[str]:
        """Return the lines so far."""
        with self._changed:
            return list(self._lines)

    def all(self, timeout_s: float = PATIENCE_S) -> list[str]:
        """Wait for the end of the stream, and return all lines."""
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "the stream did not end"
        return self.so_far()

    def wait_for(self, find: Callable[[str], T | None], what: str, *, since: int = 0, timeout_s: float) -> T:
        """Wait until ``find`` returns a value for a line, starting at line number ``since``; return the value.

        Raises:
            AssertionError: no such line came in time, or the stream ended before.

        """
        deadline, read = Deadline(timeout_s), since
        with self._changed:
            while True:
                while read < len(self._lines):
                    if (found := find(self._lines[read])) is not None:
                        return found
                    read += 1
                tail = "\n".join(self._lines[-_TAIL:])
                assert not self._is_over, f"{what}: the process ended before; it wrote\n{tail}"
                assert deadline.left_s(), f"{what}: not within {timeout_s} s; the process wrote\n{tail}"
                self._changed.wait(deadline.left_s())

    def _gather(self) -> None:
        with self._stream:
            for line in self._stream:
                with self._changed:
                    self._lines.append(line.decode(errors="replace").rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()


class Child:
    """A process that cannot outlive the test run.

    It leads its own process group. It is not reaped before :meth:`close`, so that the group's id cannot be reused and
    the processes that it has started can be ended with it.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environ: Mapping[str, str],
        directory: Path,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.command = [os.fspath(word) for word in command]
        self._process = subprocess.Popen(
            [*_LEASH, *self.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environ),
            cwd=directory,
            start_new_session=True,
            pass_fds=descriptors,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.pid = self._process.pid
        self.output = Lines(self._process.stdout)
        self.errors = Lines(self._process.stderr)
        self._watch = os.pidfd_open(self.pid)

    def wait_for(self, name: str, *, since: int = 0, timeout_s: float = PATIENCE_S, **fields: Any) -> dict[str, Any]:
        """Wait for a log event with these fields."""

        def find(line: str) -> dict[str, Any] | None:
            event = _event(line)
            return event if event.get("event") == name and event.items() >= fields.items() else None

        return self.output.wait_for(find, f"event {name} {fields or ''}", since=since, timeout_s=timeout_s)

    def mark(self) -> int:
        """Return the number of lines: the value of ``since`` that skips them."""
        return len(self.output.so_far())

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the log events so far, or those with one name."""
        events = [_event(line) for line in self.output.so_far()]
        return [event for event in events if event and name in {None, event["event"]}]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        signal.pidfd_send_signal(self._watch, number)

    def kill(self) -> None:
        """Kill this process only, with SIGKILL, and wait until it has ended."""
        self.send(signal.SIGKILL)
        self.exit_code()

    def terminate(self, timeout_s: float = PATIENCE_S) -> int:
        """Send SIGTERM, and return the exit code."""
        self.send(signal.SIGTERM)
        return self.exit_code(timeout_s)

    def is_running(self) -> bool:
        """Return whether it still runs."""
        return not select.select([self._watch], [], [], 0)[0]

    def exit_code(self, timeout_s: float = PATIENCE_S) -> int:
        """Wait for its end, and return its exit code, or the negative number of the signal that ended it.

        Raises:
            AssertionError: it did not end in time.

        """
        ended = bool(select.select([self._watch], [], [], timeout_s)[0])
        assert ended, f"{self.command} still runs after {timeout_s} s; it wrote\n{self.transcript()}"
        found = os.waitid(os.P_PIDFD, self._watch, os.WEXITED | os.WNOWAIT)
        assert found is not None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    def transcript(self) -> str:
        """Return its last output."""
        return "\n".join([*self.output.so_far()[-_TAIL:], *self.errors.so_far()[-_TAIL:]])

    def close(self) -> int:
        """Kill it and the processes that it has started; return its exit code, which can be an earlier one."""
        if self._process.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait(PATIENCE_S)
            self.output.all()
            self.errors.all()
            os.close(self._watch)
        return self._process.returncode


def _event(line: str) -> dict[str, Any]:
    """Parse a line of the log; return an empty dict for any other line."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and "event" in found else {}
