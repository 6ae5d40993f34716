"""Cancelling: an unsent order is withdrawn, a resting one cancelled on the exchange, one in doubt refused."""

from decimal import Decimal
from typing import Any

import pytest

from tests.support import ME, Answer, Daemon, Exchange, eventually, wall_ms
from tests.support.signals import market_buy, resting_buy

HOUR_MS = 3_600_000


def cancel(daemon: Daemon, order_id: str, reason: str = "") -> Answer:
    """Cancel an order."""
    return daemon.ask("DELETE", f"/v1/orders/{order_id}" + (f"?reason={reason}" if reason else ""))


def test_a_queued_order_is_withdrawn_and_its_key_is_free(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_buy(executeAt=wall_ms() + HOUR_MS)
    order_id = daemon.accept(signal)
    answer = cancel(daemon, order_id)
    assert (answer.status, answer.json["state"], answer.json["reason"]) == (200, "withdrawn", "cancelled by the caller")
    again = daemon.submit(signal | {"executeAt": wall_ms()}, wait_s=10).json
    assert (again["state"], again["replayed"]) == ("filled", False)
    assert exchange.arrivals(order_id) == []


def test_a_resting_order_is_cancelled_on_the_exchange(daemon: Daemon, exchange: Exchange) -> None:
    order_id = daemon.submit(resting_buy(), wait_s=10).json["id"]
    answer = cancel(daemon, order_id, "no+longer+wanted")
    assert (answer.status, answer.json["state"]) == (200, "canceled")
    assert [placed["status"] for placed in exchange.orders(order_id)] == ["CANCELED"]
    names = [event["name"] for event in daemon.explain(order_id)["events"]]
    after = names[
        names.index("order.cancel_requested") :
    ]  # in either order: a query may see it before the answer comes
    assert {"order.cancel_answered", "order.seen"} <= set(after)
    requested = next(each for each in daemon.explain(order_id)["events"] if each["name"] == "order.cancel_requested")
    assert (requested["actor"], requested["detail"]["reason"]) == (ME, "no longer wanted")


def test_fills_before_the_cancel_are_kept(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("PARTUSDT", wall_ms() - HOUR_MS, price="1")
    exchange.change_market("PARTUSDT", bids=[], asks=[["1.00", "40"]])
    signal = resting_buy(symbol="PARTUSDT", quantity="100", price="1")
    order = daemon.submit(signal, wait_s=10).json
    assert (order["state"], order["executedQuantity"]) == ("partially_filled", "40")
    ended = cancel(daemon, order["id"]).json
    assert ended["state"] == "partially_canceled"
    [placed] = exchange.orders(order["id"])
    assert (placed["status"], Decimal(placed["executedQty"])) == ("PARTIALLY_CANCELED", Decimal(40))
    assert (ended["executedQuantity"], ended["averagePrice"]) == ("40", "1")
    assert daemon.submit(signal).json["state"] == "partially_canceled"


@pytest.mark.parametrize("fault", ["reply_lost", "error_after", "former_state", "junk_body"])
def test_after_an_unclear_cancel_answer_the_order_is_queried(daemon: Daemon, exchange: Exchange, fault: str) -> None:
    order_id = daemon.submit(resting_buy(), wait_s=10).json["id"]
    exchange.inject({"kind": fault, "endpoint": "DELETE /api/v3/order", "count": 1})
    assert cancel(daemon, order_id).status == 200
    daemon.until(order_id, "canceled")
    assert exchange.injections() == 1


def test_a_cancel_that_did_not_arrive_leaves_the_order_resting(daemon: Daemon, exchange: Exchange) -> None:
    order_id = daemon.submit(resting_buy(), wait_s=10).json["id"]
    exchange.inject({"kind": "request_lost", "endpoint": "DELETE /api/v3/order"})
    unknown = daemon.ask("DELETE", f"/v1/orders/{order_id}", headers={"Prefer": "wait=0.5"})
    assert (unknown.status, unknown.json["state"], unknown.headers["preference-applied"]) == (202, "open", "wait=0.5")
    daemon.wait_for("order.cancel_answered", order_id=order_id, outcome="unknown")
    exchange.inject()
    assert cancel(daemon, order_id).json["state"] == "canceled"


def test_an_order_that_is_filled_before_the_cancel_arrives_is_filled(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("FILLUSDT", wall_ms() - HOUR_MS, price="1")
    exchange.change_market("FILLUSDT", volatility=0)
    signal = resting_buy(symbol="FILLUSDT", quantity="100", price="0.5")
    order_id = daemon.submit(signal, wait_s=10).json["id"]
    exchange.inject(
        {"kind": "error_before", "endpoint": "GET /api/v3/order"},
        {"kind": "error_before", "endpoint": "GET /api/v3/openOrders"},
    )
    exchange.change_market("FILLUSDT", price="0.4")
    eventually(lambda: exchange.orders(order_id)[0]["status"] == "FILLED", "the fill")
    exchange.inject()
    answer = daemon.ask("DELETE", f"/v1/orders/{order_id}", headers={"Prefer": "wait=10"})
    if answer.status == 200:
        assert (answer.json["state"], answer.json["executedQuantity"]) == ("filled", "100")
    else:
        assert (answer.status, daemon.order(order_id)["state"]) == (409, "filled"), "a look was quicker"


def test_a_cancel_without_a_wait_is_answered_at_once(daemon: Daemon, exchange: Exchange) -> None:
    order_id = daemon.submit(resting_buy(), wait_s=10).json["id"]
    exchange.inject({"kind": "error_before", "endpoint": "GET /api/v3/order"})
    answer = daemon.ask("DELETE", f"/v1/orders/{order_id}", headers={"Prefer": "wait=0"})
    assert (answer.status, answer.json["state"]) == (202, "open")
    exchange.inject()
    daemon.until(order_id, "canceled")


FINISHED: dict[str, tuple[dict[str, Any], str | None, str]] = {
    "filled": (market_buy(), None, "filled"),
    "rejected": (market_buy(), "30004", "rejected"),
}


@pytest.mark.parametrize(("signal", "code", "state"), FINISHED.values(), ids=FINISHED.keys())
def test_a_finished_order_has_nothing_to_cancel(
    daemon: Daemon, exchange: Exchange, signal: dict[str, Any], code: str | None, state: str
) -> None:
    if code:
        exchange.inject({"kind": "refused", "code": int(code), "count": 1})
    order_id = daemon.accept(signal)
    before = daemon.until(order_id, state)
    refused = cancel(daemon, order_id)
    assert (refused.status, refused.json["error"]) == (409, "wrong_state")
    assert f"is {state}: there is nothing to cancel" in refused.json["message"]
    assert daemon.order(order_id) == before
    cancels = exchange.arrivals(endpoint="DELETE /api/v3/order")
    named = {name for arrival in cancels for name in arrival["parameters"].values()}
    assert not {before["clientOrderId"], before["exchangeOrderId"]} & named - {None}


@pytest.mark.parametrize(
    ("signal", "state"), [(market_buy(executeAt=wall_ms() + HOUR_MS), "withdrawn"), (resting_buy(), "canceled")],
    ids=["withdrawn", "canceled"],
)  # fmt: skip
def test_a_cancelled_order_is_the_answer_to_another_cancel(
    daemon: Daemon, exchange: Exchange, signal: dict[str, Any], state: str
) -> None:
    """The answer to the first may have been lost."""
    order_id = daemon.submit(signal | {"snipeTargetId": None}, wait_s=0).json["id"]
    if state == "canceled":
        daemon.until(order_id, "open")
    assert cancel(daemon, order_id).status == 200
    daemon.until(order_id, state)
    cancels = len(exchange.arrivals(endpoint="DELETE /api/v3/order"))
    again = cancel(daemon, order_id)
    assert (again.status, again.json["state"]) == (200, state)
    names = [each["name"] for each in daemon.explain(order_id)["events"]]
    assert names.count("order.withdrawn") + names.count("order.cancel_requested") == 1
    assert len(exchange.arrivals(endpoint="DELETE /api/v3/order")) == cancels


def test_an_order_in_flight_cannot_be_cancelled(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen():
        order_id = daemon.send(resting_buy())
        refused = cancel(daemon, order_id)
    assert (refused.status, refused.json["error"]) == (409, "wrong_state")
    assert "answer is awaited" in refused.json["message"]
    daemon.until(order_id, "open")


def test_an_order_in_doubt_cannot_be_cancelled(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("reply_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    order_id = daemon.accept(resting_buy())
    daemon.until(order_id, "in_doubt")
    refused = cancel(daemon, order_id)
    assert (refused.status, refused.json["error"]) == (409, "wrong_state")
    assert "may exist" in refused.json["message"]
    exchange.inject()
    daemon.until(order_id, "open")
    assert cancel(daemon, order_id).status == 200
    daemon.until(order_id, "canceled")


@pytest.mark.parametrize(
    "order_id", ["01ABCDEFGHJKMNPQRSTVWXYZ00", "x" * 4_000, "%00", "..%2F..", "%F0%9F%9A%80", "a'b"]
)
def test_an_unknown_order_is_not_found(daemon: Daemon, order_id: str) -> None:
    for answer in (
        cancel(daemon, order_id),
        daemon.ask("GET", f"/v1/orders/{order_id}"),
        daemon.ask("GET", f"/v1/orders/{order_id}/explain"),
        daemon.ask("POST", f"/v1/admin/orders/{order_id}/requeue", {"reason": "x"}),
        daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", {"reason": "x", "ruling": "not_placed"}),
    ):
        assert (answer.status, answer.json["error"]) == (404, "unknown")
        assert len(answer.json["message"]) < 200


def test_after_a_cancel_with_nothing_executed_the_same_signal_may_be_placed_again(
    daemon: Daemon, exchange: Exchange
) -> None:
    """Once the exchange has shown so again: a fill may follow a cancel."""
    signal = resting_buy()
    first = daemon.submit(signal, wait_s=10).json
    daemon.ask("DELETE", f"/v1/orders/{first['id']}")
    daemon.until(first["id"], "canceled")
    assert daemon.submit(signal).json["id"] == first["id"]
    daemon.process.wait_for("order.key_freed", order_id=first["id"], timeout_s=60)
    again = daemon.submit(signal, wait_s=10).json
    assert (again["state"], again["replayed"]) == ("open", False)
    assert len(exchange.orders(again["id"])) == len(exchange.orders(first["id"])) == 1


def test_a_cancel_is_sent_while_queries_wait_for_their_limit(daemon: Daemon, exchange: Exchange) -> None:
    mark = daemon.process.mark()
    exchange.inject({"kind": "rate_limited", "endpoint": "GET /api/v3/order", "retry_after_s": 2, "count": 1})
    order_id = daemon.submit(resting_buy()).json["id"]
    daemon.wait_for("order.looked", since=mark, failed=True)  # of this order or of another: all queries wait then
    cancel(daemon, order_id)
    answered = next(each for each in daemon.explain(order_id)["events"] if each["name"] == "order.cancel_answered")
    assert answered["detail"]["outcome"] == "accepted"
    daemon.until(order_id, "canceled")
