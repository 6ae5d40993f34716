"""Lock rules: one holder per resource, with owner, lease, fencing token and expiry.

A lock is a lease: whoever holds it can be gone, so it ends by itself. But a lease says nothing of an action that
outlives its holder. Therefore expiry frees a lock only while nothing is outstanding under it; once a request may be
on its way, expiry is an alarm (``overdue``) and the lock stays until the outcome is known.

Every grant carries a *fencing token*, a number that only grows, over restarts too. A release or renewal under an
older token, or by anybody but the owner, changes nothing.

The table decides; it holds nothing that can wait. The ``asyncio.Lock`` of a resource stands in
:mod:`daemon.engine.resource_locks` and is held exactly as long as this table says.
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from daemon.core.values.resources import whole_of


class LockState(StrEnum):
    """Where a lock stands, in the bot's words."""

    ACTIVE = "active"
    RELEASED = "released"
    EXPIRED = "expired"
    FAILED = "failed"  # what it was held for failed


class OwnerType(StrEnum):
    """Who holds a lock, in the bot's words."""

    USER = "user"
    SYSTEM = "system"
    WORKFLOW = "workflow"


class TransactionType(StrEnum):
    """What a lock is held for, in the bot's words."""

    TRADE = "trade"
    CANCEL = "cancel"
    UPDATE = "update"


class Lock(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One grant of a resource. Times are Unix milliseconds."""

    lock_id: str
    resource: str
    token: int  # fencing token
    owner_id: str
    owner_type: OwnerType
    order_id: str | None  # the order it is held for; None for a lease that a caller asked for itself
    key: str  # idempotency key of what it is held for
    transaction_type: TransactionType = TransactionType.TRADE
    transaction_data: str | None = None  # JSON, the caller's
    acquired_ms: int
    expires_ms: int
    timeout_ms: int
    state: LockState = LockState.ACTIVE
    released_ms: int | None = None
    result: str | None = None  # JSON
    error: str | None = None
    overdue: bool = False  # its lease ended with something outstanding


class LockTable:
    """The active locks. Changes are returned as values, to be written through."""

    def __init__(self, last_token: int = 0) -> None:
        self.last_token = last_token
        self._by_resource: dict[str, Lock] = {}
        self._by_id: dict[str, Lock] = {}
        self._by_whole: dict[str, dict[str, Lock]] = {}  # the locks of its parts, by their ids

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Lock]:
        return iter(self._by_id.values())

    def holder(self, resource: str) -> Lock | None:
        """Return the resource's active lock."""
        return self._by_resource.get(resource)

    def blocker(self, resource: str) -> Lock | None:
        """Return an active lock that keeps others from a resource: its own, its whole's, or one of its parts'."""
        lock = self._by_resource.get(resource) or self._by_resource.get(whole_of(resource) or "")
        return lock or next(iter(self._by_whole.get(resource, {}).values()), None)

    def active(self, lock_id: str | None) -> Lock | None:
        """Return a lock by its id while it is active."""
        return None if lock_id is None else self._by_id.get(lock_id)

    def acquire(
        self,
        *,
        resource: str,
        owner_id: str,
        owner_type: OwnerType,
        order_id: str | None,
        key: str,
        timeout_ms: int,
        now_ms: int,
        transaction_type: TransactionType = TransactionType.TRADE,
        transaction_data: str | None = None,
    ) -> Lock | None:
        """Grant a free resource; ``None`` where it is held, or excluded by one that is."""
        if self.blocker(resource) is not None:
            return None
        self.last_token += 1
        lock = Lock(
            lock_id=f"lock-{self.last_token}",
            resource=resource,
            token=self.last_token,
            owner_id=owner_id,
            owner_type=owner_type,
            order_id=order_id,
            key=key,
            transaction_type=transaction_type,
            transaction_data=transaction_data,
            acquired_ms=now_ms,
            expires_ms=now_ms + timeout_ms,
            timeout_ms=timeout_ms,
        )
        return self._keep(lock)

    def restore(self, lock: Lock) -> None:
        """Take a lock again that the disk remembers as active."""
        if lock.resource in self._by_resource:
            raise ValueError(f"{lock.resource} is held already")
        self.last_token = max(self.last_token, lock.token)
        self._keep(lock)

    def renew(self, lock_id: str, token: int, now_ms: int, timeout_ms: int | None = None) -> Lock | None:
        """Begin the lease anew; ``None`` where the lock is not active under this token."""
        lock = self._current(lock_id, token)
        if lock is None:
            return None
        lease = timeout_ms or lock.timeout_ms
        return self._keep(msgspec.structs.replace(lock, expires_ms=now_ms + lease, timeout_ms=lease, overdue=False))

    def extend(self, lock: Lock, by_ms: int) -> Lock:
        """Let an active lock's lease end later by so much."""
        return self._keep(msgspec.structs.replace(lock, expires_ms=lock.expires_ms + by_ms))

    def release(
        self, lock_id: str, token: int, now_ms: int, *, result: str | None = None, error: str | None = None
    ) -> Lock | None:
        """End a lock; ``None`` where it is not active under this token, and nothing changes."""
        state = LockState.RELEASED if error is None else LockState.FAILED
        return self._end(lock_id, token, state, now_ms, result=result, error=error)

    def expire(self, lock_id: str, now_ms: int, *, outstanding: bool) -> Lock | None:
        """Carry out the end of a lease that is over.

        Returns:
            The lock, expired, or still active and overdue where something is outstanding under it; ``None`` where
            the lease is not over, or the alarm was given already.

        """
        lock = self._by_id.get(lock_id)
        if lock is None or now_ms < lock.expires_ms or lock.overdue:
            return None
        if outstanding:
            return self._keep(msgspec.structs.replace(lock, overdue=True))
        return self._end(lock_id, lock.token, LockState.EXPIRED, now_ms)

    def _current(self, lock_id: str, token: int) -> Lock | None:
        lock = self._by_id.get(lock_id)
        return lock if lock is not None and lock.token == token else None

    def _keep(self, lock: Lock) -> Lock:
        self._by_resource[lock.resource] = self._by_id[lock.lock_id] = lock
        whole = whole_of(lock.resource)
        if whole is not None:
            self._by_whole.setdefault(whole, {})[lock.lock_id] = lock
        return lock

    def _end(
        self,
        lock_id: str,
        token: int,
        state: LockState,
        now_ms: int,
        *,
        result: str | None = None,
        error: str | None = None,
    ) -> Lock | None:
        lock = self._current(lock_id, token)
        if lock is None:
            return None
        del self._by_resource[lock.resource], self._by_id[lock_id]
        whole = whole_of(lock.resource)
        if whole is not None:
            parts = self._by_whole[whole]
            del parts[lock_id]
            if not parts:
                del self._by_whole[whole]
        return msgspec.structs.replace(lock, state=state, released_ms=now_ms, result=result, error=error)
