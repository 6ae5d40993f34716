"""Time series of the last hour in steps of five seconds, for plots and for alerts that count over a window.

They are in memory and bounded: a finished step keeps its quantiles, not its samples. A new process starts empty.
"""

from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from math import ceil

import msgspec

STEP_MS = 5_000
STEPS = 720
MAX_SAMPLES = 500
"""The latest samples that are kept of the running step. Ten orders per second make fifty."""


class Latency(msgspec.Struct, frozen=True):
    """Quantiles of a step's samples, in milliseconds; ``None`` where there were none."""

    p50: float | None = None
    p99: float | None = None
    count: int = 0


class Point(msgspec.Struct):
    """One step."""

    at_ms: int  # its beginning
    counts: Counter[str] = msgspec.field(default_factory=Counter)  # by name
    outcomes: Counter[str] = msgspec.field(default_factory=Counter)  # orders that ended, by state
    queue_depth: int = 0  # maximum of the step
    rate_budget: float = 1.0  # minimum of the step
    latency: Latency = Latency()


class Series:
    """The last hour."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=STEPS)
        self._samples: deque[float] = deque(maxlen=MAX_SAMPLES)  # of the running step
        self._sampled = 0

    def count(self, at_ms: int, what: str) -> None:
        """Count something that alerts read over a window."""
        self._now(at_ms).counts[what] += 1

    def ended(self, at_ms: int, state: str) -> None:
        """Count an order that ended."""
        self._now(at_ms).outcomes[state] += 1

    def sent(self, at_ms: int, took_ms: float) -> None:
        """Record the time from a signal to its first sent byte, in milliseconds."""
        self._now(at_ms)
        self._samples.append(took_ms)
        self._sampled += 1

    def observe(self, at_ms: int, *, queue_depth: int, rate_budget: float) -> None:
        """Record the queue depth and the rate budget. Frequent calls begin the steps in which nothing else happens."""
        point = self._now(at_ms)
        point.queue_depth = max(point.queue_depth, queue_depth)
        point.rate_budget = min(point.rate_budget, rate_budget)

    def total(self, what: str, now_ms: int, window_ms: int) -> int:
        """Return a count over the steps that a window touches."""
        return sum(point.counts[what] for point in self._within(now_ms, window_ms))

    def points(self, now_ms: int, window_ms: int) -> list[Point]:
        """Return the steps that a window touches, oldest first, the running one included."""
        if self._points:
            self._points[-1].latency = self._latency()
        return list(self._within(now_ms, window_ms))[::-1]

    def _now(self, at_ms: int) -> Point:
        """Return the running step. A slightly late event also counts in it."""
        start_ms = at_ms - at_ms % STEP_MS
        if not self._points or self._points[-1].at_ms < start_ms:
            if self._points:
                self._points[-1].latency = self._latency()
            self._points.append(Point(start_ms))
            self._samples.clear()
            self._sampled = 0
        return self._points[-1]

    def _within(self, now_ms: int, window_ms: int) -> Iterator[Point]:
        """Yield the steps that a window touches, newest first."""
        for point in islice(reversed(self._points), ceil(window_ms / STEP_MS) + 1):
            if point.at_ms > now_ms - window_ms - STEP_MS:
                yield point

    def _latency(self) -> Latency:
        if not self._samples:
            return Latency()
        ranked = sorted(self._samples)
        return Latency(_quantile(ranked, 0.5), _quantile(ranked, 0.99), self._sampled)


def _quantile(ranked: list[float], share: float) -> float:
    """Return the nearest-rank quantile."""
    return round(ranked[ceil(share * len(ranked)) - 1], 3)
