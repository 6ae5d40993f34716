"""config check: every key as it counts, or what is wrong with which."""

import tomllib
from pathlib import Path

import pytest

from tests.cli.command import Command

BAD_CONFIG = 78
SHIPPED = Path(__file__).parents[2] / "config.toml"


def test_the_file_that_we_ship_is_right_and_says_the_defaults(command: Command) -> None:
    shipped, defaults = command("config", "check", "--config", SHIPPED), command("config", "check", SNIPERD_CONFIG="")
    assert (shipped.code, shipped.errors) == (0, "")
    assert shipped.output == defaults.output
    assert tomllib.loads(shipped.output) == tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
    assert command("config", "check", "--config", SHIPPED, "--json").json == tomllib.loads(shipped.output)


def test_what_differs_from_the_default_is_shown(command: Command, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[queue]\ndrain_s = 7.5\n")
    assert "drain_s = 7.5\n" in command("config", "check", "--config", config).output


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
