"""pipx installs the wheel in a new home: the command is on the path, runs the daemon on paper, trades, and ends.

pipx renews its own pip, so it needs the index that `sh .ci/setup` uses. The daemon's packages are the locked versions.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flit_core import buildapi

from daemon import __version__
from tests.conftest import WHEELS
from tests.manual.generate import ROOT
from tests.support.command import run
from tests.support.stage import Stage

PYTHON = "/usr/bin/python3"
"""The packages in dist/wheels are this Python's."""

PASSED = ("PIP_", "SSL_", "REQUESTS_", "http", "HTTP")
"""How the names begin of what the environment says about the way to the index."""


@pytest.mark.needs("wheels")
def test_pipx_installs_the_wheel_and_the_daemon_trades(
    own_stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / buildapi.build_wheel(str(tmp_path))
    home, programs = own_stage.subdirectory("home"), tmp_path / "bin"
    locked = re.findall(r"^(\S+==.*?) \\$", (ROOT / ".ci/run.lock").read_text(encoding="utf-8"), re.MULTILINE)
    assert locked
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(locked), encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name.startswith(PASSED)} | {
        "HOME": str(home),
        "PATH": f"{programs}:/usr/bin:/bin",
        "PIPX_HOME": str(tmp_path / "pipx"),
        "PIPX_BIN_DIR": str(programs),
        "PIPX_DEFAULT_PYTHON": PYTHON,
        "PIP_CONSTRAINT": str(constraints),
        "PIP_FIND_LINKS": str(WHEELS),
    }
    install = [sys.executable, "-m", "pipx", "install", wheel]
    ran = subprocess.run(install, env=environ, cwd=home, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in programs.iterdir()] == ["sniperd"]

    assert run("sniperd", "--version", environ=environ, directory=home).output == f"sniperd, version {__version__}\n"
    daemon = own_stage.child(programs / "sniperd", "run", environ=environ, directory=home)
    daemon.wait_for("daemon.ready")
    bought = run("sniperd", "submit", "BUY", "BTCUSDT", "--quote", "25", environ=environ, directory=home)
    assert (bought.code, bought.output.split()[0]) == (0, "filled"), bought.errors
    assert daemon.terminate() == 0
    assert (home / ".local/state/sniperd/sniperd.db").exists()
