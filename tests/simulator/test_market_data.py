"""The public endpoints: time, rules, prices."""

from dataclasses import replace
from decimal import Decimal

import pytest

from daemon.simulator.authentication import EXAMPLE_KEYS
from tests.simulator.trader import NOW_MS, Trader, order


def ask(trader: Trader, path: str, **parameters: object) -> object:
    return trader.ask("GET", path, **parameters)


def test_ping_and_time(trader: Trader) -> None:
    assert ask(trader, "ping") == {}
    assert ask(trader, "time") == {"serverTime": NOW_MS}


def test_exchange_info_shows_a_symbols_rules(trader: Trader) -> None:
    info = trader.ask("GET", "exchangeInfo", symbol="BTCUSDT")
    assert info == {
        "timezone": "CST",
        "serverTime": NOW_MS,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [
            {
                "symbol": "BTCUSDT",
                "status": "1",
                "baseAsset": "BTC",
                "baseAssetPrecision": 6,
                "quoteAsset": "USDT",
                "quotePrecision": 2,
                "quoteAssetPrecision": 2,
                "baseCommissionPrecision": 6,
                "quoteCommissionPrecision": 2,
                "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
                "quoteOrderQtyMarketAllowed": True,
                "isSpotTradingAllowed": True,
                "isMarginTradingAllowed": False,
                "quoteAmountPrecision": "1",
                "baseSizePrecision": "0",
                "permissions": ["SPOT"],
                "filters": [
                    {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "0.2", "askMultiplierDown": "0.1"}
                ],
                "maxQuoteAmount": "2000000",
                "makerCommission": "0",
                "takerCommission": "0.0005",
                "quoteAmountPrecisionMarket": "1",
                "maxQuoteAmountMarket": "100000",
                "fullName": "BTC",
                "tradeSideType": 1,
                "contractAddress": "",
                "conceptPlateIds": [],
                "conceptPlates": [],
                "st": False,
                "firstOpenTime": 1_514_764_800_000,
            }
        ],
    }


def test_a_symbol_without_market_orders_takes_none_by_quote_quantity(trader: Trader) -> None:
    trader.change(order_types=("LIMIT",))
    (shown,) = trader.ask("GET", "exchangeInfo", symbol="BTCUSDT")["symbols"]
    assert shown["quoteOrderQtyMarketAllowed"] is False
    assert trader.refused(type="MARKET", quoteOrderQty="10")[0] == 30019


def test_paused_and_delisted_symbols_are_the_offline_ones(trader: Trader) -> None:
    assert trader.ask("GET", "symbol/offline") == {"data": []}
    trader.change("ETHUSDT", status="3")
    trader.change("MXUSDT", status="2")
    gone = [{"symbol": "ETHUSDT", "state": 3}, {"symbol": "MXUSDT", "state": 2}]
    assert trader.ask("GET", "symbol/offline") == {"data": gone}


def test_exchange_info_shows_one_some_or_all_symbols(trader: Trader) -> None:
    def names(**parameters: object) -> list[str]:
        info = trader.ask("GET", "exchangeInfo", **parameters)
        return [symbol["symbol"] for symbol in info["symbols"]]

    assert names(symbols="ETHUSDT,币安人生USDT") == ["ETHUSDT", "币安人生USDT"]
    assert len(names()) == 43
    assert trader.code("GET", "exchangeInfo", symbol="NOPEUSDT") == -1121


@pytest.mark.parametrize(("path", "signed"), [("defaultSymbols", False), ("selfSymbols", True)])
def test_the_symbols_that_can_be_traded_by_api(trader: Trader, path: str, signed: bool) -> None:
    trader.change("ETHUSDT", tradable_by_api=False)
    trader.change("SOLUSDT", status="2")
    answer = trader.ask("GET", path, signed=signed)
    assert (answer["code"], answer["msg"], answer["timestamp"]) == (0, "success", NOW_MS)
    assert len(answer["data"]) == 41
    assert {"ETHUSDT", "SOLUSDT"}.isdisjoint(answer["data"])


def test_a_key_can_be_limited_to_some_symbols() -> None:
    keys = replace(EXAMPLE_KEYS, symbols=frozenset({"ETHUSDT"}))
    trader = Trader(keys=keys)
    assert trader.ask("GET", "selfSymbols")["data"] == ["ETHUSDT"]
    assert len(trader.ask("GET", "defaultSymbols")["data"]) == 43
    assert trader.refused() == (10007, "symbol not support api")
    assert trader.code("POST", "order/test", **order()) == 10007
    assert trader.place(symbol="ETHUSDT", price="3000")
    trader.book.close()


def test_depth_shows_at_most_limit_levels(trader: Trader) -> None:
    trader.offer(bids=[("94000", "1"), ("93000", "2")], asks=[("95000", "3")])
    depth = trader.ask("GET", "depth", symbol="BTCUSDT", limit=1)
    assert depth == {
        "lastUpdateId": 2,
        "bids": [["94000", "1"]],
        "asks": [["95000", "3"]],
        "timestamp": NOW_MS,
    }
    assert len(trader.ask("GET", "depth", symbol="BTCUSDT")["bids"]) == 2


