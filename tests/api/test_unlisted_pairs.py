"""Pairs that are not listed yet: the order waits for its instant, and buys once at it."""

import pytest

from tests.api.snipes import AHEAD_MS, bought_once_at, snipe
from tests.support import Daemon, Exchange, wall_ms


def test_a_pair_that_is_not_listed_is_refused_without_an_instant_and_accepted_with_one(
    daemon: Daemon, exchange: Exchange
) -> None:
    refused = daemon.submit(snipe("NOTYETUSDT", None))
    assert (refused.status, refused.json["field"]) == (400, "symbol")
    at_ms = wall_ms() + AHEAD_MS
    order_id = daemon.accept(snipe("NOTYETUSDT", at_ms))
    assert daemon.order(order_id)["quantity"] == "400.12345"
    exchange.list_symbol("NOTYETUSDT", at_ms, cap="0.05")
    fitted = daemon.wait_for("order.refitted", order_id=order_id)
    assert (fitted["quantity"], fitted["asked_quantity"]) == ("400.12", "400.12345")
    bought_once_at(daemon, exchange, order_id, at_ms)


@pytest.mark.parametrize(
    "closed", [{"status": "3"}, {"status": "2"}, {"tradableByApi": False}, {"tradeSideType": 4}], ids=str
)
def test_a_pair_that_is_shown_but_closed_is_accepted_with_an_instant_only(
    daemon: Daemon, exchange: Exchange, closed: dict[str, object]
) -> None:
    symbol = f"SHUT{next(iter(closed)).upper()}{next(iter(closed.values()))}USDT".upper()
    exchange.list_symbol(symbol, wall_ms() - 7_200_000, price="0.04", market=closed)
    refused = daemon.submit(snipe(symbol, None))
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    at_ms = wall_ms() + 1_500
    order_id = daemon.accept(snipe(symbol, at_ms))
    exchange.change_market(symbol, status="1", tradableByApi=True, tradeSideType=1)
    assert daemon.until(order_id, "filled")["quantity"] == "400.12"
    assert exchange.arrivals(order_id)[0]["receivedMs"] >= at_ms


def test_rules_that_refuse_the_amounts_of_a_new_pair_end_its_order_at_the_arming(
    daemon: Daemon, exchange: Exchange
) -> None:
    at_ms = wall_ms() + AHEAD_MS
    order_id = daemon.accept(snipe("STRICTUSDT", at_ms))
    exchange.list_symbol("STRICTUSDT", at_ms, cap="0.05", market={"minimumValue": "1000"})
    assert "below the minimum" in daemon.wait_for("order.unfit", order_id=order_id)["reason"]
    assert daemon.order(order_id)["state"] == "queued"
    order = daemon.until(order_id, "dead_letter")
    assert "below the minimum" in order["reason"]
    assert exchange.arrivals(order_id) == []


def test_one_request_for_all_pairs_serves_all_orders_that_wait(daemon: Daemon, exchange: Exchange) -> None:
    at_ms = wall_ms() + 3_600_000
    orders = [daemon.accept(snipe(f"MANY{number}USDT", at_ms)) for number in range(5)]
    for number in range(5):
        exchange.list_symbol(f"MANY{number}USDT", at_ms + 60_000)
    another = daemon.accept(snipe("MANY5USDT", at_ms))  # for another pair the exchange is asked soon
    for order_id in orders:
        daemon.wait_for("order.rescheduled", order_id=order_id, to_ms=at_ms + 60_000)
    asked = exchange.arrivals(endpoint="GET /api/v3/exchangeInfo")
    assert [each for each in asked if "MANY" in each["query"]] == []
    assert daemon.order(another)["executeAtMs"] == at_ms


def test_a_calendar_that_fails_is_reported_once_and_harms_nothing(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "error_before", "endpoint": "GET /api/operation/new_coin_calendar"})
    mark, at_ms = daemon.process.mark(), wall_ms() + AHEAD_MS
    exchange.list_symbol("FAILINGUSDT", at_ms, cap="0.05")  # the first look shows it: the next could come too late
    order_id = daemon.accept(snipe("FAILINGUSDT", at_ms))
    daemon.wait_for("listing.calendar_failed", since=mark)
    bought_once_at(daemon, exchange, order_id, at_ms)
