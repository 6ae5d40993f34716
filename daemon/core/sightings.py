"""Which of two views of an order is the newer one.

MEXC's reads lag its writes (observed): after a cancel a look-up may still show the order open, and fills may be
reported after the cancel. So a sighting is taken for newer than what is known only when it tells of more:
more filled, or a later state with as much filled. The sum paid decides last, and only between views of one state:
witnesses round it differently.
"""

import msgspec

from daemon.core.answers import Sighting
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
