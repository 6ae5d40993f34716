"""Pacing: staying below the exchange's limits, and keeping still when it says so.

MEXC grants 300 weight in 10 seconds per address and 500 per account (documented), its support speaks of 20 requests a
second in all, and it tells nobody how much is used; so the daemon counts itself. When an order may go is decided
where priorities are known (:mod:`daemon.core.rules.rate`); here it is only kept from reaching the wire too close
behind others, as after a stall of the disk that held many back. Everything else waits its turn, at a rate that leaves
room for the orders.

A process that was started a moment ago does not know what the one before it used. So it begins as if half of the
weight were spent.
"""

import asyncio
from collections import deque

import anyio

from daemon.clock import Clock
from daemon.config.tables import ExchangeTable


class Window:
    """Counts what was spent in a window of time that slides."""

    def __init__(self, span_ms: int) -> None:
        self._span_ms = span_ms
        self._spent: deque[tuple[int, int]] = deque()  # (when, how much), oldest first
        self._used = 0

    def used(self, now_ms: int) -> int:
        """Return what was spent in the window that ends now."""
        while self._spent and self._spent[0][0] <= now_ms - self._span_ms:
            self._used -= self._spent.popleft()[1]
        return self._used

    def spend(self, now_ms: int, amount: int) -> None:
        """Count something."""
        self._spent.append((now_ms, amount))
        self._used += amount

    def ready_ms(self, now_ms: int, amount: int, limit: int) -> int:
        """Find when enough of what was spent has left the window; more than the limit at once waits for all of it."""
        excess = self.used(now_ms) + amount - limit
        ready_ms = now_ms
        for spent_ms, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            ready_ms = spent_ms + self._span_ms
        return ready_ms


class Pacer:
    """Lets requests wait for room, in order of arrival."""

    def __init__(self, clock: Clock, table: ExchangeTable) -> None:
        self.table = table
        self.backoff_until_ms = 0  # for everything but orders and cancels
        self.orders_backoff_until_ms = 0  # for cancels; when orders go is decided in the core
        self._clock = clock
        self._weight = Window(10_000)
        self._requests = Window(1_000)
        self._orders = Window(1_000)
        self._turn = asyncio.Lock()
        self._order_turn = asyncio.Lock()
        self._unblocked = asyncio.Event()
        self._weight.spend(clock.now_ms(), table.weight_per_10s // 2)

    def used(self) -> int:
        """Return the weight spent in the last ten seconds."""
        return self._weight.used(self._clock.now_ms())

    def block(self, until_ms: int, *, orders: bool = False) -> None:
        """Let nothing go before then but orders and cancels; with ``orders``, no cancel either."""
        self.backoff_until_ms = max(self.backoff_until_ms, until_ms)
        if orders:
            self.orders_backoff_until_ms = max(self.orders_backoff_until_ms, until_ms)

    def unblock(self) -> None:
        """Let everything go that has room: a person ended the wait."""
        self.backoff_until_ms = self.orders_backoff_until_ms = 0
        self._unblocked.set()
        self._unblocked = asyncio.Event()

    def clock_stepped(self, step_ms: int) -> None:
        """Keep the length of each wait that runs: the clock jumped forward by so much."""
        before_ms = self._clock.now_ms() - step_ms
        if self.backoff_until_ms > before_ms:
            self.backoff_until_ms += step_ms
        if self.orders_backoff_until_ms > before_ms:
            self.orders_backoff_until_ms += step_ms

    async def wait(self, weight: int) -> None:
        """Wait until there is room for a request, and count it."""
        async with self._turn:
            while (wait_ms := self._ready_ms(weight) - self._clock.now_ms()) > 0:
                with anyio.move_on_after(wait_ms / 1_000):
                    await self._unblocked.wait()
            self._requests.spend(self._clock.now_ms(), 1)
            self._weight.spend(self._clock.now_ms(), weight)

    async def wait_for_order(self) -> None:
        """Wait until an order, or a cancel, may reach the wire, and count it."""
        async with self._order_turn:
            while (wait_ms := self._order_ready_ms() - self._clock.now_ms()) > 0:  # noqa: ASYNC110  # the clock is no event
                await anyio.sleep(wait_ms / 1_000)
            now_ms = self._clock.now_ms()
            self._orders.spend(now_ms, 1)
            self._weight.spend(now_ms, 1)

    def _order_ready_ms(self) -> int:
        return self._orders.ready_ms(self._clock.now_ms(), 1, self.table.order_rate_per_s)

    def _ready_ms(self, weight: int) -> int:
        now_ms = self._clock.now_ms()
        return max(
            self.backoff_until_ms,
            self._weight.ready_ms(now_ms, weight, self.table.weight_per_10s),
            self._requests.ready_ms(now_ms, 1, self.table.requests_per_s),
        )
