"""Default paths: the service manager's directories, else the user's."""

from pathlib import Path

import pytest

from daemon.config.paths import (
    credential_file,
    database_for_commands,
    environment,
    instance_in,
    instance_of,
    runtime_directory,
    state_directory,
    unit_name,
)

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


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/etc/sniperd/second.toml", "second"),
        ("/etc/sniperd/the-2nd-one.toml", "the-2nd-one"),
        ("/etc/sniperd/config.toml", ""),
        ("/etc/sniperd/config.toml.new", ""),
        ("/etc/sniperd/a@b.toml", ""),
        ("/etc/sniperd/Second.toml", ""),
        ("/etc/sniperd/more/second.toml", ""),
        ("/home/second.toml", ""),
        (None, ""),
    ],
)
def test_an_instance_is_recognised_by_its_configuration(path: str | None, instance: str) -> None:
    assert instance_of(None if path is None else Path(path)) == instance


def test_a_command_for_an_instance_has_the_directories_that_systemd_gives_the_instance() -> None:
    environ = environment(Path("/etc/sniperd/second.toml"))
    assert state_directory(environ) == Path("/var/lib/sniperd-second")
    assert runtime_directory(environ) == Path("/run/sniperd-second")
    assert instance_in(environ) == "second"
    assert (unit_name("second"), credential_file("second", "key")) == ("sniperd@second", "second.key")
    assert instance_in(environment(Path("/etc/sniperd/config.toml"))) == ""
    assert instance_in(SERVICE) == ""


def test_a_command_for_an_instance_never_uses_the_services_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = tmp_path / "sniperd"
    system.mkdir()
    (system / "sniperd.db").touch()
    monkeypatch.setattr("daemon.config.paths.SYSTEM_STATE", system)
    environ = environment(Path("/etc/sniperd/second.toml"))
    assert database_for_commands("", environ) == tmp_path / "sniperd-second" / "sniperd.db"
