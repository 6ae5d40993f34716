"""Default paths: the service manager's directories, else the user's."""

from pathlib import Path

import pytest

from daemon.config.paths import database_for_commands, environment, runtime_directory, state_directory

HOME = {"HOME": "/home/bot"}
SERVICE = {"STATE_DIRECTORY": "/var/lib/sniperd", "RUNTIME_DIRECTORY": "/run/sniperd"}
XDG = {"XDG_STATE_HOME": "/state", "XDG_RUNTIME_DIR": "/run/user/1000"}


@pytest.mark.parametrize(
    ("environ", "state", "runtime"),
    [
        pytest.param(HOME | XDG | SERVICE, "/var/lib/sniperd", "/run/sniperd", id="a service"),
        pytest.param(
            {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "RUNTIME_DIRECTORY": "/run/a:/run/b"},
            "/var/lib/a",
            "/run/a",
            id="a service with several directories: the first",
        ),
        pytest.param(HOME | XDG, "/state/sniperd", "/run/user/1000/sniperd", id="a user with XDG's names"),
        pytest.param(
            HOME, "/home/bot/.local/state/sniperd", "/home/bot/.local/state/sniperd/run", id="a user with a home alone"
        ),
        pytest.param(
            HOME | dict.fromkeys([*SERVICE, *XDG], ""),
            "/home/bot/.local/state/sniperd",
            "/home/bot/.local/state/sniperd/run",
            id="names set to nothing are not set",
        ),
        pytest.param({}, "/.local/state/sniperd", "/.local/state/sniperd/run", id="nothing at all"),
        pytest.param(
            HOME | {"XDG_STATE_HOME": "state", "XDG_RUNTIME_DIR": "run"},
            "/home/bot/.local/state/sniperd",
            "/home/bot/.local/state/sniperd/run",
            id="XDG's names hold absolute paths, or nothing",
        ),
    ],
)
def test_the_directories_follow_the_environment(environ: dict[str, str], state: str, runtime: str) -> None:
    assert state_directory(environ) == Path(state)
    assert runtime_directory(environ) == Path(runtime)


def test_the_environment_is_the_processs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", "/somewhere")
    assert state_directory(environment()) == Path("/somewhere")


def test_a_command_uses_the_users_database_or_else_the_services(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, system = tmp_path / "own" / "sniperd", tmp_path / "system"
    for directory in (own, system):
        directory.mkdir(parents=True)
    monkeypatch.setattr("daemon.config.paths.SYSTEM_STATE", system)
    environ = {"XDG_STATE_HOME": str(own.parent)}
    assert database_for_commands("", environ) == own / "sniperd.db"
    (system / "sniperd.db").touch()
    assert database_for_commands("", environ) == system / "sniperd.db"
    (own / "sniperd.db").touch()
    assert database_for_commands("", environ) == own / "sniperd.db"
    assert database_for_commands("/elsewhere.db", environ) == Path("/elsewhere.db")
