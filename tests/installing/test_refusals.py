"""What cannot work is refused before anything is touched, with what to do instead."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from daemon.errors import BadConfig, CannotCreate
from daemon.installing.refusals import HIDDEN, Program, check_machine, check_package, check_program, check_template

NEW_ENOUGH = "systemd 252 (252.38-1~deb12u1)\n+PAM"


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    return tmp_path


def test_a_machine_with_systemd_will_do(machine: Path) -> None:
    check_machine(machine, NEW_ENOUGH)


def test_a_machine_without_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotCreate, match="systemd does not run on this machine"):
        check_machine(tmp_path, NEW_ENOUGH)


@pytest.mark.parametrize(("version", "said"), [("systemd 247 (247.3)", "is version 247"), ("", "cannot be asked")])
def test_a_systemd_that_is_too_old_is_refused(machine: Path, version: str, said: str) -> None:
    with pytest.raises(CannotCreate, match=f"{said}.*the units need 252"):
        check_machine(machine, version)


def test_beside_the_package_there_is_nothing_to_do(machine: Path) -> None:
    unit = machine / "usr/lib/systemd/system/sniperd.service"
    unit.parent.mkdir(parents=True)
    unit.touch()
    with pytest.raises(CannotCreate, match="the package sniperd has installed the service"):
        check_package(machine)


def test_an_instance_needs_the_installed_service(machine: Path) -> None:
    with pytest.raises(CannotCreate, match="run `sniperd install --system` first"):
        check_template(machine)
    template = machine / "etc/systemd/system/sniperd@.service"
    template.parent.mkdir(parents=True)
    template.touch()
    check_template(machine)


def test_a_program_where_the_system_keeps_its_own_will_do() -> None:
    check_program(Program(Path("/bin/sh"), (Path("/usr"), Path("/usr/lib"))))


def test_a_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(BadConfig, match="/opt/none/bin/sniperd is missing"):
        check_program(Program(Path("/opt/none/bin/sniperd"), ()))


@pytest.mark.parametrize("place", HIDDEN)
def test_what_the_unit_does_not_see_is_refused_with_the_reason(place: str) -> None:
    with pytest.raises(BadConfig, match=rf"is below {place}, which the service cannot see.*python3 -m venv"):
        check_program(Program(Path("/bin/sh"), (Path(place) / "venv",)))


def test_a_link_does_not_hide_where_it_leads() -> None:
    with pytest.raises(BadConfig, match="/home is below /home"):
        check_program(Program(Path("/bin/sh"), (Path("/proc/self/root/home"),)))


@pytest.mark.needs("root")
def test_what_the_services_user_may_not_enter_is_refused() -> None:
    # Not in tmp_path: /tmp is a place that the service does not see, which is another reason to refuse it.
    with (
        TemporaryDirectory(dir="/var/lib", prefix="sniperd-test-") as closed,  # mode 0700, and root's
        pytest.raises(BadConfig, match=f"may not enter {closed}; chmod"),
    ):
        check_program(Program(Path("/bin/sh"), (Path(closed),)))
