"""strace on a running daemon, so that a chosen system call fails or is the process's last."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import Child, Daemon
from tests.support.stage import Stage
from tests.support.waiting import PATIENCE_S


@contextmanager
def tampered(stage: Stage, daemon: Daemon, call: str, effect: str, *, threads: bool = True) -> Iterator[Path]:
    """Give a system call of the daemon an effect, in strace's words, while the context lasts.

    Yields the file in which strace writes these calls. They are counted per thread; without ``threads`` only those of
    the event loop's thread count.
    """
    notes = stage.subdirectory("strace") / "notes"
    words = ["strace", *(["-f"] if threads else []), "-o", str(notes), "-e", f"trace={call}"]
    words += ["-e", f"inject={call}:{effect}", "-p", str(daemon.process.pid)]
    tracer = stage.child(*words, environ=daemon.environ, directory=daemon.directory)
    try:
        _wait_until_attached(tracer)
        yield notes
    finally:
        tracer.close()  # with -9: it may wait for ever for a thread of a killed process


def through_strace(call: str, effect: str) -> list[str]:
    """Return a command that runs another command as itself, with an effect on one of its system calls."""
    return ["strace", "-D", "-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{effect}"]


def _wait_until_attached(tracer: Child) -> None:
    tracer.errors.wait_for(
        lambda line: True if "attached" in line else None, "strace holds the daemon", timeout_s=PATIENCE_S
    )
