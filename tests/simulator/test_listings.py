"""A symbol before its opening, in its first minute, and after."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from daemon.simulator.book import Book
from daemon.simulator.errors import ConfigurationInvalid
from daemon.simulator.listings import Listing, ListingChange, parse_listing
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
        ('{"symbol": "NEWUSDT", "opensAt": 9, "shownFrom": 5}', Listing("NEWUSDT", 9, shown_from=5)),
    ],
)
def test_a_listing_is_read_from_the_command_line(text: str, listing: Listing) -> None:
    assert parse_listing(text) == listing


def test_a_listing_in_malformed_json_is_refused() -> None:
    for text in ('{"symbol": "NEWUSDT"}', "{", '{"symbol": "NEWUSDT", "opensAt": 1, "codeBefore": 1}'):
        with pytest.raises(ConfigurationInvalid, match="the listing"):
            parse_listing(text)


def test_a_listing_can_have_a_price_band(sniper: Trader) -> None:
    status, rules = sniper.control("POST", "market", {"symbol": "NEWUSDT", "bidMultiplierUp": "0.05"})
    assert (status, rules["filters"]) == (200, [{"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "0.05"}])
    sniper.change("NEWUSDT", volatility=0)
    sniper.now_ms = OPENS_MS
    assert sniper.refused(**NEW | {"price": "0.04726"})[0] == 30087
    assert sniper.place(**NEW | {"price": "0.04725"})


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


LISTING: dict[str, object] = {"symbol": "NEWUSDT", "opensAt": OPENS_MS, "cap": "0.05", "priceDecimals": 5}


def shown(trader: Trader, symbol: str = "NEWUSDT") -> dict[str, object] | None:
    """Return a symbol's entry in the list of all symbols."""
    rows = trader.ask("GET", "exchangeInfo")["symbols"]
    return next((row for row in rows if row["symbol"] == symbol), None)


def test_a_postponed_listing_opens_at_its_new_time(sniper: Trader) -> None:
    later_ms = OPENS_MS + 300_000
    assert sniper.control("PATCH", "listings", {"symbol": "NEWUSDT", "opensAt": later_ms})[0] == 200
    sniper.now_ms = OPENS_MS
    assert sniper.refused(**NEW)[0] == 30001
    assert (shown(sniper) or {})["firstOpenTime"] == later_ms
    assert [coin["firstOpenTime"] for coin in coins(sniper)] == [later_ms]
    sniper.now_ms = later_ms
    assert sniper.refused(**NEW | {"price": "0.0501"}) == (30010, "Order price cannot exceed 0.05USDT")
    assert sniper.place(**NEW | {"price": "0.05"})


def test_a_listing_can_be_postponed_without_being_announced(sniper: Trader) -> None:
    change = {"symbol": "NEWUSDT", "opensAt": OPENS_MS + 60_000, "announcedOpen": OPENS_MS}
    assert sniper.control("PATCH", "listings", change)[1]["firstOpenTime"] == OPENS_MS
    sniper.now_ms = OPENS_MS + 59_999
    assert sniper.refused(**NEW)[0] == 30001
    assert [coin["firstOpenTime"] for coin in coins(sniper)] == [OPENS_MS]


