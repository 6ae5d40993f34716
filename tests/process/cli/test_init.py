"""init: a short configuration from answers or flags; nothing secret is shown, replaced or half written."""

import signal
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from daemon.installing.new_files import NewFile, write_all
from tests.process.cli.command import Command
from tests.support.command import SNIPERD
from tests.support.daemon_process import KEYS, plain_environment
from tests.support.stage import Stage
from tests.support.waiting import PATIENCE_S

USAGE, CANNOT_CREATE, NO_PERMISSION, BAD_CONFIG = 2, 73, 77, 78
WEBHOOK = "slack https://hooks.slack.com/services/T0/B0/planted-webhook"
LIVE = ("--mode", "live", "--max-notional-per-order", "20", "--max-notional-per-day", "100")
OWNER_ONLY = 0o600


@pytest.fixture
def lonely(own_stage: Stage) -> Command:
    """The command of a user who has nothing."""
    directory = own_stage.subdirectory("home")
    return Command(plain_environment(directory) | {"HOME": str(directory)}, directory)


def config_of(command: Command) -> Path:
    return command.directory / ".config/sniperd/config.toml"


def read(path: Path) -> dict[str, dict[str, object]]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def key_files(directory: Path) -> tuple[str, ...]:
    """Write the key pair into private files; return the flags that name them."""
    words: list[str] = []
    for name, text in (("api-key", KEYS.api_key), ("api-secret", KEYS.api_secret)):
        path = directory / name
        path.write_text(text)
        path.chmod(OWNER_ONLY)
        words += [f"--{name}-file", str(path)]
    return tuple(words)


def test_init_then_run_then_a_paper_order_is_filled(lonely: Command, own_stage: Stage) -> None:
    ran = lonely("init", "--mode", "paper", "--dashboard", "off")
    config = config_of(lonely)
    assert (ran.code, ran.errors) == (0, "")
    assert ran.output.startswith(f"wrote {config}\n")
    assert f"ok       config        {config}: paper mode\n" in ran.output, "the doctor's first line"
    assert ran.output.endswith(f"next: sniperd run --config {config}\n")
    run = own_stage.child(*SNIPERD, "run", "--config", config, environ=lonely.environ, directory=lonely.directory)
    run.wait_for("daemon.ready")
    assert lonely("submit", "BUY", "BTCUSDT", "--quote", "25", "--config", config).output.startswith("filled")


def test_the_file_names_the_reference_and_holds_only_what_differs(lonely: Command) -> None:
    words = ("--max-notional-per-order", "20", "--dashboard", "127.0.0.1:8810")
    lonely("init", "--mode", "shadow", *words, "--bot", "http://127.0.0.1:3999", "--bot-user", "u1")
    text = config_of(lonely).read_text(encoding="utf-8")
    assert "`sniperd manual reference-configuration`" in text.splitlines()[0]
    assert len(text.splitlines()) <= 20
    assert tomllib.loads(text) == {
        "exchange": {"shadow": True},
        "http": {"listen": "127.0.0.1:8810"},
        "guards": {"max_notional_per_order": 20},
        "poller": {"enabled": True, "base_url": "http://127.0.0.1:3999", "user_id": "u1"},
    }


def test_at_a_terminal_it_asks_and_explains_and_shows_no_secret(lonely: Command) -> None:
    with lonely.terminal("init", "--base-url", "http://127.0.0.1:9", columns=200) as terminal:
        shown = ""
        for question, answer in [
            ("[paper]:", "live"),
            ("one BUY may cost, in USDT:", "many"),
            ("one BUY may cost, in USDT:", "20"),
            ("of a day may cost, in USDT:", "100"),
            ("API key, hidden:", "short"),
            ("API key, hidden:", KEYS.api_key),
            ("API secret, hidden:", KEYS.api_secret),
            ("or off [off]:", "0.0.0.0:8808"),
            ("or off [off]:", "127.0.0.1:8808"),
            ("empty for none:", "carrier pigeon"),
            ("empty for none:", WEBHOOK),
            ("or off [off]:", "http://127.0.0.1:3008"),
            ("targets are traded:", "u1"),
        ]:
            shown += terminal.wait_for(question)
            terminal.type(f"{answer}\n")
        shown += terminal.rest()
    config = config_of(lonely)
    assert read(config) == {
        "exchange": {
            "mode": "live",
            "base_url": "http://127.0.0.1:9",
            "api_key_file": str(config.with_name("mexc_api_key")),
            "api_secret_file": str(config.with_name("mexc_api_secret")),
        },
        "guards": {"max_notional_per_order": 20, "max_notional_per_day": 100},
        "http": {"listen": "127.0.0.1:8808"},
        "alerts": {"webhook_file": str(config.with_name("alert_webhooks"))},
        "poller": {"enabled": True, "user_id": "u1"},
    }
    secrets = {"mexc_api_key": KEYS.api_key, "mexc_api_secret": KEYS.api_secret, "alert_webhooks": WEBHOOK}
    for name, secret in secrets.items():
        assert config.with_name(name).read_text(encoding="utf-8") == f"{secret}\n"
        assert mode_of(config.with_name(name)) == OWNER_ONLY
        assert secret not in shown
    assert shown.index("Live mode trades real money") < shown.index("one BUY may cost") < shown.index("API key, hidden")
    for refusal in (
        "[guards] max_notional_per_order = 'many'; allowed: a number from 0",
        "what you typed does not hold a key: it has 5 characters",
        "[http] listen = '0.0.0.0:8808'; allowed: empty, or a loopback address",
        "does not begin with a kind of webhook; allowed: json, slack, discord, telegram",
    ):
        assert refusal in shown


