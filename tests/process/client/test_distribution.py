"""Another package named ``daemon``: the client has a different name, and the daemon reports the collision."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.process.client.bot_environment import Environment, client_wheel, daemon_wheel, python_daemon_wheel, run
from tests.support import Daemon

TRADE = """
import asyncio, sys
import daemon
from sniperd_client import Client, Signal

async def main():
    async with Client(sys.argv[1]) as client:
        order = await client.submit(Signal(symbol="BTCUSDT", side="BUY", quote_order_qty="25", owner_id="bot"))
        print(daemon.DaemonContext.whose, order.state)

asyncio.run(main())
"""


def test_the_client_trades_in_an_environment_that_has_another_daemon_package(daemon: Daemon, tmp_path: Path) -> None:
    bot = Environment(tmp_path / "bot")
    bot.install(python_daemon_wheel(tmp_path))
    bot.install(client_wheel(tmp_path))
    assert run(bot.python, "-c", TRADE, daemon.signals) == "python-daemon filled\n"


def test_the_clients_wheel_names_its_requirements(tmp_path: Path) -> None:
    bot = Environment(tmp_path / "bot")
    bot.install(client_wheel(tmp_path))
    metadata = next(bot.site.glob("sniperd_client-*.dist-info/METADATA")).read_text()
    needs = {line.split()[1].split(">")[0] for line in metadata.splitlines() if line.startswith("Requires-Dist")}
    assert needs == {"aiohttp", "anyio", "msgspec"}
    assert (bot.site / "sniperd_client" / "py.typed").exists()
    assert not any("daemon.client" in path.read_text() for path in (bot.site / "sniperd_client").glob("*.py"))


ORDERS = {
    "python-daemon over sniperd": (daemon_wheel, python_daemon_wheel),
    "sniperd over python-daemon": (python_daemon_wheel, daemon_wheel),
}


@pytest.mark.parametrize("wheels", ORDERS.values(), ids=ORDERS.keys())
def test_a_mixed_daemon_package_is_reported_with_its_remedy(tmp_path: Path, wheels: Sequence[object]) -> None:
    mixed = Environment(tmp_path / "mixed")
    for make in wheels:
        assert callable(make)
        mixed.install(make(tmp_path))
    for command in ("--version", "run"):
        ran = subprocess.run(
            [mixed.python.with_name("sniperd"), command], capture_output=True, text=True, check=False, timeout=30
        )
        assert ran.returncode == 78, ran.stderr
        assert "python-daemon" in ran.stderr
        assert str(mixed.site / "daemon") in ran.stderr
        assert "sniperd_client" in ran.stderr
        assert "Traceback" not in ran.stderr


def test_a_daemon_package_with_missing_files_is_reported(tmp_path: Path) -> None:
    mixed = Environment(tmp_path / "mixed")
    mixed.install(daemon_wheel(tmp_path))
    (mixed.site / "daemon" / "__init__.py").unlink()  # as an uninstalled python-daemon leaves it
    ran = subprocess.run(
        [mixed.python.with_name("sniperd"), "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    assert ran.returncode == 78, ran.stderr
    assert "install sniperd again" in ran.stderr
