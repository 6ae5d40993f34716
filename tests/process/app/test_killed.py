"""kill -9 with orders in every state: at most one order per signal in the exchange's own book, and none forgotten."""

import pytest

from tests.process.app.aftermath import KILL_AFTER, PLACED, Aftermath, order_of

whatever_happened = pytest.mark.parametrize("what", PLACED)


@whatever_happened
def test_an_open_attempt_is_on_the_book_once_and_the_daemon_finds_it(aftermath: Aftermath, what: str) -> None:
    order_id = aftermath.placed[what]
    found = aftermath.daemon.until(order_id, "filled")
    [booked] = aftermath.exchange.orders(order_id)
    assert len(aftermath.exchange.arrivals(order_id)) == found["attempts"] == 1
    assert found["exchangeOrderId"] == booked["orderId"]
    assert found["executedQuantity"] == booked["executedQty"]


@whatever_happened
def test_its_signal_sent_again_is_answered_with_the_same_order(aftermath: Aftermath, what: str) -> None:
    order_id = aftermath.placed[what]
    again = aftermath.daemon.submit(aftermath.signals[order_id])
    assert (again.status, again.json["id"], again.json["replayed"]) == (200, order_id, True)


@whatever_happened
def test_its_lock_is_the_same_and_is_released_when_the_order_is_found(aftermath: Aftermath, what: str) -> None:
    order_id = aftermath.placed[what]
    aftermath.daemon.until(order_id, "filled")
    [lock] = aftermath.daemon.explain(order_id)["locks"]
    before = aftermath.locks[order_id]
    assert (before["state"], lock["state"]) == ("active", "released")
    assert (lock["fencingToken"], lock["acquiredAtMs"]) == (before["fencingToken"], before["acquiredAtMs"])


def test_the_resources_second_order_waits_until_the_first_is_found_and_has_a_greater_token(
    aftermath: Aftermath,
) -> None:
    first, second = aftermath.placed["it never answers"], aftermath.behind_placed
    aftermath.daemon.until(second, "filled")
    assert len(aftermath.exchange.orders(second)) == 1
    [first_lock], [second_lock] = (aftermath.daemon.explain(order_id)["locks"] for order_id in (first, second))
    assert second_lock["acquiredAtMs"] >= first_lock["releasedAtMs"]
    assert second_lock["fencingToken"] > max(lock["fencingToken"] for lock in aftermath.locks.values())


def test_an_order_that_never_arrived_is_lost_and_holds_its_resource_until_the_operator_resolves_it(
    aftermath: Aftermath,
) -> None:
    first, second = aftermath.never_placed, aftermath.behind_never_placed
    daemon = aftermath.daemon
    daemon.until(first, "lost")
    assert daemon.order(second)["state"] == "queued"
    ruled = daemon.ask("POST", f"/v1/admin/orders/{first}/resolve", {"ruling": "not_placed", "reason": "I looked"})
    assert ruled.json["state"] == "rejected"
    daemon.until(second, "filled")
    assert [len(aftermath.exchange.arrivals(order_id)) for order_id in (first, second)] == [1, 1]
    assert aftermath.exchange.orders(first) == []


def test_a_scheduled_order_is_still_scheduled(aftermath: Aftermath) -> None:
    order = aftermath.daemon.order(aftermath.queued)
    assert (order["state"], order["attempts"]) == ("queued", 0)
    assert order["executeAtMs"] == aftermath.signals[aftermath.queued]["executeAt"]


def test_an_order_whose_time_comes_after_the_kill_is_sent_then(aftermath: Aftermath) -> None:
    order = aftermath.daemon.until(aftermath.due_soon, "filled")
    [arrival] = aftermath.exchange.arrivals(aftermath.due_soon)
    assert arrival["receivedMs"] >= order["executeAtMs"]


def test_an_order_whose_deadline_passed_meanwhile_is_never_sent(aftermath: Aftermath) -> None:
    expired = aftermath.daemon.until(aftermath.too_late, "expired")
    assert "deadline" in expired["reason"]
    assert aftermath.exchange.arrivals(aftermath.too_late) == []


def test_an_order_that_was_armed_is_in_doubt_and_is_never_sent(aftermath: Aftermath) -> None:
    order = aftermath.daemon.until(aftermath.armed, "lost")
    assert order["attempts"] == 1
    assert order["updatedAtMs"] > order["executeAtMs"]
    assert aftermath.exchange.arrivals(aftermath.armed) == []


def test_no_acknowledged_signal_of_the_crowd_is_forgotten(aftermath: Aftermath) -> None:
    assert len(aftermath.acknowledged) >= KILL_AFTER
    for order_id in aftermath.acknowledged:
        assert aftermath.daemon.until(order_id, "filled", "lost", "expired")["id"] == order_id


def test_no_order_is_on_the_book_twice(aftermath: Aftermath) -> None:
    booked = [order["clientOrderId"] for order in aftermath.exchange.orders()]
    arrived = [request["parameters"]["newClientOrderId"] for request in aftermath.exchange.arrivals()]
    assert set(booked) <= set(arrived)
    assert len(booked) == len({order_of(each) for each in booked}) > len(PLACED)
    assert len(arrived) == len({order_of(each) for each in arrived})
    known = {order["id"] for order in aftermath.daemon.get("/v1/orders?limit=1000")["orders"]}
    assert {order_of(each) for each in arrived} <= known


def test_recovery_reports_what_it_found(aftermath: Aftermath) -> None:
    told = aftermath.daemon.wait_for("daemon.recovered")
    assert told["in_doubt"] >= len(PLACED) + 1  # and the one that was armed
    assert told["queued"] >= 4
    assert aftermath.daemon.process.events("order.in_doubt")
