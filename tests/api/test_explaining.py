"""explain: every step of an order, with its time, its reason and the evidence."""

from itertools import pairwise
from typing import Any

from tests.support import KEYS, ME, Daemon, Exchange
from tests.support.signals import market_buy
from tests.support.stage import Stage


def names(found: dict[str, Any]) -> list[str]:
    """Return the names of an explanation's events."""
    return [event["name"] for event in found["events"]]


def test_a_filled_order_is_explained_from_acceptance_to_fill(daemon: Daemon) -> None:
    signal = market_buy(idempotencyKey="told in full")
    order_id = daemon.submit(signal, wait_s=10).json["id"]
    found = daemon.explain(order_id)
    assert names(found) == ["order.accepted", "order.sent", "order.placed", "order.looked", "order.seen"]
    assert [event["state"] for event in found["events"]] == ["queued", "in_flight", "open", "open", "filled"]
    assert all(earlier["atMs"] <= later["atMs"] for earlier, later in pairwise(found["events"]))
    accepted = found["events"][0]
    assert (accepted["actor"], accepted["detail"]["key"]) == (ME, "told in full")
    assert (accepted["detail"]["quote_quantity"], accepted["detail"]["target_id"]) == ("25", signal["snipeTargetId"])
    [attempt] = found["attempts"]
    assert attempt["asked"].startswith("POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=25&")
    assert attempt["clientOrderId"] == found["order"]["clientOrderId"] == f"{order_id}-1"
    assert attempt["exchangeOrderId"] in attempt["answered"]
    assert attempt["startedAtMs"] <= attempt["answeredAtMs"]
    [lock] = found["locks"]
    assert (lock["resource"], lock["ownerId"], lock["state"]) == (found["order"]["resource"], "bot", "released")
    searched = found["events"][3]["detail"]
    assert (searched["witness"], searched["found"], searched["failed"]) == ("order_id", True, False)
    assert searched["answered"].startswith("HTTP 200 ")
    assert found["next"] == {"what": "nothing: it is filled", "atMs": None}


def test_an_unknown_outcome_is_explained_with_every_query_and_its_answer(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject(
        {"kind": "invisible", "delay_ms": 200, "count": 1},
        "reply_lost",
        {"kind": "error_before", "endpoint": "GET /api/v3/order", "count": 1},
    )
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    found = daemon.explain(order_id)
    told = names(found)
    assert told[:3] == ["order.accepted", "order.sent", "order.in_doubt"]
    assert told[-1] == "order.seen"
    doubt, *looks, seen = found["events"][2:]
    assert "signature" not in doubt["detail"]["reason"] != ""
    assert len(looks) >= 3
    assert looks[0]["detail"]["failed"] is True
    assert looks[0]["detail"]["answered"].startswith("HTTP 503")
    assert all("-2013" in look["detail"]["answered"] for look in looks[1:-1])
    assert (looks[-1]["detail"]["found"], seen["detail"]["was"]) == (True, "in_doubt")
    assert [attempt["state"] for attempt in found["attempts"]] == ["unknown"]


def test_an_explanation_contains_no_key_and_no_signature(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("reply_lost")
    order_id = daemon.submit(market_buy(), wait_s=10).json["id"]
    told = daemon.ask("GET", f"/v1/orders/{order_id}/explain").raw.decode()
    assert "recvWindow" in told
    assert "signature" not in told
    assert not any(secret in told for secret in KEYS)


def test_an_unsent_order_has_no_attempt(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen():
        daemon.send(market_buy(snipeTargetId="explained"))
        signal = market_buy(snipeTargetId="explained", quoteOrderQty="26", deadlineMs=50)
        second = daemon.submit(signal, wait_s=10).json
    found = daemon.explain(second["id"])
    assert names(found) == ["order.accepted", "order.expired"]
    assert (found["attempts"], found["locks"]) == ([], [])
    assert found["next"]["what"].startswith("nothing: its deadline passed before it was sent")
