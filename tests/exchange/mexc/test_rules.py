"""A pair's trading rules: reading exchangeInfo, and when a signal waits for it."""

from asyncio import gather
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import anyio
import msgspec
import pytest
from msgspec.structs import replace

from daemon.config.tables import Config
from daemon.core.values.fields import Amount
from daemon.core.values.orders import OrderType, Side
from daemon.core.values.signals import Signal, SignalRequest, normalise
from daemon.core.values.symbols import FRESH_MS, SymbolRules, fit
from daemon.errors import Invalid, NotReady
from daemon.exchange.mexc.client import PAUSE_MS, MexcExchange
from daemon.exchange.mexc.symbols import parse

from .clocks import BEGIN_MS, LoopClock, ManualClock, in_virtual_time
from .scripted import (
    EXCHANGE_INFO,
    HANG_UP,
    TIME,
    UNPACED,
    ScriptedExchange,
    an_attempt,
    an_order,
    bad,
    ok,
    trading,
)
from .wire import Request, http, unused_url

BTC = {
    "symbol": "BTCUSDT",
    "status": "1",
    "baseAsset": "BTC",
    "baseAssetPrecision": 6,
    "quoteAsset": "USDT",
    "quotePrecision": 2,
    "quoteAssetPrecision": 4,
    "baseCommissionPrecision": 6,
    "quoteCommissionPrecision": 2,
    "orderTypes": ["LIMIT", "MARKET", "LIMIT_MAKER"],
    "isSpotTradingAllowed": True,
    "isMarginTradingAllowed": False,
    "quoteAmountPrecision": "1.5",
    "baseSizePrecision": "0.000001",
    "permissions": ["SPOT"],
    "filters": [{"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "0.2", "askMultiplierDown": "0.1"}],
    "maxQuoteAmount": "4000000",
    "makerCommission": "0",
    "takerCommission": "0.0005",
    "quoteAmountPrecisionMarket": "2",
    "maxQuoteAmountMarket": "100000",
    "fullName": "Bitcoin",
    "tradeSideType": 1,
    "contractAddress": "",
    "st": False,
    "firstOpenTime": 1644489390087,
}
BTC_RULES = SymbolRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    price_decimals=2,
    quantity_decimals=6,
    quote_decimals=4,
    min_quantity=Decimal("0.000001"),
    min_notional=Decimal("1.5"),
    min_notional_market=Decimal(2),
    max_notional=Decimal(4_000_000),
    max_notional_market=Decimal(100_000),
    order_types=frozenset({"LIMIT", "MARKET", "LIMIT_MAKER"}),
    trade_sides=1,
    online=True,
    api_tradable=True,
    first_open_ms=1644489390087,
    bid_up=Decimal("0.2"),
    ask_down=Decimal("0.1"),
)
BTC_RULES_CLOSED = replace(BTC_RULES, online=False)


def info(*symbols: dict[str, Any]) -> bytes:
    """Return a reply with these pairs."""
    return ok({"timezone": "CST", "serverTime": 1, "rateLimits": [], "exchangeFilters": [], "symbols": symbols})


def body(*symbols: dict[str, Any]) -> bytes:
    return info(*symbols).split(b"\r\n\r\n", 1)[1]


def rules_of(**fields: Any) -> SymbolRules:
    """Parse the example with some fields changed."""
    found = parse(body(BTC | fields))
    assert found is not None
    return found[0]


# --- a pair's fields


def test_a_pair_is_read_from_all_of_its_fields() -> None:
    assert parse(body(BTC)) == [BTC_RULES]


@pytest.mark.parametrize(
    ("fields", "attribute", "expected"),
    [
        pytest.param({"symbol": "币安人生USDT"}, "symbol", "币安人生USDT", id="a symbol in Chinese"),
        pytest.param({"quotePrecision": "8"}, "price_decimals", 8, id="decimals as string"),
        pytest.param({"baseAssetPrecision": 0}, "quantity_decimals", 0, id="whole units only"),
        pytest.param({"baseSizePrecision": "0"}, "min_quantity", Decimal(0), id="no minimum quantity"),
        pytest.param({"baseSizePrecision": 0.001}, "min_quantity", Decimal("0.001"), id="amount as number"),
        pytest.param({"quoteAmountPrecision": "1.000000000000000000"}, "min_notional", Decimal(1), id="trailing zeros"),
        pytest.param({"maxQuoteAmount": None}, "max_notional", None, id="no maximum"),
        pytest.param({"filters": []}, "bid_up", None, id="no price band"),
        pytest.param({"filters": None}, "ask_down", None, id="no list of filters"),
        pytest.param({"filters": [{"filterType": "OTHER", "bidMultiplierUp": "9"}]}, "bid_up", None, id="other filter"),
        pytest.param({"filters": ["odd"]}, "bid_up", None, id="unreadable filters"),
        pytest.param({"status": "2"}, "online", False, id="paused"),
        pytest.param({"status": "3"}, "online", False, id="offline"),
        pytest.param({"status": 1}, "online", True, id="status as number"),
        pytest.param({"isSpotTradingAllowed": False}, "api_tradable", False, id="not by API"),
        pytest.param({"isSpotTradingAllowed": "false"}, "api_tradable", False, id="not by API, as string"),
        pytest.param({"tradeSideType": 2}, "trade_sides", 2, id="buy only"),
        pytest.param({"tradeSideType": "4"}, "trade_sides", 4, id="closed, as string"),
        pytest.param({"firstOpenTime": None}, "first_open_ms", None, id="opening unknown"),
        pytest.param({"contractAddress": "0xAb"}, "contract", "0xAb", id="a contract"),
        pytest.param({"contractAddress": ""}, "contract", None, id="no contract"),
        pytest.param({"orderTypes": []}, "order_types", frozenset(), id="no types stated"),
    ],
)
def test_a_field_is_read_in_every_notation(fields: dict[str, Any], attribute: str, expected: object) -> None:
    assert getattr(rules_of(**fields), attribute) == expected


@pytest.mark.parametrize("null", [False, True], ids=["missing", "null"])
def test_a_missing_field_limits_nothing(*, null: bool) -> None:
    """A pair can lack some values before its listing."""
    named = {"symbol", "baseAsset", "quoteAsset"}
    shown = {name: value if name in named else None for name, value in BTC.items() if null or name in named}
    assert parse(body(shown)) == [
        SymbolRules(
            symbol="BTCUSDT",
            base_asset="BTC",
            quote_asset="USDT",
            price_decimals=8,
            quantity_decimals=8,
            quote_decimals=8,
            min_quantity=Decimal(0),
            min_notional=Decimal(0),
            min_notional_market=Decimal(0),
            max_notional=None,
            max_notional_market=None,
            order_types=frozenset(),
            trade_sides=1,
            online=True,
            api_tradable=True,
            first_open_ms=None,
        )
    ]


WRONG = [
    pytest.param({"symbol": None}, id="no symbol"),
    pytest.param({"symbol": 17}, id="a symbol as number"),
    pytest.param({"baseAsset": 5}, id="an asset as number"),
]

NO_LIMIT = [
    pytest.param("quotePrecision", "two", "price_decimals", 8, id="decimals in words"),
    pytest.param("quotePrecision", -1, "price_decimals", 8, id="negative decimals"),
    pytest.param("quotePrecision", "", "price_decimals", 8, id="decimals empty"),
    pytest.param("baseAssetPrecision", 1_000, "quantity_decimals", 8, id="more decimals than an amount has"),
    pytest.param("quoteAssetPrecision", 2**70, "quote_decimals", 8, id="unbounded decimals"),
    pytest.param("baseSizePrecision", "NaN", "min_quantity", Decimal(0), id="a minimum that is not a number"),
    pytest.param("baseSizePrecision", "", "min_quantity", Decimal(0), id="an empty minimum"),
    pytest.param("quoteAmountPrecision", "sNaN", "min_notional", Decimal(0), id="a minimum that raises when compared"),
    pytest.param("quoteAmountPrecisionMarket", "-1", "min_notional_market", Decimal(0), id="a negative minimum"),
    pytest.param("maxQuoteAmount", "Infinity", "max_notional", None, id="an infinite maximum"),
    pytest.param("maxQuoteAmount", "1e999999999", "max_notional", None, id="a maximum that fills the memory"),
    pytest.param("maxQuoteAmount", "", "max_notional", None, id="an empty maximum"),
    pytest.param("maxQuoteAmountMarket", "", "max_notional_market", None, id="an empty maximum of market orders"),
    pytest.param("maxQuoteAmountMarket", "1,000", "max_notional_market", None, id="thousands separators"),
    pytest.param("orderTypes", "LIMIT", "order_types", frozenset(), id="a type outside a list"),
    pytest.param("orderTypes", [1], "order_types", frozenset(), id="types as numbers"),
    pytest.param("tradeSideType", "", "trade_sides", 1, id="sides empty"),
    pytest.param("isSpotTradingAllowed", "", "api_tradable", True, id="admission empty"),
    pytest.param("firstOpenTime", "", "first_open_ms", None, id="opening empty"),
    pytest.param("status", {}, "online", True, id="a status that is an object"),
]


@pytest.mark.parametrize(("name", "shown", "attribute", "expected"), NO_LIMIT)
def test_an_empty_or_unreadable_limit_is_no_limit(name: str, shown: object, attribute: str, expected: object) -> None:
    """If one odd field hid the pair, it could not be traded as long as the field stays odd."""
    rules = msgspec.structs.asdict(rules_of(**{name: shown}))
    assert rules == msgspec.structs.asdict(BTC_RULES) | {attribute: expected}


@pytest.mark.parametrize("word", ["1", "ENABLED", "TRADING", "online", "4", "", None, "whatever comes next"], ids=str)
def test_a_status_that_does_not_mean_closed_lets_the_exchange_decide(word: str | None) -> None:
    assert rules_of(status=word).online


@pytest.mark.parametrize("word", ["2", "3", 2, 3, "PAUSE", "pause", "HALT", "BREAK", "OFFLINE", "DISABLED", "CLOSED"])
def test_a_status_that_means_closed_closes_a_pair(word: str | int) -> None:
    assert not rules_of(status=word).online


@pytest.mark.parametrize("fields", WRONG)
def test_a_pair_with_an_unreadable_name_is_left_out_and_the_others_are_read(fields: dict[str, Any]) -> None:
    """One odd pair must not hide all others."""
    assert parse(body(BTC | {"symbol": "ODDUSDT"} | fields, BTC)) == [BTC_RULES]


@pytest.mark.parametrize("fields", WRONG)
def test_unreadable_rules_do_not_mean_that_the_pair_is_unknown(fields: dict[str, Any]) -> None:
    assert parse(body(BTC | fields)) is None


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{}", id="not a list"),
        pytest.param(b'{"symbols":null}', id="null"),
        pytest.param(b'{"symbols":{}}', id="no list but an object"),
        pytest.param(b'{"symbols":[1]}', id="a list of numbers"),
        pytest.param(b'{"symbols":[', id="truncated"),
        pytest.param(b'{"symbols":[{"symbol":"\xff"}]}', id="not text"),
        pytest.param(b'{"symbols":' + b"[" * 100_000, id="deeply nested"),
        pytest.param(b"<html>", id="HTML"),
    ],
)
def test_invalid_exchange_info_is_none(shown: bytes) -> None:
    assert parse(shown) is None


