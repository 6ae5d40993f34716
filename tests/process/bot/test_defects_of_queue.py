"""The defects of the bot's queue, each shown impossible."""

import pytest

from tests.process.bot.door import a_trade, book_of, monitor, orders_of, queue, resource_of, send, trade, trading
from tests.process.bot.test_monitor import end, take
from tests.support import Daemon, Exchange
from tests.support.stage import Stage
from tests.support.tables import locks_of, queue_of


def served(exchange: Exchange, *queue_ids: str) -> list[str]:
    """Return orders as they arrived at the exchange."""
    names = [each["parameters"]["newClientOrderId"].rpartition("-")[0] for each in exchange.arrivals()]
    return [name for name in names if name in queue_ids]


def test_a_queued_trade_was_never_executed_and_its_result_delivered_to_nobody(
    daemon: Daemon, exchange: Exchange
) -> None:
    wish = a_trade()
    second = wish | {"quantity": "0.002"}
    with exchange.frozen():
        send(daemon, wish)
        queue(daemon, second)
        waiting = trading(daemon, second)
    told = waiting.answer()
    assert (told.status, told.json["order"]["status"], told.json["order"]["quantity"]) == (200, "FILLED", "0.002")
    assert len(book_of(daemon, exchange, wish)) == 2


def test_a_promoted_trade_had_a_lock_without_owner_that_nobody_released(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    with exchange.frozen():
        send(daemon, wish)
        queued = queue(daemon, wish | {"quantity": "0.002"})["queueId"]
    daemon.until(queued, "filled")
    _, promoted = locks_of(daemon.database, resource_of(wish))
    assert (promoted["owner_id"], promoted["order_id"], promoted["status"]) == (wish["userId"], queued, "released")
    assert promoted["released_at"] < promoted["expires_at"]


def test_when_a_lock_expired_nobody_woke_the_next(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    lease = take(daemon, resource_of(wish), timeoutMs=100)
    assert trade(daemon, wish).json["order"]["status"] == "FILLED"
    expired, mine = locks_of(daemon.database, resource_of(wish))
    assert (expired["lock_id"], expired["status"]) == (lease["lockId"], "expired")
    assert mine["acquired_at"] >= expired["released_at"] >= lease["expiresAt"]
    assert len(book_of(daemon, exchange, wish)) == 1


def test_a_newcomer_took_the_lock_ahead_of_whoever_waited(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    lease = take(daemon, resource_of(wish))
    first = queue(daemon, wish)["queueId"]
    with exchange.frozen():
        end(daemon, lease)
        refused = daemon.ask("POST", "/v1/locks", {"resourceId": resource_of(wish), "ownerId": "newcomer"})
        second = queue(daemon, wish | {"quantity": "0.002"})["queueId"]
    assert (refused.status, refused.json["holder"]["orderId"]) == (409, first)
    daemon.until(second, "filled")
    assert served(exchange, first, second) == [first, second]


def test_a_failed_promotion_queued_the_row_again_with_a_lesser_priority(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade(side="SELL")
    lease = take(daemon, resource_of(wish))
    first = queue(daemon, wish)["queueId"]
    second = queue(daemon, wish | {"quantity": "0.002"})["queueId"]
    exchange.inject({"kind": "rate_limited", "retry_after_s": 1, "count": 1})
    end(daemon, lease)
    daemon.until(second, "filled")
    rows = queue_of(daemon.database, resource_of(wish))
    assert {(row["queue_id"], row["priority"], row["status"]) for row in rows} == {
        (first, 1, "completed"),
        (second, 1, "completed"),
    }
    assert served(exchange, first, second) == [first, first, second], "it kept its place and its lock"
    assert len(book_of(daemon, exchange, wish)) == 2


def test_one_key_queued_twice_stayed_at_the_head_for_ever(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    lease = take(daemon, resource_of(wish))
    twice = {queue(daemon, wish)["queueId"] for _ in range(2)}
    behind = queue(daemon, wish | {"quantity": "0.002"})
    assert (len(twice), behind["queuePosition"]) == (1, 2)
    assert len(queue_of(daemon.database, resource_of(wish))) == 2
    end(daemon, lease)
    daemon.until(behind["queueId"], "filled")
    assert monitor(daemon, resourceId=resource_of(wish))["queue"] == []
    assert len(book_of(daemon, exchange, wish)) == 2


def test_a_sell_was_told_that_it_was_third_when_it_was_first(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange, {"locks": {"scope": "symbol"}})
    daemon.start(with_rules=True)
    lease = take(daemon, "trade:BTCUSDT")
    buys = [queue(daemon, a_trade()) for _ in range(2)]
    sell = queue(daemon, a_trade(side="SELL"))
    assert [told["queuePosition"] for told in (*buys, sell)] == [1, 2, 1]
    assert [row["queueId"] for row in monitor(daemon)["queue"]] == [
        each["queueId"] for each in (sell, buys[0], buys[1])
    ]
    end(daemon, lease)
    for told in buys:
        daemon.until(told["queueId"], "filled")
    ids = [told["queueId"] for told in (*buys, sell)]
    assert served(exchange, *ids) == [ids[2], ids[0], ids[1]]


def test_of_trades_within_one_second_any_was_first(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    lease = take(daemon, resource_of(wish))
    ids = [queue(daemon, wish | {"quantity": f"0.0{number:02d}"})["queueId"] for number in range(1, 21)]
    end(daemon, lease)
    daemon.until(ids[-1], "filled")
    assert served(exchange, *ids) == ids


def test_the_queue_had_no_limit(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange, {"queue": {"max_queued": 2}})
    daemon.start(with_rules=True)
    wish = a_trade()
    take(daemon, resource_of(wish))
    for quantity in ("0.001", "0.002"):
        queue(daemon, wish | {"quantity": quantity})
    answer = trade(daemon, wish | {"quantity": "0.003"})
    assert (answer.status, answer.json["success"], answer.json["code"]) == (409, False, "full")
    assert "max_queued" in answer.json["error"]
    assert len(orders_of(daemon, wish)) == 2


def test_a_queued_trade_had_no_deadline(brisk: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    lease = take(brisk, resource_of(wish))
    answer = trade(brisk, wish)
    assert (answer.status, answer.json["success"], answer.json["message"]) == (400, False, "Trade execution failed")
    assert "the deadline passed" in answer.json["error"]
    end(brisk, lease)
    [row] = queue_of(brisk.database, resource_of(wish))
    assert (row["status"], book_of(brisk, exchange, wish)) == ("failed", [])


def test_a_queued_trade_could_not_be_cancelled(daemon: Daemon, exchange: Exchange) -> None:
    wish = a_trade()
    lease = take(daemon, resource_of(wish))
    queue_id = queue(daemon, wish)["queueId"]
    waiting = trading(daemon, wish)
    assert daemon.ask("DELETE", f"/v1/orders/{queue_id}").status == 200
    told = waiting.answer()
    end(daemon, lease)
    assert (told.status, told.json["success"]) == (400, False)
    assert [row["status"] for row in queue_of(daemon.database, resource_of(wish))] == ["cancelled"]
    assert book_of(daemon, exchange, wish) == []


@pytest.mark.parametrize("count", [2, 5])
def test_the_result_reached_only_one_of_those_who_waited(daemon: Daemon, exchange: Exchange, count: int) -> None:
    wish = a_trade()
    lease = take(daemon, resource_of(wish))
    queue(daemon, wish)
    waiting = [trading(daemon, wish) for _ in range(count)]
    end(daemon, lease)
    told = [each.answer() for each in waiting]
    assert {(each.status, each.json["order"]["orderId"]) for each in told} == {
        (200, book_of(daemon, exchange, wish)[0]["orderId"])
    }
