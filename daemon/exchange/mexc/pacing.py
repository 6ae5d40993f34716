"""Pacing: the client stays below the exchange's limits, and waits when the exchange asks for it.

MEXC grants 300 weight in 10 seconds per address and 500 per account (documented). Its support states 20 requests a
second; whether to one endpoint or in all is not known, so the daemon stays below that in all. MEXC does not report the
used weight, so the daemon counts it.

The rate budget of the core (:mod:`daemon.core.rules.rate`), which knows the priorities, decides which order is sent and
when. It counts decisions. This module counts the same orders, in a window of the same kind, when they are sent: orders
that a slow commit or a new connection delayed would otherwise be sent together, above the exchange's limit. An order or
a cancel takes a slot of this window immediately before it is written, and never waits behind queries. A request that
will be written at an instant reserves its slot at that instant. Queries wait in order of arrival, at a rate that leaves
room for the orders. Those that search for an order come last: there may be hundreds of them after a crash, and a
measurement of the clock, the preflight or the proof of a connection must not wait for them.

The owner in a fleet measures the clock without waiting for other queries: where these use all of the weight, it would
lose its lease. It does so once per renewal, every second by default, so the configured weight is exceeded by ten. A
daemon alone waits: around an instant its samples would take the requests that learn a pair's rules.

A process does not know the weight that the previous process used, so it starts as if half of the weight were used.
"""

import asyncio
from bisect import insort
from collections import deque

import anyio

from daemon.clock import Clock
from daemon.config.tables import ExchangeTable
from daemon.core.rules.rate import RequestWindow


class WeightWindow:
    """Counts the weight that was spent in a sliding time window."""

    def __init__(self, span_ms: int) -> None:
        self._span_ms = span_ms
        self._spent: deque[tuple[int, int]] = deque()  # (when, how much), oldest first
        self._used = 0

    def used(self, now_ms: int) -> int:
        """Return what was spent in the window that ends now."""
        while self._spent and self._spent[0][0] <= now_ms - self._span_ms:
            self._used -= self._spent.popleft()[1]
        return self._used

    def spend(self, at_ms: int, amount: int) -> None:
        """Count an amount, which may be in the future."""
        insort(self._spent, (at_ms, amount))
        self._used += amount

    def ready_ms(self, now_ms: int, amount: int, limit: int) -> int:
        """Return when the window has room for an amount; an amount above the limit waits until the window is empty."""
        excess = self.used(now_ms) + amount - limit
        ready_ms = now_ms
        for spent_ms, spent in self._spent:
            if excess <= 0:
                break
            excess -= spent
            ready_ms = spent_ms + self._span_ms
        return ready_ms


