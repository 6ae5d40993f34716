"""Administration: for root, the daemon's user and listed users; each action needs a reason."""

from typing import Any

import pytest

from tests.support import ME, Daemon, Exchange, wall_ms
from tests.support.other_user import NOBODY, ask_as
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.stage import Stage

pytestmark = pytest.mark.needs("root")

ACTS: list[tuple[str, dict[str, Any]]] = [
    ("halt", {"reason": "x"}),
    ("resume", {"reason": "x"}),
    ("orders/{id}/resolve", {"reason": "x", "ruling": "not_placed"}),
    ("orders/{id}/requeue", {"reason": "x"}),
]


def test_a_user_of_the_group_may_not_reschedule(daemon: Daemon) -> None:
    at_ms = wall_ms() + 3_600_000
    order_id = daemon.accept(market_buy(executeAt=at_ms))
    body = {"reason": "x", "executeAt": at_ms + 1}
    refused = ask_as(NOBODY, daemon.signals, "POST", f"/v1/orders/{order_id}/reschedule", body)
    assert (refused.status, refused.json["error"]) == (403, "not_allowed")
    assert daemon.order(order_id)["executeAtMs"] == at_ms


@pytest.fixture(scope="module")
def listing(shared_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon whose configuration lists another user."""
    daemon = shared_stage.daemon(package_exchange, {"sockets": {"admin_uids": [NOBODY]}})
    daemon.start()
    return daemon


@pytest.mark.parametrize(("act", "body"), ACTS, ids=[act for act, _ in ACTS])
def test_a_user_of_the_group_may_trade_but_not_administer(daemon: Daemon, act: str, body: dict[str, Any]) -> None:
    order = ask_as(NOBODY, daemon.signals, "POST", "/v1/signals", resting_buy())
    assert (order.status, daemon.explain(order.json["id"])["events"][0]["actor"]) == (202, f"uid:{NOBODY}")
    target = "/v1/admin/" + act.replace("{id}", order.json["id"])
    refused = ask_as(NOBODY, daemon.signals, "POST", target, body)
    assert (refused.status, refused.json["error"]) == (403, "not_allowed")
    assert "admin_uids" in refused.json["message"]
    assert daemon.get("/v1/status")["halted"] is None


def test_a_user_of_the_group_may_not_skip_the_lock(daemon: Daemon) -> None:
    refused = ask_as(NOBODY, daemon.signals, "POST", "/v1/signals", market_sell(skipLock=True))
    assert (refused.status, refused.json["error"]) == (403, "not_allowed")


def test_a_listed_user_may_administer_and_is_recorded(listing: Daemon, exchange: Exchange) -> None:
    halted = ask_as(NOBODY, listing.signals, "POST", "/v1/admin/halt", {"reason": "seen something odd"})
    assert (halted.status, halted.json["halted"]) == (200, "seen something odd")
    event = listing.wait_for("trading.halted")
    assert (event["actor"], event["reason"]) == (f"uid:{NOBODY}", "seen something odd")
    resumed = ask_as(NOBODY, listing.signals, "POST", "/v1/admin/resume", {"reason": "it was nothing"})
    assert (resumed.status, resumed.json["halted"]) == (200, None)
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    dead = listing.submit(market_buy(), wait_s=10).json["id"]
    requeued = ask_as(NOBODY, listing.signals, "POST", f"/v1/admin/orders/{dead}/requeue", {"reason": "try again"})
    assert requeued.status == 200
    [told] = [each for each in listing.explain(dead)["events"] if each["name"] == "order.requeued"]
    assert (told["actor"], told["detail"]["reason"]) == (f"uid:{NOBODY}", "try again")


def test_a_changed_list_applies_at_once(listing: Daemon) -> None:
    listing.configure({"sockets": {"admin_uids": []}})
    listing.reload()
    assert ask_as(NOBODY, listing.signals, "POST", "/v1/admin/resume", {"reason": "x"}).status == 403
    listing.configure({"sockets": {"admin_uids": [NOBODY]}})
    listing.reload()
    assert ask_as(NOBODY, listing.signals, "POST", "/v1/admin/resume", {"reason": "x"}).status == 200


@pytest.mark.parametrize(("act", "body"), ACTS, ids=[act for act, _ in ACTS])
@pytest.mark.parametrize("reason", [None, "", "   ", "x" * 501, 7], ids=["none", "empty", "blank", "long", "a number"])
def test_without_a_reason_nothing_changes(daemon: Daemon, act: str, body: dict[str, Any], reason: object) -> None:
    order_id = daemon.accept(resting_buy())
    asked = {name: value for name, value in (body | {"reason": reason}).items() if value is not None}
    refused = daemon.ask("POST", "/v1/admin/" + act.replace("{id}", order_id), asked)
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert "reason" in refused.json["message"] + str(refused.json.get("field"))
    assert daemon.get("/v1/status")["halted"] is None


RESOLUTIONS = [
    ({"ruling": "not_placed"}, "rejected"),
    ({"ruling": "filled", "exchangeOrderId": "C02__1", "executedQuantity": "0.5", "executedQuote": "100"}, "filled"),
    ({"ruling": "open", "exchangeOrderId": "C02__2"}, "open"),
    ({"ruling": "canceled"}, "canceled"),
    ({"ruling": "partially_canceled", "executedQuantity": 0.25, "executedQuote": 50}, "partially_canceled"),
]


@pytest.mark.parametrize(("found", "state"), RESOLUTIONS, ids=[state for _, state in RESOLUTIONS])
def test_the_operator_resolves_an_unknown_outcome(
    daemon: Daemon, exchange: Exchange, found: dict[str, Any], state: str
) -> None:
    order_id = lose(daemon, exchange)
    target_id = daemon.order(order_id)["snipeTargetId"]
    behind = daemon.accept(market_buy(snipeTargetId=target_id, quoteOrderQty="26", deadlineMs=30_000))
    assert daemon.order(behind)["state"] == "queued"
    exchange.inject({"kind": "error_before", "endpoint": "GET /api/v3/order"})
    if state == "rejected":
        resolved = daemon.resolve_as_not_placed(order_id, "I looked")
    else:
        resolved = daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", found | {"reason": "I looked"}).json
    assert (resolved["state"], resolved["reason"]) == (state, "I looked")
    [event] = [each for each in daemon.explain(order_id)["events"] if each["name"] == "order.ruled"]
    assert (event["actor"], event["detail"]["ruling"], event["detail"]["reason"]) == (
        ME,
        found["ruling"],
        "I looked",
    )
    daemon.wait_for("order.placed", order_id=behind)
    for reason, status in (("I looked", 200), ("I looked again", 409)):  # the answer to the first may have been lost
        twice = daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", found | {"reason": reason})
        assert twice.status == status, twice.raw
    assert [each["name"] for each in daemon.explain(order_id)["events"]].count("order.ruled") == 1


WRONG_RESOLUTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "ruling"),
    ({"ruling": "gone"}, "ruling"),
    ({"ruling": "not_placed", "why": "x"}, "why"),
    ({"ruling": "filled", "executedQuantity": "x"}, "executedQuantity"),
    ({"ruling": "filled", "executedQuantity": "-1"}, "executedQuantity"),
    ({"ruling": "open", "executedQuantity": "NaN"}, "executedQuantity"),
    ({"ruling": "filled", "executedQuantity": "1e-999999"}, "executedQuantity"),
    ({"ruling": "filled", "executedQuote": "1e19"}, "executedQuote"),
    ({"ruling": "filled", "exchangeOrderId": ""}, "exchangeOrderId"),
    ({"ruling": "filled", "exchangeOrderId": "C" * 129}, "exchangeOrderId"),
]


def test_a_wrong_resolution_resolves_nothing(daemon: Daemon, exchange: Exchange) -> None:
    order_id = lose(daemon, exchange)
    for found, field in WRONG_RESOLUTIONS:
        refused = daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", found | {"reason": "I looked"})
        assert (refused.status, refused.json["error"]) == (400, "invalid"), found
        assert field in refused.json["message"] + str(refused.json.get("field")), found
        assert daemon.order(order_id)["state"] == "in_doubt", found
    daemon.resolve_as_not_placed(order_id)


def test_after_a_resolution_as_not_placed_the_signal_may_be_sent_again(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("request_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    signal = market_buy()
    order_id = daemon.accept(signal)
    daemon.until(order_id, "in_doubt")
    daemon.resolve_as_not_placed(order_id)
    exchange.inject()
    again = daemon.submit(signal, wait_s=10).json
    assert (again["replayed"], again["state"]) == (False, "filled")
    assert exchange.orders(order_id) == []


def test_not_placed_is_refused_while_the_request_may_arrive_and_a_late_order_is_reported(
    own_stage: Stage,
) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange, {"exchange": {"timeout_ms": 300}})
    daemon.start(with_rules=True)
    away = [{"kind": "error_before", "endpoint": f"GET /api/v3/{what}"} for what in ("order", "openOrders")]
    exchange.inject({"kind": "slow_before", "delay_ms": 4_000, "count": 1}, *away)
    signal = market_buy()
    order_id = daemon.accept(signal)
    daemon.until(order_id, "in_doubt")
    target = f"/v1/admin/orders/{order_id}/resolve"
    early = daemon.ask("POST", target, {"ruling": "not_placed", "reason": "I looked"})
    assert (early.status, early.json["error"]) == (409, "wrong_state")
    assert "(Unix ms) on" in early.json["message"]
    assert daemon.order(order_id)["state"] == "in_doubt"
    assert daemon.resolve_as_not_placed(order_id, "I looked too early")["state"] == "rejected"
    exchange.inject()
    seen = daemon.wait_for("order.seen_late", order_id=order_id)
    assert (seen["was"], daemon.until(order_id, "filled")["idempotencyKey"]) == (
        "rejected",
        daemon.order(order_id)["idempotencyKey"],
    )
    assert daemon.wait_for("alert.firing", alert="order_seen_late")["severity"] == "critical"
    assert daemon.submit(signal, wait_s=10).json["id"] == order_id
    assert len(exchange.orders()) == 1


def lose(daemon: Daemon, exchange: Exchange) -> str:
    """Bring an order into doubt that never arrived; return its id."""
    exchange.inject("request_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    order_id = daemon.accept(market_buy())
    daemon.until(order_id, "in_doubt")
    return order_id


def test_an_average_price_is_shown_after_every_resolution(daemon: Daemon, exchange: Exchange) -> None:
    order_id = lose(daemon, exchange)
    found = {"ruling": "filled", "executedQuantity": "0.000000000000000001", "executedQuote": "1e18", "reason": "odd"}
    assert daemon.ask("POST", f"/v1/admin/orders/{order_id}/resolve", found).status == 200
    assert daemon.order(order_id)["averagePrice"] == "1" + "0" * 36
