"""completion: in a real bash, a key completes commands, options, choices, and what only the daemon knows."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.cli.client import TIMEOUT_S
from daemon.installing.share import SHELLS, completion_of
from tests.process.cli.command import PAINT, Command
from tests.support import Daemon
from tests.support.command import SNIPERD, Ran
from tests.support.daemon_process import plain_environment
from tests.support.signals import market_buy
from tests.support.waiting import Deadline

PROMPT = "ready> "
SET_UP = (
    "bind 'set bell-style none'",
    """bind -x '"\\C-t": printf "<<%s>>" "$READLINE_LINE"'""",  # says what is on the line
    "source <(sniperd completion bash)",
    "echo lo''aded",
)


def with_shell(directory: Path, environ: dict[str, str]) -> Command:
    """Return the environment of a user whose path has the command."""
    programs = directory / "programs"
    programs.mkdir(exist_ok=True)
    program = programs / "sniperd"
    program.write_text(f'#!/bin/sh\nexec {" ".join(SNIPERD)} "$@"\n')
    program.chmod(0o755)
    path = {"PATH": f"{programs}:{os.environ['PATH']}", "PS1": PROMPT, "HOME": str(directory)}
    return Command(environ | path, directory)


@pytest.fixture
def complete(command: Command) -> Iterator[Callable[[str], str]]:
    """Type the beginning of a command line, then the key, in an interactive bash; return the line that it then has."""
    user = with_shell(command.directory, command.environ)
    with user.terminal(program=("bash", "--norc", "--noprofile", "-i")) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type("; ".join(SET_UP) + "\n")
        terminal.wait_for("loaded\n")

        def typed(line: str) -> str:
            terminal.type(f"{line}\t\x14")
            shown = PAINT.sub("", terminal.wait_for(">>"))
            terminal.type("\x15")  # erases the line
            return shown.partition("<<")[2].partition(">>")[0]

        yield typed


def asked(command: Command, words: str) -> Ran:
    """Ask the command what it offers for the last word, as the script does."""
    given = {"_SNIPERD_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    return command(**given)


def test_bash_completes_commands_options_and_choices(complete: Callable[[str], str]) -> None:
    assert complete("sniperd expl") == "sniperd explain "
    assert complete("sniperd status --js") == "sniperd status --json "
    assert complete("sniperd submit SE") == "sniperd submit SELL "
    assert complete("sniperd orders --state dead") == "sniperd orders --state dead_letter "
    assert complete("sniperd completion zs") == "sniperd completion zsh "


def test_bash_completes_an_order_and_its_pair_from_the_daemon(complete: Callable[[str], str], daemon: Daemon) -> None:
    order = daemon.accept(market_buy(symbol="SOLUSDT"))
    assert complete(f"sniperd explain {order[:-2].lower()}") == f"sniperd explain {order} "
    assert complete("sniperd submit BUY SOL") == "sniperd submit BUY SOLUSDT "
    assert complete("sniperd orders --symbol so") == "sniperd orders --symbol SOLUSDT "


def test_without_a_daemon_nothing_is_offered_and_nothing_is_said(tmp_path: Path) -> None:
    ran = asked(Command(plain_environment(tmp_path), tmp_path), "sniperd explain 01")
    assert (ran.code, ran.output.strip(), ran.errors) == (0, "", "")


def test_a_daemon_that_is_silent_does_not_hold_up_the_shell(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[sockets]\nstatus = "{tmp_path}/status.sock"\n')
    command = Command(plain_environment(tmp_path) | {"SNIPERD_CONFIG": str(config)}, tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/status.sock")
        listener.listen()
        deadline = Deadline(TIMEOUT_S)
        ran = asked(command, "sniperd explain 01")
    assert (ran.code, ran.output.strip(), ran.errors) == (0, "", "")
    assert deadline.left_s() > 0, "it waited as long as any other command"


def test_the_script_is_the_installed_one(command: Command) -> None:
    for shell in SHELLS:
        assert command("completion", shell).output == completion_of(shell) + "\n"
