"""Waiting for something to become true, and doing things at once. No test waits for time to pass."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

PATIENCE_S = 15.0
"""So long a test waits for what must happen: far longer than it takes, even on a machine that is busy."""

_PAUSE_S = 0.005

T = TypeVar("T")


class Deadline:
    """An instant by which something must have happened."""

    def __init__(self, timeout_s: float) -> None:
        self._at_s = time.perf_counter() + timeout_s

    def left_s(self) -> float:
        """Tell how long until then; 0 when it is over."""
        return max(0.0, self._at_s - time.perf_counter())


def eventually(
    look: Callable[[], T | None], what: str, timeout_s: float = PATIENCE_S, *, pause_s: float = _PAUSE_S
) -> T:
    """Look again and again until there is something, for what announces itself by no event.

    Raises:
        AssertionError: it did not come in time.

    """
    deadline, pause = Deadline(timeout_s), threading.Event()
    while not (found := look()):
        assert deadline.left_s(), f"{what}: not within {timeout_s} s"
        pause.wait(pause_s)
    return found


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Do something so many times at the same moment; return what each returned, in the order of their numbers."""
    start = threading.Barrier(count)

    def one(number: int) -> T:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def wall_ms() -> int:
    """Read the clock that the processes read, in Unix milliseconds."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # a test names instants to processes with clocks of their own