def test_an_empty_list_has_no_pairs() -> None:
    assert parse(body()) == []


def test_signals_are_fitted_to_the_rules_that_were_read() -> None:
    """Decimals truncate the quantity and round a buyer's price down; a value below the minimum notional is refused."""
    rules = rules_of()
    fitted = fit(signal(quantity="1.2345678", price="11.119"), rules, BEGIN_MS)
    assert (fitted.quantity, fitted.price) == (Decimal("1.234567"), Decimal("11.11"))
    with pytest.raises(Invalid, match="below the minimum"):
        fit(signal(quantity="0.1", price="11"), rules, BEGIN_MS)
    with pytest.raises(Invalid, match="above the maximum"):
        fit(signal(quantity="1000000", price="11"), rules, BEGIN_MS)
    with pytest.raises(Invalid, match="no BUY orders"):
        fit(signal(quantity="1", price="11"), rules_of(tradeSideType=3), BEGIN_MS)


def signal(*, quantity: str, price: str) -> Signal:
    return normalise(
        SignalRequest(
            symbol="BTCUSDT",
            side=Side.BUY,
            type=OrderType.LIMIT,
            owner_id="bot",
            quantity=Amount(quantity),
            price=Amount(price),
        ),
        Config(),
        now_ms=BEGIN_MS,
    )


