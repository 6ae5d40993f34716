"""Waiters: who stands in line for a resource without an order, on behalf of the bot's own critical section."""

from enum import StrEnum

import msgspec

from daemon.core.values.locks import OwnerType, TransactionType


class WaiterState(StrEnum):
    """Where a waiter stands, in the words of the bot's queue."""

    PENDING = "pending"
    COMPLETED = "completed"  # it was granted the resource
    CANCELLED = "cancelled"  # it gave up, or went away


class LeaseRequest(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a caller asks: a resource, for whom, for how long at most, how urgently."""

    resource: str
    owner_id: str
    owner_type: OwnerType
    transaction_type: TransactionType
    transaction_data: str | None  # JSON, the caller's
    timeout_ms: int
    priority: int
    key: str | None  # idempotency key, if the caller has one


class Waiter(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Somebody in line. Times are Unix milliseconds."""

    waiter_id: str
    asked: LeaseRequest
    queued_ms: int
    state: WaiterState = WaiterState.PENDING
    lock_id: str | None = None
    ended_ms: int | None = None
    error: str | None = None

    @property
    def key(self) -> str:
        """What the row in the queue, and the lock, is known by; its own name where the caller has no key."""
        return self.asked.key or self.waiter_id
