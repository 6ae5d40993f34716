"""A refused start: the service stays down, tells every caller so, and recovers as the handbook says."""

from collections.abc import Iterator

import pytest

from tests.manual.blocks import text
from tests.slow.service.installed import CONFIG, HOME, SIGNALS, Installed, installed

pytestmark = pytest.mark.needs("systemd box", "wheels")

CALLS = 40
"""More than the starts that the unit allows in a minute."""

MEND = "systemctl start sniperd.socket sniperd.service"
CALL = (
    "import socket, sys\n"
    f"for _ in range({CALLS}):\n"
    "    caller = socket.socket(socket.AF_UNIX)\n"
    "    print(caller.connect_ex(sys.argv[1]))\n"
)


@pytest.fixture(scope="module")
def box_with_service() -> Iterator[Installed]:
    """The service, installed and trading."""
    with installed() as service:
        service.until(ActiveState="active")
        service.go_live()
        yield service


@pytest.fixture
def service(box_with_service: Installed) -> Iterator[Installed]:
    """The service, made to refuse its next start."""
    service = box_with_service
    service.until(ActiveState="active")
    service.box.write(CONFIG, "[queue]\nfifo = true\n")
    yield service
    service.configure()
    service.box.run("systemctl", "reset-failed", "sniperd.socket", "sniperd.service")
    service.follow(MEND)


def refuse(service: Installed) -> None:
    """Let a start be refused, while callers wait in the sockets."""
    service.box.run("systemctl", "kill", "--signal=KILL", "sniperd.service")
    service.until(ActiveState="failed", ExecMainStatus="78")
    service.box.run(f"{HOME}/bin/python", "-c", CALL, SIGNALS)
    service.until("sniperd.socket", ActiveState="inactive")


def test_callers_do_not_drive_the_unit_into_its_start_limit(service: Installed) -> None:
    refuse(service)
    state = service.state()
    assert (state["ActiveState"], state["Result"], state["ExecMainStatus"]) == ("failed", "exit-code", "78")
    assert service.state("sniperd.socket")["Result"] == "success"


def test_a_command_says_that_the_service_is_down_and_how_to_start_it(service: Installed) -> None:
    refuse(service)
    for user in (None, "sniperd"):
        code, shown = service.sniperd("status", user=user, check=False)
        assert code == 69
        assert "the service sniperd is down" in shown
        assert MEND in shown
        assert "sniperd run" not in shown


def test_the_recovery_that_the_handbook_names_works(service: Installed) -> None:
    assert f"mend what the journal names, then `{MEND}`" in " ".join(text().split())
    refuse(service)
    service.configure()
    service.follow(MEND)
    service.until(ActiveState="active")
    assert service.sniperd("status")[0] == 0


def test_a_user_without_access_learns_which_group_to_join(box_with_service: Installed) -> None:
    service = box_with_service
    service.until(ActiveState="active")
    code, shown = service.sniperd("status", user="daemon", check=False)
    assert code == 77
    assert "sudo usermod -aG sniperd daemon" in shown
