"""Waiters: callers that wait for a lease, for a critical section of their own."""

from enum import StrEnum

import msgspec

from daemon.core.values.locks import OwnerType, TransactionType


class WaiterState(StrEnum):
    """A waiter's state, in the words of the bot's queue."""

    PENDING = "pending"
    COMPLETED = "completed"  # it was granted the resource
    CANCELLED = "cancelled"  # it gave up, or went away


class LeaseRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A request for a lease: the resource, its owner, the longest time, the priority."""

    resource: str
    owner_id: str
    owner_type: OwnerType
    transaction_type: TransactionType
    transaction_data: str | None  # JSON, the caller's
    timeout_ms: int
    priority: int
    key: str | None  # idempotency key, if the caller has one


class Waiter(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A caller in the lease queue. Times are Unix milliseconds."""

    waiter_id: str
    request: LeaseRequest
    queued_ms: int
    state: WaiterState = WaiterState.PENDING
    lock_id: str | None = None
    ended_ms: int | None = None
    error: str | None = None

    @property
    def key(self) -> str:
        """The key of the queue's row and of the lease: the caller's, or else the waiter's id."""
        return self.request.key or self.waiter_id
