"""Prices: queried once, cached briefly, and None if a price is invalid."""

from asyncio import gather
from decimal import Decimal

import anyio
import pytest

from daemon.core.values.orders import Side
from daemon.exchange.mexc.client import MexcExchange
from daemon.exchange.mexc.prices import FRESH_MS, TIMEOUT_MS

from .clocks import LoopClock, ManualClock, in_virtual_time
from .scripted import HANG_UP, ScriptedExchange, bad, ok, trading
from .wire import Request, http

PRICE = "GET /api/v3/ticker/price"
BEST = "GET /api/v3/ticker/bookTicker"


def shown(price: object, symbol: str = "BTCUSDT") -> bytes:
    return ok({"symbol": symbol, "price": price})


async def test_a_price_is_read_exactly(client: MexcExchange, exchange: ScriptedExchange) -> None:
    exchange.on(PRICE, shown("0.000000012345678901"))
    assert await client.last_price("BTCUSDT") == Decimal("0.000000012345678901")
    assert exchange.requests(PRICE)[0].parameters == {"symbol": "BTCUSDT"}


async def test_a_price_costs_a_weight_of_ten(client: MexcExchange, exchange: ScriptedExchange) -> None:
    exchange.on(PRICE, shown("1"))
    before = client.health().weight_used
    await client.last_price("BTCUSDT")
    assert client.health().weight_used == before + 10


async def test_a_price_is_cached_briefly(client: MexcExchange, exchange: ScriptedExchange, clock: ManualClock) -> None:
    exchange.on(PRICE, shown("1"), shown("2"))
    assert await client.last_price("BTCUSDT") == 1
    clock.advance(FRESH_MS - 1)
    assert await client.last_price("BTCUSDT") == 1
    clock.advance(1)
    assert await client.last_price("BTCUSDT") == 2


async def test_concurrent_callers_share_a_reply(client: MexcExchange, exchange: ScriptedExchange) -> None:
    exchange.on(PRICE, shown("1"))
    assert await gather(*(client.last_price("BTCUSDT") for _ in range(10))) == [Decimal(1)] * 10
    assert len(exchange.requests(PRICE)) == 1


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "0.9"), (Side.SELL, "0.8")])
async def test_before_the_first_trade_the_best_price_of_the_other_side_counts(
    client: MexcExchange, exchange: ScriptedExchange, side: Side, price: str
) -> None:
    exchange.on(PRICE, shown("0"))
    exchange.on(BEST, ok({"symbol": "BTCUSDT", "bidPrice": "0.8", "askPrice": "0.9"}))
    assert await client.market_price("BTCUSDT", side) == Decimal(price)


async def test_a_last_price_precedes_the_best_price(client: MexcExchange, exchange: ScriptedExchange) -> None:
    exchange.on(PRICE, shown("1"))
    assert await client.market_price("BTCUSDT", Side.BUY) == 1
    assert exchange.requests(BEST) == []


@pytest.mark.parametrize(
    "answer",
    [
        ok({"symbol": "BTCUSDT", "bidPrice": "0.8", "askPrice": None}), ok({"symbol": "ETHUSDT", "askPrice": "1"}),
        ok([]), bad(10007), http(500, "no"), HANG_UP,
    ],
    ids=["no offer", "another pair's", "a list", "no such pair", "an error", "no answer"],
)  # fmt: skip
async def test_without_any_price_there_is_none(client: MexcExchange, exchange: ScriptedExchange, answer: bytes) -> None:
    exchange.on(PRICE, shown("0"))
    exchange.on(BEST, answer)
    assert await client.market_price("BTCUSDT", Side.BUY) is None


async def test_no_best_price_is_queried_during_a_backoff(
    client: MexcExchange, exchange: ScriptedExchange, clock: ManualClock
) -> None:
    client.back_off(clock.now_ms() + 1_000)
    assert await client.market_price("BTCUSDT", Side.BUY) is None
    assert exchange.requests() == []


@pytest.mark.parametrize(
    "answer",
    [
        shown("0"), shown("NaN"), shown("-1"), shown("much"), shown("1e99"), shown("1", "ETHUSDT"), ok([]), ok({}),
        bad(10007), http(500, "no"), http(200, "<html>"), HANG_UP,
    ],
    ids=["zero", "NaN", "negative", "a word", "huge", "another pair's", "a list", "nothing",
         "no such pair", "an error", "a page", "no answer"],
)  # fmt: skip
async def test_an_invalid_price_is_none(client: MexcExchange, exchange: ScriptedExchange, answer: bytes) -> None:
    exchange.on(PRICE, answer)
    assert await client.last_price("BTCUSDT") is None


async def test_no_request_is_sent_during_a_backoff(
    client: MexcExchange, exchange: ScriptedExchange, clock: ManualClock
) -> None:
    exchange.on(PRICE, shown("1"))
    client.back_off(clock.now_ms() + 1_000)
    assert await client.last_price("BTCUSDT") is None
    assert exchange.requests() == []


@in_virtual_time
async def test_a_caller_does_not_wait_long_for_a_price(exchange: ScriptedExchange) -> None:
    async def too_late(_request: Request) -> bytes:
        await anyio.sleep(TIMEOUT_MS / 1_000 + 1)
        return shown("1")

    exchange.on(PRICE, too_late)
    async with trading(exchange.url, LoopClock()) as client:
        before_s = anyio.current_time()
        assert await gather(*(client.last_price("BTCUSDT") for _ in range(3))) == [None] * 3
        assert anyio.current_time() - before_s == pytest.approx(TIMEOUT_MS / 1_000)
