"""Listings: to which instant an order is moved, and when the exchange is asked again what it shows.

An order that waits for a pair's open is moved to the open that the exchange announces, and back if that is moved
forward again, but never before the instant that its signal asked for: a pair may open earlier than the caller wants to
buy. An instant that the operator chose stays.
"""

from collections.abc import Iterable

from daemon.core.values.listings import Listing
from daemon.core.values.orders import Order
from daemon.core.values.signals import MAX_AHEAD_MS

LONGEST_MS = 30_000
"""The longest interval between two looks at what the exchange shows."""

INTERVALS = ((10_000, 2_500), (60_000, 5_000), (600_000, 10_000))
"""How far the nearest instant is away at most, and the interval between two looks then. A look weighs 25 of the 300 in
ten seconds that MEXC grants."""

BUSY_MS = 10_000
"""The shortest interval while little of the weight is left: that is for orders and their outcomes."""

QUIET_BEFORE_MS, QUIET_AFTER_MS = 1_500, 250
"""Around an instant no look begins: to read an answer of megabytes would delay the order."""

FIRST_MS = 2_000
"""The interval while there are orders for a pair that was not asked about yet."""


def moved_to(order: Order, listing: Listing, now_ms: int) -> int | None:
    """Return the instant to which a waiting order is moved; ``None`` if its instant stays.

    ``now_ms`` is the exchange's time.
    An open that is further ahead than a signal may ask for is not followed: the order waits as it is.
    """
    if order.execute_at_ms is None or order.instant_is_manual or listing.opens_ms is None:
        return None
    asked_ms = order.execute_at_ms if order.asked_execute_at_ms is None else order.asked_execute_at_ms
    to_ms = max(asked_ms, listing.opens_ms)
    if to_ms == order.execute_at_ms or is_too_far(listing, now_ms):
        return None
    return None if max(to_ms, order.execute_at_ms) <= now_ms else to_ms


def is_too_far(listing: Listing, now_ms: int) -> bool:
    """Whether the announced open is further ahead than an order can wait."""
    return listing.opens_ms is not None and listing.opens_ms > now_ms + MAX_AHEAD_MS


def next_look_ms(instants: Iterable[int], looked_ms: int, now_ms: int, *, is_new: bool, is_busy: bool) -> int | None:
    """Return when to look again at what the exchange shows; ``None`` if no order waits for an instant.

    Args:
        instants: of the waiting orders, past ones included.
        looked_ms: when the last look began.
        now_ms: the time.
        is_new: an order waits for a pair that was not asked about yet.
        is_busy: little of the exchange's weight is left.

    """
    instants = list(instants)
    if not instants:
        return None
    nearest_ms = min(at_ms - now_ms if at_ms >= now_ms else now_ms - at_ms for at_ms in instants)
    interval_ms = next((each_ms for within_ms, each_ms in INTERVALS if nearest_ms <= within_ms), LONGEST_MS)
    if is_new:
        interval_ms = FIRST_MS
    elif is_busy:
        interval_ms = max(interval_ms, BUSY_MS)
    return after_quiet(instants, max(looked_ms + interval_ms, now_ms))


def after_quiet(instants: Iterable[int], at_ms: int) -> int:
    """Return a moment, or a later one if a request then would disturb an order that is about to be sent."""
    for instant in sorted(instants):
        if instant - QUIET_BEFORE_MS < at_ms < instant + QUIET_AFTER_MS:
            at_ms = instant + QUIET_AFTER_MS
    return at_ms
