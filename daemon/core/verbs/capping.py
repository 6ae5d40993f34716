"""Capping: a MARKET order is sent as a limit order at its cap where MARKET fails (:mod:`daemon.core.rules.capping`)."""

from decimal import Decimal

from daemon.core.rules.capping import cap_of, capped, is_due, may_cap
from daemon.core.state.decision import Decision
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.values.symbols import amounts_changed

PRICE_PAUSE_MS = 500
"""Until a price is queried again. A query weighs 10 of 250 in ten seconds."""


def cap_when_due(d: Decision, order: Order) -> bool:
    """Change a queued order to its cap if that is due, or let it wait for the price that its cap follows from.

    Returns:
        Whether it did one of the two. Otherwise the order is sent as it is, also if its pair's rules refuse the cap.

    """
    pair = d.state.pair_rules(order.symbol)
    if not is_due(order, pair, d.exchange_ms, d.state.rules.probed.refused_types):
        return False
    cap = cap_of(order, None)
    if cap is None or pair is None:
        d.state.leave(order)
        d.state.orders.later[order.order_id] = None
        d.changes.unpriced.append(order)
        return True
    after = capped(order, cap, pair, d.exchange_ms)
    if after is not None:
        _cap(d, order, after)
    return after is not None


def priced(d: Decision, order_id: str, last_price: Decimal | None) -> None:
    """Record the price that an order waited for, and queue the order at its cap; without a price it waits again.

    An order that went on meanwhile is left as it is: it may have been woken, or moved, and have got its price from
    another query. To cap it a second time would give it the quantity of the first price at the second one.
    """
    order = d.state.orders.get(order_id)
    if order is None or not _waits_for_price(d, order):
        return
    pair = d.state.pair_rules(order.symbol)
    cap = cap_of(order, last_price)
    after = None if cap is None or pair is None else capped(order, cap, pair, d.exchange_ms)
    if after is None:
        why = "there is no price yet for its cap" if cap is None else "its pair's rules refuse it at its cap"
        order = d.change(order, not_before_ms=d.now_ms + PRICE_PAUSE_MS, reason=why)
    else:
        order = _cap(d, order, after)
    d.enqueue(order)


def _waits_for_price(d: Decision, order: Order) -> bool:
    is_queued = order.state is State.QUEUED and order.order_id not in d.state.queue
    return is_queued and may_cap(order) and d.state.start_ms(order) <= d.now_ms


def _cap(d: Decision, order: Order, after: Order) -> Order:
    changes = amounts_changed(order, after)
    order = d.change(order, type=after.type, asked_type=after.asked_type, **changes)
    d.record("order.capped", order, type=order.type, **changes)
    return order
