"""The defects of the bot's mutual exclusion, each shown impossible.

That a double click makes a target of its own is the guards' matter, and tested there.
"""

import pytest

from tests.process.bot.door import a_trade, arrivals_of, book_of, drop, orders_of, queue, resource_of, send, trade
from tests.process.bot.test_monitor import take
from tests.support import Daemon, Exchange, at_once
from tests.support.signals import market_buy
from tests.support.tables import locks_of

BLIND = {"kind": "error_before", "endpoint": "GET /api/v3/order"}


def test_five_parallel_acquires_with_different_keys_on_one_resource_all_succeeded(daemon: Daemon) -> None:
    asked = [{"resourceId": "five:1", "ownerId": "bot", "idempotencyKey": f"five-{number}"} for number in range(5)]
    answers = at_once(5, lambda number: daemon.ask("POST", "/v1/locks", asked[number]))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409, 409]
    assert [row["status"] for row in locks_of(daemon.database, "five:1")] == ["active"]


def test_a_lease_expired_while_its_order_was_in_flight_and_a_second_order_ran(
    daemon: Daemon, exchange: Exchange
) -> None:
    signal = market_buy(timeoutMs=150)
    second = signal | {"quoteOrderQty": "26"}
    exchange.inject("reply_lost", BLIND)
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
def test_a_forced_release_while_an_order_was_in_flight_let_a_second_order_run(
    daemon: Daemon, exchange: Exchange, by: str
) -> None:
    wish = a_trade()
    with exchange.frozen():
        send(daemon, wish)
        behind = queue(daemon, wish | {"quantity": "0.002"})["queueId"]
        [lock] = locks_of(daemon.database, resource_of(wish))
        drop(daemon, **{by: lock["lock_id"] if by == "lockId" else wish["userId"], "force": "true"})
        assert locks_of(daemon.database, resource_of(wish)) == [lock]
        assert daemon.order(behind)["state"] == "queued"
    daemon.until(behind, "filled")
    assert len(book_of(daemon, exchange, wish)) == 2


def test_buy_in_small_letters_was_another_resource_and_another_key(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    spellings = [{}, {"side": "buy"}, {"symbol": "btcusdt"}, {"type": "market"}, {"side": "Buy", "symbol": "BtcUsdt"}]
    answers = at_once(5, lambda number: trade(daemon, wish | spellings[number]))
    assert len({answer.json["order"]["orderId"] for answer in answers}) == 1
    assert len(orders_of(daemon, wish)) == len(arrivals_of(daemon, exchange, wish)) == 1
    lease = take(daemon, "trade:FOOUSDT:BUY:letters")
    refused = daemon.ask("POST", "/v1/locks", {"resourceId": "trade:fooUSDT:buy:letters", "ownerId": "b"})
    assert (refused.status, refused.json["holder"]["lockId"]) == (409, lease["lockId"])
