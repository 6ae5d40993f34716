"""The overview: every order that is not finished, in the order in which the operator wants to see them.

What may need the operator comes first: orders with an unknown outcome, the oldest doubt first. Then orders in flight,
the queue in the order of service, orders that wait for their time, and last orders that rest on the exchange.
"""

from heapq import nlargest, nsmallest
from itertools import islice

import msgspec

from daemon.core.rules.reconciliation import Search
from daemon.core.state.trading_state import TradingState
from daemon.core.values.orders import Order
from daemon.core.values.states import OUTCOME_UNKNOWN, UNDER_WAY, State
from daemon.core.verbs.lease_queue import Waiting, in_order
from daemon.core.views.explain import Outlook, outlook


class BoardEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An order, what comes next for it, and its places in the queue."""

    order: Order
    outlook: Outlook
    waiting: Waiting | None  # while it is in the queue
    search: Search | None  # while it is searched for


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The first orders, how many more there are, and the queue."""

    standings: list[BoardEntry]
    unshown: int
    queue: list[Waiting]


def overview(state: TradingState, now_ms: int, limit: int) -> Overview:
    """Return at most ``limit`` unfinished orders. The queue is passed over once."""
    queue = in_order(state, limit)
    places = {waiting.order_id: waiting for waiting in queue if waiting.order_id is not None}
    doubts, under_way, resting = _sent(state)
    found = [
        *nsmallest(limit, doubts, key=lambda order: order.doubt_ms or 0),
        *nsmallest(limit, under_way, key=lambda order: order.sent_ms or 0),
        *(state.orders[order_id] for order_id in places),
        *(state.orders[order_id] for order_id in islice(state.orders.later, limit)),
        *nlargest(limit, resting, key=lambda order: order.updated_ms),
    ][:limit]
    unfinished = state.orders.counts[State.QUEUED] + len(doubts) + len(under_way) + len(resting)
    standings = [_standing(state, order, places.get(order.order_id), now_ms) for order in found]
    return Overview(standings=standings, unshown=unfinished - len(found), queue=queue)


def _sent(state: TradingState) -> tuple[list[Order], list[Order], list[Order]]:
    """Return the orders that are not queued, as three lists: in doubt or lost, in flight, resting."""
    doubts: list[Order] = []
    under_way: list[Order] = []
    resting: list[Order] = []
    for order in map(state.orders.__getitem__, state.orders.unqueued):
        if order.finished_ms is not None:
            continue
        if order.state in OUTCOME_UNKNOWN:
            doubts.append(order)
        elif order.state in UNDER_WAY:
            under_way.append(order)
        else:
            resting.append(order)
    return doubts, under_way, resting


def _standing(state: TradingState, order: Order, waiting: Waiting | None, now_ms: int) -> BoardEntry:
    ahead = None if waiting is None else waiting.position - 1
    return BoardEntry(
        order=order,
        outlook=outlook(state, order, now_ms, ahead=ahead),
        waiting=waiting,
        search=state.searches.get(order.order_id),
    )
