"""What makes two signals the same.

The *key* names the wish; the *fingerprint* is what would be traded. The same key with the same fingerprint is a
repetition and gets the first order's answer; with another fingerprint it is a conflict and gets none. Instants,
priorities and timeouts are left out of both: a broadcast that arrives again with a fresh ``executeAt`` is still the
same wish.

A caller may bring the key. Where it does not, the key is derived from the resource, the owner and what would be
traded, price included. With a target id such a key counts for ever: a target's wish is one wish. Without one it
counts for a short window only (``[queue] manual_window_ms``), because a person may well want the same trade again.

While the bot's targets are polled (``[poller] enabled``), a target may come both ways, and with amounts that differ. A
buy's derived key is then ``target:{id}``, the same that the poller brings: whichever comes first is the order.

A key is bound to its order from acceptance on. It is free again only when the order ended without having been placed
(:data:`daemon.core.orders.KEY_FREE`), or when the window of a derived one is over and its order is finished.
"""

import hashlib
from enum import Enum, auto

import msgspec

from daemon.core.decimals import plain
from daemon.core.orders import Order, Side
from daemon.core.signals import Signal

_encode = msgspec.json.Encoder(decimal_format="string").encode


class Claim(Enum):
    """What a signal's key means for it."""

    NEW = auto()  # the key is free: the signal becomes an order
    REPLAY = auto()  # the key's order answers
    CONFLICT = auto()  # the key belongs to another wish


def resource_of(signal: Signal, *, per_symbol: bool) -> str:
    """Name what the order's lock is for: the bot's own form, or one per symbol (``[locks] scope``)."""
    if per_symbol:
        return f"trade:{signal.symbol}"
    return f"trade:{signal.symbol}:{signal.side}:{signal.target_id or 'manual'}"


def fingerprint_of(signal: Signal) -> str:
    """Hash what would be traded, for whom: 64 hexadecimal digits of SHA-256."""
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
    )


def target_key(target_id: str) -> str:
    """Return the key of a target's buy."""
    return f"target:{target_id}"


def key_of(signal: Signal, resource: str, fingerprint: str, *, by_target: bool = False) -> str:
    """Return the caller's key, or derive one: ``derived:`` and 64 hexadecimal digits, or the target's own."""
    if signal.idempotency_key is not None:
        return signal.idempotency_key
    if by_target and signal.target_id is not None and signal.side is Side.BUY:
        return target_key(signal.target_id)
    return "derived:" + _digest("trade", resource, fingerprint)


def key_until_ms(signal: Signal, now_ms: int, manual_window_ms: int) -> int | None:
    """Tell how long a key counts against a finished order: ``None`` is for ever."""
    if signal.idempotency_key is not None or signal.target_id is not None:
        return None
    return now_ms + manual_window_ms


def claim(known: Order | None, fingerprint: str, now_ms: int) -> Claim:
    """Judge a signal by the order that its key is bound to."""
    if known is None or not known.key_bound:
        return Claim.NEW
    window_over = known.key_until_ms is not None and now_ms > known.key_until_ms
    if window_over and known.finished_ms is not None:
        return Claim.NEW
    return Claim.REPLAY if known.fingerprint == fingerprint else Claim.CONFLICT


def _digest(*parts: str | None) -> str:
    return hashlib.sha256(_encode(parts)).hexdigest()
