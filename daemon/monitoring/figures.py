"""Readings: figures of the trading state, for metrics and alerts.

They cost a pass over the queue, the locks and the orders on the exchange. Other tasks run between the pieces of it, so
with many of them the figures are not of one moment, but of some milliseconds.
"""

import msgspec

from daemon.core.rules.reconciliation import grace_over_ms
from daemon.core.state.trading_state import TradingState
from daemon.core.values.orders import Order
from daemon.core.values.states import MEANINGS, OUTCOME_UNKNOWN, State
from daemon.pieces import pieces

AGED = tuple(state for state, meaning in MEANINGS.items() if meaning.has_age)
"""States for which the age of the oldest order is measured."""

ORDER, LEASE = "order", "lease"
"""Holders of a lock: an order, or a caller's lease."""


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the trading state. Ages are milliseconds, 0 where there is nothing of that age."""

    orders: dict[State, int]  # not finished, by state
    oldest_ms: dict[State, int]  # age of the oldest, for the states of AGED
    past_grace: int  # orders in doubt for longer than their grace
    contradicted: int  # orders whose answers contradict what was sent or known, or are not understood
    waiting: dict[int, int]  # queued orders that are due, by priority
    waiting_oldest_ms: dict[int, int]  # age of the oldest of them, by priority
    callers: int  # callers that wait for a lease
    held: dict[str, int]  # active locks, of orders and of callers
    held_oldest_ms: dict[str, int]
    overdue: int  # active locks whose lease has ended
    overdue_ms: int  # how long ago the first of those leases ended
    orders_used: int  # requests of the last second that count against the order rate
    orders_limit: int
    blocked_ms: int  # rest of the wait that the exchange asked for
    turned_away: bool  # the exchange refuses all orders
    query_overdue_ms: int  # delay of the most overdue query
    halted: bool

    @property
    def queue_depth(self) -> int:
        """Orders and callers that wait for their turn."""
        return sum(self.waiting.values()) + self.callers


async def read(state: TradingState, now_ms: int) -> Readings:
    """Return the readings of the trading state."""
    searches = await _of_searches(state, now_ms)
    oldest = {**dict.fromkeys(AGED, 0), **searches.oldest_ms, State.IN_FLIGHT: _oldest_in_flight_ms(state, now_ms)}
    waiting, waiting_oldest = await _waiting(state, now_ms)
    oldest[State.QUEUED] = max(waiting_oldest.values(), default=0)
    locks = await _of_locks(state, now_ms)
    return Readings(
        orders={each: state.orders.counts[each] for each in State},
        oldest_ms=oldest,
        past_grace=searches.past_grace,
        contradicted=searches.contradicted,
        waiting=waiting,
        waiting_oldest_ms=waiting_oldest,
        callers=len(state.lease_queue.ranks),
        held=locks.held,
        held_oldest_ms=locks.held_oldest_ms,
        overdue=locks.overdue,
        overdue_ms=locks.overdue_ms,
        orders_used=state.rate_budget.used(now_ms),
        orders_limit=state.rate_budget.config.exchange.order_rate_per_s,
        blocked_ms=max(0, state.rate_budget.backoff_until_ms - now_ms),
        turned_away=state.backoff.why is not None,
        query_overdue_ms=max(0, now_ms - _longest_due_ms(state, now_ms)),
        halted=state.gate.halted is not None,
    )


class _OfLocks(msgspec.Struct):
    held: dict[str, int]
    held_oldest_ms: dict[str, int]
    overdue: int = 0
    overdue_ms: int = 0


async def _of_locks(state: TradingState, now_ms: int) -> _OfLocks:
    found = _OfLocks({ORDER: 0, LEASE: 0}, {ORDER: 0, LEASE: 0})
    async for piece in pieces(state.locks):
        for lock in piece:
            holder = LEASE if lock.order_id is None else ORDER
            found.held[holder] += 1
            found.held_oldest_ms[holder] = max(found.held_oldest_ms[holder], now_ms - lock.acquired_ms)
            if now_ms > lock.expires_ms:
                found.overdue += 1
                found.overdue_ms = max(found.overdue_ms, now_ms - lock.expires_ms)
    return found


def _oldest_in_flight_ms(state: TradingState, now_ms: int) -> int:
    orders = (state.orders.get(attempt.order_id) for attempt in state.open_attempts.values())
    return max((now_ms - order.updated_ms for order in orders if order and order.state is State.IN_FLIGHT), default=0)


class _OfSearches(msgspec.Struct):
    oldest_ms: dict[State, int]  # of the orders in doubt, and of the lost ones
    past_grace: int = 0
    contradicted: int = 0


async def _of_searches(state: TradingState, now_ms: int) -> _OfSearches:
    found = _OfSearches(dict.fromkeys(OUTCOME_UNKNOWN, 0))
    async for piece in pieces(state.searches):
        for order_id in piece:
            search, order = state.searches.get(order_id), state.orders.get(order_id)
            if search is None or order is None:
                continue
            found.contradicted += search.odd is not None
            if order.state in OUTCOME_UNKNOWN:
                age_ms = now_ms - (order.doubt_ms or order.updated_ms)
                found.oldest_ms[order.state] = max(found.oldest_ms[order.state], age_ms)
                found.past_grace += order.state is State.IN_DOUBT and now_ms > grace_over_ms(order, state.rules)
    return found


async def _waiting(state: TradingState, now_ms: int) -> tuple[dict[int, int], dict[int, int]]:
    """Count the queued orders by priority, and return the age of the oldest of each."""
    waiting: dict[int, int] = {}
    first: dict[int, Order] = {}
    async for piece in pieces(state.queue.entries()):
        for entry in piece:
            priority = entry.priority
            waiting[priority] = waiting.get(priority, 0) + 1
            if priority not in first or entry.seq < first[priority].seq:
                order = state.orders.get(entry.entry_id)
                if order is not None:
                    first[priority] = order
    return waiting, {priority: now_ms - _began_ms(state, order) for priority, order in first.items()}


def _began_ms(state: TradingState, order: Order) -> int:
    """Return since when an order waits for its turn: from its ``executeAt``, if it has one."""
    return max(order.accepted_ms, state.instant_ms(order) or 0)


def _longest_due_ms(state: TradingState, now_ms: int) -> int:
    """Return when the most overdue query was due, running ones included; now, where none is due."""
    running = [state.searches[order_id].next_ms for order_id in state.searches.running if order_id in state.searches]
    next_ms = state.searches.next_ms()
    return min([now_ms, *running, *([] if next_ms is None else [next_ms])])
