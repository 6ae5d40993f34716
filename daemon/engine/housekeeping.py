"""Housekeeping: periodic work beside trading, which may fail without harm."""

from collections.abc import Callable

import anyio
import msgspec

from daemon.clock import Clock
from daemon.config.tables import Config
from daemon.core.values.events import Event
from daemon.errors import NotReady
from daemon.exchange.port import Exchange
from daemon.store.store import Store

FIRST_SAMPLES, FIRST_S = 5, 0.25
"""The exchange's clock is measured so often at the start, in this interval: a few measurements bound it better than
one."""

NEAR_MS, NEAR_S = 30_000, 2.0
"""For so long before an order's instant the clock is measured in this interval. A measurement weighs 1 of the 300 in
ten seconds that MEXC grants."""

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Housekeeping:
    """Measures the exchange's clock, keeps the trading rules fresh, removes rows past their retention."""

    def __init__(
        self,
        exchange: Exchange,
        store: Store,
        clock: Clock,
        emit: Callable[[Event], None],
        config: Config,
        next_instant_ms: Callable[[int], int | None],
    ) -> None:
        """Build it; ``next_instant_ms`` returns the next instant of an order after a time, by our clock (Unix ms)."""
        self.config = config
        self._next_instant_ms = next_instant_ms
        self._exchange = exchange
        self._store = store
        self._clock = clock
        self._emit = emit
        self._was_reachable: bool | None = None

    async def measure(self) -> None:
        """Measure the exchange's clock periodically; report when the exchange becomes reachable or unreachable.

        That is often enough to keep a connection open for the next order.
        """
        measured = 0
        while True:
            await self._exchange.measure_clock()
            self._report_reachability()
            measured += 1
            if measured < FIRST_SAMPLES:
                await anyio.sleep(FIRST_S)
            else:
                await self._until_measurement()

    async def refresh_rules(self) -> None:
        """Load all trading rules periodically; after a failure sooner."""
        while True:
            try:
                shown = await self._exchange.load_rules(self._clock.now_ms() - self._rules_age_ms())
            except NotReady:
                await anyio.sleep(min(self.config.exchange.symbols_refresh_s, 5))
                continue
            self._report("exchange.symbols_loaded", symbols=len(shown))
            await anyio.sleep(self.config.exchange.symbols_refresh_s)

    def _rules_age_ms(self) -> int:
        """Return how old rules may be that another part has loaded, as the watch of listings does."""
        return int(self.config.exchange.symbols_refresh_s * 500)

    async def clean(self, now_ms_of: Callable[[], int] | None = None) -> None:
        """Remove rows past their retention periodically, by our clock or by the one that is given."""
        read_ms = now_ms_of or self._clock.now_ms
        while True:
            await anyio.sleep(self.config.locks.cleanup_interval_s)
            now_ms, days = read_ms(), self.config.store.retention_days
            history_before_ms = now_ms - int(days * DAY_MS) if days else None
            cleaned = await self._store.clean(now_ms - int(self.config.locks.retention_h * HOUR_MS), history_before_ms)
            if cleaned.rows:
                self._report("store.cleaned", **msgspec.structs.asdict(cleaned))

    async def _until_measurement(self) -> None:
        """Wait until the exchange's clock is to be measured again."""
        due_s = anyio.current_time() + min(self.config.exchange.clock_check_s, self._exchange.warm_s)
        while (left_s := due_s - anyio.current_time()) > 0:
            await anyio.sleep(min(left_s, NEAR_S))
            now_ms = self._clock.now_ms()
            next_ms = self._next_instant_ms(now_ms)
            if next_ms is not None and next_ms - now_ms <= NEAR_MS:
                return

    def _report_reachability(self) -> None:
        health = self._exchange.health()
        if health.reachable is self._was_reachable:
            return
        self._was_reachable = health.reachable
        if health.reachable:
            self._report("exchange.reachable", offset_ms=health.offset_ms, round_trip_ms=health.round_trip_ms)
        else:
            self._report("exchange.unreachable", error=health.error)

    def _report(self, name: str, **detail: str | float | None) -> None:
        self._emit(Event(name=name, at_ms=self._clock.now_ms(), detail=detail))
