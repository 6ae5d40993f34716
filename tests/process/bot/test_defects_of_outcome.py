"""The defects of the bot's dealing with outcomes, each shown impossible."""

from itertools import pairwise
from typing import Any

import pytest

from tests.process.bot.door import (
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

BLIND = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


@pytest.mark.parametrize("fault", ["reply_lost", "error_after", "forbidden_after", "junk_body"])
def test_a_timeout_or_a_5xx_was_stored_as_failed_and_freed_the_resource(
    daemon: Daemon, exchange: Exchange, fault: str
) -> None:
    exchange.inject(fault, BLIND)
    wish = a_trade()
    trade(daemon, wish, wait_s=0)
    daemon.wait_for("order.in_doubt", resource=resource_of(wish))
    behind = queue(daemon, wish | {"quantity": "0.002"})["queueId"]
    assert [row["status"] for row in locks_of(daemon.database, resource_of(wish))] == ["active"]
    assert exchange.arrivals(behind) == []
    exchange.inject()
    told = trade(daemon, wish).json
    assert (told["success"], told["order"]["status"]) == (True, "FILLED")
    daemon.until(behind, "filled")
    assert len(book_of(daemon, exchange, wish)) == len(arrivals_of(daemon, exchange, wish)) == 2


def test_an_order_had_no_client_order_id_and_was_never_looked_for(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("reply_lost")
    wish = a_trade()
    assert place(daemon, wish)["status"] == "FILLED"
    order, [placed] = order_of(daemon, wish), book_of(daemon, exchange, wish)
    assert placed["clientOrderId"] == order["client_order_id"] != ""
    looks = exchange.arrivals(endpoint="GET /api/v3/order")
    assert order["client_order_id"] in {each["parameters"].get("origClientOrderId") for each in looks}


def test_at_the_start_nothing_was_recovered(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    exchange.inject({"kind": "slow_after", "delay_ms": 3_000, "count": 1})
    wish = a_trade()
    exchange.wait_for_arrivals(send(daemon, wish))
    daemon.restart()
    told = trade(daemon, wish).json
    assert (told["replayed"], told["order"]["status"]) == (True, "FILLED")
    assert len(book_of(daemon, exchange, wish)) == len(arrivals_of(daemon, exchange, wish)) == 1


def test_an_order_was_sent_three_times_blindly(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "reply_lost", "count": 3})
    wish = a_trade()
    assert place(daemon, wish)["status"] == "FILLED"
    assert len(arrivals_of(daemon, exchange, wish)) == len(book_of(daemon, exchange, wish)) == 1
    assert order_of(daemon, wish)["attempts"] == 1


def test_after_a_429_the_same_signed_request_was_sent_again_without_bound(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "rate_limited", "retry_after_s": 1, "count": 2})
    wish = a_trade(side="SELL")
    assert place(daemon, wish)["status"] == "FILLED"
    arrivals = arrivals_of(daemon, exchange, wish)
    assert len(arrivals) == 3
    assert len({each["parameters"]["timestamp"] for each in arrivals}) == 3
    times = [each["receivedMs"] for each in arrivals]
    assert all(later - earlier >= 990 for earlier, later in pairwise(times)), "it waited as it was told"
    assert len(book_of(daemon, exchange, wish)) == 1


STATUSES: list[tuple[dict[str, Any], str]] = [
    ({"type": "LIMIT", "price": "50000"}, "NEW"),
    ({"type": "MARKET"}, "FILLED"),
    ({"type": "LIMIT", "price": "200000", "side": "SELL", "quantity": "0.002"}, "NEW"),
]


@pytest.mark.parametrize(("change", "status"), STATUSES, ids=["rests", "filled", "rests too"])
def test_filled_was_invented_where_the_exchange_had_said_nothing(
    daemon: Daemon, exchange: Exchange, change: dict[str, Any], status: str
) -> None:
    wish = a_trade(**change)
    order = place(daemon, wish)
    [placed] = book_of(daemon, exchange, wish)
    assert order["status"] == placed["status"] == status


def test_the_status_of_a_duplicate_is_the_one_of_now(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("LATERUSDT", 1, price="2")
    exchange.change_market("LATERUSDT", asks=[["2", "100"]], bids=[["0.5", "100"]])
    wish = resting(symbol="LATERUSDT", price="1", quantity="10")
    assert place(daemon, wish)["status"] == "NEW"
    exchange.change_market("LATERUSDT", asks=[["1", "100"]], bids=[["0.5", "100"]])
    daemon.until(order_of(daemon, wish)["order_id"], "filled")
    told = trade(daemon, wish).json
    assert (told["replayed"], told["order"]["status"], told["order"]["quantity"]) == (True, "FILLED", "10")
    assert len(book_of(daemon, exchange, wish)) == 1