def test_a_listing_that_has_opened_can_be_closed_again(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS
    resting = sniper.place(**NEW | {"price": "0.001", "quantity": "1000"})
    sniper.control("PATCH", "listings", {"symbol": "NEWUSDT", "opensAt": OPENS_MS + 5_000})
    assert sniper.refused(**NEW)[0] == 30001
    assert sniper.ask("GET", "depth", symbol="NEWUSDT")["asks"] == []
    assert sniper.query(resting, "NEWUSDT")["status"] == "NEW"
    sniper.now_ms += 5_000
    assert sniper.place(**NEW | {"price": "0.05"})


def test_a_listing_opens_before_its_announced_time(trader: Trader) -> None:
    trader.control("POST", "listings", LISTING | {"announcedOpen": OPENS_MS + 30_000})
    assert (shown(trader) or {})["firstOpenTime"] == OPENS_MS + 30_000
    trader.now_ms = OPENS_MS
    assert trader.place(**NEW | {"price": "0.05"})


def test_a_listing_is_not_shown_before_its_time(trader: Trader) -> None:
    trader.control("POST", "listings", LISTING | {"shownFrom": OPENS_MS - 2_000})
    assert shown(trader) is None
    assert trader.code("GET", "exchangeInfo", symbol="NEWUSDT") == -1121
    assert trader.code("GET", "ticker/price", symbol="NEWUSDT") == -1121
    assert "NEWUSDT" not in trader.ask("GET", "defaultSymbols")["data"]
    assert [coin["vcoinName"] for coin in coins(trader)] == ["NEW"]
    assert trader.refused(**NEW)[0] == 30001
    trader.now_ms = OPENS_MS - 2_000
    assert (shown(trader) or {})["firstOpenTime"] == OPENS_MS
    assert "NEWUSDT" in trader.ask("GET", "defaultSymbols")["data"]


def test_a_listing_that_is_shown_late_trades_from_its_opening_on(trader: Trader) -> None:
    trader.control("POST", "listings", LISTING | {"shownFrom": OPENS_MS + 2_000})
    trader.now_ms = OPENS_MS
    order_id = trader.place(**NEW | {"price": "0.05"})
    assert trader.query(order_id, "NEWUSDT")["status"] == "FILLED"
    assert shown(trader) is None


def test_the_decimals_change_at_the_opening(trader: Trader) -> None:
    trader.control("POST", "listings", LISTING | {"priceDecimalsBefore": 6, "quantityDecimalsBefore": 4})
    before = shown(trader) or {}
    assert (before["quotePrecision"], before["baseAssetPrecision"]) == (6, 4)
    trader.now_ms = OPENS_MS
    at_open = shown(trader) or {}
    assert (at_open["quotePrecision"], at_open["baseAssetPrecision"]) == (5, 2)
    assert trader.refused(**NEW | {"price": "0.040001"}) == (400, " price scale is invalid")
    assert trader.refused(**NEW | {"quantity": "100.0001"}) == (400, " quantity scale is invalid")
    assert trader.place(**NEW | {"price": "0.04001"})


def test_decimals_change_at_run_time(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS
    assert sniper.place(**NEW | {"price": "0.04501"})
    sniper.control("PATCH", "listings", {"symbol": "NEWUSDT", "priceDecimals": 4, "quantityDecimals": 0})
    assert sniper.refused(**NEW | {"price": "0.04501"})[0] == 400
    assert sniper.refused(**NEW | {"quantity": "100.5"})[0] == 400
    depth = sniper.ask("GET", "depth", symbol="NEWUSDT")
    assert all(len(price) <= len("0.0450") and "." not in size for price, size in depth["asks"])


def test_the_cap_and_its_duration_change(sniper: Trader) -> None:
    sniper.now_ms = OPENS_MS
    sniper.control("PATCH", "listings", {"symbol": "NEWUSDT", "cap": "0.06", "openingMs": 90_000})
    assert sniper.refused(**NEW | {"price": "0.0601"}) == (30010, "Order price cannot exceed 0.06USDT")
    sniper.now_ms = OPENS_MS + 89_999
    assert sniper.refused(**NEW | {"price": "0.0601"})[0] == 30010
    sniper.control("PATCH", "listings", {"symbol": "NEWUSDT", "cap": None})
    assert sniper.place(**NEW | {"price": "0.0601"})


def test_the_code_before_the_opening_changes(sniper: Trader) -> None:
    sniper.control("PATCH", "listings", {"symbol": "NEWUSDT", "codeBefore": 10007})
    assert sniper.refused(**NEW)[0] == 10007


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"symbol": "NOPEUSDT", "opensAt": 1},
        {"symbol": "NEWUSDT", "opensAt": -1},
        {"symbol": "NEWUSDT", "cap": "0"},
        {"symbol": "NEWUSDT", "codeBefore": 30016},
        {"symbol": "NEWUSDT", "priceDecimals": 1},
        {"symbol": "NEWUSDT", "quantityDecimals": 13},
        {"symbol": "NEWUSDT", "colour": "red"},
    ],
)
def test_an_invalid_change_of_a_listing_is_refused(sniper: Trader, change: dict[str, object]) -> None:
    assert sniper.control("PATCH", "listings", change)[0] == 400
    assert (shown(sniper) or {})["firstOpenTime"] == OPENS_MS


def test_a_listing_whose_price_does_not_fit_its_decimals_is_refused(trader: Trader) -> None:
    assert trader.control("POST", "listings", LISTING | {"priceDecimals": 2})[0] == 400
    assert shown(trader) is None


def test_a_postponed_listing_stays_postponed_after_a_restart() -> None:
    book = Book()
    listing = Listing("NEWUSDT", OPENS_MS)
    trader = Trader(book=book, listings=[listing])
    trader.exchange.change_listing(ListingChange("NEWUSDT", opens_at=OPENS_MS + 1), trader.now_ms)
    restarted = Trader(book=book, listings=[listing])
    restarted.now_ms = OPENS_MS
    assert restarted.refused(symbol="NEWUSDT", price="1", quantity="10")[0] == 30001
    book.close()


def test_coming_listings_are_announced(sniper: Trader) -> None:
    sniper.exchange.list_symbol(Listing("SOONUSDT", OPENS_MS - 5_000))
    (block,) = sniper.ask("GET", "announcements", language="en-US", page=1, limit=20)["data"]
    assert [row["title"] for row in block["details"]] == [
        "MEXC Will List NEW and Open Trading for the NEW/USDT Trading Pair",
        "MEXC Will List SOON and Open Trading for the SOON/USDT Trading Pair",
    ]
    assert block["details"][0]["postTime"] < sniper.now_ms
    second = sniper.ask("GET", "announcements", page=2, limit=1)["data"][0]["details"]
    assert [row["title"] for row in second] == [block["details"][1]["title"]]
    sniper.now_ms = OPENS_MS
    assert sniper.ask("GET", "announcements")["data"] == [{"details": []}]
