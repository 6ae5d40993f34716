"""A symbol before its opening, in its first minute, and after."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from daemon.simulator.errors import ConfigurationInvalid
from daemon.simulator.listings import Listing, parse_listing
from tests.simulator.trader import NOW_MS, Trader

OPENS_MS = NOW_MS + 10_000
NEW = {"symbol": "NEWUSDT", "price": "0.04", "quantity": "100"}


@pytest.fixture
def sniper() -> Iterator[Trader]:
    trader = Trader(listings=[Listing("NEWUSDT", OPENS_MS, cap=Decimal("0.05"))])
    yield trader
    trader.book.close()


def test_before_the_opening_every_order_is_refused(sniper: Trader) -> None:
    message = "The current transaction direction is not allowed to place an order"
    sniper.now_ms = OPENS_MS - 1
    assert sniper.refused(**NEW) == (30001, message)
    assert sniper.refused(symbol="NEWUSDT", type="MARKET", quoteOrderQty="10") == (30001, message)


def test_the_code_before_the_opening_can_be_10007() -> None:
    trader = Trader(listings=[Listing("NEWUSDT", OPENS_MS, code_before=10007)])
    assert trader.refused(**NEW)[0] == 10007
    trader.book.close()


def test_a_limit_order_works_from_the_first_millisecond_on(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS
    order_id = sniper.place(**NEW | {"price": "0.05"})
    assert sniper.query(order_id, "NEWUSDT")["status"] == "FILLED"


def test_an_ioc_works_from_the_first_millisecond_on(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS
    order_id = sniper.place(**NEW | {"type": "IMMEDIATE_OR_CANCEL", "price": "0.05"})
    assert sniper.query(order_id, "NEWUSDT")["status"] == "FILLED"


def test_a_price_above_the_cap_is_refused_with_the_cap(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS
    assert sniper.refused(**NEW | {"price": "0.0501"}) == (30010, "Order price cannot exceed 0.05USDT")
    assert sniper.place(**NEW | {"price": "0.05"})


def test_the_cap_ends_with_the_first_minute(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS + 59_999
    assert sniper.refused(**NEW | {"price": "0.0501"})[0] == 30010
    sniper.now_ms = OPENS_MS + 60_000
    assert sniper.place(**NEW | {"price": "0.0501"})


def test_a_market_order_of_the_first_minute_is_accepted_and_then_cancelled(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS + 59_999
    order_id = sniper.place(symbol="NEWUSDT", type="MARKET", quoteOrderQty="10")
    assert sniper.query(order_id, "NEWUSDT")["status"] == "CANCELED"
    sniper.now_ms = OPENS_MS + 60_000
    order_id = sniper.place(symbol="NEWUSDT", type="MARKET", quoteOrderQty="10")
    assert sniper.query(order_id, "NEWUSDT")["status"] == "FILLED"


@pytest.mark.parametrize(
    ("code_before", "field", "before", "after"),
    [(30001, "tradeSideType", 4, 1), (10007, "isSpotTradingAllowed", False, True)],
)
def test_exchange_info_shows_the_symbol_before_its_opening(
    code_before: int, field: str, before: object, after: object
) -> None:
    trader = Trader(listings=[Listing("NEWUSDT", OPENS_MS, code_before=code_before)])
    (shown,) = trader.ask("GET", "exchangeInfo", symbol="NEWUSDT")["symbols"]
    assert (shown["firstOpenTime"], shown[field]) == (OPENS_MS, before)
    trader.now_ms = OPENS_MS
    (shown,) = trader.ask("GET", "exchangeInfo", symbol="NEWUSDT")["symbols"]
    assert shown[field] == after
    trader.book.close()


def test_there_is_no_market_before_the_opening(sniper: Trader) -> None:
    empty = sniper.ask("GET", "depth", symbol="NEWUSDT")
    assert (empty["bids"], empty["asks"]) == ([], [])
    assert sniper.ask("GET", "klines", symbol="NEWUSDT", interval="1m") == []
    assert sniper.ask("GET", "ticker/24hr", symbol="NEWUSDT")["volume"] == "0"
    prices = sniper.ask("GET", "ticker/price")
    assert "NEWUSDT" not in {row["symbol"] for row in prices}
    sniper.now_ms = OPENS_MS
    assert len(sniper.ask("GET", "depth", symbol="NEWUSDT")["asks"]) == 20
    assert len(sniper.ask("GET", "ticker/price")) == len(prices) + 1


def test_the_calendar_shows_coming_listings(sniper: Trader) -> None:
    sniper.exchange.list_symbol(Listing("SOONUSDT", OPENS_MS - 5_000))
    assert [coin["vcoinName"] for coin in coins(sniper)] == ["SOON", "NEW"]
    assert coins(sniper)[1] == {
        "vcoinId": "simulated-NEW",
        "vcoinName": "NEW",
        "vcoinNameFull": "NEW",
        "firstOpenTime": OPENS_MS,
        "zone": "NEW",
    }
    sniper.now_ms = OPENS_MS
    assert coins(sniper) == []


def coins(trader: Trader) -> list[dict[str, object]]:
    found = trader.ask("GET", "/api/operation/new_coin_calendar")["data"]["newCoins"]
    assert isinstance(found, list)
    return found


def test_the_listed_symbols_price_fits_its_rules(sniper: Trader) -> None:
    (shown,) = sniper.ask("GET", "exchangeInfo", symbol="NEWUSDT")["symbols"]
    assert (shown["baseAsset"], shown["quoteAsset"], shown["filters"]) == ("NEW", "USDT", [])
    assert (shown["quotePrecision"], shown["baseAssetPrecision"]) == (5, 2)


def test_a_listing_without_a_cap_accepts_a_high_price() -> None:
    trader = Trader(listings=[Listing("NEWUSDT", NOW_MS)])
    assert trader.place(symbol="NEWUSDT", price="100", quantity="10")
    trader.book.close()


def test_an_existing_symbol_can_be_listed_again(trader: Trader) -> None:
    resting = trader.place(symbol="MXUSDT", price="3", quantity="10")
    other = trader.place()
    trader.exchange.list_symbol(Listing("MXUSDT", OPENS_MS, price=Decimal(3)))
    assert trader.refused(symbol="MXUSDT", price="3", quantity="10")[0] == 30001
    trader.now_ms = OPENS_MS
    assert trader.place(symbol="MXUSDT", price="3", quantity="10")
    trader.change("MXUSDT", price=Decimal("2.5"))
    assert trader.query(resting, "MXUSDT")["status"] == "FILLED"
    assert trader.query(other)["status"] == "NEW"


def test_a_buy_of_a_new_base_asset_creates_its_balance(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS
    assert sniper.refused(**NEW | {"side": "SELL"})[0] == 30005
    sniper.place(**NEW | {"price": "0.05"})
    assert sniper.balance("NEW") == ("99.95", "0")


@pytest.mark.parametrize(
    ("text", "listing"),
    [
        ("NEWUSDT@1790000000000", Listing("NEWUSDT", 1_790_000_000_000)),
        ("NEWUSDT@1790000000000:0.05", Listing("NEWUSDT", 1_790_000_000_000, Decimal("0.05"))),
        ("NEWUSDT@1:0.05:10007", Listing("NEWUSDT", 1, Decimal("0.05"), code_before=10007)),
        ("NEWUSDT@1::10007", Listing("NEWUSDT", 1, code_before=10007)),
        ("NEWUSDT@1:", Listing("NEWUSDT", 1)),
    ],
)
def test_a_listing_is_read_from_the_command_line(text: str, listing: Listing) -> None:
    assert parse_listing(text) == listing


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "NEWUSDT",
            "NEWUSDT@",
            "NEWUSDT@soon",
            "NEWUSDT@1:x",
            "NEWUSDT@1:0",
            "NEWUSDT@1:1.2.3",
            "NEWUSDT@1:1:30016",
        ),
        *("NEWBTC@1", "USDT@1", "NEWUSDT@1:1:30001:1"),
    ],
)
def test_a_malformed_listing_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=text or "''"):
        parse_listing(text)


def test_a_listing_checks_its_values() -> None:
    with pytest.raises(ValueError, match="30001 or 10007"):
        Listing("NEWUSDT", 1, code_before=30016)
