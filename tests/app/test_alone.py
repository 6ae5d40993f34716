"""A daemon without ``[fleet]`` loads nothing of a fleet, and no driver of its databases."""

import subprocess
import sys

LOADED = "import sys, daemon.app.main; print(*sorted(name for name in sys.modules))"


def test_a_daemon_alone_loads_nothing_of_a_fleet() -> None:
    command = [sys.executable, "-c", LOADED]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "daemon.engine.engine" in loaded
    packages = ("daemon.fleet", "daemon.app.fleet_process", "daemon.api.handing_over", "asyncpg", "redis")
    assert [name for name in loaded if name.startswith(packages)] == []
