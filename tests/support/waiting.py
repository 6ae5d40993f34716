"""Waiting for a condition, and running work concurrently. No test waits for time to pass."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

PATIENCE_S = 15.0
"""The default timeout of a test's waits: far longer than needed, even on a busy machine."""

_PAUSE_S = 0.005

T = TypeVar("T")


class Deadline:
    """A time by which something must have happened."""

    def __init__(self, timeout_s: float) -> None:
        self._at_s = time.perf_counter() + timeout_s

    def left_s(self) -> float:
        """Return the remaining seconds, 0 when it has passed."""
        return max(0.0, self._at_s - time.perf_counter())


def eventually(
    find: Callable[[], T | None], what: str, timeout_s: float = PATIENCE_S, *, pause_s: float = _PAUSE_S
) -> T:
    """Call ``find`` until it returns a true value; return that. For conditions without an event to wait for.

    Raises:
        AssertionError: it returned none in time.

    """
    deadline, pause = Deadline(timeout_s), threading.Event()
    while not (found := find()):
        assert deadline.left_s(), f"{what}: not within {timeout_s} s"
        pause.wait(pause_s)
    return found


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Run ``work`` in ``count`` threads that start together; return the results in the order of their numbers."""
    start = threading.Barrier(count)

    def one(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def wall_ms() -> int:
    """Return the wall clock, which the processes use too, in Unix milliseconds."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # tests pass times to processes that use the real clock
