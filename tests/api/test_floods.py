"""Each listener has its own limit: a flood of one takes nothing from another."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from daemon.api.http.connection_limits import RESERVED, bounds
from tests.support import Daemon, Exchange, at_once, eventually
from tests.support.signals import market_buy
from tests.support.stage import Stage
from tests.support.unix_http import ask
from tests.support.waiting import PATIENCE_S

FEW = 64
HALF = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def poor(shared_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon with few descriptors and a long timeout for a head."""
    daemon = shared_stage.daemon(package_exchange, {"sockets": {"read_timeout_s": 60}})
    daemon.launch("prlimit", f"--nofile={FEW}:{FEW}")
    daemon.wait_for("daemon.ready")
    return daemon


@pytest.fixture(autouse=True)
def _the_log_holds_nothing_but_its_own(poor: Daemon) -> Iterator[None]:
    yield
    assert poor.process.errors.so_far() == []
    assert poor.process.events("daemon.library") == []
    assert poor.process.events("request.failed") == []


def flood(ends: ExitStack, path: Path, first: bytes) -> list[socket.socket]:
    """Open more connections than there are descriptors."""
    callers = []
    for _ in range(4 * FEW):
        caller = ends.enter_context(socket.socket(socket.AF_UNIX))
        caller.settimeout(PATIENCE_S)
        caller.connect(os.fspath(path))
        with suppress(BrokenPipeError):
            caller.sendall(first)
        callers.append(caller)
    return callers


@pytest.mark.parametrize("first", [HALF, b""], ids=["half requests", "nothing said"])
def test_a_flood_of_the_status_socket_does_not_affect_the_signals_socket(poor: Daemon, first: bytes) -> None:
    with ExitStack() as ends:
        callers = flood(ends, poor.status, first)
        answers = at_once(8, lambda _: poor.submit(market_buy(), wait_s=10))
        assert {answer.json["state"] for answer in answers} == {"filled"}
        assert b"HTTP/1.1 503 " in callers[-1].recv(65_536)
    told = poor.wait_for("daemon.crowded")
    assert (told["listener"], told["limit"]) == ("status", bounds(FEW).status)
    eventually(
        lambda: ask(poor.status, "GET", "/v1/status").status == 200, "its socket answers when the flood has gone"
    )


def test_a_flood_of_the_signals_socket_does_not_affect_the_status_socket(poor: Daemon) -> None:
    with ExitStack() as ends:
        callers = flood(ends, poor.signals, b"")
        assert poor.get("/v1/status")["stage"] == "ready"
        assert b"HTTP/1.1 503 " in callers[-1].recv(65_536)
    eventually(lambda: poor.submit(market_buy()).status == 202, "signals are taken when the flood has gone")


@pytest.mark.parametrize("descriptors", [8, 64, 256, 1_024, 16_384, 1 << 20])
def test_the_limits_leave_enough_descriptors(descriptors: int) -> None:
    shares = bounds(descriptors)
    left = descriptors - shares.signals - shares.status - shares.http
    assert left >= min(RESERVED, descriptors // 2)
    assert shares.signals >= shares.status >= 1
