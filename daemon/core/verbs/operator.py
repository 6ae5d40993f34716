"""What the operator does to orders and to trading. Each verb records its reason and its actor.

The order passed to a verb may have been read from the disk before. If the order is in memory, the verb uses that value,
because it is newer.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from daemon.core.rules.idempotency import keys_of
from daemon.core.rules.reconciliation import begin, grace_over_ms
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import HALT_FACT, RATE_BACKOFF_FACT
from daemon.core.values.decimals import ZERO
from daemon.core.values.events import DAEMON
from daemon.core.values.exchange_replies import CancelAnswer
from daemon.core.values.orders import Order
from daemon.core.values.states import OUTCOME_UNKNOWN, REPORT_EVENTS, RESTING, WITHDRAWABLE, OrderEvent, State
from daemon.core.verbs.dispatch import disarm_all, take_back
from daemon.errors import WrongState


class Resolution(StrEnum):
    """What the operator found on the exchange about an order whose outcome is unknown."""

    NOT_PLACED = "not_placed"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    PARTIALLY_CANCELED = "partially_canceled"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A resolution, with what the exchange shows of the order."""

    resolution: Resolution
    exchange_order_id: str | None = None
    executed_quantity: Decimal = ZERO
    executed_quote: Decimal = ZERO


def withdraw(d: Decision, order: Order, *, reason: str, actor: str) -> Order:
    """Cancel an order that was not sent.

    Returns:
        The withdrawn order; or the order in flight, if it was armed and its request had just left.

    Raises:
        WrongState: it may have been sent already.

    """
    order = d.state.orders.get(order.order_id, order)
    if order.state not in WITHDRAWABLE:
        raise WrongState(
            f"order {order.order_id} is {order.state.value}: it may have been sent, so it cannot be withdrawn"
        )
    d.state.leave(order)
    order = take_back(d, order)
    if order.state is State.IN_FLIGHT:
        return order
    order = d.move(order, OrderEvent.WITHDRAW, reason=reason)
    d.record("order.withdrawn", order, actor=actor, reason=reason)
    return order


def ask_cancel(d: Decision, order: Order, *, reason: str, actor: str) -> Order:
    """Record that a cancel of a resting order is sent to the exchange, and count it in the rate budget.

    Raises:
        WrongState: it does not rest on the exchange.

    """
    order = d.state.orders.get(order.order_id, order)
    if order.state not in RESTING:
        raise WrongState(f"order {order.order_id} is {order.state.value}: there is nothing to cancel now")
    d.state.rate_budget.count(d.now_ms)
    d.record("order.cancel_requested", order, actor=actor, reason=reason)
    return order


def cancel_answered(d: Decision, order: Order, *, answer: CancelAnswer, reason: str, actor: str) -> Order:
    """Record the exchange's answer to a cancel, and query the order at once: the answer proves nothing."""
    del reason
    order = d.state.orders.get(order.order_id, order)
    d.record(
        "order.cancel_answered",
        order,
        actor=actor,
        asked=answer.asked,
        answered=answer.answered,
        outcome=answer.outcome,
    )
    if order.order_id in d.state.searches:
        d.state.searches.schedule(order, begin(order, d.now_ms, d.state.rules))
    return order


def resolve(d: Decision, order: Order, *, found: Found, reason: str, actor: str) -> Order:
    """End an unknown outcome by the operator's resolution.

    An order that was resolved as not placed is searched for a few times more
    (:data:`daemon.core.rules.reconciliation.RULED_MS`). The same resolution again, for the same reason, changes
    nothing: the answer to the first may have been lost.

    Raises:
        WrongState: the outcome is not unknown, or it is too early to say that the order was not placed.

    """
    order = d.state.orders.get(order.order_id, order)
    if _is_resolved(order, found, reason):
        return order
    if order.state not in OUTCOME_UNKNOWN:
        raise WrongState(
            f"order {order.order_id} is {order.state.value}: only an order that is in_doubt or lost can be resolved; a "
            "resolution is repeated with the same reason"
        )
    if found.resolution is Resolution.NOT_PLACED:
        _check_grace(d, order)
        order = d.move(order, OrderEvent.RULE_OUT, reason=reason)
        order = d.change(order, finished_ms=None)  # it is searched for a few times more
        d.free_lock(order, error=reason)
    else:
        order = d.move(
            order,
            REPORT_EVENTS[State(found.resolution)],
            reason=reason,
            exchange_order_id=found.exchange_order_id or order.exchange_order_id,
            executed_quantity=found.executed_quantity,
            executed_quote=found.executed_quote,
        )
        d.free_lock(order, result=f'{{"ruling":"{found.resolution.value}"}}')
    d.record("order.ruled", order, actor=actor, ruling=found.resolution, reason=reason)
    return order


