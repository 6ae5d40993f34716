"""Following a real market: its rules, order books and time replace the simulated ones.

Only public endpoints are read, without a key: `time`, `exchangeInfo`, `depth`. A pair's book is read before an order or
a price query, and repeatedly while the pair has an open order. An order meets a book that is at most half a second old
(`STALE_S` if a read fails). If the market cannot be read, orders are refused: nothing is invented.

Not simulated: the effect of own orders on the market (filled levels are back at the next read), the queue position of a
resting order (it fills as soon as the other side reaches its price), changes between two reads, price caps of the first
minute, pairs with another quote asset than USDT.
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
"""The maximum age of a book while it cannot be read again."""
SPACING_S = 0.15
"""Between two reads: MEXC allows 300 weight in 10 s, a book costs 3, and other programs share this address."""
RULES_S, CLOCK_S, RETRY_S, ABSENT_S = 300.0, 30.0, 2.0, 2.0
TIMEOUT_S = 4.0
LEVELS = "50"
_MAX_BYTES = 32 << 20
_BACKOFF_S = {418: 120.0, 429: 2.0}
"""Backoff in seconds after the rate-limit statuses of the market's gateway."""

_ORDER = "/api/v3/order"
_BOOK_PATHS = frozenset({"/api/v3/depth", "/api/v3/ticker/price", "/api/v3/ticker/bookTicker"})
_INFO = "/api/v3/exchangeInfo"
_OK, _REFUSED = 200, 400
_NO_REDIRECTS: dict[str, Any] = {"allow_redirects": False}

T = TypeVar("T")
log = structlog.get_logger()


class _Time(msgspec.Struct, rename="camel"):
    server_time: int


class _Depth(msgspec.Struct):
    bids: list[tuple[Decimal, Decimal]]
    asks: list[tuple[Decimal, Decimal]]


class MarketUnavailable(Exception):
    """The real market gave no readable reply."""


class NotListed(MarketUnavailable):
    """The real market refuses the query: it does not list the pair."""


