"""A command finds the daemon from any shell, and says what denies it access."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import Exchange
from tests.support.command import sniperd
from tests.support.daemon_process import plain_environment
from tests.support.other_user import NOBODY
from tests.support.stage import Stage

AS_NOBODY = """
import os, sys, pwd, grp
from daemon.cli import client, status, unanswered, show, alerts
from daemon.config import loading
os.setgroups([]); os.setresgid(*3 * (65534,)); os.setresuid(*3 * (65534,))
status.status(["--config", sys.argv[1]])
"""


def test_a_daemon_started_in_one_shell_is_found_in_another(own_stage: Stage) -> None:
    home = own_stage.subdirectory("home")
    environ = plain_environment(home)
    runtime = own_stage.subdirectory("runtime")
    words = [sys.executable, "-m", "daemon", "run"]
    child = own_stage.child(*words, environ=environ | {"XDG_RUNTIME_DIR": str(runtime)}, directory=home)
    child.wait_for("daemon.ready")
    for other in ({}, {"XDG_RUNTIME_DIR": str(home)}):
        ran = sniperd("status", "--json", environ=environ | other, directory=home)
        assert ran.json["pid"] == child.pid
    assert child.terminate() == 0
    ran = sniperd("status", environ=environ, directory=home)
    assert ran.code == 69


@pytest.mark.needs("root")
@pytest.mark.parametrize("keeps_out", ["the socket", "its directory"])
def test_a_user_without_access_learns_which_group_to_join(own_stage: Stage, exchange: Exchange, keeps_out: str) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start()
    daemon.config_path.chmod(0o644)
    gid = 60  # games, on every Debian
    for directory in (daemon.directory, daemon.directory.parent):
        directory.chmod(0o755)
    os.chown(daemon.status, 0, gid)
    config = own_stage.directory.parent / f"{own_stage.directory.name}.toml"
    config.write_text(f'[sockets]\nstatus = "{daemon.status}"\n')
    try:
        if keeps_out == "its directory":
            os.chown(daemon.directory, 0, gid)
            daemon.directory.chmod(0o750)
        ran = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(config)], capture_output=True, text=True, check=False, cwd="/"
        )
    finally:
        config.unlink()
    assert ran.returncode == 77, ran.stderr
    assert f"{daemon.status} cannot be opened by you (nobody)" in ran.stderr
    assert "sudo usermod -aG games nobody" in ran.stderr
    assert NOBODY == 65_534
    assert Path(daemon.status).exists()
