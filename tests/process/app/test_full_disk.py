"""A full disk: nothing is acknowledged that is not on it, the process ends, and nothing is lost or sent twice."""

import http.client
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import Daemon, Exchange, at_once, wall_ms
from tests.support.signals import market_buy
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("root")

SIZE = 24 << 20
HOUR_MS = 3_600_000
BATCHES = 100
FULL_AT_START, NO_COMMIT, HTTP_OK = 75, 74, 200


class Disk:
    """A small file system that can be filled."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self, *, leave: int = 0) -> None:
        """Leave no space, or a number of bytes."""
        space = os.statvfs(self.path)
        with self._ballast.open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, space.f_bavail * space.f_frsize - leave)

    def free(self) -> None:
        """Free the space again."""
        self._ballast.unlink()


@pytest.fixture
def disk(own_stage: Stage) -> Iterator[Disk]:
    """Mount a small file system."""
    path = own_stage.subdirectory("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", path], check=True)
    try:
        yield Disk(path)
    finally:
        for daemon in own_stage.daemons:
            daemon.close()
        subprocess.run(["umount", path], check=True)


@pytest.fixture
def exchange(own_stage: Stage) -> Exchange:
    """An exchange of its own: hundreds of trades would fill the lists in which other tests search."""
    return own_stage.exchange()


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange, disk: Disk) -> Daemon:
    """A daemon whose database is on the small file system; not started."""
    return own_stage.daemon(exchange, {"store": {"path": str(disk.path / "sniperd.db")}})


def test_on_a_full_disk_the_daemon_does_not_start_and_says_why(daemon: Daemon, disk: Disk) -> None:
    """It ends with the exit code of a temporary failure, so that the service manager tries again."""
    for leave in (0, 1 << 20):
        disk.fill(leave=leave)
        process = daemon.launch()
        assert process.exit_code() == FULL_AT_START
        [line] = process.errors.all()
        assert all(word in line for word in (str(disk.path), "disk is full", "space", "[store] path"))
        disk.free()
    daemon.start()
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"


def test_when_the_disk_fills_up_acknowledged_signals_are_kept_and_others_are_not_acknowledged(
    daemon: Daemon, disk: Disk, exchange: Exchange
) -> None:
    daemon.start(with_rules=True)
    disk.fill()
    filled: list[str] = []
    waiting: list[str] = []

    def buy(_number: int) -> None:
        while (order := _answered(daemon, market_buy())) is not None:
            filled.append(order["id"])

    def burden(_number: int) -> None:
        for _ in range(BATCHES):
            batch = [market_buy(executeAt=wall_ms() + HOUR_MS, idempotencyKey=None) for _ in range(100)]
            if (orders := _answered(daemon, batch)) is None:
                return
            waiting.extend(order["id"] for order in orders)

    at_once(3, lambda number: burden(number) if number == 0 else buy(number))
    assert daemon.process.exit_code() == NO_COMMIT
    [line] = daemon.process.errors.all()
    assert all(word in line for word in ("commit failed", "full", "check the disk's space"))
    assert daemon.process.events()[-1]["event"] == "daemon.failed"
    assert filled, waiting
    disk.free()
    daemon.start()
    assert {daemon.until(order_id, "filled", "expired")["id"] for order_id in filled} == set(filled)
    assert daemon.get("/v1/status")["queueLength"] >= len(waiting) >= 100
    assert {daemon.order(order_id)["state"] for order_id in waiting[:: len(waiting) // 50]} == {"queued"}
    arrived = [request["parameters"]["newClientOrderId"] for request in exchange.arrivals()]
    placed = [order["clientOrderId"] for order in exchange.orders()]
    assert len(arrived) == len(set(arrived))
    assert len({name[:26] for name in placed}) == len(placed), (
        "one order per signal, also where one attempt was refused"
    )
    accepted = [each["parameters"]["newClientOrderId"] for each in exchange.arrivals() if each["status"] == HTTP_OK]
    assert set(accepted) == set(placed) <= set(arrived)
    known = {order["clientOrderId"] for order in daemon.get("/v1/orders?state=filled&limit=1000")["orders"]}
    assert known >= {order["clientOrderId"] for order in exchange.orders() if order["clientOrderId"][:26] in filled}


def _answered(daemon: Daemon, wish: Any) -> Any:
    """Send signals; return those that were acknowledged."""
    try:
        answer = daemon.ask("POST", "/v1/signals/batch" if isinstance(wish, list) else "/v1/signals", wish)
    except (OSError, http.client.HTTPException):
        return None
    assert answer.status in {202, 503}, answer.raw
    return answer.json if answer.status == 202 else None
