"""Leases: the latest under each caller's key, and the callers that wait for one.

Callers wait in a queue of their own, separate from the orders', because a lease needs no room in the rate budget.
"""

from collections.abc import Callable

from daemon.core.rules.priority_queue import Entry, PriorityQueue, Rank
from daemon.core.values.locks import Lock
from daemon.core.values.waiters import Waiter


class LeaseKeys:
    """The latest lease under each key. It is in memory until its end is on disk."""

    def __init__(self, recall: Callable[[str], Lock | None]) -> None:
        """``recall`` finds on disk the latest lease that a key was granted."""
        self._latest: dict[str, Lock] = {}
        self._recall = recall

    def lease_of(self, key: str) -> Lock | None:
        """Return the latest lease that was granted under a key, from memory or disk."""
        return self._latest.get(key) or self._recall(key)

    def note(self, lock: Lock) -> None:
        """Keep a lease that was granted, renewed or ended; ignore the lock of an order."""
        if lock.order_id is None:
            self._latest[lock.key] = lock

    def forget(self, lock: Lock) -> None:
        """Forget a lease whose end is on disk, unless its key has a newer one."""
        if self._latest.get(lock.key) is lock:
            del self._latest[lock.key]


class LeaseQueue:
    """The callers that wait for a lease."""

    def __init__(self) -> None:
        self.waiters: dict[str, Waiter] = {}  # by id
        self.ranks = PriorityQueue()  # the same, by rank
        self._by_key: dict[str, str] = {}  # their ids
        self._arrivals = 0  # since the start

    def next_rank(self, priority: int, *, after_seq: int) -> Rank:
        """Return a new caller's rank: last of its priority, after the orders up to ``after_seq``."""
        return Rank(priority, after_seq, self._arrivals + 1)

    def enqueue(self, waiter: Waiter, *, after_seq: int) -> None:
        """Add a caller at its :meth:`next_rank`."""
        rank = self.next_rank(waiter.request.priority, after_seq=after_seq)
        self._arrivals += 1
        self.waiters[waiter.waiter_id] = waiter
        self._by_key[waiter.key] = waiter.waiter_id
        self.ranks.push(Entry(*rank, waiter.waiter_id, waiter.request.resource))

    def remove(self, waiter_id: str) -> Waiter:
        """Remove and return a caller, which must be in the queue."""
        waiter = self.waiters.pop(waiter_id)
        self.ranks.remove(waiter_id)
        del self._by_key[waiter.key]
        return waiter

    def waiter_of(self, key: str) -> Waiter | None:
        """Return the caller that waits under a key."""
        return self.waiters.get(self._by_key.get(key, ""))
