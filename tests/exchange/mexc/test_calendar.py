"""The calendar of new listings on MEXC's website, which is undocumented and may change at any time."""

from collections.abc import AsyncIterator

import pytest

from daemon.exchange.mexc.calendar import ListingCalendar, parse
from daemon.exchange.mexc.transport import open_transport

from .clocks import BEGIN_MS, ManualClock
from .scripted import HANG_UP, ScriptedExchange, ok
from .wire import http, unused_url

CALENDAR = "GET /api/operation/new_coin_calendar"


def coin(name: object, opens_ms: object, **more: object) -> dict[str, object]:
    """Return a coin as observed in 2025."""
    return {"vcoinId": "x", "vcoinName": name, "vcoinNameFull": "X", "firstOpenTime": opens_ms, "zone": "NEW", **more}


def answer(*coins: object) -> bytes:
    return ok({"data": {"newCoins": coins}, "code": 0, "msg": "success", "timestamp": BEGIN_MS})


@pytest.fixture
async def calendar(exchange: ScriptedExchange) -> AsyncIterator[ListingCalendar]:
    async with open_transport(exchange.url) as transport:
        yield ListingCalendar(transport, ManualClock())


async def test_coins_are_read_as_their_usdt_pairs(exchange: ScriptedExchange, calendar: ListingCalendar) -> None:
    exchange.on(CALENDAR, answer(coin("NEW", 1_790_000_000_000), coin("lower", "1790000000001"), coin("币安", 3)))
    assert await calendar.opens() == {"NEWUSDT": 1_790_000_000_000, "LOWERUSDT": 1_790_000_000_001, "币安USDT": 3}
    [asked] = exchange.requests()
    assert asked.query == b"timestamp=%d" % BEGIN_MS


@pytest.mark.parametrize(
    "odd", [coin(None, 1), coin("ODD", "soon"), coin("ODD", None), {"vcoinName": "ODD"}, 7, None, "ODD"], ids=str
)
async def test_a_coin_that_cannot_be_read_is_left_out(
    exchange: ScriptedExchange, calendar: ListingCalendar, odd: object
) -> None:
    exchange.on(CALENDAR, answer(odd, coin("NEW", 5)))
    assert await calendar.opens() == {"NEWUSDT": 5}


async def test_a_name_that_stands_for_several_coins_means_nothing(
    exchange: ScriptedExchange, calendar: ListingCalendar
) -> None:
    exchange.on(CALENDAR, answer(coin("TWO", 5), coin("TWO", 6), coin("SAME", 7), coin("SAME", 7)))
    assert await calendar.opens() == {"SAMEUSDT": 7}


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(HANG_UP, id="connection closed"),
        pytest.param(http(403, "<html>"), id="403"),
        pytest.param(http(200, "<html>"), id="a page"),
        pytest.param(ok({"data": None}), id="no data"),
        pytest.param(ok({"data": {"newCoins": {}}}), id="no list"),
        pytest.param(ok([]), id="a list"),
    ],
)
async def test_a_calendar_that_cannot_be_read_is_none(
    exchange: ScriptedExchange, calendar: ListingCalendar, reply: bytes
) -> None:
    exchange.on(CALENDAR, reply)
    assert await calendar.opens() is None


async def test_a_calendar_without_a_server_is_none() -> None:
    async with open_transport(unused_url()) as transport:
        assert await ListingCalendar(transport, ManualClock()).opens() is None


def test_an_empty_calendar_has_no_pairs() -> None:
    assert parse(b'{"data":{"newCoins":[]}}') == {}
