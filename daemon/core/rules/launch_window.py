"""The launch window: how attempts are repeated around the instant at which a pair is expected to open.

An order with an instant (``executeAt``) that is refused as "not open yet" is attempted again in a steady rhythm. The
growing waits of :mod:`daemon.core.rules.retries` suit a fault that lasts; here the open is near, at an unknown moment,
and a wait that grows misses it.

All orders of the pair share one rhythm, evenly spread. The first attempt that is not refused shows that the pair is
open, and all others follow at once. So attempts before the open cost attempts after it: with a rate of ``R`` in any
window of the rate budget, ``p`` attempts in a window before the open leave ``R - p`` for those that follow at once, of
which there are ``n - 1`` for ``n`` orders::

    left = R · (1 - sell_share)
    p    = R - (n - 1), at most left, at least left / 2
    step = window / p

The first refused order of a pair goes again at once, because an order for the open itself may have arrived a moment
early: the exchange's clock is known to about a millisecond, half of the round trip at worst. That is left out if the
rate would then have no room for all orders of the pair.

With ``R`` = 10 in a window of 1.1 s and a share of 0.2: one to three orders are attempted every 138 ms in all, so the
first is bought 69 ms after the open on average, and two others at once after it. Eight orders are attempted every
275 ms; the first is bought after 138 ms on average, five follow at once, and two more 275 ms apart. If several pairs
are about to open, they share ``p``. The first attempts, at the instant, are made together; what they leave of
``R - (n - 1)`` is spread until their window is over, with steps of 275 ms at most. Orders that the rate held back until
the first was refused take part in the rhythm before their first attempt. A turn is never before the rate has room:
otherwise those of a full window would be made together at its end.

Two kinds of refusals concern all orders of a pair. The price cap that one order is told counts for the others that are
not sent yet. After refusals for the pair's rules, such as its decimals, one order goes first if the rate has no room
for two more requests for each.

Where the exchange states when the pair opens, and that is after the order's instant and within its deadline, attempts
wait for that instant instead.
"""

from daemon.config.trading_tables import LaunchTable
from daemon.core.rules.rate import WINDOW_MS
from daemon.core.values.orders import Order
from daemon.core.values.symbols import SymbolRules

CAP_COUNTS_MS = 1_000
"""For how long the price cap of one order's refusal counts for the other orders of its pair: it may rise."""


def instant_ms(order: Order, pair: SymbolRules | None) -> int | None:
    """Return the instant at which an order is to be sent, in Unix ms; ``None`` if it has none.

    It is that of the signal or of the operator. It is the pair's open instead, where that is known, later than the
    signal's instant, and within the order's deadline. All are instants of the exchange's clock.
    """
    asked_ms = order.execute_at_ms
    open_ms = None if pair is None or order.instant_is_manual else pair.first_open_ms
    if asked_ms is None or open_ms is None or not asked_ms < open_ms <= order.deadline_ms:
        return asked_ms
    return open_ms


def is_over(instant: int, now_ms: int, table: LaunchTable) -> bool:
    """Whether the launch window of an instant has ended."""
    return now_ms > instant + table.window_ms


def step_ms(orders: int, listings: int, rate: int, table: LaunchTable, spread_ms: int = 0) -> int:
    """Return the time between two attempts for one pair.

    Args:
        orders: the orders of the pair that are in their launch window.
        listings: the pairs for which there are such orders.
        rate: orders per second, at most.
        table: the share that is kept for SELLs.
        spread_ms: the time that spreads what the attempts at the instant leave of the window; 0 after it.

    """
    left = rate * (1 - table.sell_share)
    attempts = min(left, max(rate - (orders - 1), left / 2))
    steady_ms, slowest_ms = WINDOW_MS / attempts, WINDOW_MS / (left / 2)
    return max(1, round(listings * max(steady_ms, min(spread_ms, slowest_ms))))
