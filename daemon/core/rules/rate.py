"""The rate budget: orders in flight, orders per second, and the wait that the exchange asked for.

This budget decides which order is sent, and when. It counts a request from the instant of its decision, because the
next decision comes before that request is written. Without its count every queued order would be sent at once, and
priorities would mean nothing. The exchange's client counts the same requests again when it writes them
(:mod:`daemon.exchange.mexc.pacing`). Neither count replaces the other: the disk, a new connection and a resource's lock
lie between the two instants, so requests that were decided a second apart may be written together.

MEXC counts place and cancel together, 12 a second (documented); support speaks of 20 requests a second, maybe in all.
The exchange counts requests as they arrive: of two that leave a second apart, the first may be held up on its way, and
both arrive within one second. So the daemon counts in a window that is longer than a second by :data:`JITTER_MS`.

A reservation may be in the future (an armed order's instant). It counts in the windows around that instant, and gives
way to an order of higher priority (:func:`daemon.core.verbs.dispatch.dispatch`).
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from daemon.config.tables import Config

JITTER_MS = 100
"""By how much the ways of two requests to the exchange may differ. On a warm connection between continents they differ
by a few ms to some tens. After a full window, the next order waits for this long beyond the second, which is little
beside the second for which a 429 stops all orders."""

SECOND_MS = 1_000
WINDOW_MS = SECOND_MS + JITTER_MS


class RequestWindow:
    """The instants of requests, past and reserved: no window of :data:`WINDOW_MS` has more of them than a limit."""

    def __init__(self, instants: Iterable[int] = ()) -> None:
        self._instants = sorted(instants)

    def count(self, at_ms: int) -> None:
        """Count one more request."""
        insort(self._instants, at_ms)

    def remove(self, at_ms: int) -> None:
        """Remove a request of this instant, if there is one: it was not made."""
        place = bisect_left(self._instants, at_ms)
        if self._instants[place : place + 1] == [at_ms]:
            del self._instants[place]

    def forget(self, now_ms: int) -> None:
        """Remove what is too old to share a window with a request from now on."""
        del self._instants[: bisect_left(self._instants, now_ms - WINDOW_MS)]

    def copy(self) -> "RequestWindow":
        """Return a copy that counts by itself."""
        return RequestWindow(self._instants)

    def used(self, now_ms: int) -> int:
        """Count the requests of the last second."""
        return bisect_right(self._instants, now_ms) - bisect_right(self._instants, now_ms - SECOND_MS)

    def next_ms(self, now_ms: int) -> int | None:
        """Return the next instant that is reserved for a request."""
        place = bisect_left(self._instants, now_ms)
        return self._instants[place] if place < len(self._instants) else None

    def free_ms(self, at_ms: int, limit: int) -> int:
        """Find the first instant from ``at_ms`` on at which one more request keeps every window within the limit.

        A request shares a window with every other less than one window before or after it. If those are fewer than the
        limit, no window has too many.
        """
        while True:
            low, high = self._near(at_ms)
            if high - low < limit:
                return at_ms
            at_ms = self._instants[low] + WINDOW_MS

    def room(self, at_ms: int, limit: int) -> int:
        """Return how many more requests keep every window within the limit, if they are made at an instant."""
        low, high = self._near(at_ms)
        return max(0, limit - (high - low))

    def _near(self, at_ms: int) -> tuple[int, int]:
        """Return where the requests begin and end that share a window with one at an instant."""
        return bisect_right(self._instants, at_ms - WINDOW_MS), bisect_left(self._instants, at_ms + WINDOW_MS)

    def spread_ms(self, at_ms: int, limit: int) -> int:
        """Return the time between further requests that spreads what a limit leaves until the oldest request is over.

        0 if nothing was requested in the window that ends at ``at_ms``, or the limit leaves nothing.
        """
        oldest = bisect_right(self._instants, at_ms - WINDOW_MS)
        used = bisect_right(self._instants, at_ms) - oldest
        if not 0 < used < limit:
            return 0
        return -((at_ms - self._instants[oldest] - WINDOW_MS) // (limit - used))


class RateBudget:
    """How much of the limits is used, and when the next request may be sent."""

    def __init__(self, config: Config) -> None:
        self.config = config  # [exchange] order_rate_per_s, [queue] max_in_flight
        self.in_flight = 0
        self.backoff_until_ms = 0
        self._window = RequestWindow()

    def ready_ms(self, now_ms: int, at_ms: int | None = None, *, emergency: bool = False) -> int | None:
        """Return when a request for ``at_ms`` (if that has passed: for now) may be decided, in Unix ms.

        ``now_ms`` means now. ``None`` means after an answer to a request in flight; an emergency does not wait for one.
        """
        if self.in_flight >= self.config.queue.max_in_flight and not emergency:
            return None
        send_ms = max(now_ms, at_ms or now_ms)
        free_ms = self.free_ms(max(send_ms, self.backoff_until_ms))
        return now_ms if free_ms == send_ms else free_ms

    def take(self, now_ms: int, at_ms: int | None = None) -> None:
        """Count one more order in flight, and its request, sent at ``at_ms`` (default: now)."""
        self.share()
        self._window.forget(now_ms)
        self._window.count(max(now_ms, at_ms or now_ms))

    def share(self) -> None:
        """Count one more order in flight, in a request that is counted."""
        self.in_flight += 1

    def count(self, at_ms: int) -> None:
        """Count one more request in its window."""
        self._window.count(at_ms)

    def free_ms(self, at_ms: int) -> int:
        """Return the first instant from ``at_ms`` on at which one more request keeps the order rate."""
        return self._window.free_ms(at_ms, self.config.exchange.order_rate_per_s)

    def room(self, at_ms: int) -> int:
        """Return how many more requests at an instant keep the order rate."""
        return self._window.room(at_ms, self.config.exchange.order_rate_per_s)

    def spread_ms(self, at_ms: int, limit: int) -> int:
        """Return the time between further requests that spreads what a lower limit leaves."""
        return self._window.spread_ms(at_ms, limit)

    def used(self, now_ms: int) -> int:
        """Count the requests of the last second."""
        return self._window.used(now_ms)

    def give_back(self, reserved_ms: int | None = None) -> None:
        """Count one order in flight less; a request that is not made is taken out of its window, ``reserved_ms``."""
        self.in_flight -= 1
        if reserved_ms is not None:
            self._window.remove(reserved_ms)

    def without(self, reserved_ms: Iterable[int]) -> "RateBudget":
        """Return the budget as it would be if the requests reserved for these instants were not made."""
        other = RateBudget(self.config)
        other.in_flight, other.backoff_until_ms = self.in_flight, self.backoff_until_ms
        other._window = self._window.copy()
        for at_ms in reserved_ms:
            other.give_back(at_ms)
        return other

    def back_off(self, until_ms: int) -> None:
        """Send nothing before then."""
        self.backoff_until_ms = max(self.backoff_until_ms, until_ms)
