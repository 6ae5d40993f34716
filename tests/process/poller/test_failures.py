"""Whatever the bot does, and whenever the daemon is killed: one order per target, and the bot gets its report."""

import json

import pytest

from tests.process.poller.bot import Bot, running
from tests.process.poller.conftest import polling
from tests.support import Daemon, Exchange
from tests.support.signals import market_buy
from tests.support.stage import Stage

CONFIRMED_WITHIN_S = 60


def test_killed_between_order_and_report(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    """The bot accepts no report while the order is placed; the next process finds the order and reports it."""
    bot.patch_status = 500
    target = bot.add(1)
    daemon.start(with_rules=True)
    bot.wait_for_report(target)
    daemon.kill()
    bot.patch_status = 200
    daemon.start()
    assert bot.wait_for_report(target, count=2, status="completed")
    bot.wait_for_polls()
    assert bot.row(target)["status"] == "completed"
    assert len(exchange.orders()) == len(exchange.arrivals()) == 1


def test_killed_while_the_order_is_on_its_way(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    daemon.start(with_rules=True)
    with exchange.frozen():
        target = bot.add(1)
        daemon.wait_for("order.sent")
        daemon.kill()
    daemon.start()
    assert bot.wait_for_report(target, status="completed")
    assert len(exchange.orders()) == len(exchange.arrivals()) == 1


@pytest.mark.parametrize("kills", [3])
def test_killed_again_and_again(daemon: Daemon, exchange: Exchange, bot: Bot, kills: int) -> None:
    bot.patch_status = 500
    coins = ("BTC", "ETH", "LTC", "XRP")
    targets = [bot.add(number, symbolName=coin) for number, coin in enumerate(coins)]
    for _ in range(kills):
        daemon.start()
        daemon.wait_for("daemon.ready")
        bot.wait_for_polls(1)
        daemon.kill()
    bot.patch_status = 200
    daemon.start()
    for target in targets:
        bot.wait_for_report(target, status="completed")
    assert sorted(order["symbol"] for order in exchange.orders()) == sorted(f"{coin}USDT" for coin in coins)


def test_a_resting_order_that_ended_while_the_daemon_was_down_is_reported(
    daemon: Daemon, exchange: Exchange, bot: Bot
) -> None:
    """The bot shows it as executing, no more as ready: that, too, is asked for at the start."""
    target = bot.add(1, entryStrategy="limit", entryPrice=50_000)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, status="executing")
    bot.patch_status = 503
    [order] = daemon.get("/v1/orders")["orders"]
    daemon.ask("DELETE", f"/v1/orders/{order['id']}")
    bot.wait_for_report(target, status="cancelled")
    daemon.until(order["id"], "canceled")
    daemon.kill()
    bot.patch_status = 200
    daemon.start()
    assert bot.wait_for_report(target, count=2, status="cancelled")
    assert len(exchange.orders()) == 1


def test_a_report_whose_answer_is_lost_is_made_again(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    bot.lost = 2
    target = bot.add(1)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, count=3, status="completed")
    bot.wait_for_polls()
    assert len(exchange.orders()) == 1


def test_a_target_that_is_armed_again_is_recognised(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    target = bot.add(1)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, status="completed")
    bot.set(target, status="ready", executionStatus=None, executionPrice=None, actualPositionSize=None,
            actualExecutionTime=None)  # fmt: skip
    reported = bot.wait_for_report(target, count=2, status="completed")
    assert "traded already" in reported["errorMessage"]
    daemon.wait_for("poller.rearmed", target_id=target)
    bot.set(target, status="ready")  # and again, with what was executed still in the row
    bot.wait_for_polls(3)
    assert bot.row(target)["status"] == "ready", "what the bot does with a bought target is its own business"
    daemon.restart()
    bot.wait_for_polls(3)
    assert daemon.process.events("poller.rearmed") == [], "the row says so already"
    assert len(exchange.orders()) == len(exchange.arrivals()) == 1


def test_a_target_that_is_armed_again_while_its_order_rests_is_still_followed(
    daemon: Daemon, exchange: Exchange, bot: Bot
) -> None:
    target = bot.add(1, entryStrategy="limit", entryPrice=50_000)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, executionStatus="placed")
    bot.set(target, status="ready")
    assert "traded already" in bot.wait_for_report(target, count=2, executionStatus="placed")["errorMessage"]
    [order] = daemon.get("/v1/orders")["orders"]
    daemon.ask("DELETE", f"/v1/orders/{order['id']}")
    assert bot.wait_for_report(target, status="cancelled")
    assert len(exchange.orders()) == 1