def _is_resolved(order: Order, found: Found, reason: str) -> bool:
    """Return whether an order is what this resolution would make of it."""
    if order.reason != reason:
        return False
    if found.resolution is Resolution.NOT_PLACED:
        return order.state is State.REJECTED
    return (order.state, order.exchange_order_id, order.executed_quantity, order.executed_quote) == (
        State(found.resolution),
        found.exchange_order_id or order.exchange_order_id,
        found.executed_quantity,
        found.executed_quote,
    )


def _check_grace(d: Decision, order: Order) -> None:
    """Refuse to call an order not placed while the exchange may still admit its request, or not show it yet."""
    over_ms = grace_over_ms(order, d.state.rules)
    if d.now_ms < over_ms:
        raise WrongState(
            f"order {order.order_id} may still be admitted by the exchange, so it cannot be resolved as not_placed "
            f"yet: look at the exchange again and resolve it in {(over_ms - d.now_ms + 999) // 1_000} s, "
            f"from {over_ms} (Unix ms) on"
        )


def requeue(d: Decision, order: Order, *, reason: str, actor: str) -> Order:
    """Send a dead letter back into the queue, with a new deadline.

    Raises:
        WrongState: it is no dead letter, or its signal has become a newer order, or another one has its key.

    """
    order = d.state.orders.get(order.order_id, order)
    if order.state is not State.DEAD_LETTER:
        raise WrongState(f"order {order.order_id} is {order.state.value}: only a dead_letter can be requeued")
    for key in keys_of(order):
        successor = d.state.orders.by_key(key)
        if successor is not None and (key == order.key or successor.fingerprint == order.fingerprint):
            raise WrongState(
                f"order {order.order_id} was replaced by {successor.order_id}, which has its idempotency key: "
                "requeueing it could place the same order twice"
            )
    order = d.move(
        order,
        OrderEvent.REQUEUE,
        reason=reason,
        key_bound=True,
        finished_ms=None,
        not_before_ms=0,
        execute_at_ms=d.exchange_ms,  # the deadline counts from here, also if it is sent back once more
        deadline_ms=d.exchange_ms + order.allowed_ms,
    )
    d.record("order.requeued", order, actor=actor, reason=reason, deadline_ms=order.deadline_ms)
    d.enqueue(order)
    return order


def halt(d: Decision, *, reason: str, actor: str = DAEMON) -> None:
    """Set the kill switch: nothing new is sent, armed orders are taken back."""
    if d.state.gate.halted is not None:
        return
    d.state.gate.halted = d.changes.facts[HALT_FACT] = reason
    d.record("trading.halted", actor=actor, reason=reason)
    disarm_all(d, f"trading was halted: {reason}")


def clear_wait(d: Decision, *, reason: str, actor: str) -> None:
    """End every wait that the exchange asked for, or that its answers caused.

    If orders are backed off, one order tries at once, and the others wait for its answer. So if the exchange still
    accepts none, only that order can become in doubt.
    """
    d.state.backoff.try_now()
    until_ms = d.state.rate_budget.backoff_until_ms
    d.state.rate_budget.backoff_until_ms = 0
    d.changes.facts[RATE_BACKOFF_FACT] = "0"
    d.record("exchange.wait_cleared", actor=actor, reason=reason, until_ms=until_ms)


def resume(d: Decision, *, reason: str, actor: str) -> None:
    """Release the kill switch."""
    if d.state.gate.halted is None:
        return
    d.state.gate.halted = None
    d.changes.facts[HALT_FACT] = ""
    d.record("trading.resumed", actor=actor, reason=reason)
