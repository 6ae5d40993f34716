"""Concurrent trades: the exchange's book has each trade once."""

from itertools import pairwise

from tests.process.bot.bot_api import (
    a_trade,
    arrivals_of,
    book_of,
    orders_of,
    place,
    queue,
    resource_of,
    send,
    start_trade,
    trade,
)
from tests.support import Daemon, Exchange, at_once, eventually, wall_ms
from tests.support.stage import Stage
from tests.support.tables import locks_of


def test_twenty_identical_trades_at_once_are_one_order_that_all_callers_get(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    answers = at_once(20, lambda _: trade(daemon, request))
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.json.get("replayed", False) for answer in answers) == 19
    assert len({answer.json["order"]["orderId"] for answer in answers}) == 1
    assert len(book_of(daemon, exchange, request)) == len(arrivals_of(daemon, exchange, request)) == 1


def test_of_ten_trades_at_once_on_one_target_one_is_placed_and_the_others_are_replayed_or_queued(
    daemon: Daemon, exchange: Exchange
) -> None:
    request = a_trade()
    requests = [request] * 5 + [request | {"quantity": f"0.00{number}"} for number in range(2, 7)]
    with exchange.frozen():
        order_id = send(daemon, request)
        answers = at_once(10, lambda number: trade(daemon, requests[number], wait_s=0))
    assert [answer.status for answer in answers[:5]] == [409] * 5
    assert {answer.json["orderId"] for answer in answers[:5]} == {order_id}
    assert [answer.json["error"] for answer in answers[5:]] == ["Resource locked, added to queue"] * 5
    assert sorted(answer.json["queuePosition"] for answer in answers[5:]) == [1, 2, 3, 4, 5]
    finals = [trade(daemon, each) for each in requests]
    assert all(answer.status == 200 and answer.json["replayed"] for answer in finals)
    assert len(book_of(daemon, exchange, request)) == len(orders_of(daemon, request)) == 6
    locks = locks_of(daemon.database, resource_of(request))
    assert all(old["released_at"] <= new["acquired_at"] for old, new in pairwise(locks))


def test_two_resources_do_not_wait_for_each_other(daemon: Daemon, exchange: Exchange) -> None:
    one, other = a_trade(), a_trade()
    with exchange.frozen():
        order_ids = [send(daemon, one), send(daemon, other)]
        assert [daemon.order(order_id)["state"] for order_id in order_ids] == ["in_flight"] * 2
    assert [trade(daemon, request).json["order"]["status"] for request in (one, other)] == ["FILLED"] * 2


def test_two_identical_requests_50_ms_apart_are_one_order(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    exchange.inject({"kind": "slow_after", "delay_ms": 200, "count": 1})
    began_ms = wall_ms()
    first = start_trade(daemon, request)
    eventually(lambda: wall_ms() - began_ms >= 50, "50 ms")
    second = trade(daemon, request).json
    assert second["order"]["orderId"] == first.answer().json["order"]["orderId"]
    assert second["replayed"] is True
    assert len(book_of(daemon, exchange, request)) == 1


def test_a_sell_is_placed_before_buys_that_came_earlier(own_stage: Stage, exchange: Exchange) -> None:
    narrow = own_stage.daemon(exchange, {"queue": {"max_in_flight": 1}})
    narrow.start(with_rules=True)
    requests = [a_trade(), a_trade(), a_trade(side="SELL")]
    with exchange.frozen():
        send(narrow, a_trade())
        body = [queue(narrow, request) for request in requests]
        rows = narrow.get("/v1/locks")["queue"]
    assert [row["queueId"] for row in rows] == [body[number]["queueId"] for number in (2, 0, 1)]
    for each in body:
        narrow.until(each["queueId"], "filled")
    arrivals = [each["parameters"]["newClientOrderId"].partition("-")[0] for each in exchange.arrivals()]
    assert [each for each in arrivals if each in {one["queueId"] for one in body}] == [
        body[number]["queueId"] for number in (2, 0, 1)
    ]


def test_the_opposite_side_of_a_target_is_a_resource_of_its_own(daemon: Daemon, exchange: Exchange) -> None:
    buy = a_trade()
    sell = buy | {"side": "SELL"}
    with exchange.frozen():
        send(daemon, buy)
        order_id = send(daemon, sell)
        assert daemon.order(order_id)["state"] == "in_flight"
    assert place(daemon, a_trade())["status"] == "FILLED"
    assert [trade(daemon, request).json["order"]["side"] for request in (buy, sell)] == ["BUY", "SELL"]
