"""Accepting a signal: its answer, and the exchange's request."""

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.unix_http import Connection

HOUR_MS = 3_600_000


def test_an_accepted_signal_is_answered_with_its_order_and_its_location(daemon: Daemon) -> None:
    signal = market_buy(symbol="ethusdt", side="buy")
    before_ms = wall_ms()
    answer = daemon.submit(signal)
    assert answer.status == 202
    assert answer.headers["content-type"].startswith("application/json")
    assert "idempotent-replayed" not in answer.headers
    assert "preference-applied" not in answer.headers
    order = answer.json
    assert answer.headers["location"] == f"/v1/orders/{order['id']}"
    assert (order["symbol"], order["side"], order["type"], order["quoteOrderQty"]) == ("ETHUSDT", "BUY", "MARKET", "25")
    assert order["resource"] == f"trade:ETHUSDT:BUY:{signal['snipeTargetId']}"
    assert (order["ownerId"], order["snipeTargetId"], order["replayed"]) == ("bot", signal["snipeTargetId"], False)
    assert before_ms - 1_000 <= order["acceptedAtMs"] <= wall_ms() + 1_000
    assert daemon.get(answer.headers["location"])["id"] == order["id"]


@pytest.mark.parametrize(
    ("signal", "priority", "patience_ms"),
    [(market_buy(), 5, 5_000), (market_sell(), 1, 60_000), (market_buy(priority=10, deadlineMs=77), 10, 77)],
    ids=["a buy", "a sell", "as asked"],
)
def test_priority_and_deadline_default_to_those_of_the_side(
    daemon: Daemon, signal: dict[str, object], priority: int, patience_ms: int
) -> None:
    order = daemon.submit(signal).json
    assert order["priority"] == priority
    assert order["deadlineAtMs"] - order["acceptedAtMs"] == patience_ms


def test_a_caller_that_waits_is_answered_with_the_outcome(daemon: Daemon, exchange: Exchange) -> None:
    answer = daemon.submit(market_buy(), wait_s=10)
    assert (answer.status, answer.headers["preference-applied"]) == (200, "wait=10")
    order = answer.json
    [placed] = exchange.orders(order["id"])
    assert order["state"] == "filled"
    assert (order["exchangeOrderId"], order["clientOrderId"]) == (placed["orderId"], placed["clientOrderId"])
    assert Decimal(order["executedQuantity"]) == Decimal(placed["executedQty"]) > 0
    assert Decimal(order["executedQuote"]) == Decimal(placed["cummulativeQuoteQty"])
    average = Decimal(order["executedQuote"]) / Decimal(order["executedQuantity"])
    assert abs(Decimal(order["averagePrice"]) - average) < Decimal("1e-9")


def test_a_resting_order_is_an_outcome(daemon: Daemon) -> None:
    answer = daemon.submit(resting_buy(), wait_s=10)
    assert (answer.status, answer.json["state"]) == (200, "open")


def test_a_wait_that_ends_before_the_outcome_is_answered_with_202(daemon: Daemon) -> None:
    answer = daemon.submit(market_buy(executeAt=wall_ms() + HOUR_MS), wait_s=0.05)
    assert (answer.status, answer.json["state"]) == (202, "queued")
    assert answer.headers["preference-applied"] == "wait=0.05"
    assert answer.headers["location"] == f"/v1/orders/{answer.json['id']}"


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=100000", "wait=120"),
        ("respond-async, wait=7", "wait=7"),
        ("WAIT = 7", "wait=7"),
        ("wait=0", "wait=0"),
        ("wait=soon", None),
        ("wait=-1", None),
        ("wait=inf", None),
        ("respond-async", None),
        ("", None),
    ],
)
def test_prefer_wait_is_read_as_in_its_rfc(daemon: Daemon, prefer: str, applied: str | None) -> None:
    answer = daemon.submit(market_buy(), headers={"Prefer": prefer})
    assert answer.status in {200, 202}
    assert answer.headers.get("preference-applied") == applied


