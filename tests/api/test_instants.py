"""executeAt: an order is durable before its instant, and is sent at it, never before."""

import math
import os
from typing import Any

import pytest

from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy

AHEAD_MS = 900
"""Far enough for the order to wait in the queue before it is armed, half a second ahead."""


def test_no_order_is_sent_before_its_instant_by_the_exchanges_clock(daemon: Daemon, exchange: Exchange) -> None:
    first_ms = wall_ms() + AHEAD_MS
    wishes = [(market_buy(executeAt=first_ms + 7 * number), first_ms + 7 * number) for number in range(20)]
    orders = [(daemon.accept(signal), at_ms) for signal, at_ms in wishes]
    for order_id, at_ms in orders:
        daemon.until(order_id, "filled")
        [arrival] = exchange.arrivals(order_id)
        assert arrival["receivedMs"] >= at_ms - known_to_ms(daemon)


def test_an_order_is_armed_on_disk_before_its_instant(daemon: Daemon, exchange: Exchange) -> None:
    at_ms = wall_ms() + AHEAD_MS
    order_id = daemon.accept(market_buy(executeAt=at_ms))
    waiting = daemon.explain(order_id)
    assert (waiting["order"]["state"], waiting["next"]["what"]) == ("queued", "it waits for its time")
    daemon.wait_for("order.armed", order_id=order_id)
    armed = daemon.explain(order_id)
    assert (armed["order"]["state"], armed["order"]["executeAtMs"]) == ("armed", at_ms)
    assert armed["next"]["what"] == "it fires at its instant"
    assert armed["next"]["atMs"] == pytest.approx(at_ms, abs=5), "by the daemon's clock, as the exchange's is measured"
    assert [attempt["state"] for attempt in armed["attempts"]] == ["in_flight"]
    assert [lock["state"] for lock in armed["locks"]] == ["active"]
    assert exchange.arrivals(order_id) == []
    daemon.until(order_id, "filled")
    assert len(exchange.arrivals(order_id)) == 1


def test_an_instant_that_has_just_passed_counts_as_now(daemon: Daemon, exchange: Exchange) -> None:
    at_ms = wall_ms() - 1_000
    order = daemon.submit(market_buy(executeAt=at_ms), wait_s=10).json
    assert (order["state"], order["deadlineAtMs"]) == ("filled", at_ms + 5_000)
    assert len(exchange.arrivals(order["id"])) == 1


def test_an_instant_that_passed_longer_ago_than_the_deadline_is_refused(daemon: Daemon) -> None:
    newest = daemon.get("/v1/orders?limit=1")["orders"]
    signal = market_buy(executeAt=wall_ms() - 60_000)
    refused = daemon.submit(signal, wait_s=10)
    assert (refused.status, refused.json["field"]) == (400, "executeAt")
    assert "expired" in refused.json["message"]
    assert "leave executeAt out" in refused.json["message"]
    assert "Unix time in milliseconds" in refused.json["allowed"]
    assert daemon.get("/v1/orders?limit=1")["orders"] == newest


def test_a_known_signal_is_answered_even_long_after_its_instant(daemon: Daemon) -> None:
    signal = market_buy(executeAt=wall_ms() + 60_000)
    order_id = daemon.accept(signal)
    again = daemon.submit(signal | {"executeAt": wall_ms() - 600_000})
    assert (again.status, again.json["id"], again.json["replayed"]) == (200, order_id, True)


def test_the_deadline_counts_from_the_instant(daemon: Daemon) -> None:
    at_ms = wall_ms() + 60_000
    order = daemon.submit(market_buy(executeAt=at_ms, deadlineMs=250)).json
    assert order["deadlineAtMs"] == at_ms + 250


