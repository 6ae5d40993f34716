"""The owner is killed, stopped, cut off or ended under load: another member goes on, and nothing is bought twice."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.fleet.stopped_at import POINTS
from tests.support import Daemon, eventually, wall_ms
from tests.support.fleet_load import Load
from tests.support.fleet_stage import LEASE_MS, Fleet, Member, fleet_stage
from tests.support.postgres import PostgresServer
from tests.support.signals import market_buy

pytestmark = pytest.mark.needs("postgresql")

TAKEOVER_S = LEASE_MS / 1_000 + 1
"""From the loss of the owner to the next one's first order, on an idle machine."""

LATE_MS = 100
"""How late an order may be at its instant on a busy machine."""

BUSY = 3
"""How many times slower this machine may be."""


@contextmanager
def under_load(fleet: Fleet, *, per_s: float = 30) -> Iterator[Load]:
    """Send signals to all members; afterwards the exchange's book judges."""
    load = Load([each.daemon.signals for each in fleet.members], per_s=per_s)
    load.start()
    load.wait_for(20)
    try:
        yield load
        load.wait_for(20)
    finally:
        load.finish()
    reader = fleet.owner(60).daemon
    assert load.problems(fleet.exchange, reader.order) == []


def next_owner(fleet: Fleet, than: Member) -> Member:
    """Wait for another owner."""
    [other] = fleet.others(than)
    other.daemon.process.wait_for("daemon.ready", timeout_s=TAKEOVER_S * BUSY)
    return other


def test_the_owner_is_killed(fleet: Fleet) -> None:
    owner = fleet.owner()
    with under_load(fleet):
        owner.daemon.kill()
        assert next_owner(fleet, owner).daemon.get("/readyz")["ready"]
        owner.start()


def test_the_owner_is_killed_and_starts_again_on_the_same_machine(postgres: PostgresServer) -> None:
    """It need not wait for the end of its own lease: the lock on its database shows that its former self is gone."""
    with fleet_stage(postgres, config={"fleet": {"lease_ms": 20_000}}) as fleet, under_load(fleet):
        owner = fleet.owner()
        owner.daemon.kill()
        owner.start()
        owner.daemon.wait_for("fleet.took_over", reason="it started again on the same machine")
        owner.daemon.wait_for("daemon.ready")


def test_a_stopped_owner_that_goes_on_has_been_replaced(fleet: Fleet) -> None:
    owner = fleet.owner()
    with under_load(fleet):
        owner.daemon.process.send(signal.SIGSTOP)
        next_owner(fleet, owner)
        owner.daemon.process.send(signal.SIGCONT)
        assert owner.daemon.process.exit_code() == 75
        assert owner.daemon.process.events("daemon.library") == [], "it closes its connections"
        owner.start()


@pytest.mark.parametrize("point", POINTS)
def test_an_owner_that_stops_at_its_worst_instant(fleet: Fleet, point: str) -> None:
    first = fleet.owner()
    [owner] = fleet.others(first)
    owner.daemon.terminate()
    owner.start(sys.executable, "-m", "tests.process.fleet.stopped_at", point, "40")
    first.daemon.terminate()
    owner.daemon.wait_for("daemon.ready")
    first.start()
    with under_load(fleet):
        eventually(lambda: is_stopped(owner.daemon), "the owner stops", 60)
        next_owner(fleet, owner)
        owner.daemon.process.send(signal.SIGCONT)
        assert owner.daemon.process.exit_code() == 75
        owner.start()


def is_stopped(daemon: Daemon) -> bool:
    """Return whether a process is stopped."""
    stat = Path(f"/proc/{daemon.process.pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0] == "T"


def test_a_hand_over_refuses_nothing(fleet: Fleet) -> None:
    owner = fleet.owner()
    with under_load(fleet) as load:
        before = load.figures.copy()
        assert owner.daemon.terminate() == 0
        next_owner(fleet, owner)
        refused = load.figures - before
        assert not [word for word in refused if word.startswith(("4", "5"))], refused
        owner.start()
    assert load.longest_silence_ms < 1_000 * BUSY


@pytest.mark.parametrize("cut", ["database", "exchange", "both"])
def test_a_black_hole_between_the_owner_and_the_outside(fleet: Fleet, cut: str) -> None:
    owner = fleet.owner()
    edges = {"database": [owner.to_database], "exchange": [owner.to_exchange]}
    edges["both"] = [*edges["database"], *edges["exchange"]]
    with under_load(fleet):
        for edge in edges[cut]:
            edge.swallow()
        next_owner(fleet, owner)
        for edge in edges[cut]:
            edge.release()
        assert owner.daemon.process.exit_code(60) == 75
        owner.start()


@pytest.mark.parametrize("cut", ["database", "exchange", "both"])
def test_connections_of_the_owner_that_are_reset_again_and_again(fleet: Fleet, cut: str) -> None:
    owner = fleet.owner()
    edges = {"database": [owner.to_database], "exchange": [owner.to_exchange]}
    edges["both"] = [*edges["database"], *edges["exchange"]]
    with under_load(fleet) as load:
        for _ in range(10):
            for edge in edges[cut]:
                edge.cut()
            load.wait_for(4)
        if not owner.daemon.process.is_running():  # another took over while it was cut off
            assert owner.daemon.process.exit_code() == 75
            owner.start()


def test_of_three_members_one_follows_the_other(postgres: PostgresServer) -> None:
    """The owner is killed, the next one is stopped, and the last one is cut off from the database."""
    with fleet_stage(postgres, members=3) as fleet, under_load(fleet) as load:
        first = fleet.owner()
        first.daemon.kill()
        second = eventually(lambda: next((each for each in fleet.others(first) if each.owns), None), "a second", 30)
        load.wait_for(10)
        first.start()
        second.daemon.process.send(signal.SIGSTOP)
        third = eventually(lambda: next((each for each in fleet.others(second) if each.owns), None), "a third", 30)
        load.wait_for(10)
        second.daemon.process.send(signal.SIGCONT)
        assert second.daemon.process.exit_code() == 75
        second.start()
        third.to_database.swallow()
        eventually(lambda: any(each.owns for each in fleet.others(third)), "a fourth", 30)
        third.to_database.release()
        assert third.daemon.process.exit_code(60) == 75
        third.start()


def test_an_order_that_was_armed_when_its_owner_was_killed_is_sent_at_most_once(fleet: Fleet) -> None:
    """The owner is killed 0.3 s before the instant. Its request may have left, so nobody sends another."""
    owner = fleet.owner()
    at_ms = wall_ms() + 3_000
    order_id = owner.daemon.accept(market_buy(executeAt=at_ms))
    eventually(lambda: wall_ms() >= at_ms - 300, "0.3 s before the instant", pause_s=0.001)
    owner.daemon.kill()
    order = next_owner(fleet, owner).daemon.until(order_id, "filled", "lost", "expired")
    booked = fleet.exchange.orders(order_id)
    assert (len(booked), order["state"] == "filled") in {(0, False), (1, True)}


def test_an_order_that_was_not_armed_when_its_owner_was_killed_is_sent_at_its_instant(fleet: Fleet) -> None:
    """The machine is lost shortly before a listing, and the launch is not."""
    owner = fleet.owner()
    at_ms = wall_ms() + 3 * LEASE_MS
    order_id = owner.daemon.accept(market_buy(executeAt=at_ms))
    owner.daemon.kill()
    next_owner(fleet, owner).daemon.until(order_id, "filled")
    [arrival] = fleet.exchange.arrivals(order_id)
    assert -5 <= arrival["receivedMs"] - at_ms < LATE_MS
