"""Past trades and the average price, over HTTP."""

from decimal import Decimal

import pytest

from tests.simulator.trader import NOW_MS, Trader


def quiet(trader: Trader) -> None:
    """Stop the market, so that only the account trades."""
    trader.change(volatility=0)
    trader.offer(asks=[("94000", "0.004"), ("95000", "1")])


@pytest.mark.parametrize("path", ["trades", "historicalTrades"])
def test_trades_are_shown_newest_first_without_ids(trader: Trader, path: str) -> None:
    quiet(trader)
    trader.now_ms += 100
    trader.place(price="95000", quantity="0.01")
    newest, before = trader.ask("GET", path, symbol="BTCUSDT", limit=2)
    assert newest == {
        "id": None,
        "price": "95000",
        "qty": "0.006",
        "quoteQty": "570",
        "time": NOW_MS + 100,
        "isBuyerMaker": False,
        "isBestMatch": True,
        "tradeType": "BID",
    }
    assert (before["price"], before["qty"]) == ("94000", "0.004")


def test_a_seller_who_takes_makes_the_buyer_the_maker(trader: Trader) -> None:
    trader.offer(bids=[("94000", "1")])
    trader.place(side="SELL", price="94000")
    assert trader.ask("GET", "trades", symbol="BTCUSDT", limit=1)[0]["isBuyerMaker"] is True


def test_a_resting_buy_is_filled_by_a_seller(trader: Trader) -> None:
    trader.offer()
    trader.place(price="94000")
    trader.offer(asks=[("93000", "1")])
    row = trader.ask("GET", "trades", symbol="BTCUSDT", limit=1)[0]
    assert (row["price"], row["qty"], row["isBuyerMaker"]) == ("94000", "0.01", True)


def test_a_trade_of_the_account_with_itself_is_shown_once(trader: Trader) -> None:
    trader.offer()
    trader.place(side="SELL", price="95000")
    trader.place(price="95000")
    rows = trader.ask("GET", "trades", symbol="BTCUSDT")
    assert [row["isBuyerMaker"] for row in rows if row["qty"] == "0.01"] == [False]


def test_every_tick_is_a_trade_of_the_smallest_quantity(trader: Trader) -> None:
    trader.ask("GET", "ticker/price", symbol="BTCUSDT")
    trader.now_ms += 2_000
    rows = trader.ask("GET", "trades", symbol="BTCUSDT")
    assert [row["qty"] for row in rows] == ["0.000001"] * 5
    assert rows[0]["price"] == trader.ask("GET", "ticker/price", symbol="BTCUSDT")["price"]


def test_trades_of_one_order_at_one_price_are_aggregated(trader: Trader) -> None:
    trader.change(volatility=0)
    trader.offer(asks=[("95000", "0.004")])
    trader.place(side="SELL", price="95000", quantity="0.006")
    trader.now_ms += 100
    trader.place(price="95000", quantity="0.01")
    assert [row["qty"] for row in trader.ask("GET", "trades", symbol="BTCUSDT", limit=2)] == ["0.006", "0.004"]
    assert trader.ask("GET", "aggTrades", symbol="BTCUSDT", limit=1) == [
        {"a": None, "f": None, "l": None, "p": "95000", "q": "0.01", "T": NOW_MS + 100, "m": False, "M": True}
    ]


def test_aggregated_trades_have_a_start_and_an_end_or_neither(trader: Trader) -> None:
    quiet(trader)
    trader.now_ms += 100
    trader.place(price="94000", quantity="0.004")
    between = {"startTime": NOW_MS + 100, "endTime": NOW_MS + 100}
    assert [row["p"] for row in trader.ask("GET", "aggTrades", symbol="BTCUSDT", **between)] == ["94000"]
    assert trader.code("GET", "aggTrades", symbol="BTCUSDT", startTime=NOW_MS) == 730002


def test_the_average_price_is_that_of_five_minutes(trader: Trader) -> None:
    for price in ("100", "200", "300", "400", "500", "600"):
        trader.now_ms += 60_000
        trader.change(price=Decimal(price), volatility=0)
    assert trader.ask("GET", "avgPrice", symbol="BTCUSDT") == {"mins": 5, "price": "400"}


def test_a_market_that_has_not_moved_has_its_first_price(trader: Trader) -> None:
    trader.control("POST", "listings", {"symbol": "NEWUSDT", "opensAt": NOW_MS + 1_000, "price": "3"})
    assert trader.ask("GET", "avgPrice", symbol="NEWUSDT")["price"] == "3"
    assert trader.ask("GET", "trades", symbol="NEWUSDT") == []
    assert trader.code("GET", "trades", symbol="NOPEUSDT") == -1121
