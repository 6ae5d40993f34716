"""Mutual exclusion: one order at a time for each resource, through expired leases and forced releases.

The guards, which have tests of their own, refuse the second target of a double click.
"""

import pytest

from tests.process.bot.bot_api import (
    a_trade,
    arrivals_of,
    book_of,
    force_release,
    orders_of,
    queue,
    resource_of,
    send,
    trade,
)
from tests.process.bot.test_monitor import acquire
from tests.support import Daemon, Exchange, at_once
from tests.support.signals import market_buy
from tests.support.tables import locks_of

QUERIES_FAIL = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def test_of_five_parallel_acquires_of_one_resource_one_succeeds(daemon: Daemon) -> None:
    asked = [{"resourceId": "five:1", "ownerId": "bot", "idempotencyKey": f"five-{number}"} for number in range(5)]
    answers = at_once(5, lambda number: daemon.ask("POST", "/v1/locks", asked[number]))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409]
    assert [row["status"] for row in locks_of(daemon.database, "five:1")] == ["active"]


def test_a_lease_that_expires_while_its_order_is_in_doubt_lets_no_second_order_run(
    daemon: Daemon, exchange: Exchange
) -> None:
    signal = market_buy(timeoutMs=150)
    second = signal | {"quoteOrderQty": "26"}
    exchange.inject("reply_lost", QUERIES_FAIL)
    order_id = daemon.accept(signal)
    behind = daemon.accept(second)
    lock = daemon.wait_for("lock.overdue", order_id=order_id)["lock_id"]
    assert (daemon.order(behind)["state"], exchange.arrivals(behind)) == ("queued", [])
    [row] = locks_of(daemon.database, daemon.order(order_id)["resource"])
    assert (row["lock_id"], row["status"], row["overdue"]) == (lock, "active", 1)
    exchange.inject()
    daemon.until(behind, "filled")
    one, other = (daemon.explain(each)["attempts"][0] for each in (order_id, behind))
    assert one["answeredAtMs"] <= other["startedAtMs"]
    assert [len(exchange.orders(each)) for each in (order_id, behind)] == [1, 1]


@pytest.mark.parametrize("by", ["lockId", "ownerId"])
def test_a_forced_release_while_an_order_is_in_flight_lets_no_second_order_run(
    daemon: Daemon, exchange: Exchange, by: str
) -> None:
    request = a_trade()
    with exchange.frozen():
        send(daemon, request)
        behind = queue(daemon, request | {"quantity": "0.002"})["queueId"]
        [lock] = locks_of(daemon.database, resource_of(request))
        force_release(daemon, **{by: lock["lock_id"] if by == "lockId" else request["userId"], "force": "true"})
        assert locks_of(daemon.database, resource_of(request)) == [lock]
        assert daemon.order(behind)["state"] == "queued"
    daemon.until(behind, "filled")
    assert len(book_of(daemon, exchange, request)) == 2


def test_letter_case_changes_neither_resource_nor_key(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    spellings = [{}, {"side": "buy"}, {"symbol": "btcusdt"}, {"type": "market"}, {"side": "Buy", "symbol": "BtcUsdt"}]
    answers = at_once(5, lambda number: trade(daemon, request | spellings[number]))
    assert len({answer.json["order"]["orderId"] for answer in answers}) == 1
    assert len(orders_of(daemon, request)) == len(arrivals_of(daemon, exchange, request)) == 1
    lease = acquire(daemon, "trade:FOOUSDT:BUY:letters")
    refused = daemon.ask("POST", "/v1/locks", {"resourceId": "trade:fooUSDT:buy:letters", "ownerId": "b"})
    assert (refused.status, refused.json["holder"]["lockId"]) == (409, lease["lockId"])
