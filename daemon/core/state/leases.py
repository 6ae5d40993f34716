"""Leases: the latest under each caller's key, and the callers that wait for one.

Callers wait in a queue of their own, apart from the orders', because a lease needs no room in the exchange's rate.
"""

from collections.abc import Callable

from daemon.core.rules.priority_queue import Entry, PriorityQueue, Rank
from daemon.core.values.locks import Lock
from daemon.core.values.waiters import Waiter


class LeaseKeys:
    """The latest lease under each key, in memory while it is active or its end is not on disk, or else on disk."""

    def __init__(self, recall: Callable[[str], Lock | None]) -> None:
        """``recall`` finds on disk the latest lease that a key was granted."""
        self._latest: dict[str, Lock] = {}
        self._recall = recall

    def lease_of(self, key: str) -> Lock | None:
        """Return the latest lease that was granted under a key, from memory or disk."""
        return self._latest.get(key) or self._recall(key)

    def note(self, lock: Lock) -> None:
        """Take in a lock that was granted, renewed or ended; an order's lock is no lease."""
        if lock.order_id is None:
            self._latest[lock.key] = lock

    def forget(self, lock: Lock) -> None:
        """Let go of a lease whose end is on disk, unless its key has a newer one."""
        if self._latest.get(lock.key) is lock:
            del self._latest[lock.key]


class LeaseQueue:
    """The callers that wait for a lease."""

    def __init__(self) -> None:
        self.waiters: dict[str, Waiter] = {}  # by id
        self.ranks = PriorityQueue()  # the same, by rank
        self.granted: dict[str, Lock] = {}  # what waiters were given, until their callers have it; by waiter
        self._by_key: dict[str, str] = {}  # their ids
        self._arrivals = 0  # ever

    def enqueue(self, waiter: Waiter, *, after_seq: int) -> None:
        """Let a caller wait, behind all of the same priority who came before: the orders up to ``after_seq``, too."""
        self._arrivals += 1
        self.waiters[waiter.waiter_id] = waiter
        self._by_key[waiter.key] = waiter.waiter_id
        rank = Rank(waiter.asked.priority, after_seq, self._arrivals)
        self.ranks.push(Entry(rank, waiter.waiter_id, waiter.asked.resource))

    def remove(self, waiter_id: str) -> Waiter | None:
        """Let a caller wait no more; ``None`` where it does not wait."""
        waiter = self.waiters.pop(waiter_id, None)
        if waiter is not None:
            self.ranks.remove(waiter_id)
            del self._by_key[waiter.key]
        return waiter

    def waiter_of(self, key: str) -> Waiter | None:
        """Return who waits under a caller's key."""
        return self.waiters.get(self._by_key.get(key, ""))

    def keep_for_repeat(self, lease: Lock) -> None:
        """Leave a lease to a repeated request: it stays, though the first caller goes away without it."""
        self.granted = {name: lock for name, lock in self.granted.items() if lock.lock_id != lease.lock_id}
