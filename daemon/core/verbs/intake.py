"""Intake: a signal becomes an order, or is answered by an earlier one."""

from collections.abc import Sequence
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


class Accepted(msgspec.Struct, frozen=True):
    """The signal's order; ``replayed`` where an earlier signal made it."""

    order: Order
    replayed: bool


def identify(state: TradingState, signal: Signal) -> Identity:
    """Name a signal, as it was asked: before anything is rounded."""
    rules = state.rules
    return identity_of(signal, per_symbol=rules.config.locks.per_symbol, one_buy_per_target=rules.config.poller.enabled)


def recognise(d: Decision, identity: Identity, *, actor: str) -> Accepted | None:
    """Answer a repetition with the first one's order; ``None`` where the signal is new.

    A repetition is answered even while halted or draining, because it places nothing.

    Raises:
        KeyConflict: the key belongs to an order with another payload.

    """
    other: Order | None = None
    for key in identity.keys:
        known = d.state.orders.by_key(key)
        verdict = claim(known, identity, d.now_ms, d.state.rules.config.queue.manual_window_ms)
        if known is not None and verdict is Claim.REPLAY:
            d.record("order.replayed", known, actor=actor, key=known.key)
            return Accepted(known, replayed=True)
        if verdict is Claim.CONFLICT:
            other = known
    if other is not None and identity.second_key is None:
        raise KeyConflict(
            f"idempotency key {identity.key!r} belongs to order {other.order_id} with another payload; "
            "send the same payload to read its outcome, or another key to place another order"
        )
    return None


def accept(d: Decision, signal: Signal | None, identity: Identity, *, order_id: str, actor: str) -> Accepted:
    """Take a signal in, once.

    Args:
        signal: rounded to what its symbol admits; ``None`` where it was not, because an earlier order answered it.
        identity: of the signal as it was asked.

    Raises:
        KeyConflict: the key belongs to an order with another payload.
        NotReady: the daemon is starting or draining, or the signal is new and was not fitted to its pair.
        Halted: the kill switch is on.
        Full: the queue has no room.

    """
    repetition = recognise(d, identity, actor=actor)
    if repetition is not None:
        return repetition
    check_open(d.state, [identity.asked.side])
    key = _key_of_new(d, identity)
    outdated = d.state.orders.by_key(key)
    if outdated is not None and outdated.key_bound:
        d.unbind(outdated)
    order = _order(d, signal, identity, order_id, key=key)
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
    return Accepted(order, replayed=False)


def check_all(d: Decision, wishes: Sequence[tuple[Signal | None, Identity]]) -> None:
    """Check that all of several signals would be taken, so that all or none can be.

    Raises:
        KeyConflict: a key belongs to another payload, on record or among these.
        NotReady, Halted, Full: see :func:`accept`.
        Invalid: its instant and its deadline have passed.
        Guarded: a guard speaks against one of them, what comes before it among these included.

    """
    new: dict[str, str] = {}  # the keys that they would take, and the payloads' fingerprints
    fresh: list[tuple[int, Signal | None, Identity]] = []
    for place, (signal, identity) in enumerate(wishes):
        if recognise(Decision(d.state, d.now_ms), identity, actor="") is not None:
            continue
        key = _key_of_new(d, identity)
        if new.get(key, identity.fingerprint) != identity.fingerprint:
            if identity.second_key is None:
                raise KeyConflict(f"idempotency key {key!r} stands for two different payloads in one batch")
            key = identity.second_key
        if key not in new:
            new[key] = identity.fingerprint
            fresh.append((place, signal, identity))
    if fresh:
        check_open(d.state, [identity.asked.side for _, _, identity in fresh])
    batch = Exposure()
    for place, signal, identity in fresh:
        try:
            check_instant(identity.asked, d.now_ms)
        except Invalid as wrong:
            raise wrong if len(wishes) == 1 else wrong.within(f"[{place}]") from None
        order = _order(d, signal, identity, f"[{place}]")
        try:
            guards.check(
                order,
                d.state.rules.config.guards,
                (d.state.orders.exposure, batch),
                allow_repeat=identity.asked.allow_repeat,
            )
        except Guarded as refused:
            raise refused if len(wishes) == 1 else refused.within(f"[{place}]") from None
        batch.note(None, order)


def check_open(state: TradingState, arrivals: Sequence[Side]) -> None:
    """Check that new signals of these sides are taken.

    However many BUYs wait, a SELL finds a place: SELLs are bounded among themselves only.

    Raises:
        NotReady, Halted, Full: see :func:`accept`.

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


def _key_of_new(d: Decision, identity: Identity) -> str:
    """Return the key of the order that a new signal becomes."""
    window_ms = d.state.rules.config.queue.manual_window_ms
    verdict = claim(d.state.orders.by_key(identity.key), identity, d.now_ms, window_ms)
    return identity.key if verdict is Claim.NEW or identity.second_key is None else identity.second_key


def _order(
    d: Decision,
    signal: Signal | None,
    identity: Identity,
    order_id: str,
    *,
    key: str | None = None,
) -> Order:
    if signal is None:
        raise NotReady("the order that answered the signal ended unplaced meanwhile; send it again, with the same key")
    return Order(
        seq=d.state.orders.last_seq + 1,
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
        key=key or identity.key,
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
    """Name the amounts that were rounded, for the audit trail."""
    return {f"asked_{name}": amount for name, amount in order.asked.items()}