class EndpointPacer:
    """Delays the requests to an endpoint with a rate of its own; they wait here, so that no other query does."""

    def __init__(self, clock: Clock, per_s: int) -> None:
        self._clock = clock
        self._per_s = per_s
        self._requests = RequestWindow()
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Wait until there is room for a request, and count it."""
        async with self._lock:
            now_ms = self._clock.now_ms()
            free_ms = self._requests.free_ms(now_ms, self._per_s)
            await anyio.sleep((free_ms - now_ms) / 1_000)
            self._requests.forget(free_ms)
            self._requests.count(free_ms)


class Pacer:
    """Delays requests until the rate limits have room, in order of arrival; searches last."""

    def __init__(self, clock: Clock, table: ExchangeTable) -> None:
        self.table = table
        self.backoff_until_ms = 0  # for everything but orders and cancels
        self.orders_backoff_until_ms = 0  # for cancels; the core decides when orders are sent
        self._clock = clock
        self._begin(clock.now_ms())
        self._query_lock = asyncio.Lock()
        self._search_lock = asyncio.Lock()
        self._order_lock = asyncio.Lock()
        self._backoff_ended = asyncio.Event()

    def _begin(self, now_ms: int) -> None:
        """Begin as if half of the weight were used."""
        self._weight = WeightWindow(10_000)
        self._requests = RequestWindow()
        self._orders = RequestWindow()
        self._weight.spend(now_ms, self.table.weight_per_10s // 2)

    def used(self) -> int:
        """Return the weight spent in the last ten seconds."""
        return self._weight.used(self._clock.now_ms())

    def back_off(self, until_ms: int, *, orders: bool = False) -> None:
        """Send no query before then; with ``orders``, no cancel either."""
        self.backoff_until_ms = max(self.backoff_until_ms, until_ms)
        if orders:
            self.orders_backoff_until_ms = max(self.orders_backoff_until_ms, until_ms)

    def end_backoffs(self) -> None:
        """End the waits that the exchange asked for, on the operator's request; the rate limits remain."""
        self.backoff_until_ms = self.orders_backoff_until_ms = 0
        self._backoff_ended.set()
        self._backoff_ended = asyncio.Event()

    def clock_steps(self, step_ms: int) -> None:
        """Keep the remaining length of each running wait; the clock is about to jump forward by ``step_ms``.

        It jumps back only in a fleet, when a member takes over. What it used while it stood by then lies in the future,
        so it starts like a new process.
        """
        now_ms = self._clock.now_ms()
        if step_ms < 0:
            self._begin(now_ms + step_ms)
        if self.backoff_until_ms > now_ms:
            self.backoff_until_ms += step_ms
        if self.orders_backoff_until_ms > now_ms:
            self.orders_backoff_until_ms += step_ms

    async def wait(self, weight: int) -> None:
        """Wait until there is room for a request, and count it."""
        async with self._query_lock:
            while not self._take(weight):
                await self._room(weight)

    async def wait_for_time(self) -> None:
        """Wait as long as the exchange asked for, and count a request for its time, by a fleet's owner."""
        while (now_ms := self._clock.now_ms()) < self.backoff_until_ms:
            await self._sleep(self.backoff_until_ms - now_ms)
        self._count(now_ms, 1)

    async def wait_to_search(self, weight: int) -> None:
        """Wait until there is room for a search's query that no other request waits for, and count it."""
        async with self._search_lock:
            while self._query_lock.locked() or not self._take(weight):
                async with self._query_lock:  # after those that wait now
                    pass
                await self._room(weight)

    async def wait_for_order(self) -> None:
        """Wait until an order or a cancel may be sent, and count it."""
        async with self._order_lock:
            while (wait_ms := self._take_order_slot()) > 0:  # noqa: ASYNC110  # nothing else ends the wait
                await anyio.sleep(wait_ms / 1_000)

    def take_order_slot(self) -> bool:
        """Count an order, if it may be sent now and none waits for that; otherwise return false."""
        return not self._order_lock.locked() and self._take_order_slot() == 0

    def reserve_order_slot(self, at_ms: int) -> bool:
        """Count an order that will be written at a later instant, if it may be sent then; otherwise return false."""
        if self._orders.free_ms(at_ms, self.table.order_rate_per_s) != at_ms:
            return False
        self._count_order(at_ms)
        return True

    def count_batch(self, at_ms: int, *, weight: int) -> None:
        """Count what a batch of orders weighs beyond the order whose slot it has."""
        self._weight.spend(at_ms, weight - 1)

    def next_reserved_ms(self) -> int | None:
        """Return when the next order is to be written that has reserved its slot."""
        return self._orders.next_ms(self._clock.now_ms())

    def release_order_slot(self, at_ms: int) -> None:
        """Take back a reservation: the order will not be written at that instant."""
        self._orders.remove(at_ms)

    def _take_order_slot(self) -> int:
        """Count an order or a cancel if it may be sent now; return how long it must wait in ms, or 0."""
        now_ms = self._clock.now_ms()
        wait_ms = self._orders.free_ms(now_ms, self.table.order_rate_per_s) - now_ms
        if wait_ms <= 0:
            self._count_order(now_ms)
        return wait_ms

    def _count_order(self, at_ms: int) -> None:
        self._orders.forget(self._clock.now_ms())
        self._orders.count(at_ms)
        self._weight.spend(at_ms, 1)

    def _take(self, weight: int) -> bool:
        """Count a request if there is room for it now; otherwise return false."""
        now_ms = self._clock.now_ms()
        if self._ready_ms(weight) > now_ms:
            return False
        self._count(now_ms, weight)
        return True

    def _count(self, now_ms: int, weight: int) -> None:
        self._requests.forget(now_ms)
        self._requests.count(now_ms)
        self._weight.spend(now_ms, weight)

    async def _room(self, weight: int) -> None:
        """Sleep until there is room for a request, or a wait that the exchange asked for is ended."""
        await self._sleep(self._ready_ms(weight) - self._clock.now_ms())

    async def _sleep(self, wait_ms: int) -> None:
        with anyio.move_on_after(wait_ms / 1_000):
            await self._backoff_ended.wait()

    def _ready_ms(self, weight: int) -> int:
        now_ms = self._clock.now_ms()
        return max(
            self.backoff_until_ms,
            self._weight.ready_ms(now_ms, weight, self.table.weight_per_10s),
            self._requests.free_ms(now_ms, self.table.requests_per_s),
        )
