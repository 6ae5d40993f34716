"""Order types: how each type trades with the book, and what happens to its unfilled part."""

from decimal import Decimal

import pytest

from tests.simulator.trader import Trader


def state(trader: Trader, order_id: str, symbol: str = "BTCUSDT") -> tuple[str, str, str]:
    shown = trader.query(order_id, symbol)
    return shown["status"], shown["executedQty"], shown["cummulativeQuoteQty"]


def test_a_limit_order_below_the_market_rests(trader: Trader) -> None:
    assert state(trader, trader.place()) == ("NEW", "0", "0")


def test_a_limit_order_trades_at_the_prices_of_its_counterparts(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004"), ("94500", "0.006"), ("96000", "1")])
    assert state(trader, trader.place(price="95000", quantity="0.01")) == ("FILLED", "0.01", "943")


def test_the_unfilled_part_of_a_limit_order_rests_in_the_book(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004")])
    order_id = trader.place(price="95000", quantity="0.01")
    assert state(trader, order_id) == ("PARTIALLY_FILLED", "0.004", "376")
    assert trader.ask("GET", "depth", symbol="BTCUSDT")["bids"] == [["95000", "0.006"]]


def test_a_resting_order_fills_in_parts_as_the_market_reaches_it(trader: Trader) -> None:
    trader.offer()
    order_id = trader.place(price="95000", quantity="0.01")
    trader.offer(asks=[("94900", "0.003")])
    assert state(trader, order_id) == ("PARTIALLY_FILLED", "0.003", "285")
    trader.offer(asks=[("94900", "0.02")])
    assert state(trader, order_id) == ("FILLED", "0.01", "950")
    assert trader.ask("GET", "depth", symbol="BTCUSDT")["asks"] == [["94900", "0.013"]]


def test_an_ioc_without_liquidity_is_accepted_and_then_cancelled_empty(trader: Trader) -> None:
    order_id = trader.place(type="IMMEDIATE_OR_CANCEL")
    assert state(trader, order_id) == ("CANCELED", "0", "0")
    assert trader.ask("GET", "openOrders") == []


def test_an_ioc_keeps_its_fills_and_the_rest_is_cancelled(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004")])
    order_id = trader.place(type="IMMEDIATE_OR_CANCEL", price="95000", quantity="0.01")
    assert state(trader, order_id) == ("PARTIALLY_CANCELED", "0.004", "376")


def test_an_ioc_can_fill_completely(trader: Trader) -> None:
    trader.offer(asks=[("94000", "1")])
    order_id = trader.place(type="IMMEDIATE_OR_CANCEL", price="95000", quantity="0.01")
    assert state(trader, order_id) == ("FILLED", "0.01", "940")


def test_a_fok_fills_completely_or_not_at_all(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004"), ("95000", "0.006")])
    killed = trader.place(type="FILL_OR_KILL", price="95000", quantity="0.011")
    filled = trader.place(type="FILL_OR_KILL", price="95000", quantity="0.01")
    assert state(trader, killed) == ("CANCELED", "0", "0")
    assert state(trader, filled) == ("FILLED", "0.01", "946")


def test_a_post_only_order_that_would_trade_is_accepted_and_then_cancelled(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004")])
    assert state(trader, trader.place(type="LIMIT_MAKER", price="94000")) == ("CANCELED", "0", "0")


def test_a_post_only_order_that_would_not_trade_rests(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004")])
    assert state(trader, trader.place(type="LIMIT_MAKER", price="93999")) == ("NEW", "0", "0")


def test_a_market_order_shows_a_limit_five_percent_beyond_the_best_price(trader: Trader) -> None:
    trader.offer(bids=[("90000", "1")], asks=[("94000", "1")])
    bought = trader.ask("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    sold = trader.ask("POST", "order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.01")
    assert (bought["price"], sold["price"]) == ("98700", "85500")
    assert state(trader, bought["orderId"]) == ("FILLED", "0.01", "940")
    assert state(trader, sold["orderId"]) == ("FILLED", "0.01", "900")


def test_a_market_order_does_not_trade_beyond_its_limit(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004"), ("99000", "1")])
    order_id = trader.place(type="MARKET", quantity="0.01")
    assert state(trader, order_id) == ("PARTIALLY_CANCELED", "0.004", "376")


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_market_order_without_a_counterpart_is_refused(trader: Trader, side: str) -> None:
    trader.offer(bids=[("94000", "1")] if side == "BUY" else [], asks=[("95000", "1")] if side == "SELL" else [])
    assert trader.refused(type="MARKET", side=side, quantity="0.01") == (30025, "no exist opponent order")
    assert trader.exchange.orders() == []


def test_a_market_order_by_value_buys_what_its_limit_allows_and_spends_less(trader: Trader) -> None:
    """The example reported by MEXC's users: 6 USDT bought 32.69 KAS at 0.175137, not 34.26."""
    trader.offer(asks=[("0.174765", "1000")], symbol="KASUSDT")
    placed = trader.ask("POST", "order", symbol="KASUSDT", side="BUY", type="MARKET", quoteOrderQty="6")
    assert (placed["price"], placed["origQty"]) == ("0.183503", "32.69")
    assert state(trader, placed["orderId"], "KASUSDT") == ("FILLED", "32.69", "5.71306785")


def test_a_market_sale_by_value_sells_a_quantity_worth_it(trader: Trader) -> None:
    trader.offer(bids=[("100000", "1")])
    placed = trader.ask("POST", "order", symbol="BTCUSDT", side="SELL", type="MARKET", quoteOrderQty="950")
    assert (placed["price"], placed["origQty"]) == ("95000", "0.01")


def test_a_price_sent_with_a_market_order_is_ignored(trader: Trader) -> None:
    trader.offer(asks=[("94000", "1")])
    assert state(trader, trader.place(type="MARKET", quantity="0.01", price="nonsense"))[0] == "FILLED"


@pytest.mark.parametrize("stp_mode", ["", "cancel_both"])
def test_the_account_can_trade_with_itself(trader: Trader, stp_mode: str) -> None:
    """Self-trade prevention works within a strategy group only, and the simulated account has none."""
    trader.offer()
    resting = trader.place(side="SELL", price="95000", quantity="0.02")
    taking = trader.place(side="BUY", price="96000", quantity="0.01", stpMode=stp_mode)
    assert state(trader, taking) == ("FILLED", "0.01", "950")
    assert state(trader, resting) == ("PARTIALLY_FILLED", "0.01", "950")
    trades = trader.ask("GET", "myTrades", symbol="BTCUSDT")
    assert [(trade["isSelfTrade"], trade["isMaker"]) for trade in trades] == [(True, True), (True, False)]


def test_the_moving_market_fills_a_resting_order_in_parts(trader: Trader) -> None:
    """No pinned levels: an order larger than a level, near the market, and a minute of random moves."""
    trader.ask("GET", "depth", symbol="MXUSDT")
    order_id = trader.place(symbol="MXUSDT", price="3.6985", quantity="20000")
    seen = set()
    for _ in range(240):
        trader.now_ms += 500
        shown = trader.query(order_id, "MXUSDT")
        seen.add((shown["status"], Decimal(shown["executedQty"])))
    statuses = {status for status, _ in seen}
    assert {"PARTIALLY_FILLED"} <= statuses
    assert len(seen) > 3
