"""How output is shown: help, tables, colours; unwrapped lines for programs, wrapped and coloured for terminals."""

import re
import sys

import pytest

from daemon.cli.main import COMMANDS
from tests.process.cli.command import Command
from tests.support import Daemon, at_once
from tests.support.command import SNIPERD, Ran
from tests.support.daemon_process import plain_environment
from tests.support.signals import market_buy
from tests.support.stage import Stage

WRONG_USAGE = 2
PAINT = re.compile(r"\x1b\[[0-9;]*m")
HEAVY = {"aiohttp", "aiosqlite", "anyio", "asyncio", "ccxt", "msgspec", "sqlite3", "structlog", "uvloop", "yarl"}


NAMES = [*COMMANDS, "config check", "alerts test", ""]


@pytest.fixture(scope="module")
def helps(shared_stage: Stage) -> dict[str, Ran]:
    """Run every command with --help."""
    directory = shared_stage.subdirectory("anywhere")
    command = Command(plain_environment(directory), directory)
    return dict(zip(NAMES, at_once(len(NAMES), lambda number: command(*NAMES[number].split(), "--help")), strict=True))


def test_help_lists_every_command_and_every_exit_code(helps: dict[str, Ran]) -> None:
    ran = helps[""]
    commands, _, codes = ran.output.partition("Commands:")[2].partition("Exit codes:")
    assert re.findall(r"^  ([\w-]+)  ", commands, re.MULTILINE) == list(COMMANDS)
    assert [int(code) for code in re.findall(r"^  (\d+)  ", codes, re.MULTILINE)] == [
        0, 1, 2, 3, 4, 65, 69, 70, 73, 74, 75, 77, 78, 130, 141,
    ]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_no_raw_markup_and_keeps_examples_on_lines_of_their_own(helps: dict[str, Ran], name: str) -> None:
    ran = helps[name]
    assert (ran.code, ran.errors) == (0, "")
    assert ran.output.startswith(f"Usage: sniperd {name}".rstrip())
    assert "\\b" not in ran.output
    assert "\b" not in ran.output
    for example in re.findall(r"sniperd submit (?:BUY|SELL)", ran.output):
        assert f"\n  {example}" in ran.output


@pytest.mark.parametrize("words", ["", "frobnicate", "status extra", "orders --limit 0", "submit HOLD BTCUSDT"])
def test_wrong_usage_ends_with_2_and_says_how_to_go_on(command: Command, words: str) -> None:
    ran = command(*words.split())
    assert (ran.code, ran.output) == (WRONG_USAGE, "")
    assert ran.errors.startswith("Usage: sniperd")


def test_a_table_is_not_wrapped_for_a_program(command: Command, daemon: Daemon) -> None:
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    evidence = daemon.explain(order_id)["attempts"][0]["answered"]
    output = command("explain", order_id, COLUMNS="40").output
    assert any(line.endswith(evidence) for line in output.splitlines())
    assert "…" not in output


@pytest.mark.parametrize("columns", [80, 140])
def test_a_table_is_wrapped_to_the_terminal_and_loses_nothing(command: Command, daemon: Daemon, columns: int) -> None:
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    shown = PAINT.sub("", command.at_terminal("explain", order_id, columns=columns))
    table = shown[shown.index("\ntime") :]
    assert max(map(len, table.partition("\n\nnow")[0].splitlines())) <= columns
    evidence = daemon.explain(order_id)["attempts"][0]["answered"]
    assert "".join(evidence.split()) in "".join(table.split())


def test_colours_are_for_terminals(command: Command) -> None:
    assert PAINT.search(command.at_terminal("status"))
    assert not PAINT.search(command("status").output)
    assert PAINT.sub("", command.at_terminal("orders", columns=300)).split() == command("orders").output.split()


def test_status_shows_the_daemons_state(command: Command, daemon: Daemon) -> None:
    found = command("status", "--json").json
    assert (found["pid"], found["stage"], found["mode"]) == (daemon.process.pid, "ready", "live")
    first = command("status").output.splitlines()[0]
    assert first == found["summary"]["sentence"]
    assert first.endswith(", nothing needs you")
    told = dict(line.split(maxsplit=1) for line in command("status").output.splitlines())
    assert told["sniperd"] == f"ready  live, {found['version']}, pid {found['pid']}"
    assert told["exchange"] == f"{found['exchangeUrl']}  reachable"
    assert told["database"].startswith(found["database"])


@pytest.mark.parametrize("words", ["status", "submit BUY BTCUSDT --quote 25"])
def test_a_command_that_asks_the_daemon_imports_nothing_heavy(command: Command, daemon: Daemon, words: str) -> None:
    program = (
        "import atexit, sys\n"
        "from daemon.__main__ import main\n"
        "atexit.register(lambda: print('loaded', *sorted({name.partition('.')[0] for name in sys.modules})))\n"
        "main()\n"
    )
    own = {"RUNTIME_DIRECTORY": str(daemon.directory), "SNIPERD_CONFIG": ""}
    ran = Command(command.environ | own, command.directory).python(program, *words.split())
    loaded = set(ran.output.splitlines()[-1].split()[1:])
    assert "click" in loaded
    assert loaded & HEAVY == set()


def test_the_command_is_installed_under_its_name(command: Command) -> None:
    assert SNIPERD[0] == sys.executable
    ran = command.python("import sys; from importlib.metadata import entry_points as e; [p] = e(name='sniperd');"
                         "sys.argv[0] = 'sniperd'; p.load()()", "--version")  # fmt: skip
    assert (ran.code, ran.output.split(",")[0]) == (0, "sniperd")


@pytest.mark.parametrize("words", ["status", "orders", "alerts", "report"])
def test_a_user_who_wants_no_colours_gets_none(command: Command, words: str) -> None:
    own = Command(command.environ | {"NO_COLOR": "1"}, command.directory)
    shown = own.at_terminal(words, columns=300)
    assert shown.strip()
    assert not PAINT.search(shown)