def test_a_target_whose_order_was_cancelled_unfilled_may_be_set_ready_again(
    daemon: Daemon, exchange: Exchange, bot: Bot
) -> None:
    """Not before the exchange has shown again that nothing was executed: a fill may follow a cancel."""
    target = bot.add(1, entryStrategy="limit", entryPrice=50_000)
    daemon.start(with_rules=True)
    bot.wait_for_report(target, executionStatus="placed")
    [first] = daemon.get("/v1/orders")["orders"]
    daemon.ask("DELETE", f"/v1/orders/{first['id']}")
    bot.wait_for_report(target, status="cancelled")
    bot.set(target, status="ready")
    reported = bot.wait_for_report(target, count=2, status="cancelled")
    assert "was cancelled with nothing executed" in reported["errorMessage"]
    assert len(exchange.orders()) == 1
    daemon.process.wait_for("order.key_freed", order_id=first["id"], timeout_s=CONFIRMED_WITHIN_S)
    bot.wait_for_polls()
    assert len(exchange.orders()) == 1, "nobody asked for it"
    bot.set(target, status="ready")
    bot.wait_for_report(target, count=2, executionStatus="placed")
    assert len(exchange.orders()) == 2
    [second, _] = daemon.get("/v1/orders")["orders"]
    assert (second["idempotencyKey"], second["state"]) == ("target:1", "open")


def test_a_bought_target_that_is_ready_for_its_exit_is_reported_once_and_left_so(
    daemon: Daemon, exchange: Exchange, bot: Bot
) -> None:
    daemon.start(with_rules=True)
    assert daemon.submit(market_buy(ownerId="u1", snipeTargetId=1), wait_s=10).json["state"] == "filled"
    target = bot.add(1, executionStatus="success", actualExecutionTime=1_790_000_000)
    assert bot.wait_for_report(target).keys() == {"errorMessage"}
    bot.wait_for_polls(3)
    assert (bot.row(target)["status"], len(bot.reports_of(target))) == ("ready", 1)
    assert len(exchange.orders()) == 1


def test_a_bot_that_accepts_reports_and_forgets_them_gets_them_at_growing_intervals(
    own_stage: Stage, exchange: Exchange, bot: Bot
) -> None:
    daemon = own_stage.daemon(exchange, polling(bot, longest_interval_ms=600_000))
    target = bot.add(1)
    daemon.start(with_rules=True)
    for count in range(1, 4):
        bot.wait_for_report(target, count=count)
        bot.set(target, status="ready", executionStatus=None, executionPrice=None, actualPositionSize=None,
                actualExecutionTime=None)  # fmt: skip
    assert len(daemon.process.events("poller.rearmed")) == 1
    assert len(exchange.orders()) == 1


def test_a_report_that_the_bot_refuses_is_given_up(own_stage: Stage, exchange: Exchange, bot: Bot) -> None:
    daemon = own_stage.daemon(exchange, polling(bot, report_attempts=3))
    bot.patch_status = 400
    target = bot.add(1)
    daemon.start(with_rules=True)
    dropped = daemon.wait_for("poller.report_dropped", target_id=target)
    assert "HTTP 400" in dropped["error"]
    bot.wait_for_polls(3)
    assert len(bot.reports_of(target)) == 3
    other = bot.add(2, symbolName="ETH")
    bot.patch_status = 200
    bot.wait_for_report(other, status="completed")
    assert len(exchange.orders()) == 2


