"""Intake: a signal becomes an order, or is answered by an earlier one."""

from collections.abc import Generator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import NamedTuple, TypeVar

import msgspec

from daemon.core.rules import guards
from daemon.core.rules.exposure import DAY_MS, Exposure
from daemon.core.rules.idempotency import Claim, Identity, claim, identity_of, key_until_ms
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.decimals import plain
from daemon.core.values.events import Detail, Event
from daemon.core.values.orders import Order, Side
from daemon.core.values.signals import Signal, check_instant
from daemon.core.values.states import State
from daemon.errors import Full, Guarded, Halted, Invalid, KeyConflict, NotReady

PIECE = 32
"""Signals that are looked up, or checked, before other decisions may be made: less than a millisecond's work."""

AT_ONCE = 256
"""Orders of a batch that are queued in the decision that accepts it. Those of a larger one are due to be queued, in
slices (:mod:`daemon.core.verbs.dispatch`); no other order overtakes them."""

_NO_EXPOSURE = Exposure()
_T = TypeVar("_T")


class Incoming(msgspec.Struct, frozen=True):
    """A signal that is to be accepted."""

    fitted: Signal | None  # rounded to its pair's rules; None: an earlier order answered it, so it was not fitted
    identity: Identity  # of the signal before it is rounded


class Accepted(msgspec.Struct, frozen=True):
    """The signal's order; ``replayed`` if an earlier signal created it."""

    order: Order
    replayed: bool


class New(NamedTuple):
    """An order that a draft is to add, with its event, and the order that has its key and no longer counts."""

    order: Order
    event: Event
    outdated: Order | None


class Draft(msgspec.Struct):
    """Signals that were checked and changed nothing yet: what their acceptance is to change (:func:`draft`)."""

    incoming: Sequence[Incoming]
    order_ids: Sequence[str]
    actor: str
    now_ms: int
    rules: Rules  # that the guards were asked by
    counted: Exposure = _NO_EXPOSURE  # what the new orders of a batch of several add
    exposure_changes: int = 0  # before the guards were asked
    accepted: list[Accepted] = []  # one per signal
    new: dict[str, New] = {}  # by id
    sides: list[Side] = []  # of the new orders
    keys: set[str] = set()  # of the new orders' signals; none of them had an order that counts


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
    return _apply(d, _at_once(draft(d.state, d.now_ms, incoming, order_ids, actor=actor)))


def draft(
    state: TradingState, now_ms: int, incoming: Sequence[Incoming], order_ids: Sequence[str], *, actor: str
) -> Generator[None, None, Draft]:
    """Find in pieces what :func:`accept` is to change, without a change; other decisions may be made where it yields.

    Raises:
        Refusal: see :func:`accept_all`.

    """
    batch: dict[str, Order] = {}  # new orders, by key
    made = Draft(incoming, order_ids, actor, now_ms, state.rules)
    for place, (signal, order_id) in enumerate(zip(incoming, order_ids, strict=True)):
        if place and place % PIECE == 0:
            yield
        known, key = _look_up(state, signal.identity, now_ms, batch)
        if known is None:
            made.sides.append(signal.identity.asked.side)
            made.keys.update(signal.identity.keys)
            if signal.fitted is None:
                check_open(state, made.sides)
                raise NotReady(
                    "the order that answered the signal has ended and was not placed; send it again, with the same key"
                )
            order = batch[key] = _order(state, now_ms, signal.fitted, signal.identity, order_id, key)
            event = _acceptance(order, actor, state.quote_asset(order.symbol))
            made.new[order_id] = New(order, event, state.orders.by_key(key))
        made.accepted.append(Accepted(known or batch[key], replayed=known is not None))
    if made.new:
        check_open(state, made.sides)
        yield from _check_each(state, now_ms, made)
    return made


def accept(d: Decision, drafted: Draft, rebound: AbstractSet[str] = frozenset()) -> list[Accepted]:
    """Accept all signals of a draft, or none; what has changed since it was made is checked again.

    Args:
        rebound: the keys that orders were bound to since then (:meth:`daemon.core.state.keys.Keys.watch`).

    Raises:
        Refusal: see :func:`accept_all`.

    """
    if not drafted.keys.isdisjoint(rebound) or d.now_ms // DAY_MS != drafted.now_ms // DAY_MS:
        return accept_all(d, drafted.incoming, drafted.order_ids, actor=drafted.actor)
    if drafted.new:
        check_open(d.state, drafted.sides)
        if drafted.rules is not d.state.rules or drafted.exposure_changes != d.state.orders.exposure.changes:
            _at_once(_check_each(d.state, d.now_ms, drafted))
    return _apply(d, drafted)


def _apply(d: Decision, drafted: Draft) -> list[Accepted]:
    """Make the changes of a draft that nothing has changed since."""
    added = _add(d, drafted)
    answers: list[Accepted] = []
    for each in drafted.accepted:
        order = added.get(each.order.order_id, each.order)
        if each.replayed:
            d.record("order.replayed", order, actor=drafted.actor, key=order.key)
        answers.append(Accepted(order, each.replayed))
    d.state.orders.decided([key for signal in drafted.incoming for key in signal.identity.keys])
    return answers


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


