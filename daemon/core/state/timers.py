"""Timers: when an order or a lock has to be checked because time has passed.

A timer is never cancelled, because finding it in the heap costs more than a check. So the caller of :meth:`Timers.due`
checks whether something is still to be done: the order or the lock may have changed or ended since.
"""

from collections.abc import Iterator
from heapq import heappop, heappush

import msgspec


class _Timer(msgspec.Struct, frozen=True, order=True, gc=False):
    at_ms: int
    subject_id: str


class Timers:
    """Instants (Unix ms), each with the id of an order or a lock."""

    def __init__(self) -> None:
        self.are_behind = False  # a slice of what is due was done, and more is left
        self._heap: list[_Timer] = []  # a heap

    def set(self, at_ms: int, subject_id: str) -> None:
        """Set an instant at which to check an order or a lock."""
        heappush(self._heap, _Timer(at_ms, subject_id))

    def due(self, now_ms: int, limit: int) -> Iterator[str]:
        """Remove and yield the ids whose instant has come, in the order of their instants, at most ``limit``."""
        for _ in range(limit):
            if not self.are_due(now_ms):
                return
            yield heappop(self._heap).subject_id

    def are_due(self, now_ms: int) -> bool:
        """Whether the instant of any has come."""
        return bool(self._heap) and self._heap[0].at_ms <= now_ms

    def next_ms(self) -> int | None:
        """Return when the next timer is due (Unix ms)."""
        return self._heap[0].at_ms if self._heap else None