def test_an_own_order_shows_in_the_depth(trader: Trader) -> None:
    trader.offer(bids=[("94000", "1")])
    trader.place(price="94000", quantity="0.5")
    assert trader.ask("GET", "depth", symbol="BTCUSDT")["bids"] == [["94000", "1.5"]]


def test_tickers_show_one_symbol_or_all(trader: Trader) -> None:
    trader.offer(bids=[("94000", "1")], asks=[("95000", "3")])
    assert ask(trader, "ticker/price", symbol="BTCUSDT") == {"symbol": "BTCUSDT", "price": "95000"}
    assert ask(trader, "ticker/bookTicker", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "bidPrice": "94000",
        "bidQty": "1",
        "askPrice": "95000",
        "askQty": "3",
    }
    for path in ("ticker/24hr", "ticker/price", "ticker/bookTicker"):
        assert len(trader.ask("GET", path)) == 43
        assert trader.code("GET", path, symbol="NOPEUSDT") == -1121


def test_an_empty_book_has_a_ticker_of_zeros(trader: Trader) -> None:
    trader.offer()
    ticker = trader.ask("GET", "ticker/bookTicker", symbol="BTCUSDT")
    assert (ticker["bidPrice"], ticker["askQty"]) == ("0", "0")


def test_the_days_ticker_counts_the_accounts_trades(trader: Trader) -> None:
    trader.change(price=Decimal(90_000))
    trader.offer(asks=[("99000", "1")])
    trader.place(price="99000", quantity="0.5")
    ticker = trader.ask("GET", "ticker/24hr", symbol="BTCUSDT")
    assert ticker["lastPrice"] == "99000"
    assert (ticker["lowPrice"], ticker["highPrice"]) == ("90000", "99000")
    assert (ticker["volume"], ticker["quoteVolume"]) == ("0.5", "49500")
    assert Decimal(ticker["openPrice"]) + Decimal(ticker["priceChange"]) == 99_000
    assert ticker["closeTime"] - ticker["openTime"] == 86_400_000


def walk(trader: Trader, minutes: int) -> None:
    for _ in range(minutes):
        trader.ask("GET", "ticker/price", symbol="ETHUSDT")
        trader.now_ms += 60_000
    trader.ask("GET", "ticker/price", symbol="ETHUSDT")


def test_klines_of_a_minute_add_up_to_longer_ones(trader: Trader) -> None:
    walk(trader, 10)
    minutes = trader.ask("GET", "klines", symbol="ETHUSDT", interval="1m")
    fives = trader.ask("GET", "klines", symbol="ETHUSDT", interval="5m")
    assert len(minutes) in {11, 12}
    assert len(fives) == 3
    opened, first, highest, lowest, closed, volume, ended, value = minutes[0]
    assert ended - opened == 60_000
    assert Decimal(lowest) <= min(Decimal(first), Decimal(closed)) <= Decimal(highest)
    assert (volume, value) == ("0", "0")
    within = [row for row in minutes if fives[1][0] <= row[0] < fives[1][6]]
    assert len(within) == 5
    assert fives[1][2] == max((row[2] for row in within), key=Decimal)


def test_klines_of_a_time_range_and_up_to_a_limit(trader: Trader) -> None:
    walk(trader, 10)
    rows = trader.ask("GET", "klines", symbol="ETHUSDT", interval="1m")
    bounds = {"startTime": rows[3][0], "endTime": rows[6][0]}
    assert trader.ask("GET", "klines", symbol="ETHUSDT", interval="1m", **bounds) == rows[3:7]
    assert trader.ask("GET", "klines", symbol="ETHUSDT", interval="1m", limit=2) == rows[-2:]
    assert trader.ask("GET", "klines", symbol="ETHUSDT", interval="1m", limit=0) == []


def test_an_unknown_interval_is_refused(trader: Trader) -> None:
    assert trader.code("GET", "klines", symbol="BTCUSDT", interval="2m") == 730002
    assert trader.code("GET", "klines", symbol="BTCUSDT") == 700004


def test_fees_are_numbers(trader: Trader) -> None:
    reply = trader.send("GET", "tradeFee", symbol="BTCUSDT")
    assert b'"data":{"makerCommission":0,"takerCommission":0.0005}' in reply.body


def test_the_assets_of_all_symbols_are_known(trader: Trader) -> None:
    coins = trader.ask("GET", "capital/config/getall")
    assert len(coins) == 44
    assert coins[0] == {"coin": "AAVE", "name": "AAVE", "networkList": []}


def test_there_are_no_contracts(trader: Trader) -> None:
    assert ask(trader, "/api/v1/contract/detail") == {"success": True, "code": 0, "data": []}


def test_an_unknown_path_or_method_is_not_found(trader: Trader) -> None:
    assert trader.refusal("GET", "orders")[:2] == (404, 404)
    assert trader.refusal("PUT", "order")[:2] == (404, 404)
    assert trader.refusal("POST", "time")[:2] == (404, 404)