@pytest.mark.parametrize("moment", ["queued", "armed"])
def test_an_order_that_is_cancelled_before_its_instant_is_not_sent(
    daemon: Daemon, exchange: Exchange, moment: str
) -> None:
    signal = market_buy(executeAt=wall_ms() + AHEAD_MS)
    order_id = daemon.accept(signal)
    after = daemon.accept(market_buy(executeAt=wall_ms() + AHEAD_MS))
    if moment == "armed":
        daemon.wait_for("order.armed", order_id=order_id)
    withdrawn = daemon.ask("DELETE", f"/v1/orders/{order_id}?reason=changed+my+mind")
    assert (withdrawn.status, withdrawn.json["state"]) == (200, "withdrawn")
    assert withdrawn.json["reason"] == "changed my mind"
    daemon.until(after, "filled")
    found = daemon.explain(order_id)
    assert found["order"]["state"] == "withdrawn"
    assert [attempt["state"] for attempt in found["attempts"]] == (["not_sent"] if moment == "armed" else [])
    assert {lock["state"] for lock in found["locks"]} <= {"released"}
    assert exchange.arrivals(order_id) == []


def test_after_a_halt_an_armed_order_waits_and_is_sent_after_the_resume(daemon: Daemon, exchange: Exchange) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + AHEAD_MS, deadlineMs=60_000))
    daemon.wait_for("order.armed", order_id=order_id)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    disarmed = daemon.explain(order_id)
    assert disarmed["order"]["state"] == "queued"
    assert "a rehearsal" in disarmed["order"]["reason"]
    assert disarmed["attempts"][0]["state"] == "not_sent"
    daemon.ask("POST", "/v1/admin/resume", {"reason": "it is over"})
    daemon.until(order_id, "filled")
    assert [arrival["parameters"]["newClientOrderId"] for arrival in exchange.arrivals(order_id)] == [f"{order_id}-2"]


@pytest.mark.parametrize("moment", ["queued", "armed"])
def test_a_rescheduled_order_is_sent_once_at_its_new_instant(daemon: Daemon, exchange: Exchange, moment: str) -> None:
    at_ms = wall_ms() + AHEAD_MS
    signal = market_buy(executeAt=at_ms)
    order_id = daemon.accept(signal)
    if moment == "armed":
        daemon.wait_for("order.armed", order_id=order_id)
    body = {"reason": "postponed", "executeAt": at_ms + 1_200}
    moved = daemon.ask("POST", f"/v1/orders/{order_id}/reschedule", body)
    assert (moved.status, moved.json["state"]) == (200, "queued")
    assert (moved.json["executeAtMs"], moved.json["askedExecuteAtMs"]) == (at_ms + 1_200, at_ms)
    assert moved.json["deadlineAtMs"] == at_ms + 1_200 + 5_000
    again = daemon.submit(signal)
    assert (again.status, again.json["id"], again.json["replayed"]) == (200, order_id, True)
    daemon.until(order_id, "filled")
    [arrival] = exchange.arrivals(order_id)
    assert arrival["receivedMs"] >= at_ms + 1_200 - known_to_ms(daemon)
    [event] = [each for each in daemon.explain(order_id)["events"] if each["name"] == "order.rescheduled"]
    assert (event["actor"], event["detail"]["reason"]) == (f"uid:{os.getuid()}", "postponed")


@pytest.mark.parametrize("body", [{}, {"executeAt": "soon"}, {"executeAt": 0}, {"executeAt": 1.5}], ids=str)
def test_a_wrong_instant_is_refused_and_changes_nothing(daemon: Daemon, body: dict[str, Any]) -> None:
    at_ms = wall_ms() + 3_600_000
    order_id = daemon.accept(market_buy(executeAt=at_ms))
    refused = daemon.ask("POST", f"/v1/orders/{order_id}/reschedule", {"reason": "x", **body})
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert "executeAt" in refused.raw.decode()
    assert daemon.order(order_id)["executeAtMs"] == at_ms


def test_orders_of_one_instant_fire_together(daemon: Daemon, exchange: Exchange) -> None:
    at_ms = wall_ms() + AHEAD_MS
    signals = [market_buy(executeAt=at_ms) for _ in range(20)]
    orders = daemon.ask("POST", "/v1/signals/batch", signals).json
    for order in orders:
        assert daemon.until(order["id"], "filled")["attempts"] == 1
        assert exchange.arrivals(order["id"])[0]["receivedMs"] >= at_ms - known_to_ms(daemon)


def known_to_ms(daemon: Daemon) -> int:
    """Return by how much the daemon may be wrong about the exchange's clock, as it states."""
    uncertainty_ms: float = daemon.get("/v1/status")["exchange"]["uncertaintyMs"]
    return math.ceil(uncertainty_ms)