# --- querying them


async def test_a_pair_is_queried_once_and_then_known(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC), HANG_UP)
    assert await client.rules("BTCUSDT") == BTC_RULES
    assert await client.rules("BTCUSDT") == BTC_RULES
    assert [request.target for request in exchange.requests()] == [b"/api/v3/exchangeInfo?symbol=BTCUSDT"]


async def test_a_pair_in_chinese_is_queried_percent_encoded(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC | {"symbol": "币安人生USDT"}))
    assert (await client.rules("币安人生USDT") or BTC_RULES).symbol == "币安人生USDT"
    assert exchange.requests()[0].query == b"symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT"


async def test_all_pairs_are_loaded_with_one_request(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC, BTC | {"symbol": "ETHUSDT"}), HANG_UP)
    assert list(await client.load_rules()) == ["BTCUSDT", "ETHUSDT"]
    assert await client.rules("BTCUSDT") == BTC_RULES
    assert (await client.rules("ETHUSDT")) is not None
    assert [request.target for request in exchange.requests()] == [b"/api/v3/exchangeInfo"]


async def test_rules_that_were_just_loaded_are_not_loaded_again(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    """At a start the preflight loads them, and so does the periodic refresh."""
    exchange.on(EXCHANGE_INFO, info(BTC), info())
    await client.load_rules()
    clock.advance(FRESH_MS - 1)
    assert list(await client.load_rules(clock.now_ms() - FRESH_MS)) == ["BTCUSDT"]
    clock.advance(1)
    assert list(await client.load_rules(clock.now_ms() - FRESH_MS)) == []
    assert client.known_rules("BTCUSDT") == BTC_RULES, "a pair that is temporarily not shown stays known"


async def test_several_unknown_pairs_share_one_request_for_all(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    """Each request weighs 25: one for each pair would use up the weight of a start."""
    names = ["NEW0USDT", "NEW1USDT", "NEW2USDT"]
    listed = [BTC | {"symbol": name} for name in names]
    exchange.on(EXCHANGE_INFO, info(listed[0]), info(*listed))
    for name in names:
        assert await client.rules(name) is not None
        clock.advance(FRESH_MS + 1)
    assert [request.query for request in exchange.requests()] == [b"symbol=NEW0USDT", b""]


async def test_a_pair_that_is_listed_after_the_load_of_all_pairs_is_queried(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    """The answer with all pairs is younger than FRESH_MS, and older than the pair."""
    exchange.on(EXCHANGE_INFO, info(BTC), info(BTC | {"symbol": "NEWUSDT"}))
    await client.load_rules()
    clock.advance(FRESH_MS - 1)
    assert await client.rules("NEWUSDT") is not None


async def test_unknown_pairs_wait_for_the_load_of_all_pairs_that_is_under_way(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    arrived, go = anyio.Event(), anyio.Event()

    async def hold(_request: Request) -> bytes:
        arrived.set()
        await go.wait()
        return info(BTC, BTC | {"symbol": "ETHUSDT"})

    exchange.on(EXCHANGE_INFO, hold)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(client.load_rules)
        await arrived.wait()
        tasks.start_soon(client.rules, "BTCUSDT")
        tasks.start_soon(client.rules, "ETHUSDT")
        await anyio.wait_all_tasks_blocked()
        go.set()
    assert len(exchange.requests()) == 1


async def test_a_pair_is_found_by_its_contract(exchange: ScriptedExchange, client: MexcExchange) -> None:
    listed = [
        BTC | {"contractAddress": "0xAbCd"},
        BTC | {"symbol": "BTCUSDC", "quoteAsset": "USDC", "contractAddress": "0xAbCd"},
        BTC | {"symbol": "SOLUSDT", "contractAddress": "So1anaAddress"},
        BTC | {"symbol": "ONEUSDT", "contractAddress": "0xtwice"},
        BTC | {"symbol": "TWOUSDT", "contractAddress": "0xtwice"},
        BTC | {"symbol": "NONEUSDT", "contractAddress": ""},
    ]
    exchange.on(EXCHANGE_INFO, info(*listed))
    await client.load_rules()
    asked = ["0xabcd", "0XABCD", "So1anaAddress", "so1anaaddress", "0xtwice", "", "0xno"]
    assert [client.pair_of(address) for address in asked] == [
        "BTCUSDT", "BTCUSDT", "SOLUSDT", None, None, None, None,
    ]  # fmt: skip
    assert client.known_rules("SOLUSDT") is not None
    assert client.known_rules("NEWUSDT") is None


async def test_rules_loaded_again_replace_the_old_ones(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC), info(BTC | {"quotePrecision": 5}))
    await client.load_rules()
    await client.load_rules()
    assert (await client.rules("BTCUSDT") or BTC_RULES).price_decimals == 5


async def test_known_rules_need_no_request(exchange: ScriptedExchange, client: MexcExchange) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC), HANG_UP)
    await client.load_rules()
    with pytest.raises(NotReady):
        await client.load_rules()
    assert await client.rules("BTCUSDT") == BTC_RULES


NO_SUCH_PAIR = [
    pytest.param(info(), id="an empty list"),
    pytest.param(info(BTC | {"symbol": "OTHERUSDT"}), id="another pair"),
    pytest.param(bad(-1121, "Invalid symbol."), id="refused: invalid symbol"),
    pytest.param(bad(10007, "bad symbol"), id="refused: bad symbol"),
]


@pytest.mark.parametrize("answer", NO_SUCH_PAIR)
async def test_an_unknown_pair_is_none_and_not_queried_again_immediately(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, answer: bytes
) -> None:
    exchange.on(EXCHANGE_INFO, answer, info(BTC))
    assert await client.rules("BTCUSDT") is None
    clock.advance(FRESH_MS - 1)
    assert await client.rules("BTCUSDT") is None
    assert len(exchange.requests()) == 1
    clock.advance(1)
    assert await client.rules("BTCUSDT") == BTC_RULES, "a pair can be listed at any time"


async def test_an_unknown_pair_does_not_prevent_queries_of_others(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    exchange.on(EXCHANGE_INFO, info(), info(BTC))
    assert await client.rules("NONEUSDT") is None
    assert await client.rules("BTCUSDT") == BTC_RULES


async def fresh_rules(client: MexcExchange, clock: ManualClock) -> SymbolRules | None:
    """Query rules that are at most two seconds old."""
    return await client.fresh_rules("BTCUSDT", clock.now_ms() - FRESH_MS)


async def test_known_rules_are_queried_again_at_most_every_two_seconds(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC | {"status": "2"}), info(BTC | {"status": "2"}), info(BTC))
    await client.load_rules()
    clock.advance(FRESH_MS - 1)
    assert not (await fresh_rules(client, clock) or BTC_RULES).online
    assert len(exchange.requests()) == 1
    clock.advance(1)
    assert not (await fresh_rules(client, clock) or BTC_RULES).online
    assert not (await fresh_rules(client, clock) or BTC_RULES).online
    assert [request.query for request in exchange.requests()] == [b"", b"symbol=BTCUSDT"]
    clock.advance(FRESH_MS)
    assert await fresh_rules(client, clock) == BTC_RULES
    assert await client.rules("BTCUSDT") == BTC_RULES
    assert len(exchange.requests()) == 3


@pytest.mark.parametrize("answer", NO_SUCH_PAIR)
async def test_a_known_pair_that_is_temporarily_not_listed_stays_known(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, answer: bytes
) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC), answer)
    await client.load_rules()
    clock.advance(FRESH_MS)
    assert await fresh_rules(client, clock) == BTC_RULES
    assert await fresh_rules(client, clock) == BTC_RULES
    assert len(exchange.requests()) == 2


