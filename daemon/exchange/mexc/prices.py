"""Prices for the price guards, and for caps: queried when needed; last prices are cached briefly."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

import anyio

from daemon.core.values.orders import Side
from daemon.exchange.mexc import views
from daemon.exchange.mexc.requests import OK, Requests
from daemon.exchange.mexc.transport import Reply

FRESH_MS = 1_000
"""How long a price counts as the last one."""
WEIGHT = 10
"""Of one query (documented since 2026; earlier editions say 1 for one pair)."""
TIMEOUT_MS = 1_000
"""How long a signal waits for a price; after that, price and signal are too old."""


class LastPrices:
    """Shares one query among concurrent requests for the same pair's price."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._known: dict[str, tuple[int, Decimal | None]] = {}  # pair → when its price was queried, and the answer
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def last(self, symbol: str) -> Decimal | None:
        """Return a pair's last price in quote per base; ``None`` if it is not available now."""
        began_ms = self._requests.clock.now_ms()
        if self._requests.pacer.backoff_until_ms > began_ms:
            return None
        async with self._asking[symbol]:
            asked_ms, price = self._known.get(symbol, (began_ms - FRESH_MS, None))
            if asked_ms + FRESH_MS > began_ms:
                return price
            asked_ms, price = self._requests.clock.now_ms(), None
            with anyio.move_on_after(TIMEOUT_MS / 1_000):
                price = await self._ask(symbol)
            self._known[symbol] = asked_ms, price
            return price

    async def best(self, symbol: str, side: Side) -> Decimal | None:
        """Return the best ask for a BUY, the best bid for a SELL; ``None`` if there is none, or it is not available."""
        if self._requests.pacer.backoff_until_ms > self._requests.clock.now_ms():
            return None
        with anyio.move_on_after(TIMEOUT_MS / 1_000):
            answer = await self._requests.public("/api/v3/ticker/bookTicker", [("symbol", symbol)], weight=WEIGHT)
            if isinstance(answer.reply, Reply) and answer.reply.status == OK:
                with suppress(views.UnreadableError):
                    return views.best_price(answer.reply.body, symbol, side)
        return None

    async def _ask(self, symbol: str) -> Decimal | None:
        answer = await self._requests.public("/api/v3/ticker/price", [("symbol", symbol)], weight=WEIGHT)
        if not isinstance(answer.reply, Reply) or answer.reply.status != OK:
            return None
        try:
            return views.last_price(answer.reply.body, symbol)
        except views.UnreadableError:
            return None
