"""Timers: when an order or a lock has to be checked because time has passed.

A timer is never cancelled, because finding it in the heap costs more than a check. So the caller of :meth:`Timers.due`
checks whether something is still to be done: the order or the lock may have changed or ended since.
"""

from heapq import heappop, heappush

import msgspec


class _Timer(msgspec.Struct, frozen=True, order=True, gc=False):
    at_ms: int
    subject_id: str


class Timers:
    """Instants (Unix ms), each with the id of an order or a lock."""

    def __init__(self) -> None:
        self._heap: list[_Timer] = []  # a heap

    def set(self, at_ms: int, subject_id: str) -> None:
        """Set an instant at which to check an order or a lock."""
        heappush(self._heap, _Timer(at_ms, subject_id))

    def due(self, now_ms: int) -> list[str]:
        """Remove and return the ids whose instant has come, in the order of their instants."""
        ids = []
        while self._heap and self._heap[0].at_ms <= now_ms:
            ids.append(heappop(self._heap).subject_id)
        return ids

    def next_ms(self) -> int | None:
        """Return when the next timer is due (Unix ms)."""
        return self._heap[0].at_ms if self._heap else None
