"""Readings: figures of the trading state at one moment, for metrics and alerts.

They cost a pass over the queue, the locks and the orders on the exchange: a few milliseconds for ten thousand entries,
almost nothing for empty queues.
"""

from collections import Counter

import msgspec

from daemon.core.rules.priority_queue import Entry
from daemon.core.rules.reconciliation import grace_over_ms
from daemon.core.state.trading_state import TradingState
from daemon.core.values.orders import Order
from daemon.core.values.states import MEANINGS, OUTCOME_UNKNOWN, State

AGED = tuple(state for state, meaning in MEANINGS.items() if meaning.has_age)
"""States for which the age of the oldest order is measured."""

ORDER, LEASE = "order", "lease"
"""Holders of a lock: an order, or a caller's lease."""


class Readings(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the trading state at one moment. Ages are milliseconds, 0 where there is nothing of that age."""

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


def read(state: TradingState, now_ms: int) -> Readings:
    """Return the readings of the trading state."""
    oldest, past_grace = _ages(state, now_ms)
    waiting, waiting_oldest = _waiting(state, now_ms)
    oldest[State.QUEUED] = max(waiting_oldest.values(), default=0)
    held: Counter[str] = Counter()
    held_oldest = {ORDER: 0, LEASE: 0}
    overdue = overdue_ms = 0
    for lock in state.locks:
        holder = LEASE if lock.order_id is None else ORDER
        held[holder] += 1
        held_oldest[holder] = max(held_oldest[holder], now_ms - lock.acquired_ms)
        if now_ms > lock.expires_ms:
            overdue += 1
            overdue_ms = max(overdue_ms, now_ms - lock.expires_ms)
    return Readings(
        orders={each: state.orders.counts[each] for each in State},
        oldest_ms=oldest,
        past_grace=past_grace,
        contradicted=sum(search.odd is not None for search in state.searches.values()),
        waiting=waiting,
        waiting_oldest_ms=waiting_oldest,
        callers=len(state.lease_queue.ranks),
        held={holder: held[holder] for holder in held_oldest},
        held_oldest_ms=held_oldest,
        overdue=overdue,
        overdue_ms=overdue_ms,
        orders_used=state.rate_budget.used(now_ms),
        orders_limit=state.rate_budget.config.exchange.order_rate_per_s,
        blocked_ms=max(0, state.rate_budget.backoff_until_ms - now_ms),
        turned_away=state.backoff.why is not None,
        query_overdue_ms=max(0, now_ms - _longest_due_ms(state, now_ms)),
        halted=state.gate.halted is not None,
    )


def _ages(state: TradingState, now_ms: int) -> tuple[dict[State, int], int]:
    """Return the age of the oldest order of each state of AGED, and the number of doubts past their grace."""
    oldest = dict.fromkeys(AGED, 0)
    for attempt in state.open_attempts.values():
        order = state.orders.get(attempt.order_id)
        if order is not None and order.state is State.IN_FLIGHT:
            oldest[State.IN_FLIGHT] = max(oldest[State.IN_FLIGHT], now_ms - order.updated_ms)
    past_grace = 0
    for order in _unresolved(state):
        oldest[order.state] = max(oldest[order.state], now_ms - (order.doubt_ms or order.updated_ms))
        if order.state is State.IN_DOUBT and now_ms > grace_over_ms(order, state.rules):
            past_grace += 1
    return oldest, past_grace


def _unresolved(state: TradingState) -> list[Order]:
    """Return the orders in doubt and lost. The counts avoid a pass where there are none."""
    if not state.orders.counts[State.IN_DOUBT] + state.orders.counts[State.LOST]:
        return []
    searched = (state.orders[order_id] for order_id in state.searches)
    return [order for order in searched if order.state in OUTCOME_UNKNOWN]


def _waiting(state: TradingState, now_ms: int) -> tuple[dict[int, int], dict[int, int]]:
    """Count the queued orders by priority, and return the age of the oldest of each."""
    waiting: dict[int, int] = {}
    first: dict[int, Entry] = {}
    for entry in state.queue.entries():
        priority = entry.priority
        waiting[priority] = waiting.get(priority, 0) + 1
        if priority not in first or entry.seq < first[priority].seq:
            first[priority] = entry
    orders = {priority: state.orders[entry.entry_id] for priority, entry in first.items()}
    return waiting, {priority: now_ms - _began_ms(order) for priority, order in orders.items()}


def _began_ms(order: Order) -> int:
    """Return since when an order waits for its turn: from its ``executeAt``, if it has one."""
    return order.accepted_ms if order.execute_at_ms is None else max(order.accepted_ms, order.execute_at_ms)


def _longest_due_ms(state: TradingState, now_ms: int) -> int:
    """Return when the most overdue query was due, running ones included; now, where none is due."""
    running = [state.searches[order_id].next_ms for order_id in state.searches.running if order_id in state.searches]
    next_ms = state.searches.next_ms()
    return min([now_ms, *running, *([] if next_ms is None else [next_ms])])
