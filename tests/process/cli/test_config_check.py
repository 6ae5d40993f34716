"""config check: every key with the value in effect, or what is wrong with which."""

import tomllib
from pathlib import Path

import pytest

from tests.process.cli.command import Command

BAD_CONFIG = 78
SHIPPED = Path(__file__).parents[3] / "config.toml"


def test_the_shipped_file_is_valid_and_shows_the_defaults(command: Command) -> None:
    shipped, defaults = command("config", "check", "--config", SHIPPED), command("config", "check", SNIPERD_CONFIG="")
    assert (shipped.code, shipped.errors) == (0, "")
    started = tomllib.loads(defaults.output)
    assert started["http"].pop("listen") == "127.0.0.1:8808", "what a start without a file uses"
    assert started["http"] | {"listen": ""} == tomllib.loads(shipped.output)["http"]
    assert started | {"http": {}} == tomllib.loads(shipped.output) | {"http": {}}
    assert tomllib.loads(shipped.output) == tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    assert command("config", "check", "--config", SHIPPED, "--json").json == tomllib.loads(shipped.output)


def test_what_differs_from_the_default_is_shown(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[queue]\ndrain_s = 7.5\n")
    lines = command("config", "check", "--config", config).output.splitlines()
    assert f"drain_s = 7.5  # {config}" in lines
    assert "buy_priority = 5  # default" in lines


def test_where_an_empty_text_means_a_default_path_the_path_is_named(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    limits = "[guards]\nmax_notional_per_order = 1\nmax_notional_per_day = 1\n"
    config.write_text(f"[store]\npath = '{tmp_path}/x.db'\n[exchange]\nmode = 'live'\n{limits}")
    ran = command("config", "check", "--config", config, XDG_RUNTIME_DIR="/run/user/7")
    lines = ran.output.splitlines()
    assert f'path = "{tmp_path}/x.db"  # {config}' in lines
    assert 'signals = ""  # default: /run/user/7/sniperd/signals.sock' in lines
    assert f'facts_file = ""  # default: {tmp_path}/exchange-facts.toml' in lines
    assert 'base_url = ""  # default: https://api.mexc.com' in lines
    assert (
        f'path = ""  # default: {command.directory}'
        in command("config", "check", SNIPERD_CONFIG="", HOME=str(command.directory)).output
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[queue", "is not TOML"),
        ("[queue]\ndrain = 1\n", "[queue] drain is unknown; did you mean drain_s?"),
        ("[queue]\ndrain_s = 0\n", "[queue] drain_s"),
        ("[queue]\nbuy_priority = 1\nsell_priority = 5\n", "sell_priority"),
        ("[exchange]\nmode = 'live'\nbase_url = 'http://example.org'\n", "base_url"),
    ],
    ids=["no TOML", "key", "range", "contradiction", "address"],
)
def test_what_is_wrong_is_named_with_what_is_allowed(command: Command, tmp_path: Path, text: str, said: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    ran = command("config", "check", "--config", config)
    assert (ran.code, ran.output) == (BAD_CONFIG, "")
    assert ran.errors.startswith(f"Error: {config}")
    assert said in ran.errors
