"""Intake: a signal becomes an order, or is answered by an earlier one."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from daemon.core.rules import guards
from daemon.core.rules.exposure import Exposure
from daemon.core.rules.idempotency import Claim, Identity, claim, identity_of, key_until_ms
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.orders import Order, Side
from daemon.core.values.signals import Signal, check_instant
from daemon.core.values.states import State
from daemon.errors import Full, Guarded, Halted, Invalid, KeyConflict, NotReady

_NO_EXPOSURE = Exposure()


class Incoming(msgspec.Struct, frozen=True):
    """A signal that is to be accepted."""

    fitted: Signal | None  # rounded to its pair's rules; None: an earlier order answered it, so it was not fitted
    identity: Identity  # of the signal before it is rounded


class Accepted(msgspec.Struct, frozen=True):
    """The signal's order; ``replayed`` if an earlier signal created it."""

    order: Order
    replayed: bool


def identify(state: TradingState, signal: Signal) -> Identity:
    """Return the identity of a signal, before anything is rounded."""
    rules = state.rules
    return identity_of(signal, per_symbol=rules.config.locks.per_symbol, one_buy_per_target=rules.config.poller.enabled)


def earlier_order(state: TradingState, identity: Identity, now_ms: int) -> Order | None:
    """Return the order that answers a repeated signal, or ``None`` for a new signal.

    Raises:
        KeyConflict: the key belongs to an order with another payload.

    """
    return _look_up(state, identity, now_ms, {})[0]


def accept_all(d: Decision, incoming: Sequence[Incoming], order_ids: Sequence[str], *, actor: str) -> list[Accepted]:
    """Accept all signals, or none of them.

    A repeated signal is answered with its order even while trading is halted or the daemon drains: it places nothing.

    Args:
        order_ids: one unused id per signal.

    Raises:
        KeyConflict: a key belongs to another payload, on record or among these.
        NotReady: the daemon is starting or draining; or a signal is new, and was not fitted to its pair.
        Halted: the kill switch is on.
        Full: the queue has no room.
        Invalid: a signal's instant and deadline have passed.
        Guarded: a guard refuses a signal, also because of signals before it in this batch.

    """
    batch: dict[str, Order] = {}  # new orders, by key
    accepted: list[Accepted] = []
    sides: list[Side] = []
    for signal, order_id in zip(incoming, order_ids, strict=True):
        known, key = _look_up(d.state, signal.identity, d.now_ms, batch)
        if known is None:
            sides.append(signal.identity.asked.side)
            if signal.fitted is None:
                check_open(d.state, sides)
                raise NotReady(
                    "the order that answered the signal has ended and was not placed; send it again, with the same key"
                )
            batch[key] = _order(d, signal.fitted, signal.identity, order_id, key, d.state.orders.last_seq + len(sides))
        accepted.append(Accepted(known or batch[key], replayed=known is not None))
    if sides:
        check_open(d.state, sides)
        _check_each(d, incoming, accepted)
    for each in accepted:
        if each.replayed:
            d.record("order.replayed", each.order, actor=actor, key=each.order.key)
        else:
            _add(d, each.order, actor)
    for signal in incoming:
        d.state.orders.decided(signal.identity.keys)
    return accepted


def _look_up(
    state: TradingState, identity: Identity, now_ms: int, batch: Mapping[str, Order]
) -> tuple[Order | None, str]:
    """Return the order that answers a signal, if there is one, and the key that a new order gets.

    Args:
        batch: orders that earlier signals of the same batch will become, by key.

    """
    state.orders.ask_for(identity.keys)
    conflict: Order | None = None
    free = identity.key
    for key in identity.keys:
        known = batch.get(key) or state.orders.by_key(key)
        if known is None:
            continue
        verdict = claim(known, identity, now_ms, state.rules.config.queue.manual_window_ms)
        if verdict is Claim.REPLAY:
            return known, key
        if verdict is Claim.CONFLICT:
            conflict = known
            if key == identity.key and identity.second_key is not None:
                free = identity.second_key
    if conflict is not None and identity.second_key is None:
        if conflict.key in batch:
            raise KeyConflict(f"idempotency key {identity.key!r} has two different payloads in one batch")
        raise KeyConflict(
            f"idempotency key {identity.key!r} belongs to order {conflict.order_id} with another payload; "
            "send the same payload to read its outcome, or another key to place another order"
        )
    return None, free


