"""Timers: when an order or a lock has to be looked at again because time has passed.

A timer is never cancelled. What it was set for may have changed or gone since, so whoever takes it out checks that
something is still to be done; that is cheaper than finding it in the heap.
"""

from heapq import heappop, heappush


class Timers:
    """Instants (Unix ms), each with the id of an order or a lock."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []

    def set(self, at_ms: int, subject_id: str) -> None:
        """Have an order or a lock looked at again at an instant."""
        heappush(self._heap, (at_ms, subject_id))

    def due(self, now_ms: int) -> list[str]:
        """Take out the ids whose instant has come, in the order of their instants."""
        ids = []
        while self._heap and self._heap[0][0] <= now_ms:
            ids.append(heappop(self._heap)[1])
        return ids

    def next_ms(self) -> int | None:
        """Return when something is due next."""
        return self._heap[0][0] if self._heap else None
