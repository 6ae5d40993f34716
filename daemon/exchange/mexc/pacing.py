"""Pacing: staying below the exchange's weight limit, and keeping still when it says so.

MEXC grants 300 weight in 10 seconds per address and 500 per account (documented) and tells nobody how much is used, so
the daemon counts itself. Orders are counted but never wait here: when one may go is decided where priorities are known
(:mod:`daemon.core.capacity`). Everything else waits its turn.
"""

import asyncio
from collections import deque

import anyio

from daemon.clock import Clock

WINDOW_MS = 10_000


class Pacer:
    """Counts weight in a sliding window and lets requests wait for room."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self.limit = limit
        self.blocked_until_ms = 0
        self._clock = clock
        self._spent: deque[tuple[int, int]] = deque()  # (when, weight), oldest first
        self._used = 0
        self._turn = asyncio.Lock()

    def used(self) -> int:
        """Return the weight spent in the window that ends now."""
        self._forget(self._clock.now_ms())
        return self._used

    def count(self, weight: int) -> None:
        """Count a request that does not wait."""
        self._spent.append((self._clock.now_ms(), weight))
        self._used += weight

    def block(self, until_ms: int) -> None:
        """Let nothing that waits go before then."""
        self.blocked_until_ms = max(self.blocked_until_ms, until_ms)

    async def wait(self, weight: int) -> None:
        """Wait until there is room for a request, in order of arrival, and count it."""
        async with self._turn:
            while (wait_ms := self._ready_ms(weight) - self._clock.now_ms()) > 0:  # noqa: ASYNC110  # the clock is no event
                await anyio.sleep(wait_ms / 1_000)
            self.count(weight)

    def _ready_ms(self, weight: int) -> int:
        """Find when enough of what was spent has left the window."""
        now_ms = self._clock.now_ms()
        self._forget(now_ms)
        excess = self._used + weight - self.limit
        ready_ms = max(now_ms, self.blocked_until_ms)
        for spent_ms, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            ready_ms = max(ready_ms, spent_ms + WINDOW_MS)
        return ready_ms

    def _forget(self, now_ms: int) -> None:
        while self._spent and self._spent[0][0] <= now_ms - WINDOW_MS:
            self._used -= self._spent.popleft()[1]
