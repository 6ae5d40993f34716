"""Following a real market: its rules, its order books and its time in the place of the simulated ones.

Only public endpoints are read, without a key: `time`, `exchangeInfo`, `depth`. A pair's book is read when somebody
orders in it or asks for its price, and again and again while an own order waits in it; an order meets the book as it
was at most half a second before. What cannot be read is not made up: nothing is taken on a market that is out of sight.

What this does not show: the own orders' effect on the market (what was taken is there again at the next reading), the
place in the queue of a resting order (it fills as soon as the other side reaches its price), what happens between two
readings, price caps of the first minute, pairs that are not paid with USDT.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

import aiohttp
import msgspec
import structlog

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.messages import Parameters, Reply, Request
from daemon.simulator.order_book import Level
from daemon.simulator.real_rules import read_symbols
from daemon.simulator.server import wall_clock_ms

FRESH_S = 0.5
STALE_S = 5.0
"""A book that could not be read anew still counts for so long."""
SPACING_S = 0.15
"""Between two readings: MEXC grants 300 weight in 10 s, a book costs 3, and others read from this address too."""
RULES_S, CLOCK_S, AGAIN_S, ABSENT_S = 300.0, 30.0, 2.0, 2.0
TIMEOUT_S = 4.0
LEVELS = "50"
_MOST_BYTES = 32 << 20
_KEEP_STILL = {418: 120.0, 429: 2.0}
"""What the market's gateway answers who asks too much, and how long nothing is asked then."""

_ORDER = "/api/v3/order"
_SHOWS_BOOK = frozenset({"/api/v3/depth", "/api/v3/ticker/price", "/api/v3/ticker/bookTicker"})
_INFO = "/api/v3/exchangeInfo"
_OK, _REFUSED = 200, 400
_AS_IT_IS: dict[str, Any] = {"allow_redirects": False}

T = TypeVar("T")
log = structlog.get_logger()


class _Time(msgspec.Struct, rename="camel"):
    server_time: int


class _Depth(msgspec.Struct):
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class OutOfSight(Exception):
    """The real market gave no answer that can be read."""


class NoSuchThing(OutOfSight):
    """The real market refuses to show it."""


