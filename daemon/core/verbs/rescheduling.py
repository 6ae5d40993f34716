"""Rescheduling: an order that waits for its instant gets another one, and its deadline moves with it.

The operator does it with a reason, or the exchange moves the pair's open (:mod:`daemon.core.verbs.listings`). Only an
order of which nothing is outstanding is moved: one that waits, or an armed one, which is taken back first. Key and
fingerprint stay, so the same signal with its old instant is still a repetition.
"""

from daemon.core.rules.capping import uncapped
from daemon.core.state.decision import Decision
from daemon.core.values.events import DAEMON
from daemon.core.values.orders import Order
from daemon.core.values.signals import MAX_AHEAD_MS
from daemon.core.values.states import WAITING, State
from daemon.core.verbs.dispatch import disarm
from daemon.errors import Invalid, WrongState


def reschedule(d: Decision, order: Order, *, execute_at_ms: int, reason: str, actor: str) -> Order:
    """Move an order to an instant that the operator chose; no listing moves it any more.

    Returns:
        The moved order; or the order in flight, if it was armed and its request had just left.

    Raises:
        WrongState: it does not wait to be sent.
        Invalid: the instant is past, or too far ahead.

    """
    order = d.state.orders.get(order.order_id, order)
    if order.state not in WAITING:
        raise WrongState(
            f"order {order.order_id} is {order.state.value}: only an order that waits to be sent can be rescheduled"
        )
    now_ms = d.exchange_ms
    if not now_ms <= execute_at_ms <= now_ms + MAX_AHEAD_MS:
        raise Invalid(
            f"the instant {execute_at_ms} is {'past' if execute_at_ms < now_ms else 'too far ahead'}",
            field="executeAt",
            allowed=f"Unix time in milliseconds (the exchange's clock shows {now_ms}): ahead by at most 30 days",
        )
    return move(d, order, execute_at_ms, reason, actor=actor, instant_is_manual=True)


def move(
    d: Decision, order: Order, execute_at_ms: int, reason: str, *, actor: str = DAEMON, instant_is_manual: bool = False
) -> Order:
    """Move an order that waits, or an armed one, to another instant; return it in flight if its request has left."""
    if order.state is State.ARMED:
        order = disarm(d, order, f"it is rescheduled: {reason}")
        if order.state is State.IN_FLIGHT:
            return order
    d.state.leave(order)
    d.state.launches.leave(order)
    d.free_lock(order)  # of an attempt that was refused: others need not wait for the new instant
    from_ms = order.execute_at_ms
    order = d.change(
        uncapped(order),
        execute_at_ms=execute_at_ms,
        asked_execute_at_ms=from_ms if order.asked_execute_at_ms is None else order.asked_execute_at_ms,
        instant_is_manual=instant_is_manual,
        deadline_ms=execute_at_ms + order.allowed_ms,
        not_before_ms=0,
        reason=reason,
    )
    d.record(
        "order.rescheduled",
        order,
        actor=actor,
        reason=reason,
        from_ms=from_ms,
        to_ms=execute_at_ms,
        deadline_ms=order.deadline_ms,
    )
    d.enqueue(order)
    return order
