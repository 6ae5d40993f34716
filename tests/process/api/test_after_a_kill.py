"""What a daemon knows again after a kill: what was bought, and which listings it waits for."""

from tests.api.snipes import AHEAD_MS, bought_once_at, snipe
from tests.api.test_guards import check_refused, keep_clear_of_midnight
from tests.support import wall_ms
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.stage import Stage


def test_purchases_still_count_after_a_kill(own_stage: Stage) -> None:
    keep_clear_of_midnight()
    guards = {"repeat_window_ms": 60_000, "max_notional_per_day": 60.0, "max_open_buys_per_owner": 1}
    daemon = own_stage.daemon(own_stage.exchange(), {"guards": guards})
    daemon.start()
    resting = resting_buy(symbol="ETHUSDT", quantity="0.01", price="2000")
    filled, open_ = daemon.submit(market_buy(), wait_s=10).json, daemon.submit(resting, wait_s=10).json
    assert (filled["state"], open_["state"]) == ("filled", "open")
    for _ in range(2):
        check_refused(daemon.submit(market_buy()), "repeat_window_ms", filled["id"])
        other = market_buy(symbol="SOLUSDT")
        check_refused(daemon.submit(other), "max_open_buys_per_owner", "1 BUYs")
        check_refused(daemon.submit(other | {"ownerId": "x"}), "max_notional_per_day", "cost 45 USDT, with 25 more")
        daemon.restart()
    assert daemon.submit(market_sell(), wait_s=10).json["state"] == "filled"
    daemon.ask("DELETE", f"/v1/orders/{open_['id']}")
    daemon.until(open_["id"], "canceled")
    last = market_buy(symbol="SOLUSDT", quoteOrderQty="15")
    assert daemon.submit(last, wait_s=10).json["state"] == "filled", "45 of 60 were spent"
    daemon.close()


def test_a_postponed_listing_is_followed_after_a_kill(own_stage: Stage) -> None:
    exchange = own_stage.exchange()
    daemon = own_stage.daemon(exchange)
    daemon.start()
    at_ms = wall_ms() + 2 * AHEAD_MS
    order_id = daemon.accept(snipe("AGAINUSDT", at_ms))
    daemon.restart()
    exchange.list_symbol("AGAINUSDT", at_ms + 1_000, cap="0.05")
    bought_once_at(daemon, exchange, order_id, at_ms + 1_000)
