"""The overview: every order that is not finished, in the order in which an operator wants to see them.

What may need a person comes first: orders whose outcome is unknown, the longest in doubt before the others. Then what
is under way, who waits for a turn, in the order of service, who waits for a time, and last what rests on the exchange.
"""

from itertools import islice

import msgspec

from daemon.core.ledger import Ledger
from daemon.core.line import Waiting, in_order
from daemon.core.orders import UNRESOLVED, Order, State
from daemon.core.outlook import Outlook, outlook
from daemon.core.reconciliation import Watch

_FAR = 2**62
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
    """List what is not finished. Takes the time of a sort."""
    queue = in_order(ledger, limit)
    places = {waiting.order_id: waiting for waiting in queue if waiting.order_id is not None}

    def rank(order: Order) -> tuple[int, int, int]:
        if order.state in UNRESOLVED:
            return 0, order.doubt_ms or 0, order.seq
        if order.state in _UNDER_WAY:
            return 1, order.sent_ms or 0, order.seq
        if order.state is State.QUEUED:
            waiting = places.get(order.order_id)
            return 2, _FAR if waiting is None else waiting.position, order.seq
        return 3, -order.updated_ms, order.seq

    unfinished = [order for order in ledger.orders.values() if order.finished_ms is None]
    chosen = list(islice(sorted(unfinished, key=rank), limit))
    standings = [_standing(ledger, order, places.get(order.order_id), now_ms) for order in chosen]
    return Overview(standings=standings, unshown=len(unfinished) - len(chosen), queue=queue)


def _standing(ledger: Ledger, order: Order, waiting: Waiting | None, now_ms: int) -> Standing:
    ahead = None if waiting is None else waiting.position - 1
    return Standing(
        order=order,
        outlook=outlook(ledger, order, now_ms, ahead=ahead),
        waiting=waiting,
        watch=ledger.watches.get(order.order_id),
    )