async def test_rules_that_cannot_be_read_again_do_not_count_as_fresh(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock
) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC), bad(500, status=500))
    await client.load_rules()
    clock.advance(FRESH_MS)
    with pytest.raises(NotReady):
        await fresh_rules(client, clock)
    assert await client.rules("BTCUSDT") == BTC_RULES


DOWN = [
    pytest.param(HANG_UP, id="connection closed"),
    pytest.param(bad(500, status=500), id="500"),
    pytest.param(http(403, b"<html>"), id="403"),
    pytest.param(http(404, b""), id="404"),
    pytest.param(ok({"code": 200}), id="no exchangeInfo"),
    pytest.param(info(BTC | {"baseAsset": 5}), id="unreadable"),
]


@pytest.mark.parametrize("answer", DOWN)
async def test_unavailable_rules_are_not_queried_again_immediately(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, answer: bytes
) -> None:
    exchange.on(EXCHANGE_INFO, answer)
    with pytest.raises(NotReady, match="send the signal again"):
        await client.rules("BTCUSDT")
    asked = len(exchange.requests())
    exchange.on(EXCHANGE_INFO, info(BTC))

    clock.advance(PAUSE_MS - 1)
    with pytest.raises(NotReady, match="send the signal again"):
        await client.rules("BTCUSDT")
    assert len(exchange.requests()) == asked

    clock.advance(1)
    assert await client.rules("BTCUSDT") == BTC_RULES


