"""Unknown outcomes: an order is searched, not sent again, and its resource stays locked."""

from itertools import pairwise
from typing import Any

import pytest

from tests.process.bot.bot_api import (
    a_trade,
    arrivals_of,
    book_of,
    order_of,
    place,
    queue,
    resource_of,
    resting,
    send,
    trade,
)
from tests.support import Daemon, Exchange
from tests.support.stage import Stage
from tests.support.tables import locks_of

QUERIES_FAIL = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


@pytest.mark.parametrize("fault", ["reply_lost", "error_after", "forbidden_after", "junk_body"])
def test_after_a_timeout_or_a_5xx_the_resource_stays_locked_until_the_outcome_is_known(
    daemon: Daemon, exchange: Exchange, fault: str
) -> None:
    exchange.inject(fault, QUERIES_FAIL)
    request = a_trade()
    trade(daemon, request, wait_s=0)
    daemon.wait_for("order.in_doubt", resource=resource_of(request))
    behind = queue(daemon, request | {"quantity": "0.002"})["queueId"]
    assert [row["status"] for row in locks_of(daemon.database, resource_of(request))] == ["active"]
    assert exchange.arrivals(behind) == []
    exchange.inject()
    body = trade(daemon, request).json
    assert (body["success"], body["order"]["status"]) == (True, "FILLED")
    daemon.until(behind, "filled")
    assert len(book_of(daemon, exchange, request)) == len(arrivals_of(daemon, exchange, request)) == 2


def test_an_order_whose_reply_is_lost_is_searched_by_its_client_order_id(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("reply_lost")
    request = a_trade()
    assert place(daemon, request)["status"] == "FILLED"
    order, [placed] = order_of(daemon, request), book_of(daemon, exchange, request)
    assert placed["clientOrderId"] == order["client_order_id"] != ""
    queries = exchange.arrivals(endpoint="GET /api/v3/order")
    assert order["client_order_id"] in {each["parameters"].get("origClientOrderId") for each in queries}


def test_an_order_in_flight_is_recovered_after_a_restart(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject({"kind": "slow_after", "delay_ms": 3_000, "count": 1})
    request = a_trade()
    exchange.wait_for_arrivals(send(daemon, request))
    daemon.restart()
    body = trade(daemon, request).json
    assert (body["replayed"], body["order"]["status"]) == (True, "FILLED")
    assert len(book_of(daemon, exchange, request)) == len(arrivals_of(daemon, exchange, request)) == 1


def test_an_order_whose_reply_is_lost_is_not_sent_again(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "reply_lost", "count": 3})
    request = a_trade()
    assert place(daemon, request)["status"] == "FILLED"
    assert len(arrivals_of(daemon, exchange, request)) == len(book_of(daemon, exchange, request)) == 1
    assert order_of(daemon, request)["attempts"] == 1


def test_after_a_429_a_newly_signed_request_waits_for_the_retry_time(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "rate_limited", "retry_after_s": 1, "count": 2})
    request = a_trade(side="SELL")
    assert place(daemon, request)["status"] == "FILLED"
    arrivals = arrivals_of(daemon, exchange, request)
    assert len(arrivals) == 3
    assert len({each["parameters"]["timestamp"] for each in arrivals}) == 3
    times = [each["receivedMs"] for each in arrivals]
    assert all(later - earlier >= 990 for earlier, later in pairwise(times)), "each attempt waited for the Retry-After"
    assert len(book_of(daemon, exchange, request)) == 1


STATUSES: list[tuple[dict[str, Any], str]] = [
    ({"type": "LIMIT", "price": "50000"}, "NEW"),
    ({"type": "MARKET"}, "FILLED"),
    ({"type": "LIMIT", "price": "200000", "side": "SELL", "quantity": "0.002"}, "NEW"),
]


@pytest.mark.parametrize(("change", "status"), STATUSES, ids=["resting buy", "filled", "resting sell"])
def test_the_reported_status_is_the_exchanges(
    daemon: Daemon, exchange: Exchange, change: dict[str, Any], status: str
) -> None:
    request = a_trade(**change)
    order = place(daemon, request)
    [placed] = book_of(daemon, exchange, request)
    assert order["status"] == placed["status"] == status


def test_a_duplicate_gets_the_orders_current_status(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("LATERUSDT", 1, price="2")
    exchange.change_market("LATERUSDT", asks=[["2", "100"]], bids=[["0.5", "100"]])
    request = resting(symbol="LATERUSDT", price="1", quantity="10")
    assert place(daemon, request)["status"] == "NEW"
    exchange.change_market("LATERUSDT", asks=[["1", "100"]], bids=[["0.5", "100"]])
    daemon.until(order_of(daemon, request)["order_id"], "filled")
    body = trade(daemon, request).json
    assert (body["replayed"], body["order"]["status"], body["order"]["quantity"]) == (True, "FILLED", "10")
    assert len(book_of(daemon, exchange, request)) == 1
