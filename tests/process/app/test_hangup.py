"""A closed terminal: without a configuration file the daemon drains and ends, and leaves no process behind."""

import os
import pty
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGTERM

import pytest

from tests.support import eventually
from tests.support.child import Child
from tests.support.command import SNIPERD, sniperd
from tests.support.daemon_process import plain_environment
from tests.support.stage import Stage
from tests.support.waiting import PATIENCE_S

HEARS_HANGUP = ["env", "--default-signal=HUP"]
"""Sets SIGHUP back: if the tests themselves run under nohup(1), every process of theirs would ignore it."""


@pytest.fixture
def home(own_stage: Stage) -> Path:
    """An empty home."""
    return own_stage.subdirectory("home")


def pid_of_exchange(home: Path) -> int | None:
    """Find the paper exchange's process by the book that it has open."""
    book = str(home / ".local" / "state" / "sniperd" / "paper-exchange.db")
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().split(b"\0")
        except OSError:
            continue
        if book.encode() in words:
            return int(process.parent.name)
    return None


def test_a_closed_terminal_drains_and_ends_it(home: Path) -> None:
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*HEARS_HANGUP, "setsid", "--ctty", *SNIPERD, "run"],
        stdin=its,
        stdout=its,
        stderr=its,
        env=plain_environment(home),
        cwd=home,
    )
    try:
        os.close(its)
        said = b""
        while b"daemon ready" not in said:
            said += os.read(ours, 65_536)
        assert pid_of_exchange(home) is not None
        os.close(ours)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
    eventually(lambda: pid_of_exchange(home) is None, "the paper exchange to end with it")


@contextmanager
def blocked_terminal() -> Iterator[tuple[FileIO, str]]:
    """Make a terminal on which every write blocks, as after Ctrl-S; return the operator's end, and its path."""
    ours, its = pty.openpty()
    termios.tcflow(its, termios.TCOOFF)
    try:
        with FileIO(ours) as operator:
            yield operator, os.ttyname(its)
    finally:
        os.close(its)


@pytest.fixture
def errors_at(own_stage: Stage, home: Path) -> Callable[[str], Child]:
    """Start the daemon with its standard error at a path, and its log at a pipe."""

    def start(path: str) -> Child:
        words = ["sh", "-c", 'errors=$1; shift; exec "$@" 2>"$errors"', "sh", path, *SNIPERD, "run"]
        return own_stage.child(*words, environ=plain_environment(home), directory=home)

    return start


def test_a_blocked_terminal_does_not_block_the_end(errors_at: Callable[[str], Child]) -> None:
    with blocked_terminal() as (_, path):
        daemon = errors_at(path)
        daemon.wait_for("daemon.ready")
        assert daemon.terminate() == 0


def test_a_terminal_closed_during_a_write_does_not_change_the_exit_code(
    errors_at: Callable[[str], Child],
) -> None:
    with blocked_terminal() as (operator, path):
        daemon = errors_at(path)
        daemon.wait_for("daemon.ready")
        daemon.send(SIGTERM)
        daemon.wait_for("daemon.stopped")  # the address of the dashboard is still being written
        operator.close()
        assert daemon.exit_code() == 0


def test_a_second_hangup_does_not_end_it_at_once(own_stage: Stage, home: Path) -> None:
    daemon = own_stage.child(*HEARS_HANGUP, *SNIPERD, "run", environ=plain_environment(home), directory=home)
    daemon.wait_for("daemon.ready")
    daemon.send(SIGHUP)
    daemon.wait_for("daemon.draining")
    if daemon.is_running():
        daemon.send(SIGHUP)
    assert daemon.exit_code() == 0
    assert daemon.events()[-1]["event"] == "daemon.stopped"
    assert daemon.errors.all() == []


def test_a_daemon_under_nohup_outlives_its_terminal(own_stage: Stage, home: Path) -> None:
    command = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *SNIPERD, "run"]  # as nohup(1) does
    daemon = own_stage.child(*command, environ=plain_environment(home), directory=home)
    daemon.wait_for("daemon.ready")
    daemon.send(SIGHUP)
    assert (
        sniperd("submit", "BUY", "BTCUSDT", "--quote", "25", environ=plain_environment(home), directory=home).code == 0
    )
    assert daemon.events("daemon.draining") == []
    assert daemon.terminate() == 0


def test_a_killed_daemon_takes_its_exchange_along(own_stage: Stage, home: Path) -> None:
    daemon = own_stage.child(*SNIPERD, "run", environ=plain_environment(home), directory=home)
    daemon.wait_for("daemon.ready")
    daemon.send(SIGKILL)
    daemon.exit_code()
    eventually(lambda: pid_of_exchange(home) is None, "the paper exchange to end with it")