async def test_rules_are_unavailable_without_a_server() -> None:
    async with trading(unused_url()) as client:
        with pytest.raises(NotReady):
            await client.rules("BTCUSDT")
        with pytest.raises(NotReady):
            await client.load_rules()


@pytest.mark.parametrize("answer", [*DOWN, pytest.param(bad(10007), id="400")])
async def test_a_failed_load_of_all_rules_is_reported(
    exchange: ScriptedExchange, client: MexcExchange, answer: bytes
) -> None:
    exchange.on(EXCHANGE_INFO, answer)
    with pytest.raises(NotReady):
        await client.load_rules()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(info(BTC), BTC_RULES, id="known"),
        pytest.param(info(), None, id="no such pair"),
        pytest.param(bad(500, status=500), NotReady, id="exchange down"),
    ],
)
async def test_concurrent_callers_make_one_request(
    exchange: ScriptedExchange, client: MexcExchange, answer: bytes, outcome: object
) -> None:
    await ask_concurrently(exchange, client.rules, answer, outcome)
    assert len(exchange.requests()) == 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(info(BTC), BTC_RULES, id="open now"),
        pytest.param(info(), BTC_RULES_CLOSED, id="not shown now"),
        pytest.param(bad(500, status=500), NotReady, id="exchange down"),
    ],
)
async def test_concurrent_callers_share_one_query_of_a_known_pair(
    exchange: ScriptedExchange, client: MexcExchange, clock: ManualClock, answer: bytes, outcome: object
) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC | {"status": "2"}))
    await client.load_rules()
    clock.advance(FRESH_MS)
    await ask_concurrently(exchange, lambda _: fresh_rules(client, clock), answer, outcome)
    assert len(exchange.requests()) == 2


