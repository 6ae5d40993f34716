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


def identify(ledger: TradingState, signal: Signal) -> Identity:
    """Name a signal, as it was asked: before anything is rounded."""
    rules = ledger.rules
    return identity_of(signal, per_symbol=rules.config.locks.per_symbol, one_buy_per_target=rules.config.poller.enabled)


def recognise(ledger: TradingState, step: Decision, identity: Identity, *, actor: str, now_ms: int) -> Accepted | None:
    """Answer a repetition with the first one's order; ``None`` where the signal is new.

    A repetition is answered even while halted or draining, because it places nothing.

    Raises:
        KeyConflict: the key belongs to an order with another payload.

    """
    other: Order | None = None
    for key in identity.keys:
        known = ledger.keys.order_of(key)
        verdict = claim(known, identity, now_ms, ledger.rules.config.queue.manual_window_ms)
        if known is not None and verdict is Claim.REPLAY:
            ledger.tell(step, "order.replayed", now_ms, known, actor=actor, key=known.key)
            return Accepted(known, replayed=True)
        if verdict is Claim.CONFLICT:
            other = known
    if other is not None and identity.second_key is None:
        raise KeyConflict(
            f"idempotency key {identity.key!r} belongs to order {other.order_id} with another payload; "
            "send the same payload to read its outcome, or another key to place another order"
        )
    return None


def accept(
    ledger: TradingState,
    step: Decision,
    signal: Signal | None,
    identity: Identity,
    *,
    order_id: str,
    actor: str,
    now_ms: int,
) -> Accepted:
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
    repetition = recognise(ledger, step, identity, actor=actor, now_ms=now_ms)
    if repetition is not None:
        return repetition
    check_open(ledger, [identity.asked.side])
    key = _key_of_new(ledger, identity, now_ms)
    outdated = ledger.keys.order_of(key)
    if outdated is not None and outdated.key_bound:
        ledger.unbind(step, outdated)
    order = _order(ledger, signal, identity, order_id, now_ms, key=key)
    ledger.last_seq = order.seq
    ledger.add(step, order)
    ledger.enqueue(order, now_ms)
    ledger.tell(
        step,
        "order.accepted",
        now_ms,
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


def check_all(ledger: TradingState, wishes: Sequence[tuple[Signal | None, Identity]], now_ms: int) -> None:
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
        if recognise(ledger, Decision(), identity, actor="", now_ms=now_ms) is not None:
            continue
        key = _key_of_new(ledger, identity, now_ms)
        if new.get(key, identity.fingerprint) != identity.fingerprint:
            if identity.second_key is None:
                raise KeyConflict(f"idempotency key {key!r} stands for two different payloads in one batch")
            key = identity.second_key
        if key not in new:
            new[key] = identity.fingerprint
            fresh.append((place, signal, identity))
    if fresh:
        check_open(ledger, [identity.asked.side for _, _, identity in fresh])
    batch = Exposure()
    for place, signal, identity in fresh:
        try:
            check_instant(identity.asked, now_ms)
        except Invalid as wrong:
            raise wrong if len(wishes) == 1 else wrong.within(f"[{place}]") from None
        order = _order(ledger, signal, identity, f"[{place}]", now_ms)
        try:
            guards.check(
                order, ledger.rules.config.guards, (ledger.exposure, batch), allow_repeat=identity.asked.allow_repeat
            )
        except Guarded as refused:
            raise refused if len(wishes) == 1 else refused.within(f"[{place}]") from None
        batch.note(None, order)


def check_open(ledger: TradingState, arrivals: Sequence[Side]) -> None:
    """Check that new signals of these sides are taken.

    However many BUYs wait, a SELL finds a place: SELLs are bounded among themselves only.

    Raises:
        NotReady, Halted, Full: see :func:`accept`.

    """
    if ledger.halted is not None:
        raise Halted(f"trading is halted ({ledger.halted}); `sniperd resume` ends it")
    if not ledger.taking:
        raise NotReady("the daemon is starting or draining; send the signal again in a moment, with the same key")
    if ledger.preflight_pending is not None:
        raise NotReady(f"{ledger.preflight_pending}; send the signal again, with the same key")
    sells = arrivals.count(Side.SELL)
    _check_room(sells, ledger.queued[Side.SELL], "SELLs", ledger.rules.config.queue.max_queued)
    if sells < len(arrivals):
        _check_room(len(arrivals), ledger.queued.total(), "orders", ledger.rules.config.queue.max_queued)


def _check_room(arrivals: int, waiting: int, what: str, limit: int) -> None:
    if arrivals and waiting + arrivals > limit:
        raise Full(
            f"{waiting} {what} wait already, the limit ([queue] max_queued); "
            "send the signal again when some are done, or raise the limit"
        )


def _key_of_new(ledger: TradingState, identity: Identity, now_ms: int) -> str:
    """Return the key of the order that a new signal becomes."""
    verdict = claim(ledger.keys.order_of(identity.key), identity, now_ms, ledger.rules.config.queue.manual_window_ms)
    return identity.key if verdict is Claim.NEW or identity.second_key is None else identity.second_key


def _order(
    ledger: TradingState,
    signal: Signal | None,
    identity: Identity,
    order_id: str,
    now_ms: int,
    *,
    key: str | None = None,
) -> Order:
    if signal is None:
        raise NotReady("the order that answered the signal ended unplaced meanwhile; send it again, with the same key")
    return Order(
        seq=ledger.last_seq + 1,
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
        key_until_ms=key_until_ms(identity, now_ms, ledger.rules.config.queue.manual_window_ms),
        accepted_ms=now_ms,
        deadline_ms=(now_ms if signal.execute_at_ms is None else signal.execute_at_ms) + signal.deadline_after_ms,
        execute_at_ms=signal.execute_at_ms,
        timeout_ms=signal.timeout_ms,
        updated_ms=now_ms,
    )


def _if_rounded(asked: Decimal | None, fitted: Decimal | None) -> Decimal | None:
    return None if asked == fitted else asked


def _asked(order: Order) -> dict[str, Any]:
    """Name the amounts that were rounded, for the audit trail."""
    return {f"asked_{name}": amount for name, amount in order.asked.items()}