def test_a_waiting_client_that_disconnects_changes_nothing(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_buy(symbol="SOLUSDT")
    with exchange.frozen():
        caller = Connection(daemon.signals)
        caller.request("POST", "/v1/signals", json.dumps(signal), {"Prefer": "wait=60"})
        sent = daemon.wait_for("order.sent", resource=f"trade:SOLUSDT:BUY:{signal['snipeTargetId']}")
        caller.close()
    order = daemon.until(sent["order_id"], "filled")
    assert [placed["clientOrderId"] for placed in exchange.orders(order["id"])] == [order["clientOrderId"]]
    assert daemon.submit(signal).json["id"] == order["id"]


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({"quantity": "0.0010009"}, {"quantity": "0.001"}),
        ({"quantity": 0.0012}, {"quantity": "0.0012"}),
        ({"price": "50000.019"}, {"price": "50000.01"}),
        ({"side": "SELL", "price": "150000.011"}, {"price": "150000.02"}),
        ({"quantity": "1e-3", "price": 5e4}, {"quantity": "0.001", "price": "50000"}),
    ],
    ids=["quantity is cut", "JSON numbers are exact", "a buyer's price is cut", "a seller's is raised", "exponents"],
)
def test_the_exchange_gets_rounded_amounts_never_worse_than_requested(
    daemon: Daemon, exchange: Exchange, asked: dict[str, object], sent: dict[str, str]
) -> None:
    order_id = daemon.accept(resting_buy(**asked))
    daemon.until(order_id, "open")
    [arrival] = exchange.arrivals(order_id)
    assert sent.items() <= arrival["parameters"].items()


def test_a_pair_in_chinese_characters_is_traded(daemon: Daemon, exchange: Exchange) -> None:
    order = daemon.submit(market_buy(symbol="币安人生usdt"), wait_s=10).json
    assert (order["state"], exchange.orders(order["id"])[0]["symbol"]) == ("filled", "币安人生USDT")


ROUNDED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "a price as JavaScript writes it": (
        resting_buy(symbol="XRPUSDT", quantity="100000000", price=6.669033358322271e-3),
        {"price": "0.0066"},
    ),
    "a quantity of 28 digits": (
        market_buy(quoteOrderQty=None, quantity="0.0012345678901234567890123456"),
        {"quantity": "0.001234"},
    ),
    "a sell as JavaScript writes it": (market_sell(quantity=0.0012345678901234567), {"quantity": "0.001234"}),
    "a sum": (market_buy(quoteOrderQty="25.123456789012345678901"), {"quoteOrderQty": "25.12"}),
}


@pytest.mark.parametrize(("signal", "taken"), ROUNDED.values(), ids=ROUNDED)
def test_an_amount_with_too_many_digits_is_rounded_and_both_amounts_are_shown(
    daemon: Daemon, signal: dict[str, Any], taken: dict[str, str]
) -> None:
    answer = daemon.submit(signal, wait_s=10).json
    [(name, figure)] = taken.items()
    asked = f"asked{name[0].upper()}{name[1:]}"
    assert answer[name] == figure
    assert Decimal(answer[asked]) == Decimal(str(signal[name]))
    others = {"askedQuantity", "askedQuoteOrderQty", "askedPrice"} - {asked}
    assert [answer[each] for each in others] == [None, None]
    assert {daemon.order(answer["id"])[asked], daemon.submit(signal).json[asked]} == {answer[asked]}
    explained = daemon.explain(answer["id"])
    accepted = next(event for event in explained["events"] if event["name"] == "order.accepted")
    plain = {"quoteOrderQty": "quote_quantity"}.get(name, name)
    assert (accepted["detail"][plain], accepted["detail"][f"asked_{plain}"]) == (figure, answer[asked])
    assert explained["order"][asked] == answer[asked]


def test_a_byte_order_mark_before_the_body_is_ignored(daemon: Daemon) -> None:
    answer = daemon.submit(b"\xef\xbb\xbf" + json.dumps(market_buy()).encode())
    assert answer.status == 202, answer.raw