def _check_each(state: TradingState, now_ms: int, drafted: Draft) -> Generator[None, None, None]:
    """Check in pieces the instant and the guards of each new order. An error names its place in a batch of several."""
    is_batch = len(drafted.incoming) > 1
    drafted.exposure_changes = state.orders.exposure.changes
    counted = drafted.counted = Exposure() if is_batch else _NO_EXPOSURE
    for place, (signal, each) in enumerate(zip(drafted.incoming, drafted.accepted, strict=True)):
        if place and place % PIECE == 0:
            yield
        if each.replayed:
            continue
        asked = signal.identity.asked
        try:
            check_instant(asked, state.exchange_time.exchange_ms(now_ms))
            guards.check(
                each.order,
                state.rules.config.guards,
                (state.orders.exposure, counted),
                allow_repeat=asked.allow_repeat,
            )
        except Invalid as refused:
            raise refused.within(f"[{place}]") if is_batch else refused from None
        except Guarded as refused:
            names = {before.order.order_id: f"[{number}]" for number, before in enumerate(drafted.accepted[:place])}
            raise refused.within(f"[{place}]", names) if is_batch else refused from None
        if is_batch:
            counted.note(None, each.order)


def _add(d: Decision, drafted: Draft) -> dict[str, Order]:
    """Queue the new orders of a draft, and free their keys of orders that no longer count; return them by id.

    This is the only part of a batch's acceptance that cannot be done in pieces, so it adds many orders at once.
    """
    state, added = d.state, {}
    for seq, (order_id, new) in enumerate(drafted.new.items(), start=state.orders.last_seq + 1):
        if new.outdated is not None:
            d.unbind(state.orders.get(new.outdated.order_id, new.outdated))
        added[order_id], event = _as_of(new, d.now_ms, seq)
        d.record_made(event)
    if len(added) == 1:
        d.add(*added.values())
    else:
        d.add_all(added, drafted.counted)
    if len(added) > AT_ONCE:
        state.timers.set_now(added)
    else:
        for order in added.values():
            d.enqueue(order)
    state.orders.last_seq += len(added)
    return added


def _as_of(new: New, now_ms: int, seq: int) -> tuple[Order, Event]:
    """Return a new order, and its event, as it is accepted now."""
    order, event = new.order, new.event
    later_ms = now_ms - order.accepted_ms
    if not later_ms and seq == order.seq:
        return order, event
    order = msgspec.structs.replace(
        order,
        seq=seq,
        accepted_ms=now_ms,
        updated_ms=now_ms,
        deadline_ms=order.deadline_ms + (later_ms if order.execute_at_ms is None else 0),
        key_until_ms=None if order.key_until_ms is None else order.key_until_ms + later_ms,
    )
    if later_ms:
        detail = event.detail | {"deadline_ms": order.deadline_ms}
        event = msgspec.structs.replace(event, at_ms=now_ms, detail=detail)
    return order, event


def _acceptance(order: Order, actor: str, asset: str | None) -> Event:
    """Return the event of an order's acceptance."""
    detail: dict[str, Detail] = {
        "symbol": order.symbol,
        "side": order.side,
        "type": order.type,
        "quantity": _digits(order.quantity),
        "quote_quantity": _digits(order.quote_quantity),
        "price": _digits(order.price),
        "max_price": _digits(order.max_price),
        "slippage_percent": _digits(order.slippage_percent),
        "owner_id": order.owner_id,
        "target_id": order.target_id,
        "key": order.key,
        "priority": order.priority,
        "deadline_ms": order.deadline_ms,
        "execute_at_ms": order.execute_at_ms,
        "quote_asset": asset,
    }
    for name, amount in order.asked.items():  # before they were rounded
        detail[f"asked_{name}"] = plain(amount)
    return Event(
        name="order.accepted",
        at_ms=order.accepted_ms,
        actor=actor,
        order_id=order.order_id,
        resource=order.resource,
        state=order.state,
        detail=detail,
    )


def _digits(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


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


def _order(state: TradingState, now_ms: int, signal: Signal, identity: Identity, order_id: str, key: str) -> Order:
    return Order(
        seq=state.orders.last_seq + 1,
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
        key_until_ms=key_until_ms(identity, now_ms, state.rules.config.queue.manual_window_ms),
        accepted_ms=now_ms,
        deadline_ms=(now_ms if signal.execute_at_ms is None else signal.execute_at_ms) + signal.deadline_after_ms,
        execute_at_ms=signal.execute_at_ms,
        timeout_ms=signal.timeout_ms,
        max_price=signal.max_price,
        slippage_percent=signal.slippage_percent,
        updated_ms=now_ms,
    )


def _if_rounded(asked: Decimal | None, fitted: Decimal | None) -> Decimal | None:
    return None if asked == fitted else asked


def _at_once(steps: Generator[None, None, _T]) -> _T:
    """Run a pass in pieces to its end, and return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result
