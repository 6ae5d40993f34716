"""Targets that the bot shows become orders on the exchange, and the bot gets a report of each."""

import json
from typing import Any

import pytest

from tests.process.poller.bot import Bot
from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy, market_sell


def bought(exchange: Exchange) -> list[dict[str, Any]]:
    return exchange.orders()


def test_a_ready_target_is_bought_once_and_reported(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    target = bot.add(42)
    daemon.start(with_rules=True)
    reported = bot.wait_for_report(target, status="completed")
    assert reported["executionStatus"] == "success"
    [order] = daemon.get("/v1/orders")["orders"]
    assert (order["idempotencyKey"], order["snipeTargetId"], order["ownerId"]) == ("target:42", "42", "u1")
    assert (order["symbol"], order["side"], order["type"], order["quoteOrderQty"]) == ("BTCUSDT", "BUY", "MARKET", "25")
    assert reported["actualPositionSize"] * reported["executionPrice"] == pytest.approx(25, rel=0.1), "whole steps"
    assert abs(reported["actualExecutionTime"] - wall_ms() / 1_000) < 60
    bot.wait_for_polls()
    assert len(bought(exchange)) == len(exchange.arrivals()) == len(bot.reports_of(target)) == 1


def test_targets_of_all_kinds_side_by_side(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    """Wrong rows do not stop good ones, and rows of others are left alone."""
    bot.extra = [7, None, [], {"id": {}, "status": "ready"}, {"status": "ready"}]
    bot.add(1, symbolName="NOSUCHCOIN")
    bot.add(2, positionSizeUsdt="plenty")
    bot.add(3, positionSizeUsdt=0.001)
    bot.rows["4"] = {"id": 4, "user_id": "u1", "symbol_name": "ethusdt", "status": "ready", "position_size_usdt": "30",
                     "entry_strategy": "normal"}  # fmt: skip
    bot.add("limit-5", symbolName="LTC", entryStrategy="limit", entryPrice=10, positionSizeUsdt=30)
    bot.extra.append(bot.row(bot.add(6)) | {"userId": "somebody else", "id": 600, "symbolName": "XRP"})
    bot.add(8, symbolName="0x200C234721b5e549c3693CCc93cF191f90dC2aF9")
    daemon.start(with_rules=True)
    assert "knows no symbol NOSUCHCOINUSDT" in bot.wait_for_report("1", status="failed")["errorMessage"]
    assert "position_size_usdt 'plenty'" in bot.wait_for_report("2", status="failed")["errorMessage"]
    assert "below the smallest step" in bot.wait_for_report("3", status="failed")["errorMessage"]
    assert bot.wait_for_report("4", status="completed")
    assert bot.wait_for_report("limit-5", status="executing", executionStatus="placed")
    assert bot.wait_for_report("6", status="completed")
    assert "contract address" in bot.wait_for_report("8", status="failed")["errorMessage"]
    daemon.wait_for("poller.unreadable", rows=5)
    assert sorted(order["symbol"] for order in bought(exchange)) == ["BTCUSDT", "ETHUSDT", "LTCUSDT"]
    assert bot.reports_of("600") == []


@pytest.mark.parametrize("written", [6.669033358322271e-3, "6.669033358322271e-3"], ids=["a number", "a text"])
def test_a_price_with_more_digits_than_the_pair_admits_is_rounded(
    daemon: Daemon, exchange: Exchange, bot: Bot, written: float | str
) -> None:
    target = bot.add(5, symbolName="XRP", entryStrategy="limit", entryPrice=written, positionSizeUsdt=25.1234567890123)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, status="executing", executionStatus="placed")
    [order] = bought(exchange)
    assert order["price"] == "0.0066"


def test_a_resting_order_is_followed_to_its_end(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    target = bot.add(5, entryStrategy="limit", entryPrice=50_000, positionSizeUsdt=100)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, status="executing", executionStatus="placed")
    [order] = daemon.get("/v1/orders")["orders"]
    assert (order["quantity"], order["price"]) == ("0.002", "50000")
    daemon.ask("DELETE", f"/v1/orders/{order['id']}")
    assert bot.wait_for_report(target, status="cancelled")["executionStatus"] == "failed"
    assert len(bought(exchange)) == 1


def test_a_target_with_a_time_is_armed_for_it(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    daemon.start(with_rules=True)
    at_ms = wall_ms() + 3_000
    target = bot.add(9, targetExecutionTime=at_ms)
    bot.wait_for_report(target, status="completed")
    assert daemon.wait_for("order.armed")["fire_ms"] == at_ms
    assert len(bought(exchange)) == 1


def test_a_time_that_is_over_is_not_traded(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    late = bot.add(9, targetExecutionTime=wall_ms() - 60_000)
    ancient = bot.add(10, symbolName="ETH", targetExecutionTime="2020-01-01T00:00:00Z")
    daemon.start(with_rules=True)
    assert "expired" in bot.wait_for_report(late, status="failed")["errorMessage"]
    assert "expired" in bot.wait_for_report(ancient, status="failed")["errorMessage"]
    assert daemon.get("/v1/orders")["orders"] == []
    assert bought(exchange) == []


def test_a_double_click_is_bought_once(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    for number in (12, 11, 13):
        bot.add(number)
    daemon.start(with_rules=True)
    assert bot.wait_for_report("11", status="completed")
    for target in ("12", "13"):
        reported = bot.wait_for_report(target, status="cancelled", executionStatus="duplicate")
        assert "a duplicate of target 11" in reported["errorMessage"]
    bot.add(14, symbolName="BTCUSDT")  # a moment later
    assert "(order " in bot.wait_for_report("14", executionStatus="duplicate")["errorMessage"]
    assert len(bought(exchange)) == 1


@pytest.mark.parametrize("changes", [{}, {"quoteOrderQty": "26"}], ids=["the same amount", "another amount"])
def test_a_target_that_comes_both_ways_is_one_order(
    daemon: Daemon, exchange: Exchange, bot: Bot, changes: dict[str, str]
) -> None:
    daemon.start(with_rules=True)
    sent = market_buy(ownerId="u1", snipeTargetId=21) | changes
    first = daemon.submit(sent, wait_s=10).json
    assert first["idempotencyKey"] == "target:21"
    target = bot.add(21)
    assert bot.wait_for_report(target, status="completed")
    other = bot.add(22, symbolName="ETH")
    bot.wait_for_report(other, status="completed")
    answer = daemon.submit(sent | {"symbol": "ETHUSDT", "snipeTargetId": 22}, wait_s=10)
    assert (answer.status, answer.json.get("replayed")) == ((422, None) if changes else (200, True))
    assert len(bought(exchange)) == 2
    exit_of_it = market_sell(ownerId="u1", snipeTargetId=21, quantity="0.0002")
    assert daemon.submit(exit_of_it, wait_s=10).json["state"] == "filled"


def test_what_the_bot_shows_as_bought_is_left_alone(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    """The bot's page leaves a target that it has bought "ready", for its exit manager."""
    target = bot.add(31, actualExecutionTime=1_790_000_000, executionStatus="success")
    daemon.start(with_rules=True)
    daemon.wait_for("poller.refused", target_id=target)
    bot.wait_for_polls()
    assert (bought(exchange), bot.reports_of(target)) == ([], [])


def test_while_trading_is_halted_targets_wait(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    daemon.start(with_rules=True)
    daemon.ask("POST", "/v1/admin/halt", {"reason": "for a test"})
    target = bot.add(41)
    daemon.wait_for("poller.waiting", target_id=target)
    bot.wait_for_polls()
    assert (bought(exchange), bot.reports_of(target)) == ([], [])
    daemon.ask("POST", "/v1/admin/resume", {"reason": "for a test"})
    bot.wait_for_report(target, status="completed")
    assert len(bought(exchange)) == 1


def test_a_pair_that_is_not_listed_yet_is_bought_when_it_opens(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    daemon.start(with_rules=True)
    opens_ms = wall_ms() + 6_000
    target = bot.add(51, symbolName="NEWCOIN", entryStrategy="limit", entryPrice="0.05", targetExecutionTime=opens_ms)
    daemon.wait_for("order.accepted", target_id=target)
    exchange.list_symbol("NEWCOINUSDT", opens_ms, cap="0.05")
    bot.wait_for_report(target, status="completed")
    assert [order["symbol"] for order in bought(exchange)] == ["NEWCOINUSDT"]


def test_a_refusal_of_the_exchange_is_reported_and_the_target_not_tried_again(
    daemon: Daemon, exchange: Exchange, bot: Bot
) -> None:
    exchange.inject({"kind": "refused", "code": 30004, "count": 1})
    target = bot.add(61)
    daemon.start(with_rules=True)
    assert "rejected" in bot.wait_for_report(target, status="failed", executionStatus="failed")["errorMessage"]
    bot.set(target, status="ready", executionStatus=None, errorMessage=None)
    assert "traded already" in bot.wait_for_report(target, count=2)["errorMessage"]
    daemon.restart()
    bot.set(target, status="ready", executionStatus=None, errorMessage=None)
    bot.wait_for_report(target, count=3)
    assert (bought(exchange), len(exchange.arrivals())) == ([], 1)


def test_a_requeued_dead_letter_is_reported_again(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    exchange.inject({"kind": "refused", "code": 30002, "count": 1})
    target = bot.add(7)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, status="failed")
    [order] = daemon.get("/v1/orders")["orders"]
    bot.wait_for_polls()
    daemon.ask("POST", f"/v1/admin/orders/{order['id']}/requeue", {"reason": "the minimum was lowered"})
    assert bot.wait_for_report(target, status="completed")["executionStatus"] == "success"
    assert len(bought(exchange)) == 1


def test_an_unknown_outcome_is_no_failure(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    """Nothing is reported before the outcome is known or lost; a lost order is still followed."""
    exchange.inject({"kind": "reply_lost", "count": 1}, {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    target = bot.add(71)
    daemon.start(with_rules=True)
    daemon.wait_for("order.in_doubt")
    bot.wait_for_polls()
    assert bot.reports_of(target) == []
    exchange.inject()
    assert bot.wait_for_report(target, status="completed")
    assert len(exchange.arrivals()) == 1


def test_the_interval_may_change_while_it_runs(daemon: Daemon, bot: Bot) -> None:
    daemon.configure({"poller": {"interval_ms": 60}})
    daemon.start()
    daemon.configure({"poller": {"interval_ms": 70, "user_id": "u2"}})
    said = daemon.reload()
    assert said["changed"] == "[poller] interval_ms: 60 → 70"
    assert said["needs_restart"] == "[poller] user_id: 'u1' → 'u2'"
    bot.wait_for_polls()


def test_reports_are_json_with_numbers(daemon: Daemon, bot: Bot) -> None:
    target = bot.add(81)
    daemon.start(with_rules=True)
    reported = bot.wait_for_report(target)
    assert json.loads(daemon.wait_for("poller.reported", target_id=target)["report"]) == reported
    assert all(type(reported[name]) in {int, float} for name in ("executionPrice", "actualPositionSize"))
