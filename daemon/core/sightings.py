"""Which of two views of an order is the newer one.

MEXC's reads lag its writes (observed): after a cancel a look-up may still show the order open, and fills may be
reported after the cancel. So a sighting is taken for newer than what is known only when it tells of more:
more filled, or a later state with as much filled. The sum paid decides last, and only between views of one state:
witnesses round it differently.
"""

from collections.abc import Iterable

import msgspec

from daemon.core.answers import Look, Sighting
from daemon.core.decimals import ZERO
from daemon.core.orders import SIGHTINGS, Order, State

_LATENESS = {
    State.OPEN: 0,
    State.PARTIALLY_FILLED: 0,
    State.CANCELED: 1,
    State.PARTIALLY_CANCELED: 1,
    State.FILLED: 2,
}


def is_news(order: Order, sighting: Sighting) -> bool:
    """Whether a sighting tells more than is known of the order."""
    if order.state not in SIGHTINGS:
        return True
    if sighting.executed_quantity != order.executed_quantity:
        return sighting.executed_quantity > order.executed_quantity
    later = _LATENESS[sighting.state] - _LATENESS[order.state]
    if later > 0 or order.seen_ms is None:
        return True
    return later == 0 and sighting.executed_quote > order.executed_quote


def lacks_sum(sighting: Sighting) -> bool:
    """Whether a sighting shows a fill and not what it came to."""
    return sighting.executed_quantity > ZERO and not sighting.executed_quote


def combined(looks: Iterable[Look]) -> Sighting | None:
    """Return what a round of looks has seen: the first sighting, with the sum of a later one where it has none.

    The order's own view may lack the sum that its fills have. Fills that tell of less than the order's own view are
    not all of them, so their sum is none for it.
    """
    found = None
    for sighting in (look.sighting for look in looks if look.sighting is not None):
        if found is None:
            found = sighting
        elif lacks_sum(found) and sighting.executed_quantity >= found.executed_quantity and not lacks_sum(sighting):
            found = msgspec.structs.replace(
                found, executed_quantity=sighting.executed_quantity, executed_quote=sighting.executed_quote
            )
    return found


def completed(order: Order, sighting: Sighting) -> Sighting:
    """Take one view's sum into the other, where both show as much filled and one of them lacks the sum.

    A sighting without a sum keeps the known one. An order without a sum takes the one of its fills, and stays in its
    state: fills do not show how an order ended.
    """
    if order.state not in SIGHTINGS or sighting.executed_quantity != order.executed_quantity:
        return sighting
    if lacks_sum(sighting):
        return msgspec.structs.replace(sighting, executed_quote=order.executed_quote)
    if order.executed_sum is None and _LATENESS[sighting.state] < _LATENESS[order.state]:
        return msgspec.structs.replace(sighting, state=order.state)
    return sighting


def settled(sighting: Sighting) -> Sighting:
    """Bring a sighting's state into line with its fills.

    MEXC documents ``CANCELED`` for orders without and ``PARTIALLY_CANCELED`` for those with fills, but a cancel may
    show the former beside an executed quantity; the quantity is believed.
    """
    state = sighting.state
    if state is State.CANCELED and sighting.executed_quantity > ZERO:
        state = State.PARTIALLY_CANCELED
    elif state is State.OPEN and sighting.executed_quantity > ZERO:
        state = State.PARTIALLY_FILLED
    return sighting if state is sighting.state else msgspec.structs.replace(sighting, state=state)