class Follower:
    """Reads one real market for one simulated exchange."""

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
        self._mutex = asyncio.Lock()
        self._backoff_until = 0.0

    def now_ms(self) -> int:
        """Return the real market's time in Unix milliseconds."""
        return wall_clock_ms() + self._offset_ms

    async def refresh(self, request: Request) -> Reply | None:
        """Read the market data that a request needs; return a refusal if that fails, otherwise None."""
        try:
            if request.path == _INFO:
                await self._refresh_pair(Parameters.of(request).get("symbol"))
            elif request.path in _BOOK_PATHS or (request.method, request.path) == ("POST", _ORDER):
                await self._refresh_book(Parameters.of(request).get("symbol"))
        except MarketUnavailable:
            placing = request.method == "POST"
            return Reply.refusing(Refusal(Code.TRADING_DISABLED if placing else Code.SERVICE_NOT_AVAILABLE))
        except Refusal as refusal:
            return Reply.refusing(refusal)
        return None

    async def start(self) -> None:
        """Read time and rules once; failures are logged."""
        await self._try_each(self._measure_offset(), self._load_rules(""))

    async def refresh_forever(self) -> None:
        """Read time, rules and the books of open orders repeatedly, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat_clock())
            tasks.create_task(self._repeat_rules())
            tasks.create_task(self._repeat_books())

    async def _repeat_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_S)
            await self._try_each(self._measure_offset())

    async def _repeat_rules(self) -> None:
        while True:
            await asyncio.sleep(RULES_S if self._has_rules else RETRY_S)
            await self._try_each(self._load_rules(""))

    async def _repeat_books(self) -> None:
        """Match open orders with the moving market."""
        while True:
            await asyncio.sleep(FRESH_S)
            for symbol in self._exchange.symbols_with_open_orders():
                await self._try_each(self._refresh_book(symbol))

    async def _try_each(self, *works: Awaitable[None]) -> None:
        for work in works:
            try:
                await work
            except MarketUnavailable as error:
                log.warning("exchange.market_out_of_sight", market=self._url, error=str(error))

    async def _refresh_pair(self, symbol: str) -> None:
        """Load the rules, and those of a pair that is unknown: it may have been listed a moment ago."""
        if not self._has_rules:
            async with self._reading[""]:
                if not self._has_rules:
                    await self._load_rules("")
        now = asyncio.get_running_loop().time()
        if symbol and symbol not in self._known and now >= self._absent.get(symbol, 0):
            self._absent = {name: until for name, until in self._absent.items() if until > now}
            self._absent[symbol] = now + ABSENT_S
            await self._load_rules(symbol)

    async def _refresh_book(self, symbol: str) -> None:
        if not self._has_rules:
            raise MarketUnavailable("the rules are not loaded yet")
        if symbol not in self._known:
            return  # the exchange refuses an unknown pair itself
        async with self._reading[symbol]:
            age_s = asyncio.get_running_loop().time() - self._read_at.get(symbol, float("-inf"))
            if age_s < FRESH_S:
                return
            try:
                found = await self._get(f"/api/v3/depth?symbol={quote(symbol, safe='')}&limit={LEVELS}", _Depth)
            except MarketUnavailable:
                if age_s < STALE_S:
                    return
                raise
            self._read_at[symbol] = asyncio.get_running_loop().time()
            bids, asks = _tradable_levels(found.bids), _tradable_levels(found.asks)
            self._exchange.replace_book(symbol, bids, asks, self.now_ms())

    async def _measure_offset(self) -> None:
        began_ms = wall_clock_ms()
        found = await self._get("/api/v3/time", _Time)
        self._offset_ms = found.server_time - (began_ms + wall_clock_ms()) // 2

    async def _load_rules(self, symbol: str) -> None:
        """Load the rules of all pairs or, with a symbol, of one more pair. A pair that is not listed is ignored."""
        try:
            shown = await self._get(f"{_INFO}?symbol={quote(symbol, safe='')}" if symbol else _INFO, msgspec.Raw)
        except NotListed:
            return
        symbols = read_symbols(bytes(shown))
        if not symbols and not symbol:
            raise MarketUnavailable("the market lists no pair with quote asset USDT")
        self._known = {each.symbol for each in symbols} | (self._known if symbol else set())
        self._exchange.replace_rules(symbols, are_all=not symbol)
        self._has_rules = True

    async def _get(self, target: str, kind: type[T]) -> T:
        """Query the market after the spacing and any backoff."""
        loop = asyncio.get_running_loop()
        async with self._mutex:
            await asyncio.sleep(max(0.0, min(self._backoff_until - loop.time(), SPACING_S)))
            if self._backoff_until > loop.time() + SPACING_S:
                raise MarketUnavailable("the market's rate limit asks to wait")
            self._backoff_until = loop.time() + SPACING_S
        try:
            async with asyncio.timeout(TIMEOUT_S), self._session.get(self._url + target, **_NO_REDIRECTS) as reply:
                if reply.status in _BACKOFF_S:
                    self._backoff_until = loop.time() + _BACKOFF_S[reply.status]
                if reply.status == _REFUSED:
                    raise NotListed(target)
                if reply.status != _OK:
                    raise MarketUnavailable(f"{target}: HTTP {reply.status}")
                body = await _read_body(reply)
            return msgspec.json.decode(body, type=kind, strict=False)
        except (aiohttp.ClientError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise MarketUnavailable(f"{target}: {type(error).__name__}: {error}"[:300]) from None


async def _read_body(reply: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise MarketUnavailable(f"a reply is longer than {_MAX_BYTES} bytes")
    return bytes(body)


def _tradable_levels(levels: list[tuple[Decimal, Decimal]]) -> list[Level]:
    return [(price, quantity) for price, quantity in levels if price > 0 and quantity > 0]


@asynccontextmanager
async def following(url: str, exchange: SimulatedExchange) -> AsyncIterator[Follower]:
    """Follow a real market until the context ends."""
    session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
    async with session, asyncio.TaskGroup() as tasks:
        follower = Follower(url, exchange, session)
        await follower.start()
        keeping = tasks.create_task(follower.refresh_forever())
        yield follower
        keeping.cancel()
