"""The service manager's protocols: real sockets, and variables of all kinds."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.app.systemd import NAMES, ServiceManager, given_sockets, watchdog_s, without


@pytest.fixture(params=["path", "abstract"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's socket, with both kinds of names."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "n") if request.param == "path" else f"\0sniperd-test-{os.getpid()}")
        receiver.settimeout(10)
        yield receiver


def manager_of(receiver: socket.socket) -> ServiceManager:
    name = receiver.getsockname()
    return ServiceManager({"NOTIFY_SOCKET": name if isinstance(name, str) else "@" + name[1:].decode()})


def test_messages_have_the_documented_form(receiver: socket.socket) -> None:
    manager = manager_of(receiver)
    manager.ready()
    manager.alive()
    manager.stopping()
    manager.reloading(17)
    manager.status("ready:\n  all\nis well")
    told = [receiver.recv(1_000).decode() for _ in range(5)]
    assert told == [
        "READY=1", "WATCHDOG=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=17", "STATUS=ready: all is well",
    ]  # fmt: skip
    manager.close()
    assert not manager.listens


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "relative"}])
def test_without_an_address_nothing_is_sent(environ: dict[str, str]) -> None:
    manager = ServiceManager(environ)
    assert not manager.listens
    manager.ready()


def test_a_service_manager_that_went_away_is_no_error(tmp_path: Path) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    manager.ready()
    manager.close()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "7"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_where_it_is_meant_for_us(environ: dict[str, str], expected: float | None) -> None:
    assert watchdog_s(environ, 7) == expected


@pytest.mark.parametrize("environ", [{}, {"LISTEN_FDS": "2"}, {"LISTEN_FDS": "2", "LISTEN_PID": "8"}])
def test_sockets_for_another_process_are_left_alone(environ: dict[str, str]) -> None:
    assert given_sockets(environ, 7) == {}


def test_child_processes_do_not_inherit_the_variables() -> None:
    assert without(dict.fromkeys([*NAMES, "HOME"], "x")) == {"HOME": "x"}
