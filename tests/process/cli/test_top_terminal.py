"""top at a real terminal, against a real daemon."""

import re
import signal
from urllib.parse import quote

import pytest

from tests.process.cli.command import Command
from tests.support import Daemon
from tests.support.signals import market_buy
from tests.support.stage import Stage

INTERRUPTED, NO_DAEMON, USAGE = 130, 69, 2

COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:[34][0-7]|[34]8;[0-9;]+|9[0-7]|10[0-7])m")
RESTORED = ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l")
"""The screen from before, its cursor, and no reports of the mouse."""


@pytest.mark.parametrize(("key", "code"), [("q", 0), ("\x03", INTERRUPTED)])
def test_its_end_leaves_the_terminal_as_it_was(command: Command, key: str, code: int) -> None:
    with command.terminal("top", columns=80, rows=24) as terminal:
        before = terminal.modes()
        terminal.wait_for("ready")
        assert terminal.modes() != before
        terminal.type(key)
        shown = terminal.rest()
        assert terminal.exit_code() == code
        assert terminal.modes() == before
    assert all(each in shown for each in RESTORED), shown


def test_it_reconnects_after_a_restart(own_command: Command, own_daemon: Daemon) -> None:
    with own_command.terminal("top", columns=80, rows=24) as terminal:
        terminal.wait_for("ready")
        own_daemon.kill()
        terminal.wait_for("connection lost")
        own_daemon.start()
        terminal.wait_for("All well")
        terminal.type("q")
        terminal.rest()
        assert terminal.exit_code() == 0


def test_a_daemon_that_does_not_answer_is_shown_and_does_not_delay_the_end(
    own_command: Command, own_daemon: Daemon
) -> None:
    with own_command.terminal("top", columns=80, rows=24) as terminal:
        terminal.wait_for("ready")
        own_daemon.process.send(signal.SIGSTOP)
        terminal.wait_for("no answer for")
        terminal.type("q")
        terminal.rest()
        assert terminal.exit_code() == 0
        own_daemon.process.send(signal.SIGCONT)
        assert own_daemon.get("/healthz")["alive"]


def test_the_kill_switch_is_set(own_command: Command, own_daemon: Daemon) -> None:
    with own_command.terminal("top", columns=80, rows=24) as terminal:
        terminal.wait_for("ready")
        terminal.type("h")
        terminal.wait_for("Halt:")
        terminal.type("hot\r")
        assert own_daemon.wait_for("trading.halted")["reason"] == "hot"
        terminal.wait_for("Trading is halted (hot)")


def test_a_resize_is_followed(command: Command) -> None:
    with command.terminal("top", columns=40, rows=10) as terminal:
        assert "6 events" not in terminal.wait_for("3 orders")
        terminal.resize(columns=80, rows=24)
        terminal.wait_for("6 events")
        terminal.resize(columns=40, rows=10)
        terminal.type("?")
        terminal.wait_for("show or hide")
        terminal.type("?q")
        terminal.rest()
        assert terminal.exit_code() == 0


def test_text_from_outside_sends_no_escape_sequence(command: Command, daemon: Daemon) -> None:
    order_id = daemon.accept(market_buy(executeAt=daemon.get("/v1/status")["nowMs"] + 3_600_000))
    reason = "\x1b]0;owned\x07\x1b[2J"
    assert daemon.ask("DELETE", f"/v1/orders/{order_id}?reason={quote(reason)}").status == 200
    with command.terminal("top", columns=200, rows=50) as terminal:
        shown = terminal.wait_for(r"\x1b]0;owned\x07\x1b[2J")
    assert "\x1b]0;owned" not in shown


def test_no_color_paints_without_colours(command: Command) -> None:
    painted = []
    for environ in ({}, {"NO_COLOR": "1"}):
        with Command(command.environ | environ, command.directory).terminal("top", columns=80, rows=24) as terminal:
            painted.append(terminal.wait_for("ready") + terminal.wait_for("6 events"))
    with_colours, without = painted
    assert COLOUR.search(with_colours)
    assert not COLOUR.search(without)


def test_where_the_output_is_no_terminal_it_names_what_to_use(command: Command) -> None:
    ran = command("top")
    assert (ran.code, ran.output) == (USAGE, "")
    assert "use `sniperd status`, `orders` and `tail`" in ran.errors


def test_without_a_daemon_it_fails_like_every_command(shared_stage: Stage) -> None:
    directory = shared_stage.subdirectory("nobody")
    ran = Command({"HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}, directory)("top")
    assert (ran.code, ran.output) == (NO_DAEMON, "")


def test_without_its_library_it_names_the_command_that_installs_it(command: Command) -> None:
    ran = command.python(
        "import sys; sys.modules['textual'] = None; sys.argv = ['sniperd', 'top'];"
        "from daemon.__main__ import main; main()"
    )
    assert ran.code == 1
    assert ".ci/setup" in ran.errors
