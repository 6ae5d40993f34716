"""The rate budget: orders in flight, orders per second, and the wait that the exchange asked for.

This budget decides which order goes, and when. It counts a request from the instant of its decision, because the next
decision comes before that request is on the wire: without its count every queued order would be let go at once, and
the highest priority would mean nothing. The exchange's client counts the same requests again, when they reach the wire
(:mod:`daemon.exchange.mexc.pacing`). Neither count replaces the other: the disk, a new connection and a resource's
lock lie between the two instants, so requests that were decided a second apart may come to the wire together.

MEXC counts place and cancel together, 12 a second (documented); support speaks of 20 requests a second in all. The
daemon stays below, by a window that slides: in no second, wherever it begins, are there more than ``rate`` requests.
A reservation may lie in the future (an armed order's instant); then it counts in the seconds around that instant, and
gives way to an order of higher priority (:func:`daemon.core.verbs.dispatch.dispatch`).
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from daemon.config.tables import Config

WINDOW_MS = 1_000


class RateBudget:
    """What is used of the bounds, and when the next request may go."""

    def __init__(self, config: Config) -> None:
        self.config = config  # [exchange] order_rate_per_s, [queue] max_in_flight
        self.in_flight = 0
        self.backoff_until_ms = 0
        self._sent: list[int] = []  # instants of requests, past and reserved, sorted

    def ready_ms(self, now_ms: int, at_ms: int | None = None, *, emergency: bool = False) -> int | None:
        """Return the earliest time at which a decision lets a request go, at ``at_ms`` or, if that has passed, at once.

        ``now_ms`` itself means: decide now. ``None`` means: not before something in flight has ended, which an
        emergency does not wait for.
        """
        if self.in_flight >= self.config.queue.max_in_flight and not emergency:
            return None
        wire_ms = max(now_ms, at_ms or now_ms)
        free_ms = self._window_free_ms(max(wire_ms, self.backoff_until_ms))
        return now_ms if free_ms == wire_ms else free_ms

    def take(self, now_ms: int, at_ms: int | None = None) -> None:
        """Count one more request in flight, to go at ``at_ms`` (default now)."""
        self.in_flight += 1
        del self._sent[: bisect_left(self._sent, now_ms - WINDOW_MS)]  # no second reaches those any more
        self.count(max(now_ms, at_ms or now_ms))

    def count(self, at_ms: int) -> None:
        """Count one more request in its second."""
        insort(self._sent, at_ms)

    def give_back(self, reserved_ms: int | None = None) -> None:
        """Count one request in flight less; with the instant of one that will not be made, none in that second."""
        self.in_flight -= 1
        place = 0 if reserved_ms is None else bisect_left(self._sent, reserved_ms)
        if self._sent[place : place + 1] == [reserved_ms]:
            del self._sent[place]

    def without(self, reserved_ms: Iterable[int]) -> "RateBudget":
        """Return what the capacity would be if the requests reserved for these instants were not made."""
        other = RateBudget(self.config)
        other.in_flight, other.backoff_until_ms, other._sent = self.in_flight, self.backoff_until_ms, list(self._sent)
        for at_ms in reserved_ms:
            other.give_back(at_ms)
        return other

    def back_off(self, until_ms: int) -> None:
        """Let nothing go before then."""
        self.backoff_until_ms = max(self.backoff_until_ms, until_ms)

    def used(self, now_ms: int) -> int:
        """Count the requests of the last second."""
        return bisect_right(self._sent, now_ms) - bisect_right(self._sent, now_ms - WINDOW_MS)

    def _window_free_ms(self, wire_ms: int) -> int:
        """Find the first instant from ``wire_ms`` on whose neighbourhood has room.

        A request at ``t`` shares a second with every other in the open interval of one window to either side; fewer
        than ``rate`` of them there keep every second within the bound.
        """
        rate = self.config.exchange.order_rate_per_s
        while True:
            low = bisect_right(self._sent, wire_ms - WINDOW_MS)
            high = bisect_left(self._sent, wire_ms + WINDOW_MS)
            if high - low < rate:
                return wire_ms
            wire_ms = self._sent[low] + WINDOW_MS
