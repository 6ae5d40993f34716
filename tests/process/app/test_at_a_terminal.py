"""The log of `sniperd run`: words for people at a terminal, JSON at a pipe, and either if it is asked for."""

import json
import re

import pytest

from tests.process.cli.command import PAINT, Command
from tests.support.command import SNIPERD
from tests.support.daemon_process import plain_environment
from tests.support.stage import Stage
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def command(own_stage: Stage) -> Command:
    """``sniperd`` in an empty home."""
    home = own_stage.subdirectory("home")
    return Command(plain_environment(home), home)


def test_people_read_a_line_of_words_for_each_step_of_an_order(command: Command) -> None:
    with command.terminal("run", columns=300) as terminal:
        begun = PAINT.sub("", terminal.wait_for("daemon ready: the daemon accepts signals"))
        assert re.match(r"-- [\d-]{10}, local times, UTC[+-]\d{4}\n[\d:]{8} exchange started: ", begun)
        assert "daemon.starting" not in begun
        order_id = command.order("BUY", "BTCUSDT", "--quote", "25")
        shown = PAINT.sub("", terminal.wait_for(" FILLED BUY BTCUSDT "))
        assert re.search(rf"\n[\d:]{{8}} ACCEPTED BUY BTCUSDT for 25 USDT, owner \S+, order {order_id}\n", shown)
        assert re.search(r"\n[\d:]{8} PLACED BUY BTCUSDT as \S+ \([\d.]+ m?s\)\n", shown)
        assert "SENT" not in shown
        terminal.type("\x03")
        assert terminal.exit_code() == 0


def test_programs_read_json_at_a_terminal_if_it_is_asked_for(command: Command) -> None:
    with command.terminal("run", "--json", columns=300) as terminal:
        begun = terminal.wait_for('"daemon.ready"')
        assert json.loads(begun.splitlines()[0])["event"] == "exchange.started"
        terminal.type("\x03")
        assert terminal.exit_code() == 0


@pytest.mark.parametrize("option", [None, "--text"], ids=["by default", "if text is asked for"])
def test_a_pipe_carries_json_by_default(own_stage: Stage, command: Command, option: str | None) -> None:
    words = [*SNIPERD, "run", *([option] if option else [])]
    child = own_stage.child(*words, environ=command.environ, directory=command.directory)
    child.output.wait_for(lambda line: "daemon accepts signals" in line or "daemon.ready" in line or None, "start",
                          timeout_s=PATIENCE_S)  # fmt: skip
    assert child.terminate() == 0
    lines = child.output.all()
    assert "\x1b" not in "".join(lines)
    assert all(line.startswith('{"at":') for line in lines) is (option is None)