class Follower:
    """Reads one real market on behalf of one simulated exchange."""

    def __init__(self, url: str, exchange: SimulatedExchange, session: aiohttp.ClientSession) -> None:
        self._url = url.rstrip("/")
        self._exchange = exchange
        self._session = session
        self._offset_ms = 0
        self._has_rules = False
        self._known: set[str] = set()
        self._absent: dict[str, float] = {}
        self._read_at: dict[str, float] = {}
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turn = asyncio.Lock()
        self._not_before = 0.0

    def now_ms(self) -> int:
        """Tell the real market's time."""
        return wall_clock_ms() + self._offset_ms

    async def catch_up(self, request: Request) -> Reply | None:
        """Read what a request is about; return the reply where that could not be had."""
        try:
            if request.path == _INFO:
                await self._see_pair(Parameters.of(request).get("symbol"))
            elif request.path in _SHOWS_BOOK or (request.method, request.path) == ("POST", _ORDER):
                await self._see_book(Parameters.of(request).get("symbol"))
        except OutOfSight:
            placing = request.method == "POST"
            return Reply.refusing(Refusal(Code.TRADING_DISABLED if placing else Code.SERVICE_NOT_AVAILABLE))
        except Refusal as refusal:
            return Reply.refusing(refusal)
        return None

    async def start(self) -> None:
        """Read time and rules, if they can be had soon."""
        await self._now_and_then(self._measure(), self._load(""))

    async def keep_up(self) -> None:
        """Read again what changes, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat_clock())
            tasks.create_task(self._repeat_rules())
            tasks.create_task(self._watch_waiting())

    async def _repeat_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_S)
            await self._now_and_then(self._measure())

    async def _repeat_rules(self) -> None:
        while True:
            await asyncio.sleep(RULES_S if self._has_rules else AGAIN_S)
            await self._now_and_then(self._load(""))

    async def _watch_waiting(self) -> None:
        """Let own orders meet the market as it moves."""
        while True:
            await asyncio.sleep(FRESH_S)
            for symbol in self._exchange.waiting_in():
                await self._now_and_then(self._see_book(symbol))

    async def _now_and_then(self, *works: Awaitable[None]) -> None:
        for work in works:
            try:
                await work
            except OutOfSight as error:
                log.warning("exchange.market_out_of_sight", market=self._url, error=str(error))

    async def _see_pair(self, symbol: str) -> None:
        """Make sure that a pair's rules are known: one that is not may have been listed a moment ago."""
        if not self._has_rules:
            async with self._reading[""]:
                if not self._has_rules:
                    await self._load("")
        now = asyncio.get_running_loop().time()
        if symbol and symbol not in self._known and now >= self._absent.get(symbol, 0):
            self._absent = {name: until for name, until in self._absent.items() if until > now}
            self._absent[symbol] = now + ABSENT_S
            await self._load(symbol)

    async def _see_book(self, symbol: str) -> None:
        if not self._has_rules:
            raise OutOfSight("no rules are known yet")
        if symbol not in self._known:
            return  # the exchange refuses it by itself
        async with self._reading[symbol]:
            age_s = asyncio.get_running_loop().time() - self._read_at.get(symbol, float("-inf"))
            if age_s < FRESH_S:
                return
            try:
                found = await self._ask(f"/api/v3/depth?symbol={quote(symbol, safe='')}&limit={LEVELS}", _Depth)
            except OutOfSight:
                if age_s < STALE_S:
                    return
                raise
            self._read_at[symbol] = asyncio.get_running_loop().time()
            bids, asks = _offered(found.bids), _offered(found.asks)
            self._exchange.take_over_book(symbol, bids, asks, self.now_ms())

    async def _measure(self) -> None:
        began_ms = wall_clock_ms()
        found = await self._ask("/api/v3/time", _Time)
        self._offset_ms = found.server_time - (began_ms + wall_clock_ms()) // 2

    async def _load(self, symbol: str) -> None:
        """Take over the rules of all pairs, or of one more; a pair that is not there is refused by the market."""
        try:
            shown = await self._ask(f"{_INFO}?symbol={quote(symbol, safe='')}" if symbol else _INFO, msgspec.Raw)
        except NoSuchThing:
            return
        symbols = read_symbols(bytes(shown))
        if not symbols and not symbol:
            raise OutOfSight("it lists no pair that is paid with USDT")
        self._known = {each.symbol for each in symbols} | (self._known if symbol else set())
        self._exchange.take_over_rules(symbols, are_all=not symbol)
        self._has_rules = True

    async def _ask(self, target: str, kind: type[T]) -> T:
        """Read something, in its turn."""
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(max(0.0, min(self._not_before - loop.time(), SPACING_S)))
            if self._not_before > loop.time() + SPACING_S:
                raise OutOfSight("it says wait")
            self._not_before = loop.time() + SPACING_S
        try:
            async with asyncio.timeout(TIMEOUT_S), self._session.get(self._url + target, **_AS_IT_IS) as reply:
                if reply.status in _KEEP_STILL:
                    self._not_before = loop.time() + _KEEP_STILL[reply.status]
                if reply.status == _REFUSED:
                    raise NoSuchThing(target)
                if reply.status != _OK:
                    raise OutOfSight(f"{target}: HTTP {reply.status}")
                body = await _all_of(reply)
            return msgspec.json.decode(body, type=kind, strict=False)
        except (aiohttp.ClientError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise OutOfSight(f"{target}: {type(error).__name__}: {error}"[:300]) from None


async def _all_of(reply: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise OutOfSight(f"an answer is longer than {_MOST_BYTES} bytes")
    return bytes(body)


def _offered(levels: list[tuple[Decimal, Decimal]]) -> list[Level]:
    return [(price, quantity) for price, quantity in levels if price > 0 and quantity > 0]


@asynccontextmanager
async def following(url: str, exchange: SimulatedExchange) -> AsyncIterator[Follower]:
    """Follow a real market for as long as the context lasts."""
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    async with session, asyncio.TaskGroup() as tasks:
        follower = Follower(url, exchange, session)
        await follower.start()
        keeping = tasks.create_task(follower.keep_up())
        yield follower
        keeping.cancel()
