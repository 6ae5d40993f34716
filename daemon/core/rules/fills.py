"""When the fills of an order are read, and when that is given up.

MEXC's reads lag its writes (observed), so the first answer may not have every fill of an order that has just ended. It
is asked again at growing intervals, until the fills add up to what was executed. Only answers count towards giving up:
while the exchange does not answer, nothing is lost. MEXC shows trades for one month (documented).
"""

from collections.abc import Iterable
from decimal import Decimal
from functools import reduce

from daemon.core.rules.listings import after_quiet
from daemon.core.values.decimals import ZERO, total

FIRST_MS, LONGEST_MS = 1_000, 300_000
"""The wait before the first read, doubled after each, and the longest one."""

BUSY_MS = 1_000
"""The wait while little of the exchange's weight is left: that is for orders and their outcomes."""

READS = 20
"""Answers without all fills after which no more are expected: an hour after the order ended."""

MONTH_MS = 30 * 24 * 3_600_000
"""How long MEXC shows a trade."""


def wait_ms(reads: int) -> int:
    """Return how long to wait after a number of reads that did not bring all fills."""
    return int(min(LONGEST_MS, FIRST_MS * 2 ** min(reads, 30)))


def free_ms(at_ms: int, now_ms: int, instants: Iterable[int], *, backoff_until_ms: int, is_busy: bool) -> int:
    """Return a moment to read, or a later one if a request then would be in the way of others.

    Args:
        at_ms: when it is due.
        now_ms: the time.
        instants: of the waiting orders.
        backoff_until_ms: until when the exchange asked to send no query.
        is_busy: little of the exchange's weight is left.

    """
    at_ms = max(at_ms, backoff_until_ms, now_ms + BUSY_MS if is_busy else 0)
    return after_quiet(instants, at_ms)


def is_complete(executed: Decimal, quantities: Iterable[Decimal]) -> bool:
    """Whether fills of these quantities are all that was executed."""
    return reduce(total, quantities, ZERO) >= executed


def is_over(finished_ms: int, reads: int, now_ms: int) -> bool:
    """Whether no more fills are expected of an order."""
    return reads >= READS or now_ms - finished_ms >= MONTH_MS
