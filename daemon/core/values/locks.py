"""Lock rules: one holder per resource, with owner, lease, fencing token and expiry.

A lock is a lease: its holder may have ended, so the lock ends by itself. But a request to the exchange can outlive the
holder. So expiry frees a lock only if no request is outstanding under it. Otherwise expiry only marks the lock as
``overdue``, and it is held until the outcome is known.

Every grant has a *fencing token*, a number that only grows, across restarts too. A release or renewal under an older
token changes nothing.

The table only decides, and never waits. Tasks wait for the ``asyncio.Lock`` of a resource
(:mod:`daemon.engine.resource_locks`).
"""

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from daemon.core.values.resources import family_of


class LockState(StrEnum):
    """The state of a lock, in the bot's words."""

    ACTIVE = "active"
    RELEASED = "released"
    EXPIRED = "expired"
    FAILED = "failed"  # what it was held for failed


class OwnerType(StrEnum):
    """The kind of a lock's owner, in the bot's words."""

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
    overdue: bool = False  # its lease ended while a request was outstanding


class LockTable:
    """The active locks. Each change returns the changed lock, to be written to disk."""

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
        """Return the resource's active lock; ``None`` if there is none."""
        return self._by_resource.get(resource)

    def blocker(self, resource: str) -> Lock | None:
        """Return an active lock that excludes others from a resource: its own, its whole's, or one of its parts'."""
        lock = self._by_resource.get(resource) or self._by_resource.get(family_of(resource))
        return lock or next(iter(self._by_whole.get(resource, {}).values()), None)

    def active(self, lock_id: str | None) -> Lock | None:
        """Return a lock by its id; ``None`` unless it is active."""
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
        """Grant a free resource; ``None`` if it is held, or excluded by one that is."""
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
        """Add a lock that is active on disk."""
        if lock.resource in self._by_resource:
            raise ValueError(f"{lock.resource} is held already")
        self.last_token = max(self.last_token, lock.token)
        self._keep(lock)

    def renew(self, lock_id: str, token: int, now_ms: int, timeout_ms: int | None = None) -> Lock | None:
        """Restart the lease; ``None`` if the lock is not active under this token."""
        lock = self._current(lock_id, token)
        if lock is None:
            return None
        lease = timeout_ms or lock.timeout_ms
        return self._keep(msgspec.structs.replace(lock, expires_ms=now_ms + lease, timeout_ms=lease, overdue=False))

    def extend(self, lock: Lock, by_ms: int) -> Lock:
        """Extend an active lock's lease by ``by_ms``."""
        return self._keep(msgspec.structs.replace(lock, expires_ms=lock.expires_ms + by_ms))

    def release(
        self, lock_id: str, token: int, now_ms: int, *, result: str | None = None, error: str | None = None
    ) -> Lock | None:
        """End a lock; ``None``, and no change, if it is not active under this token."""
        state = LockState.RELEASED if error is None else LockState.FAILED
        return self._end(lock_id, token, state, now_ms, result=result, error=error)

    def expire(self, lock_id: str, now_ms: int, *, outstanding: bool) -> Lock | None:
        """Expire a lock whose lease is over.

        Returns:
            The lock: expired, or active and overdue if a request is outstanding under it; ``None`` if the lease is not
            over, or the lock is already overdue.

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
        whole = family_of(lock.resource)
        if whole != lock.resource:
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
        whole = family_of(lock.resource)
        if whole != lock.resource:
            parts = self._by_whole[whole]
            del parts[lock_id]
            if not parts:
                del self._by_whole[whole]
        return msgspec.structs.replace(lock, state=state, released_ms=now_ms, result=result, error=error)
