"""Timers: when an order or a lock has to be checked because time has passed.

A timer is never cancelled, because finding it in the heap costs more than a check. So the caller of :meth:`Timers.due`
checks whether something is still to be done: the order or the lock may have changed or ended since.

An instant of the exchange's clock is kept as it is. So however often that clock is measured, and however many timers
there are, none has to be set anew.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

import msgspec

from daemon.core.state.exchange_time import ExchangeTime


class _Timer(msgspec.Struct, frozen=True, order=True, gc=False):
    at_ms: int
    subject_id: str


class Timers:
    """Instants of our clock (Unix ms), each with the id of an order or a lock."""

    def __init__(self, exchange_time: ExchangeTime) -> None:
        self.are_behind = False  # a slice of what is due was done, and more is left
        self._exchange_time = exchange_time
        self._ours: list[_Timer] = []  # a heap
        self._theirs: list[_Timer] = []  # a heap, by the exchange's clock
        self._due_now: deque[str] = deque()  # due before those

    def set(self, at_ms: int, subject_id: str, *, by_exchange: bool = False) -> None:
        """Set an instant at which to check an order or a lock.

        Args:
            at_ms: the instant, by our clock.
            subject_id: the order or the lock.
            by_exchange: the exchange's clock decides when it comes: it moves when that clock is measured.

        """
        if by_exchange:
            heappush(self._theirs, _Timer(self._exchange_time.exchange_ms(at_ms), subject_id))
        else:
            heappush(self._ours, _Timer(at_ms, subject_id))

    def set_now(self, subject_ids: Iterable[str]) -> None:
        """Let many be due at once, to be checked in slices."""
        self._due_now.extend(subject_ids)
        self.are_behind = True

    def due(self, now_ms: int, limit: int) -> Iterator[str]:
        """Remove and yield the ids whose instant has come, in the order of their instants, at most ``limit``."""
        for _ in range(limit):
            if not self.are_due(now_ms):
                return
            if self._due_now:
                yield self._due_now.popleft()
                continue
            next_ms, exchange_ms = self.next_ms(), self.next_of_exchange_ms()
            yield heappop(self._theirs if exchange_ms == next_ms else self._ours).subject_id

    def are_due(self, now_ms: int) -> bool:
        """Whether the instant of any has come."""
        next_ms = self.next_ms()
        return next_ms is not None and next_ms <= now_ms

    def next_ms(self) -> int | None:
        """Return when the next timer is due (Unix ms); 0 if it is due at once."""
        if self._due_now:
            return 0
        exchange_ms = self.next_of_exchange_ms()
        if not self._ours:
            return exchange_ms
        own_ms = self._ours[0].at_ms
        return own_ms if exchange_ms is None else min(own_ms, exchange_ms)

    def next_of_exchange_ms(self) -> int | None:
        """Return when the next timer by the exchange's clock is due (Unix ms)."""
        return self._exchange_time.local_ms(self._theirs[0].at_ms) if self._theirs else None