def test_a_real_exchange_needs_limits_and_the_table_says_so(lonely: Command) -> None:
    ran = lonely("init", "--mode", "live", "--max-notional-per-order", "0", *LIVE[4:], *key_files(lonely.directory))
    assert ran.code == BAD_CONFIG
    assert "[guards] max_notional_per_order = 0 is no limit, and https://api.mexc.com trades real money" in ran.errors
    assert not config_of(lonely).exists()


def test_without_a_terminal_it_names_the_flags_that_are_needed(lonely: Command) -> None:
    nothing, live = lonely("init"), lonely("init", "--mode", "live")
    assert (nothing.code, live.code) == (USAGE, USAGE)
    assert "there is no terminal to ask at; add --mode paper, shadow or live" in nothing.errors
    for flag in ("--max-notional-per-order", "--max-notional-per-day", "--api-key-file", "--keys-stdin"):
        assert flag in live.errors
    assert files(lonely.directory) == set()


def test_the_key_is_read_from_standard_input(lonely: Command) -> None:
    ran = subprocess.run(
        [*SNIPERD, "init", *LIVE, "--base-url", "http://127.0.0.1:9", "--keys-stdin"],
        input=f"{KEYS.api_key}\n{KEYS.api_secret}\n",
        capture_output=True,
        text=True,
        env=lonely.environ,
        cwd=lonely.directory,
        timeout=PATIENCE_S,
        check=False,
    )
    config = config_of(lonely)
    assert config.with_name("mexc_api_key").read_text(encoding="utf-8") == f"{KEYS.api_key}\n"
    assert config.with_name("mexc_api_secret").read_text(encoding="utf-8") == f"{KEYS.api_secret}\n"
    assert not any(secret in ran.stdout + ran.stderr + config.read_text(encoding="utf-8") for secret in KEYS)
    assert "a private key pair was found" in ran.stdout, "by the doctor, through the written file"


def test_key_files_are_named_and_must_be_private(lonely: Command) -> None:
    words = key_files(lonely.directory)
    Path(words[1]).chmod(0o644)
    ran = lonely("init", *LIVE, "--base-url", "http://127.0.0.1:9", *words)
    assert ran.code == NO_PERMISSION
    assert "can be read by others" in ran.errors
    Path(words[1]).chmod(OWNER_ONLY)
    lonely("init", *LIVE, "--base-url", "http://127.0.0.1:9", *words)
    assert read(config_of(lonely))["exchange"]["api_key_file"] == words[1]


def test_an_existing_file_is_replaced_only_by_force(lonely: Command) -> None:
    config = config_of(lonely)
    config.parent.mkdir(parents=True)
    config.write_text("# mine\n")
    refused = lonely("init", "--mode", "paper")
    assert refused.code == CANNOT_CREATE
    assert f"{config} exists, and nothing was written" in refused.errors
    assert config.read_text(encoding="utf-8") == "# mine\n"
    assert lonely("init", "--mode", "paper", "--force").code == 0
    assert "# mine" not in config.read_text(encoding="utf-8")


@pytest.mark.parametrize("question", ["Mode", "one BUY may cost", "API key, hidden", "or off [off]"])
def test_an_interrupt_leaves_nothing_behind(lonely: Command, question: str) -> None:
    words: tuple[str, ...] = ("--mode", "live") if question != "Mode" else ()
    words += LIVE[2:] if question in ("API key, hidden", "or off [off]") else ()
    words += key_files(lonely.directory.parent) if question == "or off [off]" else ()
    with lonely.terminal("init", *words) as terminal:
        terminal.wait_for(question)
        assert terminal.interrupt() in (1, -signal.SIGINT)  # the second one if Python already ends
    assert files(lonely.directory) == set()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--mode", "fast"), '[exchange] mode = \'fast\'; allowed: "live" or "paper"'),
        (("--mode", "paper", "--dashboard", "here"), "[http] listen = 'here'; allowed: "),
        (("--mode", "paper", "--bot", "http://127.0.0.1:3008"), "[poller] user_id is empty; allowed: "),
        (("--mode", "paper", "--bot", "bot", "--bot-user", "u"), "[poller] base_url = 'bot'; allowed: "),
        (("--mode", "paper", "--base-url", "https://example.org"), 'goes with mode = "live"'),
    ],
)
def test_a_wrong_flag_is_refused_by_the_configurations_own_text(
    lonely: Command, words: tuple[str, ...], said: str
) -> None:
    ran = lonely("init", *words)
    assert ran.code == BAD_CONFIG
    assert said in ran.errors
    assert files(lonely.directory) == set()


def test_files_that_cannot_all_be_written_are_not_written_at_all(tmp_path: Path) -> None:
    (tmp_path / "second").write_text("mine")
    new = [NewFile(tmp_path / name, b"new", OWNER_ONLY) for name in ("first", "second")]
    with pytest.raises(Exception, match="second exists, and nothing was written"):
        write_all(new, replace=False)
    assert files(tmp_path) == {"second"}
    write_all(new, replace=True)
    assert {(tmp_path / name).read_bytes() for name in ("first", "second")} == {b"new"}
    assert files(tmp_path) == {"first", "second"}