def _check_each(d: Decision, incoming: Sequence[Incoming], accepted: Sequence[Accepted]) -> None:
    """Check the instant and the guards of each new order. An error names its place in a batch of several."""
    counted = Exposure() if len(incoming) > 1 else _NO_EXPOSURE  # what the orders before it in this batch add
    for place, (signal, each) in enumerate(zip(incoming, accepted, strict=True)):
        if each.replayed:
            continue
        asked = signal.identity.asked
        try:
            check_instant(asked, d.exchange_ms)
            guards.check(
                each.order,
                d.state.rules.config.guards,
                (d.state.orders.exposure, counted),
                allow_repeat=asked.allow_repeat,
            )
        except (Invalid, Guarded) as refused:
            raise refused if len(incoming) == 1 else refused.within(f"[{place}]") from None
        if len(incoming) > 1:
            counted.note(None, msgspec.structs.replace(each.order, order_id=f"[{place}]"))


def _add(d: Decision, order: Order, actor: str) -> None:
    """Queue a new order, and free its key of an order that no longer counts."""
    outdated = d.state.orders.by_key(order.key)
    if outdated is not None and outdated.key_bound:
        d.unbind(outdated)
    d.state.orders.last_seq = order.seq
    d.add(order)
    d.enqueue(order)
    d.record(
        "order.accepted",
        order,
        actor=actor,
        symbol=order.symbol,
        side=order.side,
        type=order.type,
        quantity=order.quantity,
        quote_quantity=order.quote_quantity,
        price=order.price,
        owner_id=order.owner_id,
        target_id=order.target_id,
        key=order.key,
        priority=order.priority,
        deadline_ms=order.deadline_ms,
        execute_at_ms=order.execute_at_ms,
        **_asked(order),
    )


def check_open(state: TradingState, arrivals: Sequence[Side]) -> None:
    """Check that new signals of these sides are accepted.

    BUYs never take the place of SELLs: only SELLs count against the limit for SELLs.

    Raises:
        NotReady, Halted, Full: see :func:`accept_all`.

    """
    if state.gate.halted is not None:
        raise Halted(f"trading is halted ({state.gate.halted}); `sniperd resume` ends it")
    if not state.gate.takes_signals:
        raise NotReady("the daemon is starting or draining; send the signal again in a moment, with the same key")
    if state.gate.preflight_pending is not None:
        raise NotReady(f"{state.gate.preflight_pending}; send the signal again, with the same key")
    sells = arrivals.count(Side.SELL)
    _check_room(sells, state.orders.queued[Side.SELL], "SELLs", state.rules.config.queue.max_queued)
    if sells < len(arrivals):
        _check_room(len(arrivals), state.orders.queued.total(), "orders", state.rules.config.queue.max_queued)


def _check_room(arrivals: int, waiting: int, what: str, limit: int) -> None:
    if arrivals and waiting + arrivals > limit:
        raise Full(
            f"{waiting} {what} wait already, the limit ([queue] max_queued); "
            "send the signal again when some are done, or raise the limit"
        )


def _order(d: Decision, signal: Signal, identity: Identity, order_id: str, key: str, seq: int) -> Order:
    return Order(
        seq=seq,
        order_id=order_id,
        state=State.QUEUED,
        symbol=signal.symbol,
        side=signal.side,
        type=signal.type,
        quantity=signal.quantity,
        quote_quantity=signal.quote_quantity,
        price=signal.price,
        asked_quantity=_if_rounded(identity.asked.quantity, signal.quantity),
        asked_quote_quantity=_if_rounded(identity.asked.quote_quantity, signal.quote_quantity),
        asked_price=_if_rounded(identity.asked.price, signal.price),
        last_price=signal.last_price,
        owner_id=signal.owner_id,
        target_id=signal.target_id,
        resource=identity.resource,
        priority=signal.priority,
        skip_lock=signal.skip_lock,
        key=key,
        fingerprint=identity.fingerprint,
        key_until_ms=key_until_ms(identity, d.now_ms, d.state.rules.config.queue.manual_window_ms),
        accepted_ms=d.now_ms,
        deadline_ms=(d.now_ms if signal.execute_at_ms is None else signal.execute_at_ms) + signal.deadline_after_ms,
        execute_at_ms=signal.execute_at_ms,
        timeout_ms=signal.timeout_ms,
        updated_ms=d.now_ms,
    )


def _if_rounded(asked: Decimal | None, fitted: Decimal | None) -> Decimal | None:
    return None if asked == fitted else asked


def _asked(order: Order) -> dict[str, Any]:
    """Return the amounts before rounding, for the audit trail."""
    return {f"asked_{name}": amount for name, amount in order.asked.items()}
