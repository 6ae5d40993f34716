"""The countdown of an order that waits for its instant: what is known of its pair, and what it still lacks."""

from collections import Counter
from decimal import Decimal
from itertools import islice

import msgspec

from daemon.core.rules.listings import is_too_far
from daemon.core.rules.readiness import Lack, Need, Readiness, need, readiness
from daemon.core.state.trading_state import TradingState
from daemon.core.values.account import ExchangeCondition
from daemon.core.values.decimals import ZERO, total
from daemon.core.values.orders import Order
from daemon.core.values.states import WAITING

MINUTE_MS = 60_000
MAX_JUDGED = 300
"""Orders that are judged at most: each is read from its compact form."""

MAX_NAMED = 5
"""Orders that are named at most, those with the nearest instants."""


class Countdown(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A waiting or armed order, shortly before its instant. Instants are the exchange's; ``None`` is not known."""

    at_ms: int
    exchange_now_ms: int | None
    shown: bool | None  # the exchange shows its pair
    tradable: bool | None  # and it is online and tradable by API
    first_open_ms: int | None  # of the exchange's API
    calendar_open_ms: int | None  # of its calendar
    looked_at_ms: int | None  # when the exchange was asked last, by our clock
    warm: bool | None  # a connection is open
    funded: bool | None  # the balance covers the orders of its instant
    permitted: bool | None  # the API key may trade the pair
    lacks: list[Lack]


class Unready(msgspec.Struct, frozen=True):
    """Orders whose instant is near and that lack something; and those of listings that are gone."""

    orders: int = 0
    by_lack: dict[Lack, int] = {}
    gone: int = 0  # their pair is not shown any more, or opens further ahead than an order can wait
    named: tuple[str, ...] = ()  # ids of the first of them, each with what it lacks


class Countdowns:
    """The countdowns at one moment."""

    def __init__(self, state: TradingState, condition: ExchangeCondition, now_ms: int) -> None:
        """Add up what the orders need whose instants are near enough to judge them."""
        self._state = state
        self._condition = condition
        self._now_ms = now_ms
        self._exchange_ms = state.exchange_time.exchange_ms(now_ms)
        ahead_ms = state.rules.config.alerts.armed_not_ready_min * MINUTE_MS
        ids = islice(state.orders.timed.within(self._exchange_ms, self._exchange_ms + ahead_ms), MAX_JUDGED)
        self._near = [state.orders[order_id] for order_id in ids]
        self._needs: dict[tuple[str, int | None], Decimal] = {}
        for order in self._near:
            found = self._need(order)
            if found is not None:
                key = found.asset, order.execute_at_ms
                self._needs[key] = total(self._needs.get(key, ZERO), found.amount)

    def of(self, order: Order) -> Countdown | None:
        """Return the countdown of an order; ``None`` if it does not wait for an instant that is still to come."""
        if order.execute_at_ms is None or order.state not in WAITING or order.execute_at_ms <= self._exchange_ms:
            return None
        listing = self._state.listings.known.get(order.symbol)
        rules = None if listing is None else listing.rules
        was_asked = listing is not None and (rules is not None or listing.seen_ms is not None)
        ready = self._judge(order)
        return Countdown(
            at_ms=order.execute_at_ms,
            exchange_now_ms=self._exchange_ms if self._state.exchange_time.is_measured else None,
            shown=rules is not None if was_asked else None,
            tradable=listing.is_tradable if listing is not None and was_asked else None,
            first_open_ms=None if rules is None else rules.first_open_ms,
            calendar_open_ms=None if listing is None else listing.calendar_ms,
            looked_at_ms=None if listing is None else listing.seen_ms,
            warm=self._condition.warm,
            funded=ready.funded,
            permitted=ready.permitted,
            lacks=ready.lacks,
        )

    def unready(self) -> Unready:
        """Count the orders that are not ready, and name the first of them."""
        judged = ((order, self._judge(order).lacks) for order in self._near)
        lacking = sorted((order.execute_at_ms or 0, order.order_id, lacks) for order, lacks in judged if lacks)
        timed, known = self._state.orders.timed.by_pair, self._state.listings.known
        gone = sum(
            len(timed[symbol])
            for symbol, listing in known.items()
            if symbol in timed and (listing.vanished or is_too_far(listing, self._exchange_ms))
        )
        by_lack = Counter(lack for _, _, lacks in lacking for lack in lacks)
        named = tuple(f"{order_id}: {', '.join(lacks)}" for _, order_id, lacks in lacking[:MAX_NAMED])
        return Unready(len(lacking), dict(by_lack), gone, named)

    def _judge(self, order: Order) -> Readiness:
        state, found = self._state, self._need(order)
        amount = None if found is None else self._needs.get((found.asset, order.execute_at_ms))
        return readiness(
            order,
            state.listings.known.get(order.symbol),
            None if found is None or amount is None else Need(found.asset, amount),
            state.listings.account,
            self._condition,
            self._now_ms,
            sends=state.gate.sends_orders,
        )

    def _need(self, order: Order) -> Need | None:
        return need(order, self._state.listings.known.get(order.symbol))
