"""Which of two views of an order is the newer one.

MEXC's reads lag its writes (observed): after a cancel a look-up may still show the order open, and fills may be
reported after the cancel. So a sighting is taken for newer than what is known only when it tells of more:
more filled, or a later state with as much filled. The sum paid decides last, and only between views of one state:
witnesses round it differently.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from daemon.core.values.decimals import ZERO, plain, product, quotient
from daemon.core.values.exchange_replies import Look, Sighting
from daemon.core.values.orders import SIGHTINGS, Order, Side, State

_LATENESS = {
    State.OPEN: 0,
    State.PARTIALLY_FILLED: 0,
    State.CANCELED: 1,
    State.PARTIALLY_CANCELED: 1,
    State.FILLED: 2,
}

_RESTING = frozenset({State.OPEN, State.PARTIALLY_FILLED})
_ENDED = frozenset(_LATENESS.keys() - _RESTING)
SPENT_SHARE = Decimal("0.99")
"""A market buy that has spent less of its amount is told why; whole steps of a quantity cost less than the rest."""
_SMALLEST = Decimal("1e-40")
"""Below every amount that can be executed."""


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

    The order's own view may lack the sum that its fills have, or some of the fills. Fills that tell of less than the
    order's own view are not all of them, so their sum is none for it.
    """
    found = None
    for sighting in (look.sighting for look in looks if look.sighting is not None):
        if found is None:
            found = sighting
        elif not lacks_sum(sighting) and (sighting.executed_quantity, not lacks_sum(sighting)) > (
            found.executed_quantity,
            not lacks_sum(found),
        ):
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


def settled(order: Order, sighting: Sighting) -> Sighting:
    """Bring a sighting's state into line with its fills, and its fills with what was asked.

    MEXC documents ``CANCELED`` for orders without and ``PARTIALLY_CANCELED`` for those with fills, but a cancel may
    show the former beside an executed quantity; the quantity is believed. No more can be executed than was asked: what
    is shown beyond that is cut, and the price stays what it was.
    """
    replace = msgspec.structs.replace
    if exceeds(order, sighting):
        asked = order.quantity or ZERO
        quote = quotient(product(sighting.executed_quote, asked), sighting.executed_quantity)
        sighting = replace(sighting, executed_quantity=asked, executed_quote=quote)
    state = sighting.state
    if state is State.CANCELED and sighting.executed_quantity > ZERO:
        state = State.PARTIALLY_CANCELED
    elif state is State.OPEN and sighting.executed_quantity > ZERO:
        state = State.PARTIALLY_FILLED
    return sighting if state is sighting.state else replace(sighting, state=state)


def exceeds(order: Order, sighting: Sighting) -> bool:
    """Whether a sighting shows more executed than was asked."""
    return order.quantity is not None and sighting.executed_quantity > order.quantity


def falls_short(order: Order, sighting: Sighting) -> bool:
    """Whether a sighting shows an end that contradicts what was executed.

    *Filled* with less than was asked, or with nothing, contradicts itself; an end with less than an earlier view
    showed contradicts that one. Either may be a view that is not complete yet.
    """
    if order.state is State.FILLED or sighting.state not in _ENDED:
        return False
    asked = _SMALLEST if order.quantity is None else min(order.quantity, sighting.quantity or order.quantity)
    if sighting.state is State.FILLED and sighting.executed_quantity < asked:
        return True
    return order.state in _RESTING and sighting.executed_quantity < order.executed_quantity


def may_lack_fills(order: Order, sighting: Sighting) -> bool:
    """Whether an order that spends an amount is shown as filled with less than the quantity that the exchange shows.

    What was sent states no quantity, and the exchange's may be an estimate, so this is no contradiction; but it is
    worth another look.
    """
    is_filled = sighting.state is State.FILLED and order.quantity is None and sighting.quantity is not None
    return is_filled and sighting.executed_quantity < (sighting.quantity or ZERO)


def not_ended(sighting: Sighting) -> Sighting:
    """Return a sighting as that of an order that may still change."""
    state = State.PARTIALLY_FILLED if sighting.executed_quantity else State.OPEN
    return msgspec.structs.replace(sighting, state=state)


def spent_less(order: Order, sighting: Sighting) -> str | None:
    """Say why a market buy by amount is filled and has not spent all of it; ``None`` where it has, or is another order.

    MEXC places it as a limit order 5 % above the best price, and buys the quantity that the amount pays for at that
    limit (observed: mexcdevelop/mexc-api-sdk#77). What it buys more cheaply than that is not spent.
    """
    amount, spent = order.quote_quantity, sighting.executed_quote
    if order.side is not Side.BUY or amount is None or sighting.state is not State.FILLED or not spent:
        return None
    if spent >= product(amount, SPENT_SHARE):
        return None
    return (
        f"{plain(spent)} of {plain(amount)} spent: the exchange places a market buy as a limit order 5 % above the "
        "best price, and buys the quantity that its amount pays for at that limit"
    )


def with_known_fills(order: Order, sighting: Sighting) -> Sighting:
    """Return a sighting with the fills that an earlier view showed, where it shows fewer."""
    if order.state not in _RESTING or sighting.executed_quantity >= order.executed_quantity:
        return sighting
    return msgspec.structs.replace(
        sighting, executed_quantity=order.executed_quantity, executed_quote=order.executed_quote
    )
