"""What the README shows to callers runs as it stands there."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import daemon as package
from tests.process.client.bot_environment import Environment, client_wheel
from tests.support import Daemon

README = Path(package.__file__).parent.parent / "README.md"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example(language: str, *words: str) -> str:
    """Return the README's one example in a language that holds these words."""
    found = [text for name, text in _BLOCK.findall(README.read_text(encoding="utf-8")) if name == language]
    [one] = [text for text in found if all(word in text for word in words)]
    return str(one)


@pytest.fixture
def environ(daemon: Daemon, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which the daemon's sockets are where a user's daemon has them."""
    (tmp_path / "sniperd").symlink_to(daemon.directory)
    return daemon.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}


def run(command: Sequence[str], environ: dict[str, str]) -> str:
    ran = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_python_example_trades_and_locks_in_a_bots_environment(environ: dict[str, str], tmp_path: Path) -> None:
    bot = Environment(tmp_path / "bot")
    bot.install(client_wheel(tmp_path))
    lines = run([str(bot.python), "-c", example("python", "sniperd_client")], environ).splitlines()
    assert lines[0].startswith("filled 0.0")
    assert lines[1].startswith("mine alone, with fencing token ")


@pytest.mark.needs("curl")
@pytest.mark.parametrize(
    ("route", "shown"), [("/v1/signals", '"state":"filled"'), ("/v1/locks", '"status":"active"')], ids=["trade", "lock"]
)
def test_the_curl_examples_trade_and_lock(environ: dict[str, str], route: str, shown: str) -> None:
    assert shown in run(["sh", "-c", example("sh", "curl", f"{route} ")], environ)


@pytest.mark.needs("node")
def test_the_node_example_trades(environ: dict[str, str]) -> None:
    assert run(["node", "-e", example("js", "node:http")], environ) == "200 filled\n"
