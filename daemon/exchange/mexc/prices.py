"""Last prices, for the guards that judge by them: asked for when they are needed, and kept for a moment."""

import asyncio
from collections import defaultdict
from decimal import Decimal

import anyio

from daemon.exchange.mexc import views
from daemon.exchange.mexc.requests import OK, Requests
from daemon.exchange.mexc.transport import Reply

FRESH_MS = 1_000
"""So long a price counts as the last one."""
TIMEOUT_MS = 1_000
"""So long a signal waits for a price: one that comes later is old, and so is the signal."""


class LastPrices:
    """Asks once for all who want the same pair's price at the same time."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._known: dict[str, tuple[int, Decimal | None]] = {}  # pair → when it was asked for, and the answer
        self._asking: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def last(self, symbol: str) -> Decimal | None:
        """Return a pair's last price in quote per base; ``None`` where it cannot be had now."""
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

    async def _ask(self, symbol: str) -> Decimal | None:
        answer = await self._requests.public("/api/v3/ticker/price", [("symbol", symbol)], weight=1)
        if not isinstance(answer.reply, Reply) or answer.reply.status != OK:
            return None
        try:
            return views.last_price(answer.reply.body, symbol)
        except views.UnreadableError:
            return None
