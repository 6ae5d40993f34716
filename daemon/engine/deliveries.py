"""Deliveries: pass a granted lease and its commit to the callers that made the request.

Any decision may grant a lease: its caller's own, another caller's release, the expiry of another lock. A lease is
delivered when it is durable and one of its callers gets it. If all callers disconnect before that, the lease ends. A
caller that repeats a request before its lease is delivered joins the same delivery.
"""

import asyncio

from daemon.core.values.locks import Lock
from daemon.store.commit import Commit


class Delivery:
    """The lease of one request; ``lock`` is ``None`` while its callers wait for the grant."""

    __slots__ = ("_commit", "_wake", "callers", "is_done", "key", "lock")

    def __init__(self, key: str) -> None:
        self.key = key
        self.callers = 0
        self.lock: Lock | None = None
        self.is_done = False  # a caller has the lease
        self._commit: Commit | None = None  # of the grant
        self._wake = asyncio.Event()

    def grant(self, lock: Lock, commit: Commit) -> None:
        """Set the lease, and wake the callers."""
        self.lock, self._commit = lock, commit
        self._wake.set()

    def give_up(self) -> None:
        """Wake the callers without a lease."""
        self._wake.set()

    async def granted(self) -> None:
        """Wait for :meth:`grant` or :meth:`give_up`."""
        await self._wake.wait()

    async def durable(self) -> Lock | None:
        """Return the lease when it is durable, which delivers it; ``None`` if none was granted."""
        if self._commit is not None:
            await self._commit.durable()
            self.is_done = True
        return self.lock


class Deliveries:
    """The open deliveries, by their request's key."""

    def __init__(self) -> None:
        self._open: dict[str, Delivery] = {}

    def grant(self, lock: Lock, commit: Commit) -> None:
        """Give a new lease to the callers that wait for it, or to the caller whose decision grants it.

        If the open delivery of the key already has a lease, that lease ended before all its callers had it. The new
        lease gets a new delivery.
        """
        delivery = self._open.get(lock.key)
        if delivery is None or delivery.lock is not None:
            delivery = self._open[lock.key] = Delivery(lock.key)
        delivery.grant(lock, commit)

    def find(self, key: str) -> Delivery | None:
        """Return the open delivery of a key."""
        return self._open.get(key)

    def of(self, key: str, *, waits: bool) -> Delivery:
        """Return the open delivery of a key, or open one.

        If the request still ``waits`` in the lease queue, an open delivery with a lease is that of an earlier request:
        its lease ended before all its callers had it.
        """
        delivery = self._open.get(key)
        if delivery is None or (waits and delivery.lock is not None):
            delivery = self._open[key] = Delivery(key)
        return delivery

    def close(self, delivery: Delivery) -> None:
        """Remove a delivery that has no callers left."""
        if self._open.get(delivery.key) is delivery:
            del self._open[delivery.key]

    def give_up(self) -> None:
        """Wake the callers that wait: nothing is granted any more."""
        for delivery in self._open.values():
            delivery.give_up()
