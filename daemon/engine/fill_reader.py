"""The reader of fills: it asks for the trades of orders that have ended, and stores them with their fees.

Nothing waits for it. It asks only while the exchange's weight has room, and not around an instant; one request serves
the orders of a pair. When to ask, and what follows, is decided in :mod:`daemon.core.rules.fills` and
:mod:`daemon.core.verbs.fills`; here the requests are made.
"""

import asyncio
import math

import anyio

from daemon.core.rules.fills import MONTH_MS, free_ms
from daemon.core.values.exchange_replies import QueryResult, Source
from daemon.core.verbs.fills import resume, trades_read
from daemon.engine.effects import Effects
from daemon.engine.listing_watch import SPARE_WEIGHT
from daemon.engine.timers import Alarm
from daemon.exchange.port import Exchange
from daemon.store.store import Store

START_S = 2.0
"""The wait after a start: the searches of orders in doubt come first."""

AT_ONCE = 32
"""Orders of a pair that are looked for in one answer."""

LOADED = 500
"""Rows of orders that are looked at on the disk at a time."""

PAUSE_MS = 200
"""The wait between two such looks."""


class FillReader:
    """Reads the trades of orders that lack fills."""

    def __init__(self, effects: Effects, exchange: Exchange, store: Store) -> None:
        self._effects = effects
        self._exchange = exchange
        self._store = store
        self._alarm = Alarm(effects.clock)
        self._planned_ms = -math.inf  # what is due then, or later, needs no wake-up
        self._before_seq: int | None = None  # where to look on the disk next; None: nowhere

    def look_again(self) -> None:
        """Wake the task if something is due sooner than it knows."""
        due_ms = self._effects.state.fills.next_ms()
        if due_ms is not None and due_ms < self._planned_ms:
            self._alarm.ring()

    def wake(self) -> None:
        """Check at once what is due: the clock stepped after that was computed."""
        self._alarm.ring()

    async def run(self) -> None:
        """Read what is due, until cancelled."""
        await anyio.sleep(START_S)
        while True:
            is_loading = await self._load()
            now_ms = self._effects.clock.now_ms()
            due_ms = self._due_ms(now_ms)
            if due_ms <= now_ms:
                await self._read(now_ms)
                continue
            until_ms = min(due_ms, now_ms + PAUSE_MS if is_loading else math.inf)
            await self._alarm.sleep_until(None if until_ms == math.inf else int(until_ms))

    async def _load(self) -> bool:
        """Look on the disk for orders that lack fills, newest first, while there is room for them.

        Returns:
            Whether there may be more, and room for them.

        """
        fills = self._effects.state.fills
        if fills.room < LOADED:
            return False
        if self._before_seq is None and fills.more_on_disk:
            fills.more_on_disk, self._before_seq = False, self._effects.state.orders.last_seq + 1
        if self._before_seq is None:
            return False
        since_ms = self._effects.clock.now_ms() - MONTH_MS
        found, self._before_seq = await self._store.orders_lacking_fills(self._before_seq, since_ms, LOADED)
        if found:
            self._effects.decide(resume, found)
        return self._before_seq is not None

    def _due_ms(self, now_ms: int) -> float:
        """Return when to read next, by our clock."""
        due_ms = self._effects.state.fills.next_ms()
        self._planned_ms = math.inf if due_ms is None else due_ms
        return math.inf if due_ms is None else self._free_ms(max(due_ms, now_ms), now_ms)

    def _free_ms(self, at_ms: int, now_ms: int) -> int:
        """Return a moment, or a later one if a request then would be in the way of others."""
        state, health = self._effects.state, self._exchange.health()
        return free_ms(
            at_ms,
            now_ms,
            (state.exchange_time.local_ms(each_ms) for each_ms in state.orders.timed.instants()),
            backoff_until_ms=health.backoff_until_ms,
            is_busy=health.weight_limit - health.weight_used < SPARE_WEIGHT,
        )

    async def _read(self, asked_ms: int) -> None:
        """Look for the due orders of one pair in one answer, as far as the weight allows."""
        results: dict[str, QueryResult] = {}
        for order in self._effects.state.fills.due(asked_ms, AT_ONCE):
            now_ms = self._effects.clock.now_ms()
            if results and self._free_ms(now_ms, now_ms) > now_ms:
                break
            results[order.order_id] = await self._exchange.query(order, Source.MY_TRADES, asked_ms)
            await asyncio.sleep(0)  # others have their turns between the orders of an answer
        self._effects.decide(trades_read, results)
