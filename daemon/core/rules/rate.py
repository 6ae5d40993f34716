"""The rate budget: orders in flight, orders per second, and the wait that the exchange asked for.

This budget decides which order is sent, and when. It counts a request from the instant of its decision, because the
next decision comes before that request is written. Without its count every queued order would be sent at once, and
priorities would mean nothing. The exchange's client counts the same requests again when it writes them
(:mod:`daemon.exchange.mexc.pacing`). Neither count replaces the other: the disk, a new connection and a resource's lock
lie between the two instants, so requests that were decided a second apart may be written together.

MEXC counts place and cancel together, 12 a second (documented); support speaks of 20 requests a second in all. The
daemon stays below that with a sliding window: no second, wherever it begins, has more than ``rate`` requests. A
reservation may be in the future (an armed order's instant). It counts in the seconds around that instant, and gives way
to an order of higher priority (:func:`daemon.core.verbs.dispatch.dispatch`).
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from daemon.config.tables import Config

WINDOW_MS = 1_000


class RateBudget:
    """How much of the limits is used, and when the next request may be sent."""

    def __init__(self, config: Config) -> None:
        self.config = config  # [exchange] order_rate_per_s, [queue] max_in_flight
        self.in_flight = 0
        self.backoff_until_ms = 0
        self._sent: list[int] = []  # instants of requests, past and reserved, sorted

    def ready_ms(self, now_ms: int, at_ms: int | None = None, *, emergency: bool = False) -> int | None:
        """Return when a request for ``at_ms`` (if that has passed: for now) may be decided, in Unix ms.

        ``now_ms`` means now. ``None`` means after an answer to a request in flight; an emergency does not wait for one.
        """
        if self.in_flight >= self.config.queue.max_in_flight and not emergency:
            return None
        send_ms = max(now_ms, at_ms or now_ms)
        free_ms = self._window_free_ms(max(send_ms, self.backoff_until_ms))
        return now_ms if free_ms == send_ms else free_ms

    def take(self, now_ms: int, at_ms: int | None = None) -> None:
        """Count one more request in flight, sent at ``at_ms`` (default: now)."""
        self.in_flight += 1
        del self._sent[: bisect_left(self._sent, now_ms - WINDOW_MS)]  # too old to share a second with a later request
        self.count(max(now_ms, at_ms or now_ms))

    def count(self, at_ms: int) -> None:
        """Count one more request in its second."""
        insort(self._sent, at_ms)

    def give_back(self, reserved_ms: int | None = None) -> None:
        """Count one request in flight less; one that was not made is also taken out of its second, ``reserved_ms``."""
        self.in_flight -= 1
        place = 0 if reserved_ms is None else bisect_left(self._sent, reserved_ms)
        if self._sent[place : place + 1] == [reserved_ms]:
            del self._sent[place]

    def without(self, reserved_ms: Iterable[int]) -> "RateBudget":
        """Return the budget as it would be if the requests reserved for these instants were not made."""
        other = RateBudget(self.config)
        other.in_flight, other.backoff_until_ms, other._sent = self.in_flight, self.backoff_until_ms, list(self._sent)
        for at_ms in reserved_ms:
            other.give_back(at_ms)
        return other

    def back_off(self, until_ms: int) -> None:
        """Send nothing before then."""
        self.backoff_until_ms = max(self.backoff_until_ms, until_ms)

    def used(self, now_ms: int) -> int:
        """Count the requests of the last second."""
        return bisect_right(self._sent, now_ms) - bisect_right(self._sent, now_ms - WINDOW_MS)

    def _window_free_ms(self, send_ms: int) -> int:
        """Find the first instant from ``send_ms`` on at which one more request keeps every second within the limit.

        A request shares a second with every other less than one window before or after it. If those are fewer than
        ``rate``, no second has too many.
        """
        rate = self.config.exchange.order_rate_per_s
        while True:
            low = bisect_right(self._sent, send_ms - WINDOW_MS)
            high = bisect_left(self._sent, send_ms + WINDOW_MS)
            if high - low < rate:
                return send_ms
            send_ms = self._sent[low] + WINDOW_MS
