"""Output that cannot be written: one line, an exit code, no traceback."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon
from tests.support.command import SNIPERD
from tests.support.signals import market_buy

IO_ERROR, READER_GONE, WRONG_USAGE = 74, 141, 2
PRINTING = [
    ["status"],
    ["status", "--json"],
    ["orders"],
    ["locks"],
    ["alerts"],
    ["doctor"],
    ["config", "check"],
    ["submit", "BUY", "BTCUSDT", "--quote", "25", "--allow-repeat"],
    ["halt", "--help"],
    ["--help"],
    ["--version"],
]


def run_into(command: Command, words: Sequence[str], output: IO[bytes], **environ: str) -> tuple[int, str]:
    """Run a command whose output cannot be written; return its exit code and what it says."""
    ran = subprocess.run(
        [*SNIPERD, *words],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        env=command.environ | environ,
        cwd=command.directory,
        timeout=30,
        check=False,
    )
    return ran.returncode, ran.stderr


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_a_full_disk_is_reported_in_one_line(command: Command, daemon: Daemon, words: list[str]) -> None:
    assert daemon
    with Path("/dev/full").open("wb") as full:
        code, said = run_into(command, words, full)
    assert (code, said) == (IO_ERROR, "Error: the output could not be written: No space left on device\n")


def test_a_full_disk_is_reported_in_one_line_without_buffering(command: Command, daemon: Daemon) -> None:
    assert daemon
    with Path("/dev/full").open("wb") as full:
        code, said = run_into(command, ["status"], full, PYTHONUNBUFFERED="1")
    assert (code, said) == (IO_ERROR, "Error: the output could not be written: No space left on device\n")


def test_a_full_disk_is_reported_by_explain_too(command: Command, daemon: Daemon) -> None:
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    with Path("/dev/full").open("wb") as full:
        assert run_into(command, ["explain", order_id], full)[0] == IO_ERROR


@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
def test_a_command_whose_reader_has_ended_ends_silently(
    command: Command, daemon: Daemon, words: list[str], unbuffered: str
) -> None:
    """As other programs do: ``sniperd orders | head -1`` prints one line, and no error."""
    assert daemon
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        assert run_into(command, words, pipe, PYTHONUNBUFFERED=unbuffered) == (READER_GONE, "")


def test_top_without_a_terminal_refuses_in_one_line(command: Command, daemon: Daemon) -> None:
    assert daemon
    ran = command("top")
    assert (ran.code, ran.output) == (WRONG_USAGE, "")
    assert ran.errors.startswith("Error: top needs a terminal; ")
    assert ran.errors.count("\n") == 1
