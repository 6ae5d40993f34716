"""The watch of listings: while orders wait for an instant, it asks what the exchange shows of their pairs.

One request serves all pairs. When to ask, and what follows for the orders, is decided in
:mod:`daemon.core.rules.listings` and :mod:`daemon.core.verbs.listings`; here the requests are made. A failure is
harmless: the orders keep their instants.
"""

import asyncio
from collections.abc import Callable, Mapping

import anyio
import msgspec

from daemon.core.rules.listings import FIRST_MS, QUIET_AFTER_MS, after_quiet, next_look_ms
from daemon.core.values.events import Event
from daemon.core.values.listings import Listing
from daemon.core.values.symbols import SymbolRules
from daemon.core.verbs.listings import learn, learn_account, settle
from daemon.core.views.countdown import MINUTE_MS
from daemon.engine.effects import Effects
from daemon.engine.timers import Alarm
from daemon.errors import NotReady
from daemon.exchange.port import Calendar, Exchange

LOOK_S = 10.0
"""The longest wait for an answer, the wait for the exchange's weight included."""

SPARE_WEIGHT = 75
"""While less than this is left of the exchange's weight, fewer looks are made: a look takes 25, and what orders need
comes first."""


ACCOUNT_MS = 30_000
"""The interval between two looks at the account while an instant is near, if it was looked at for all pairs. One weighs
11."""

CALENDAR_MS = 30_000
"""The interval between two reads of the calendar."""


class ListingWatch:
    """Watches the listings of the pairs for which orders wait."""

    def __init__(
        self, effects: Effects, exchange: Exchange, calendar: Calendar | None, emit: Callable[[Event], None]
    ) -> None:
        self._effects = effects
        self._exchange = exchange
        self._calendar = calendar
        self._emit = emit
        self._alarm = Alarm(effects.clock)
        self._calendar_alarm = Alarm(effects.clock)
        self._account_alarm = Alarm(effects.clock)
        self._looked_ms = 0
        self._opens: Mapping[str, int] = {}  # by the calendar's last answer

    def look_again(self) -> None:
        """Wake the task if an order has come that is to be compared with what is known."""
        if self._effects.state.orders.timed.unchecked:
            self._alarm.ring()
            self._calendar_alarm.ring()
            self._account_alarm.ring()

    def wake(self) -> None:
        """Check at once what is due: the clock stepped after that was computed."""
        self._alarm.ring()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            await self._settle()
            due_ms = self._due_ms()
            if due_ms is not None and due_ms <= self._effects.clock.now_ms():
                await self._look()
            else:
                await self._alarm.sleep_until(due_ms)

    async def read_calendar(self) -> None:
        """Read the calendar while orders wait, until cancelled; a failure changes nothing."""
        pairs = self._effects.state.orders.timed.by_pair
        read_ms, fails = 0, False
        read_for: set[str] = set()
        while self._calendar is not None:
            now_ms = self._effects.clock.now_ms()
            due_ms = read_ms + (CALENDAR_MS if read_for.issuperset(pairs) else FIRST_MS)
            if not pairs or now_ms < due_ms:
                await self._calendar_alarm.sleep_until(due_ms if pairs else None)
                continue
            read_ms, read_for = now_ms, set(pairs)
            opens = await self._calendar.opens()
            if opens is None and not fails:
                self._emit(Event(name="listing.calendar_failed", at_ms=now_ms))
            fails = opens is None
            self._note(self._opens if opens is None else opens)

    async def check_account(self) -> None:
        """Ask about balances and permitted pairs while an instant is near, until cancelled."""
        state, checked_ms = self._effects.state, 0
        checked_for: set[str] = set()
        while True:
            now_ms = self._effects.clock.now_ms()
            ahead_ms = (state.rules.config.alerts.armed_not_ready_min + 1) * MINUTE_MS
            instants = [at_ms for at_ms in self._instants() if at_ms > now_ms - QUIET_AFTER_MS]
            due_ms = None
            if instants:
                interval_ms = ACCOUNT_MS if checked_for.issuperset(state.orders.timed.by_pair) else FIRST_MS
                due_ms = after_quiet(instants, max(min(instants) - ahead_ms, checked_ms + interval_ms, now_ms))
            if due_ms is None or now_ms < due_ms:
                await self._account_alarm.sleep_until(due_ms)
                continue
            checked_ms, checked_for = now_ms, set(state.orders.timed.by_pair)
            self._effects.decide(learn_account, await self._exchange.account())

    def _note(self, opens: Mapping[str, int]) -> None:
        """Note when the pairs open by the calendar."""
        self._opens = opens
        replace, known = msgspec.structs.replace, self._effects.state.listings.known
        found = {symbol: replace(listing, calendar_ms=opens.get(symbol)) for symbol, listing in known.items()}
        self._effects.decide(learn, found)

    async def _settle(self) -> None:
        """Compare the orders with what is known, a slice in each decision; others have their turns in between."""
        state = self._effects.state
        new = [symbol for symbol in state.orders.timed.by_pair if symbol not in state.listings.known]
        if new:
            known = {symbol: self._first(symbol) for symbol in new}
            self._effects.decide(learn, known)
        while state.orders.timed.unchecked:
            self._effects.decide(settle)
            await asyncio.sleep(0)

    def _due_ms(self) -> int | None:
        """Return when to ask next."""
        health, known = self._exchange.health(), self._effects.state.listings.known
        return next_look_ms(
            self._instants(),
            self._looked_ms,
            self._effects.clock.now_ms(),
            is_new=any(listing.seen_ms is None for listing in known.values()),
            is_busy=health.weight_limit - health.weight_used < SPARE_WEIGHT,
        )

    def _instants(self) -> list[int]:
        """Return the instants of the waiting orders by our clock."""
        state = self._effects.state
        return [state.exchange_time.local_ms(at_ms) for at_ms in state.orders.timed.instants()]

    async def _look(self) -> None:
        self._looked_ms = self._effects.clock.now_ms()
        with anyio.move_on_after(LOOK_S):
            try:
                shown = await self._exchange.load_rules()
            except NotReady:
                return
            pairs = self._effects.state.orders.timed.by_pair
            found = {symbol: self._seen(symbol, shown.get(symbol)) for symbol in pairs}
            self._effects.decide(learn, found)

    def _seen(self, symbol: str, rules: SymbolRules | None) -> Listing:
        """Return what is known of a pair now."""
        before = self._effects.state.listings.known.get(symbol)
        was_shown = before is not None and (before.rules is not None or before.vanished)
        return Listing(
            rules=rules,
            calendar_ms=self._opens.get(symbol),
            seen_ms=self._looked_ms,
            vanished=rules is None and was_shown,
        )

    def _first(self, symbol: str) -> Listing:
        """Return what is known of a pair before the exchange is asked."""
        return Listing(rules=self._exchange.known_rules(symbol), calendar_ms=self._opens.get(symbol))
