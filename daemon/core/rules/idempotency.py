"""What makes two signals the same.

The *key* names the request; the *fingerprint* is what would be traded. A signal with the same key and the same
fingerprint is a repetition and gets the first order's answer. With the same key and another fingerprint it is a
conflict and is refused. Instants, priorities and timeouts are part of neither, so a broadcast that arrives again with
a new ``executeAt`` is still the same request.

A caller may send a key. Otherwise the daemon chooses one:

- The first BUY of a target has the key ``target:{id}``. The poller uses the same key, so only the first signal of bot
  and poller becomes an order.
- A second BUY of that target with other amounts is a new order under a derived key. If targets are polled
  (``[poller] enabled``), it is a conflict instead, because a target is then bought once.
- Any other signal has a derived key: a hash of symbol, side, target and what would be traded. No setting changes it.

Earlier versions derived other keys, depending on the lock's name and on whether targets were polled. So every form is
looked up before a signal counts as new (:attr:`Identity.keys`).

A key is bound to its order from acceptance on. It is free again if the order was not placed
(:data:`daemon.core.values.states.KEY_FREE`), or if the exchange cancelled it with nothing executed and showed that
again. This includes a key that the caller sent: the exchange has neither a position nor a live order under it, so a
second order cannot buy twice, and a caller that sends the key again wants the trade. Otherwise a caller's key and the
keys of a target's BUYs never expire. The derived key of a SELL, or of a signal without target, counts until its
order has ended and for a short window after that (``[queue] manual_window_ms``). An equal signal within the window is a
retry; a later one is a new trade, or the next step of a ladder.
"""

import hashlib
from enum import Enum, auto

import msgspec

from daemon.core.values.decimals import plain
from daemon.core.values.orders import Order, Side
from daemon.core.values.resources import trade_resource
from daemon.core.values.signals import Signal

_encode = msgspec.json.Encoder(decimal_format="string").encode


class Claim(Enum):
    """What a signal's key means for it."""

    NEW = auto()  # the key is free: the signal becomes an order
    REPLAY = auto()  # the key's order is the answer
    CONFLICT = auto()  # the key belongs to another request


class Identity(msgspec.Struct, frozen=True):
    """What a signal trades, and what makes it the same as another."""

    resource: str
    fingerprint: str
    key: str  # of the new order
    second_key: str | None  # used if an order with another payload has the first one; None: that is a conflict
    keys: tuple[str, ...]  # every key that an earlier order of the same signal may have
    ends: bool  # once its order has ended, the key counts for a window only
    asked: Signal  # in normal form, before anything is rounded


def identity_of(signal: Signal, *, per_symbol: bool, one_buy_per_target: bool) -> Identity:
    """Return the identity of a signal, before anything is rounded.

    Args:
        signal: in normal form.
        per_symbol: one lock per symbol instead of per target.
        one_buy_per_target: a target is bought once, with any amounts.

    """
    fingerprint = fingerprint_of(signal)
    resource = trade_resource(signal.symbol, signal.side, signal.target_id, per_symbol=per_symbol)
    derived = derived_keys(signal.symbol, signal.side, signal.target_id, fingerprint)
    target = target_key(signal.target_id) if signal.side is Side.BUY and signal.target_id is not None else None
    own = signal.idempotency_key
    if own is not None and own != target:
        return Identity(resource, fingerprint, own, None, (own,), ends=False, asked=signal)
    if target is None:
        return Identity(resource, fingerprint, derived[0], None, derived, ends=True, asked=signal)
    second = None if own is not None or one_buy_per_target else derived[0]
    return Identity(resource, fingerprint, target, second, (target, *derived), ends=False, asked=signal)


def keys_of(order: Order) -> tuple[str, ...]:
    """Return every key that another order of the same signal may have."""
    derived = derived_keys(order.symbol, order.side, order.target_id, order.fingerprint)
    target_id = order.target_id if order.side is Side.BUY else None
    keys = derived if target_id is None else (target_key(target_id), *derived)
    return keys if order.key in keys else (order.key,)


def derived_keys(symbol: str, side: str, target_id: str | None, fingerprint: str) -> tuple[str, ...]:
    """Derive a signal's key, followed by the other form that an earlier version derived (``[locks] scope = "symbol"``).

    The first is what most earlier databases hold: it was derived with ``scope = "target"``.
    """
    names = (trade_resource(symbol, side, target_id, per_symbol=per_symbol) for per_symbol in (False, True))
    return tuple("derived:" + _digest("trade", name, fingerprint) for name in names)


def fingerprint_of(signal: Signal) -> str:
    """Hash what would be traded, and its owner: 64 hexadecimal digits of SHA-256."""
    return _digest(
        "signal/1",
        signal.symbol,
        signal.side,
        signal.type,
        *(
            None if amount is None else plain(amount)
            for amount in (signal.quantity, signal.quote_quantity, signal.price)
        ),
        signal.owner_id,
        signal.target_id,
        *(  # where given, so that other fingerprints are those of earlier versions
            f"{name}={plain(amount)}"
            for name, amount in (("maxPrice", signal.max_price), ("slippagePercent", signal.slippage_percent))
            if amount is not None
        ),
    )


def target_key(target_id: str) -> str:
    """Return the key of a target's first BUY."""
    return f"target:{target_id}"


def key_until_ms(identity: Identity, now_ms: int, window_ms: int) -> int | None:
    """Return until when a new order's key counts at least (Unix ms); ``None``: it never expires.

    The end of the order resets it.
    """
    return now_ms + window_ms if identity.ends else None


def claim(known: Order | None, identity: Identity, now_ms: int, window_ms: int) -> Claim:
    """Compare a signal with the order that has one of its keys."""
    if known is None or not known.key_bound or known.ended_empty:
        return Claim.NEW
    if identity.ends and known.finished_ms is not None:
        # An order of an earlier version may lack the end of its window.
        until_ms = known.finished_ms + window_ms if known.key_until_ms is None else known.key_until_ms
        if now_ms > until_ms:
            return Claim.NEW
    return Claim.REPLAY if known.fingerprint == identity.fingerprint else Claim.CONFLICT


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(_encode(parts)).hexdigest()