MISBEHAVIOUR = {
    "an error": (500, b'{"success":false}'),
    "not found": (404, b"<html>"),
    "elsewhere": (302, b""),
    "no JSON": (200, b"<html>hello</html>"),
    "no list": (200, b'{"success":true,"data":{}}'),
    "a failure": (200, b'{"success":false,"data":[]}'),
    "endless nesting": (200, b'{"data":' + b"[" * 200_000),
    "too much": (200, b'{"data":[' + b'"x",' * 300_000 + b'""]}'),
    "no UTF-8": (200, b'{"data":["\xff"]}'),
    "numbers": (200, json.dumps({"data": list(range(5_000))}).encode()),
}


def test_a_bot_that_misbehaves_is_logged_once_and_delays_nothing(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    bot.answer = MISBEHAVIOUR["an error"]
    daemon.start(with_rules=True)
    daemon.wait_for("poller.unreachable")
    for answer in MISBEHAVIOUR.values():
        bot.answer = answer
        bot.wait_for_polls()
    order = daemon.submit(market_buy(symbol="ETHUSDT"), wait_s=10).json
    assert order["state"] == "filled"
    bot.answer = None
    target = bot.add(1)
    bot.wait_for_report(target, status="completed")
    assert len(daemon.process.events("poller.unreachable")) <= 3
    assert len(exchange.orders()) == 2


def test_a_bot_that_is_down_is_logged_once_and_once_when_it_is_back(own_stage: Stage, exchange: Exchange) -> None:
    bot = Bot()
    with running(bot):
        daemon = own_stage.daemon(exchange, polling(bot))
        daemon.start(with_rules=True)
        daemon.wait_for("poller.reachable")
    daemon.wait_for("poller.unreachable")
    mark = daemon.process.mark()
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
    target = bot.add(1, symbolName="ETH")
    with running(bot):
        daemon.wait_for("poller.reachable", since=mark)
        bot.wait_for_report(target, status="completed")
    assert len(daemon.process.events("poller.unreachable")) in {1, 2}
    assert len(exchange.orders()) == 2


def test_a_bot_that_answers_too_slowly_slows_nothing(own_stage: Stage, exchange: Exchange, bot: Bot) -> None:
    daemon = own_stage.daemon(exchange, polling(bot, timeout_ms=100))
    bot.hold.clear()
    daemon.start(with_rules=True)
    assert "no answer within 0.1 s" in daemon.wait_for("poller.unreachable")["error"]
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
    target = bot.add(1, symbolName="ETH")
    bot.hold.set()
    bot.wait_for_report(target, status="completed")
    assert len(exchange.orders()) == 2


def test_many_targets_at_once_are_one_order_each(daemon: Daemon, exchange: Exchange, bot: Bot) -> None:
    targets = [
        bot.add(number, symbolName=("BTC", "ETH", "LTC", "XRP")[number % 4], targetExecutionTime=None)
        for number in range(40)
    ]
    daemon.start(with_rules=True)
    for target in targets:
        bot.wait_for_report(target)
    assert len(exchange.orders()) == 4
    assert {bot.row(target)["status"] for target in targets[4:]} == {"cancelled"}


def test_off_by_default(own_stage: Stage, exchange: Exchange, bot: Bot) -> None:
    daemon = own_stage.daemon(exchange, {"poller": {"base_url": bot.url}})
    bot.add(1)
    daemon.start(with_rules=True)
    assert daemon.accept(market_buy())
    assert bot.polls == 0


def test_it_ends_with_the_daemon_even_while_the_bot_does_not_answer(daemon: Daemon, bot: Bot) -> None:
    bot.hold.clear()
    daemon.start()
    bot.wait_for_polls(1)
    assert daemon.terminate() == 0