async def ask_concurrently(
    exchange: ScriptedExchange,
    question: Callable[[str], Awaitable[SymbolRules | None]],
    answer: bytes,
    outcome: object,
) -> None:
    """Let fifty callers query while the reply is pending."""
    arrived, go = anyio.Event(), anyio.Event()

    async def hold(_request: Request) -> bytes:
        arrived.set()
        await go.wait()
        return answer

    async def ask() -> object:
        try:
            return await question("BTCUSDT")
        except NotReady:
            return NotReady

    exchange.on(EXCHANGE_INFO, hold)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(release_when, arrived, go)
        outcomes = await gather(*(ask() for _ in range(50)))
    assert outcomes == [outcome] * 50


async def release_when(arrived: anyio.Event, go: anyio.Event) -> None:
    await arrived.wait()
    go.set()


async def test_a_cancelled_caller_does_not_take_the_reply_from_others(
    exchange: ScriptedExchange, client: MexcExchange
) -> None:
    arrived, go = anyio.Event(), anyio.Event()

    async def hold(_request: Request) -> bytes:
        arrived.set()
        await go.wait()
        return info(BTC)

    exchange.on(EXCHANGE_INFO, hold)
    async with anyio.create_task_group() as second, anyio.create_task_group() as first:
        first.start_soon(client.rules, "BTCUSDT")
        await arrived.wait()
        found: list[SymbolRules | None] = []

        async def ask() -> None:
            found.append(await client.rules("BTCUSDT"))

        second.start_soon(ask)
        first.cancel_scope.cancel()
        go.set()
    assert found == [BTC_RULES]


