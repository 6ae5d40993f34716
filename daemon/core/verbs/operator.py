"""Rulings: what a person does to orders and to trading. Each has its reason and its actor on record.

The order that a verb is given may have been read from the disk a moment ago. Where memory knows it, memory's word is
the newer one, and the verb goes by that.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from daemon.core.rules.reconciliation import begin, grace_over_ms
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import HALT_FACT, RATE_BACKOFF_FACT, TradingState
from daemon.core.values.decimals import ZERO
from daemon.core.values.events import DAEMON
from daemon.core.values.exchange_replies import CancelAnswer
from daemon.core.values.orders import Order
from daemon.core.values.states import RESTING, SIGHTINGS, UNRESOLVED, WITHDRAWABLE, OrderEvent, State
from daemon.core.verbs.dispatch import disarm, take_back
from daemon.errors import WrongState


class Ruling(StrEnum):
    """What a person found on the exchange about an order whose outcome was unknown."""

    NOT_PLACED = "not_placed"
    OPEN = "open"
    FILLED = "filled"
    CANCELED = "canceled"
    PARTIALLY_CANCELED = "partially_canceled"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A ruling with what goes with it."""

    ruling: Ruling
    exchange_order_id: str | None = None
    executed_quantity: Decimal = ZERO
    executed_quote: Decimal = ZERO


def withdraw(ledger: TradingState, step: Decision, order: Order, *, reason: str, actor: str, now_ms: int) -> Order:
    """Cancel an order that was not sent.

    Raises:
        WrongState: it may have been sent already.

    """
    order = ledger.orders.get(order.order_id, order)
    if order.state not in WITHDRAWABLE:
        raise WrongState(f"order {order.order_id} is {order.state.value}: what may have been sent cannot be withdrawn")
    ledger.leave(order)
    take_back(ledger, step, order, now_ms)
    order = ledger.move(step, order, OrderEvent.WITHDRAW, now_ms, reason=reason)
    ledger.tell(step, "order.withdrawn", now_ms, order, actor=actor, reason=reason)
    return order


def ask_cancel(ledger: TradingState, step: Decision, order: Order, *, reason: str, actor: str, now_ms: int) -> Order:
    """Record that a resting order's cancel is asked of the exchange, and count it in its second.

    Raises:
        WrongState: the exchange does not hold it any more.

    """
    order = ledger.orders.get(order.order_id, order)
    if order.state not in RESTING:
        raise WrongState(f"order {order.order_id} is {order.state.value}: there is nothing to cancel now")
    ledger.capacity.count(now_ms)
    ledger.tell(step, "order.cancel_requested", now_ms, order, actor=actor, reason=reason)
    return order


def cancel_answered(
    ledger: TradingState, step: Decision, order: Order, *, answer: CancelAnswer, reason: str, actor: str, now_ms: int
) -> Order:
    """Record the exchange's answer to a cancel, and look at the order at once: the answer proves nothing."""
    del reason
    order = ledger.orders.get(order.order_id, order)
    ledger.tell(
        step,
        "order.cancel_answered",
        now_ms,
        order,
        actor=actor,
        asked=answer.asked,
        answered=answer.answered,
        outcome=answer.outcome,
    )
    if order.order_id in ledger.searches:
        ledger.schedule_search(order, begin(order, now_ms, ledger.rules))
    return order


def rule(
    ledger: TradingState, step: Decision, order: Order, *, found: Found, reason: str, actor: str, now_ms: int
) -> Order:
    """End an unknown outcome by a person's word.

    An order that was ruled out is looked for a few times more (:data:`daemon.core.rules.reconciliation.RULED_MS`).

    Raises:
        WrongState: the outcome is not unknown, or it is too early to say that the order was not placed.

    """
    order = ledger.orders.get(order.order_id, order)
    if order.state not in UNRESOLVED:
        raise WrongState(
            f"order {order.order_id} is {order.state.value}: only an order that is in_doubt or lost can be ruled on"
        )
    if found.ruling is Ruling.NOT_PLACED:
        _check_grace(ledger, order, now_ms)
        order = ledger.move(step, order, OrderEvent.RULE_OUT, now_ms, reason=reason)
        order = ledger.change(step, order, now_ms, finished_ms=None)  # it is looked for a few times more
        ledger.free(step, order, now_ms, error=reason)
    else:
        order = ledger.move(
            step,
            order,
            SIGHTINGS[State(found.ruling)],
            now_ms,
            reason=reason,
            exchange_order_id=found.exchange_order_id or order.exchange_order_id,
            executed_quantity=found.executed_quantity,
            executed_quote=found.executed_quote,
        )
        ledger.free(step, order, now_ms, result=f'{{"ruling":"{found.ruling.value}"}}')
    ledger.tell(step, "order.ruled", now_ms, order, actor=actor, ruling=found.ruling, reason=reason)
    return order


