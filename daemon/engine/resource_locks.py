"""One ``asyncio.Lock`` per resource, there as long as somebody uses it.

The lock table (:mod:`daemon.core.values.locks`) decides who holds a resource, and it never grants one twice. These
locks make that true of the tasks as well: whoever speaks to the exchange on behalf of a resource does so inside the
resource's lock, from before the request until its outcome is known. A hand-over can be decided while the last
holder's task is still ending; then the next one's task waits here for it.
"""

import asyncio
from weakref import WeakValueDictionary


class ResourceLocks:
    """The locks in use, by resource."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._locks)

    def of(self, resource: str) -> asyncio.Lock:
        """Return the resource's lock; it lives as long as somebody keeps it."""
        lock = self._locks.get(resource)
        if lock is None:
            lock = self._locks[resource] = asyncio.Lock()
        return lock
