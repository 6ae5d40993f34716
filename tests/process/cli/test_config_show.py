"""config show: every value that counts with its origin, and where each secret is read from."""

from pathlib import Path

import pytest

from daemon.config.origins import lines_of_keys
from tests.process.cli.command import Command
from tests.support.daemon_process import KEYS, plain_environment

BAD_CONFIG = 78
LIVE = """\
# mine
[exchange]
mode = "live"

[guards]
allowed_symbols = [  # in lines
  "BTCUSDT",
]
max_notional_per_order = 20
max_notional_per_day = 100
"""


@pytest.fixture
def lonely(tmp_path: Path) -> Command:
    """The command of a user who has nothing."""
    return Command(plain_environment(tmp_path), tmp_path)


@pytest.fixture
def live(tmp_path: Path) -> Path:
    path = tmp_path / "live.toml"
    path.write_text(LIVE)
    return path


def test_a_value_is_shown_with_its_file_and_line_or_as_a_default(lonely: Command, live: Path) -> None:
    ran = lonely("config", "show", "--config", live)
    assert (ran.code, ran.errors) == (0, "")
    lines = ran.output.splitlines()
    assert f'mode = "live"  # {live}:3' in lines
    assert f'allowed_symbols = ["BTCUSDT"]  # {live}:6' in lines
    assert f"max_notional_per_order = 20.0  # {live}:9" in lines
    assert "repeat_window_ms = 2000  # default" in lines
    assert 'base_url = "https://api.mexc.com"  # default' in lines


def test_a_path_by_the_environment_is_written_out_and_names_the_variable(lonely: Command, live: Path) -> None:
    shown = lonely("config", "show", "--config", live, STATE_DIRECTORY="/var/x", XDG_RUNTIME_DIR="/run/user/7").output
    assert 'path = "/var/x/sniperd.db"  # environment: $STATE_DIRECTORY' in shown
    assert 'signals = "/run/user/7/sniperd/signals.sock"  # environment: $XDG_RUNTIME_DIR' in shown
    assert 'facts_file = "/var/x/exchange-facts.toml"  # default: beside the database' in shown


def test_without_a_file_it_shows_what_run_would_use(lonely: Command) -> None:
    assert 'listen = "127.0.0.1:8808"  # default: a start without a file' in lonely("config", "show").output


@pytest.mark.parametrize("way", ["environment", "credential", "file", "none"])
def test_the_origin_of_a_secret_is_named_and_no_secret_is_shown(lonely: Command, live: Path, way: str) -> None:
    place, environ = live.with_name("mexc_api_key"), {}
    if way in ("credential", "file"):
        place.write_text(KEYS.api_key)
        place.chmod(0o600)
    if way == "credential":
        environ = {"CREDENTIALS_DIRECTORY": str(live.parent)}
    if way == "file":
        live.write_text(LIVE.replace("\n\n", f'\napi_key_file = "{place}"\n\n', 1))
    if way == "environment":
        environ = KEYS.environ()
    expected = {
        "environment": "environment: $MEXC_API_KEY",
        "credential": f"credential: {place}",
        "file": f"{place}, which [exchange] api_key_file names",
        "none": "none",
    }
    text, fields = (lonely("config", "show", "--config", live, *words, **environ) for words in ((), ("--json",)))
    assert f"# mexc_api_key: {expected[way]}" in text.output.splitlines()
    assert fields.json["secrets"]["mexc_api_key"]["source"] == way
    assert not any(secret in ran.output + ran.errors for secret in KEYS for ran in (text, fields))


def test_programs_get_value_source_and_place(lonely: Command, live: Path) -> None:
    found = lonely("config", "show", "--config", live, "--json").json
    assert found["file"] == str(live)
    assert found["tables"]["exchange"]["mode"] == {"value": "live", "source": "file", "where": f"{live}:3"}
    assert found["tables"]["queue"]["drain_s"] == {"value": 10.0, "source": "default"}


def test_a_wrong_file_is_refused_as_by_check(lonely: Command, live: Path) -> None:
    live.write_text("[queue]\ndrain = 1\n")
    shown, checked = (lonely("config", word, "--config", live) for word in ("show", "check"))
    assert (shown.code, shown.errors) == (BAD_CONFIG, checked.errors)


def test_keys_are_found_in_every_form_that_toml_allows() -> None:
    lines = [
        'log.level = "info"',
        "queue = {drain_s = 1}",
        "[http] # x",
        'listen = """',
        "[guards]",
        "x = 1",
        '"""',
        "",
    ]
    assert lines_of_keys("\n".join([*lines, "[retry]", "first_ms\t= 1"])) == {
        ("log", "level"): 1,
        ("queue", "drain_s"): 2,
        ("http", "listen"): 4,
        ("retry", "first_ms"): 10,
    }
