"""The daemon that a command uses: the user's own if it answers, else the service if it is installed."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemon.cli.client import unanswered
from daemon.config import paths, socket_record
from daemon.config.socket_record import RECORD, recorded, socket_for_clients, would_start


class Machine:
    """A machine with places for a user's daemon and for the service."""

    def __init__(self, directory: Path, ends: ExitStack) -> None:
        self.runtime, self.state = directory / "runtime" / "sniperd", directory / "state" / "sniperd"
        self.service, self.units = directory / "run", directory / "units"
        self.environ = {"XDG_RUNTIME_DIR": str(self.runtime.parent), "XDG_STATE_HOME": str(self.state.parent)}
        self._ends = ends
        for place in (self.runtime, self.state, self.service, self.units):
            place.mkdir(parents=True)

    def listen(self, directory: Path) -> Path:
        """Listen there."""
        listener = self._ends.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(os.fspath(directory / "signals.sock"))
        listener.listen()
        return directory / "signals.sock"

    def leave_behind(self, directory: Path) -> Path:
        """Leave a socket there without a listener."""
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.fspath(directory / "signals.sock"))
        return directory / "signals.sock"

    def install(self) -> None:
        (self.units / "sniperd.service").touch()

    def found(self, configured: str = "", **environ: str) -> Path:
        return socket_for_clients(configured, "signals", self.environ | environ)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """A machine on which nothing runs."""
    with ExitStack() as ends:
        machine = Machine(tmp_path, ends)
        monkeypatch.setattr(paths, "SYSTEM_RUNTIME", machine.service)
        monkeypatch.setattr(socket_record, "UNIT_DIRECTORIES", [machine.units])
        yield machine


def test_a_configured_socket_is_spoken_to_whatever_else_there_is(machine: Machine) -> None:
    machine.listen(machine.runtime)
    machine.listen(machine.service)
    machine.install()
    assert machine.found("/elsewhere/s.sock") == Path("/elsewhere/s.sock")


def test_a_users_own_daemon_is_spoken_to_before_the_service(machine: Machine) -> None:
    own = machine.listen(machine.runtime)
    machine.listen(machine.service)
    machine.install()
    assert machine.found() == own


def test_the_service_is_spoken_to_where_the_user_runs_no_daemon(machine: Machine) -> None:
    service = machine.listen(machine.service)
    assert machine.found() == service


def test_a_service_that_is_down_is_not_replaced_by_a_private_place(machine: Machine) -> None:
    machine.install()
    machine.leave_behind(machine.runtime)
    service = machine.service / "signals.sock"
    assert machine.found() == service
    said = str(unanswered(service, FileNotFoundError(), 4))
    assert "the service sniperd is down" in said
    assert "systemctl start sniperd.socket sniperd.service" in said
    assert "systemctl reset-failed sniperd.socket sniperd.service" in said
    assert "sniperd run" not in said


def test_without_any_daemon_or_service_the_users_own_place_is_named(machine: Machine) -> None:
    own = machine.runtime / "signals.sock"
    assert machine.found() == own
    assert "start one with `sniperd run`" in str(unanswered(own, FileNotFoundError(), 4))


def test_what_a_daemon_recorded_is_found_whatever_the_environment_says(machine: Machine) -> None:
    own = machine.listen(machine.runtime)
    database = machine.state / "sniperd.db"
    with recorded(database, machine.environ, signals=own, status=own.with_name("status.sock")):
        assert machine.found(XDG_RUNTIME_DIR="") == own
        assert machine.found(XDG_RUNTIME_DIR="/run/user/4711") == own
        assert socket_for_clients("", "signals", {"HOME": "/nowhere"}, str(database)) == own
    assert machine.found(XDG_RUNTIME_DIR="") == machine.state / "run" / "signals.sock"
    assert not (machine.state / RECORD).exists()


def test_a_command_for_an_instance_speaks_to_that_instance_alone(machine: Machine) -> None:
    machine.install()
    machine.listen(machine.service)
    machine.listen(machine.runtime)
    runtime = machine.service.with_name("run-second")
    instance = runtime / "signals.sock"
    assert machine.found(RUNTIME_DIRECTORY=str(runtime)) == instance
    assert machine.found("/elsewhere/s.sock", RUNTIME_DIRECTORY=str(runtime)) == Path("/elsewhere/s.sock")
    said = str(unanswered(instance, FileNotFoundError(), 4))
    assert "the service sniperd@second is down" in said
    assert "systemctl start sniperd@second.socket sniperd@second.service" in said


def test_a_completion_must_not_start_a_service_that_is_down(machine: Machine) -> None:
    service = machine.listen(machine.service)
    assert would_start(service)
    with recorded(machine.state / "x.db", {"RUNTIME_DIRECTORY": str(machine.service)}, signals=service, status=service):
        assert not would_start(service)
    assert not would_start(machine.listen(machine.runtime))


def test_a_service_records_where_its_group_can_read(machine: Machine) -> None:
    service = machine.listen(machine.service)
    environ = {"RUNTIME_DIRECTORY": str(machine.service)}
    with recorded(Path("/var/lib/sniperd/x.db"), environ, signals=service, status=service):
        record = machine.service / RECORD
        assert record.stat().st_mode & 0o777 == 0o640
        assert json.loads(record.read_text()) == {
            "pid": os.getpid(),
            "signals": str(service),
            "status": str(service),
        }


def test_the_record_of_a_daemon_that_was_killed_is_ignored(machine: Machine) -> None:
    left = machine.leave_behind(machine.runtime)
    (machine.state / RECORD).write_text(json.dumps({"pid": 1, "signals": str(left), "status": str(left)}))
    service = machine.listen(machine.service)
    assert machine.found() == service


@pytest.mark.parametrize("text", ["", "[]", '{"signals": 7}', '{"signals": "relative"}', "\x00", "{", "[" * 100_000])
def test_a_record_that_cannot_be_read_is_none(machine: Machine, text: str) -> None:
    (machine.state / RECORD).write_text(text)
    assert machine.found() == machine.runtime / "signals.sock"


def test_the_record_of_the_next_daemon_stays(machine: Machine) -> None:
    database = machine.state / "sniperd.db"
    with recorded(database, machine.environ, signals=Path("/a"), status=Path("/b")):
        (machine.state / RECORD).write_text('{"pid": 1}')
    assert (machine.state / RECORD).read_text() == '{"pid": 1}'


def test_a_record_that_cannot_be_written_does_not_stop_trading(tmp_path: Path) -> None:
    with recorded(tmp_path / "missing" / "x.db", {}, signals=Path("/a"), status=Path("/b")):
        pass