# --- a signal does not wait for a backoff


@in_virtual_time
async def test_a_signal_is_refused_immediately_during_a_backoff(exchange: ScriptedExchange) -> None:
    """Otherwise it would be accepted minutes later, when the ban ends, and its deadline would start then."""
    exchange.on(TIME, http(429, b"", Retry_After="60"))
    exchange.on(EXCHANGE_INFO, info(BTC))
    async with trading(exchange.url, LoopClock()) as client:
        await client.measure_clock()
        before_s = anyio.current_time()
        with pytest.raises(NotReady):
            await client.rules("BTCUSDT")
        assert anyio.current_time() == before_s
        await anyio.sleep(60)
        assert await client.rules("BTCUSDT") == BTC_RULES


@in_virtual_time
async def test_a_signal_waits_for_weight_no_longer_than_for_a_reply(exchange: ScriptedExchange) -> None:
    exchange.on(EXCHANGE_INFO, info(BTC))
    async with trading(
        exchange.url, LoopClock(), replace(UNPACED, weight_per_10s=50, requests_per_s=10, order_rate_per_s=10)
    ) as client:
        request = client.prepare(an_order(), an_attempt(an_order()))
        await request.rate_slot()  # one weight short of what a pair's rules cost
        before_s = anyio.current_time()
        with pytest.raises(NotReady):
            await client.rules("BTCUSDT")
        assert anyio.current_time() - before_s == pytest.approx(UNPACED.timeout_ms / 1_000)
        with pytest.raises(NotReady):
            await client.rules("ETHUSDT")
        assert anyio.current_time() - before_s == pytest.approx(UNPACED.timeout_ms / 1_000), "nor does the next one"
        assert not exchange.requests()
        await anyio.sleep(10)
        assert await client.rules("BTCUSDT") == BTC_RULES
