"""The overview: every order that is not finished, in the order in which the operator wants to see them.

What may need the operator comes first: orders with an unknown outcome, the oldest doubt first. Then orders in flight,
the queue in the order of service, orders that wait for their time, and last orders that rest on the exchange.
"""

from collections.abc import Generator
from heapq import nlargest, nsmallest
from itertools import islice

import msgspec

from daemon.core.rules.priority_queue import PIECE
from daemon.core.rules.reconciliation import Search
from daemon.core.state.trading_state import TradingState
from daemon.core.values.orders import Order
from daemon.core.values.states import OUTCOME_UNKNOWN, UNDER_WAY, State
from daemon.core.verbs.lease_queue import Waiting, first_served, in_order
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


def overview(state: TradingState, now_ms: int, limit: int) -> Generator[None, None, Overview]:
    """Return at most ``limit`` unfinished orders, after passes over the queue and the sent orders in pieces.

    Other decisions may be made where it yields. What it shows is as it is at the end.
    """
    waiting = yield from first_served(state, limit)
    sent = yield from _first_sent(state, limit)
    queue = in_order(state, waiting)
    places = {waiting.order_id: waiting for waiting in queue if waiting.order_id is not None}
    ids = dict.fromkeys([*sent.doubts, *sent.under_way, *places, *islice(state.orders.later, limit), *sent.resting])
    known = (state.orders.get(order_id) for order_id in ids)
    found = [order for order in known if order is not None and order.finished_ms is None][:limit]
    unfinished = state.orders.counts[State.QUEUED] + sent.count
    standings = [_standing(state, order, places.get(order.order_id), now_ms) for order in found]
    return Overview(standings=standings, unshown=max(0, unfinished - len(found)), queue=queue)


class _Sent(msgspec.Struct):
    """The ids of the first orders that are not queued, and the number of all of them."""

    count: int = 0
    doubts: list[str] = []  # or lost
    under_way: list[str] = []
    resting: list[str] = []


def _first_sent(state: TradingState, limit: int) -> Generator[None, None, _Sent]:
    ids = list(state.orders.unqueued)
    count = 0
    doubts: list[Order] = []
    under_way: list[Order] = []
    resting: list[Order] = []
    for start in range(0, len(ids), PIECE):
        for order in map(state.orders.get, ids[start : start + PIECE]):
            if order is None or order.finished_ms is not None or order.state is State.QUEUED:
                continue
            count += 1
            if order.state in OUTCOME_UNKNOWN:
                doubts.append(order)
            elif order.state in UNDER_WAY:
                under_way.append(order)
            else:
                resting.append(order)
        doubts = nsmallest(limit, doubts, key=lambda order: order.doubt_ms or 0)
        under_way = nsmallest(limit, under_way, key=lambda order: order.sent_ms or 0)
        resting = nlargest(limit, resting, key=lambda order: order.updated_ms)
        yield
    return _Sent(count, *([order.order_id for order in kind] for kind in (doubts, under_way, resting)))


def _standing(state: TradingState, order: Order, waiting: Waiting | None, now_ms: int) -> BoardEntry:
    ahead = None if waiting is None else waiting.position - 1
    return BoardEntry(
        order=order,
        outlook=outlook(state, order, now_ms, ahead=ahead),
        waiting=waiting,
        search=state.searches.get(order.order_id),
    )
