"""The overview: every order that is not finished, in the order in which an operator wants to see them.

What may need a person comes first: orders whose outcome is unknown, the longest in doubt before the others. Then what
is under way, who waits for a turn, in the order of service, who waits for a time, and last what rests on the exchange.
"""

from collections.abc import Collection

import msgspec

from daemon.core.ledger import Ledger
from daemon.core.line import Waiting, in_order
from daemon.core.orders import UNRESOLVED, Order, State
from daemon.core.outlook import Outlook, outlook
from daemon.core.reconciliation import Watch

_UNDER_WAY = frozenset({State.ARMED, State.IN_FLIGHT})


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An order, what comes next for it, and its places."""

    order: Order
    outlook: Outlook
    waiting: Waiting | None  # while it waits for a turn
    watch: Watch | None  # while it is looked for


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The first so many orders, how many there are beyond them, and who waits for a turn."""

    standings: list[Standing]
    unshown: int
    queue: list[Waiting]


def overview(ledger: Ledger, now_ms: int, limit: int) -> Overview:
    """List what is not finished. Takes the time of a sort of the queue, and of a pass over the orders."""
    queue = in_order(ledger, limit)
    places = {waiting.order_id: waiting for waiting in queue if waiting.order_id is not None}
    doubts, under_way, later, resting = _unfinished(ledger, places)
    waiting = [ledger.orders[order_id] for order_id in places]
    found = [
        *sorted(doubts, key=lambda order: order.doubt_ms or 0),
        *sorted(under_way, key=lambda order: order.sent_ms or 0),
        *waiting,
        *later,
        *sorted(resting, key=lambda order: order.updated_ms, reverse=True),
    ]
    standings = [_standing(ledger, order, places.get(order.order_id), now_ms) for order in found[:limit]]
    return Overview(standings=standings, unshown=max(0, len(found) - limit), queue=queue)


def _unfinished(ledger: Ledger, places: Collection[str]) -> tuple[list[Order], list[Order], list[Order], list[Order]]:
    """Sort orders out: in doubt or lost, under way, waiting without one of these places, resting on the exchange."""
    doubts: list[Order] = []
    under_way: list[Order] = []
    later: list[Order] = []
    resting: list[Order] = []
    for order in ledger.orders.values():
        if order.finished_ms is not None or order.order_id in places:
            continue
        if order.state in UNRESOLVED:
            doubts.append(order)
        elif order.state in _UNDER_WAY:
            under_way.append(order)
        elif order.state is State.QUEUED:
            later.append(order)
        else:
            resting.append(order)
    return doubts, under_way, later, resting


def _standing(ledger: Ledger, order: Order, waiting: Waiting | None, now_ms: int) -> Standing:
    ahead = None if waiting is None else waiting.position - 1
    return Standing(
        order=order,
        outlook=outlook(ledger, order, now_ms, ahead=ahead),
        waiting=waiting,
        watch=ledger.watches.get(order.order_id),
    )
