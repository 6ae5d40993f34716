"""One ``asyncio.Lock`` per resource, kept while it is used.

The lock table (:mod:`daemon.core.values.locks`) decides who holds a resource, and it never grants one twice. These
locks do the same for tasks: an order that needs the lock is sent only inside it, and its task keeps it until the
outcome is known. An emergency order (``skipLock``) and a cancel need none. The next holder can be decided while the
last holder's task is still ending; then its task waits here.
"""

import asyncio
from weakref import WeakValueDictionary

from daemon.without_waiting import without_waiting


class ResourceLocks:
    """The locks in use, by resource."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._locks)

    def of(self, resource: str) -> asyncio.Lock:
        """Return the resource's lock; it exists while a caller keeps it."""
        lock = self._locks.get(resource)
        if lock is None:
            lock = self._locks[resource] = asyncio.Lock()
        return lock

    def try_acquire(self, resource: str) -> asyncio.Lock | None:
        """Return the resource's lock, acquired; ``None`` if a task holds it or waits for it."""
        lock = self.of(resource)
        if lock.locked():
            return None
        try:
            without_waiting(lock.acquire())
        except RuntimeError:  # it was just released to a task that has not run since
            return None
        return lock
