"""The queue of trades: order of service, promotion, limit, deadline, cancellation and results."""

import pytest

from tests.process.bot.bot_api import a_trade, book_of, monitor, orders_of, queue, resource_of, send, start_trade, trade
from tests.process.bot.test_monitor import acquire, release
from tests.support import Daemon, Exchange
from tests.support.stage import Stage
from tests.support.tables import locks_of, queue_of


def arrival_order(exchange: Exchange, *queue_ids: str) -> list[str]:
    """Return those of the given orders that reached the exchange, in order of arrival."""
    names = [each["parameters"]["newClientOrderId"].rpartition("-")[0] for each in exchange.arrivals()]
    return [name for name in names if name in queue_ids]


def test_a_queued_trade_is_executed_and_its_waiter_gets_the_result(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    second = request | {"quantity": "0.002"}
    with exchange.frozen():
        send(daemon, request)
        queue(daemon, second)
        waiting = start_trade(daemon, second)
    body = waiting.answer()
    assert (body.status, body.json["order"]["status"], body.json["order"]["quantity"]) == (200, "FILLED", "0.002")
    assert len(book_of(daemon, exchange, request)) == 2


def test_a_queued_trade_gets_a_lock_of_its_owner_which_is_released(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    with exchange.frozen():
        send(daemon, request)
        queued = queue(daemon, request | {"quantity": "0.002"})["queueId"]
    daemon.until(queued, "filled")
    _, promoted = locks_of(daemon.database, resource_of(request))
    assert (promoted["owner_id"], promoted["order_id"], promoted["status"]) == (request["userId"], queued, "released")
    assert promoted["released_at"] < promoted["expires_at"]


def test_when_a_lease_expires_the_next_order_is_sent(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    lease = acquire(daemon, resource_of(request), timeoutMs=100)
    assert trade(daemon, request).json["order"]["status"] == "FILLED"
    expired, mine = locks_of(daemon.database, resource_of(request))
    assert (expired["lock_id"], expired["status"]) == (lease["lockId"], "expired")
    assert mine["acquired_at"] >= expired["released_at"] >= lease["expiresAt"]
    assert len(book_of(daemon, exchange, request)) == 1


def test_a_new_request_does_not_get_the_lock_before_earlier_waiters(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    lease = acquire(daemon, resource_of(request))
    first = queue(daemon, request)["queueId"]
    with exchange.frozen():
        release(daemon, lease)
        refused = daemon.ask("POST", "/v1/locks", {"resourceId": resource_of(request), "ownerId": "newcomer"})
        second = queue(daemon, request | {"quantity": "0.002"})["queueId"]
    assert (refused.status, refused.json["holder"]["orderId"]) == (409, first)
    daemon.until(second, "filled")
    assert arrival_order(exchange, first, second) == [first, second]


def test_a_rate_limited_order_keeps_its_place_and_its_priority(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade(side="SELL")
    lease = acquire(daemon, resource_of(request))
    first = queue(daemon, request)["queueId"]
    second = queue(daemon, request | {"quantity": "0.002"})["queueId"]
    exchange.inject({"kind": "rate_limited", "retry_after_s": 1, "count": 1})
    release(daemon, lease)
    daemon.until(second, "filled")
    rows = queue_of(daemon.database, resource_of(request))
    assert {(row["queue_id"], row["priority"], row["status"]) for row in rows} == {
        (first, 1, "completed"),
        (second, 1, "completed"),
    }
    assert arrival_order(exchange, first, second) == [first, first, second], (
        "the first order kept its place and its lock"
    )
    assert len(book_of(daemon, exchange, request)) == 2


def test_a_key_that_is_queued_twice_leaves_the_queue_after_one_order(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    lease = acquire(daemon, resource_of(request))
    twice = {queue(daemon, request)["queueId"] for _ in range(2)}
    behind = queue(daemon, request | {"quantity": "0.002"})
    assert (len(twice), behind["queuePosition"]) == (1, 2)
    assert len(queue_of(daemon.database, resource_of(request))) == 2
    release(daemon, lease)
    daemon.until(behind["queueId"], "filled")
    assert monitor(daemon, resourceId=resource_of(request))["queue"] == []
    assert len(book_of(daemon, exchange, request)) == 2


def test_a_queued_sell_is_shown_ahead_of_buys(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange, {"locks": {"scope": "symbol"}})
    daemon.start(with_rules=True)
    lease = acquire(daemon, "trade:BTCUSDT")
    buys = [queue(daemon, a_trade()) for _ in range(2)]
    sell = queue(daemon, a_trade(side="SELL"))
    assert [body["queuePosition"] for body in (*buys, sell)] == [1, 2, 1]
    assert [row["queueId"] for row in monitor(daemon)["queue"]] == [
        each["queueId"] for each in (sell, buys[0], buys[1])
    ]
    release(daemon, lease)
    for body in buys:
        daemon.until(body["queueId"], "filled")
    ids = [body["queueId"] for body in (*buys, sell)]
    assert arrival_order(exchange, *ids) == [ids[2], ids[0], ids[1]]


def test_trades_within_one_second_keep_their_order(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    lease = acquire(daemon, resource_of(request))
    ids = [queue(daemon, request | {"quantity": f"0.0{number:02d}"})["queueId"] for number in range(1, 21)]
    release(daemon, lease)
    daemon.until(ids[-1], "filled")
    assert arrival_order(exchange, *ids) == ids


def test_a_full_queue_refuses_a_trade(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange, {"queue": {"max_queued": 2}})
    daemon.start(with_rules=True)
    request = a_trade()
    acquire(daemon, resource_of(request))
    for quantity in ("0.001", "0.002"):
        queue(daemon, request | {"quantity": quantity})
    answer = trade(daemon, request | {"quantity": "0.003"})
    assert (answer.status, answer.json["success"], answer.json["code"]) == (409, False, "full")
    assert "max_queued" in answer.json["error"]
    assert len(orders_of(daemon, request)) == 2


def test_a_queued_trade_fails_at_its_deadline(quick_daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    lease = acquire(quick_daemon, resource_of(request))
    answer = trade(quick_daemon, request)
    assert (answer.status, answer.json["success"], answer.json["message"]) == (400, False, "Trade execution failed")
    assert "the deadline passed" in answer.json["error"]
    release(quick_daemon, lease)
    [row] = queue_of(quick_daemon.database, resource_of(request))
    assert (row["status"], book_of(quick_daemon, exchange, request)) == ("failed", [])


def test_a_queued_trade_can_be_cancelled(daemon: Daemon, exchange: Exchange) -> None:
    request = a_trade()
    lease = acquire(daemon, resource_of(request))
    queue_id = queue(daemon, request)["queueId"]
    waiting = start_trade(daemon, request)
    assert daemon.ask("DELETE", f"/v1/orders/{queue_id}").status == 200
    body = waiting.answer()
    release(daemon, lease)
    assert (body.status, body.json["success"]) == (400, False)
    assert [row["status"] for row in queue_of(daemon.database, resource_of(request))] == ["cancelled"]
    assert book_of(daemon, exchange, request) == []


@pytest.mark.parametrize("count", [2, 5])
def test_every_waiter_gets_the_result(daemon: Daemon, exchange: Exchange, count: int) -> None:
    request = a_trade()
    lease = acquire(daemon, resource_of(request))
    queue(daemon, request)
    waiting = [start_trade(daemon, request) for _ in range(count)]
    release(daemon, lease)
    body = [each.answer() for each in waiting]
    assert {(each.status, each.json["order"]["orderId"]) for each in body} == {
        (200, book_of(daemon, exchange, request)[0]["orderId"])
    }