def _check_grace(ledger: TradingState, order: Order, now_ms: int) -> None:
    """Refuse to call an order not placed while the exchange may still admit its request, or not show it yet."""
    over_ms = grace_over_ms(order, ledger.rules)
    if now_ms < over_ms:
        raise WrongState(
            f"order {order.order_id} may still be admitted by the exchange, so it cannot be ruled not_placed yet: look "
            f"at the exchange again and rule in {(over_ms - now_ms + 999) // 1_000} s, from {over_ms} (Unix ms) on"
        )


def requeue(ledger: TradingState, step: Decision, order: Order, *, reason: str, actor: str, now_ms: int) -> Order:
    """Send a dead letter back into the queue, with its deadline begun anew.

    Raises:
        WrongState: it is no dead letter, or its key has gone to a newer order.

    """
    order = ledger.orders.get(order.order_id, order)
    if order.state is not State.DEAD_LETTER:
        raise WrongState(f"order {order.order_id} is {order.state.value}: only a dead_letter can be requeued")
    heir = ledger.keys.order_of(order.key)
    if heir is not None and heir.order_id != order.order_id:
        raise WrongState(
            f"order {order.order_id} was replaced by {heir.order_id}, which has its idempotency key: "
            "requeueing it could place the same wish twice"
        )
    patience_ms = order.deadline_ms - (order.accepted_ms if order.execute_at_ms is None else order.execute_at_ms)
    order = ledger.move(
        step,
        order,
        OrderEvent.REQUEUE,
        now_ms,
        reason=reason,
        key_bound=True,
        finished_ms=None,
        not_before_ms=0,
        execute_at_ms=now_ms,  # from here the deadline counts, should it be sent back once more
        deadline_ms=now_ms + patience_ms,
    )
    ledger.tell(step, "order.requeued", now_ms, order, actor=actor, reason=reason, deadline_ms=order.deadline_ms)
    ledger.enqueue(order, now_ms)
    return order


def halt(ledger: TradingState, step: Decision, *, reason: str, now_ms: int, actor: str = DAEMON) -> None:
    """Set the kill switch: nothing new is sent, armed orders are taken back."""
    if ledger.halted is not None:
        return
    ledger.halted = step.facts[HALT_FACT] = reason
    ledger.tell(step, "trading.halted", now_ms, None, actor=actor, reason=reason)
    for order in [order for order in ledger.orders.values() if order.state is State.ARMED]:
        disarm(ledger, step, order, f"trading was halted: {reason}", now_ms)


def clear_wait(ledger: TradingState, step: Decision, *, reason: str, actor: str, now_ms: int) -> None:
    """End every wait that the exchange asked for, or that we made of its answers: a person knows better.

    Where the exchange takes no orders, one order tries at once. The others wait for its answer: if the person is wrong,
    one order is in doubt, and not each that waits.
    """
    ledger.backoff.try_now()
    until_ms = ledger.capacity.backoff_until_ms
    ledger.capacity.backoff_until_ms = 0
    step.facts[RATE_BACKOFF_FACT] = "0"
    ledger.tell(step, "exchange.wait_cleared", now_ms, None, actor=actor, reason=reason, until_ms=until_ms)


def resume(ledger: TradingState, step: Decision, *, reason: str, actor: str, now_ms: int) -> None:
    """Release the kill switch."""
    if ledger.halted is None:
        return
    ledger.halted = None
    step.facts[HALT_FACT] = ""
    ledger.tell(step, "trading.resumed", now_ms, None, actor=actor, reason=reason)
