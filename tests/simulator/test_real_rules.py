"""Reading a real market's rules: a missing field limits nothing, an unreadable pair is left out."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.simulator.real_rules import read_symbols
from tests.simulator.trader import Trader

SHOWN: dict[str, Any] = {"symbol": "NEWUSDT", "baseAsset": "NEW", "quoteAsset": "USDT"}


def read(*shown: dict[str, Any]) -> list[str]:
    return [symbol.symbol for symbol in read_symbols(msgspec.json.encode({"symbols": shown}))]


def test_the_rules_of_another_simulated_exchange_are_read_unchanged() -> None:
    one, other = Trader(), Trader()
    symbols = read_symbols(one.send("GET", "exchangeInfo").body)
    other.exchange.replace_rules(symbols)
    shown = [trader.ask("GET", "exchangeInfo")["symbols"] for trader in (one, other)]
    assert shown[0] == shown[1]


def test_a_missing_field_limits_nothing() -> None:
    [symbol] = read_symbols(msgspec.json.encode({"symbols": [SHOWN]}))
    assert symbol.minimum_value == symbol.minimum_quantity == 0
    assert symbol.highest_bid is None
    assert symbol.maximum_value > Decimal(10) ** 9


def test_the_multipliers_are_increments() -> None:
    band = {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "0.2", "askMultiplierDown": "0.1"}
    [symbol] = read_symbols(msgspec.json.encode({"symbols": [SHOWN | {"filters": [band]}]}))
    assert (symbol.highest_bid, symbol.lowest_ask) == (Decimal("1.2"), Decimal("0.9"))


@pytest.mark.parametrize(
    "odd",
    [{"quoteAsset": "BTC"}, {"quotePrecision": 99}, {"baseAsset": None}, {"baseSizePrecision": "much"}],
    ids=["another quote asset", "too many decimals", "no asset", "not a number"],
)
def test_an_unusable_pair_is_left_out_and_hides_no_other(odd: dict[str, Any]) -> None:
    assert read(SHOWN | {"symbol": "ODDUSDT"} | odd, SHOWN) == ["NEWUSDT"]


def test_a_pair_that_is_no_longer_listed_goes_offline_and_new_order_books_are_empty() -> None:
    trader = Trader()
    trader.exchange.replace_rules(read_symbols(msgspec.json.encode({"symbols": [SHOWN]})))
    states = {each["symbol"]: each["status"] for each in trader.ask("GET", "exchangeInfo")["symbols"]}
    assert {name for name, status in states.items() if status == "1"} == {"NEWUSDT"}
    assert trader.ask("GET", "depth", symbol="NEWUSDT")["asks"] == []
    trader.exchange.replace_book("NEWUSDT", [(Decimal(1), Decimal(5))], [(Decimal(2), Decimal(5))], trader.now_ms)
    assert trader.ask("GET", "depth", symbol="NEWUSDT")["asks"] == [["2", "5"]]


def test_one_more_pair_is_added_to_the_existing_ones() -> None:
    trader = Trader()
    trader.exchange.replace_rules(read_symbols(msgspec.json.encode({"symbols": [SHOWN]})), are_all=False)
    states = {each["symbol"]: each["status"] for each in trader.ask("GET", "exchangeInfo")["symbols"]}
    assert (states["NEWUSDT"], states["BTCUSDT"]) == ("1", "1")
