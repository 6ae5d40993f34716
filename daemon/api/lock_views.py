"""What the lock service shows: times are Unix milliseconds, ``transactionData`` and ``result`` the caller's JSON."""

from typing import Any

import msgspec

from daemon.api.views import View
from daemon.core.values.locks import Lock, LockState, OwnerType, TransactionType
from daemon.core.verbs.lease_queue import Waiting


class LockView(View, frozen=True, kw_only=True):
    """A lock."""

    lock_id: str
    resource_id: str
    owner_id: str
    owner_type: OwnerType
    fencing_token: int
    status: LockState
    transaction_type: TransactionType
    transaction_data: msgspec.Raw | None
    idempotency_key: str
    order_id: str | None  # the order it is held for; null for a caller's own lease
    timeout_ms: int
    acquired_at: int
    expires_at: int
    released_at: int | None
    overdue: bool  # its lease ended while an order's outcome was unknown
    result: msgspec.Raw | None
    error: str | None


class LeaseView(LockView, frozen=True, kw_only=True):
    """A lock as the answer to the request for it."""

    replayed: bool


class WaitingView(View, frozen=True, kw_only=True):
    """A waiter in the queue; positions count from 1."""

    queue_id: str
    order_id: str | None
    resource_id: str
    owner_id: str
    priority: int
    queued_at: int
    position: int
    resource_position: int


class LocksView(View, frozen=True, kw_only=True):
    """The active locks, oldest first, and the queue, in the order of service."""

    locks: list[LockView]
    queue: list[WaitingView]


class HeldView(View, frozen=True, kw_only=True):
    """Why a lock was not granted."""

    error: str
    message: str
    holder: LockView | None  # null: an order is next
    queue_length: int


def lock_view(lock: Lock) -> LockView:
    """Show a lock."""
    return LockView(**_fields(lock))


def lease_view(lock: Lock, *, replayed: bool) -> LeaseView:
    """Show a lock as the answer to the request for it."""
    return LeaseView(**_fields(lock), replayed=replayed)


def waiting_view(waiting: Waiting) -> WaitingView:
    """Show a waiter."""
    return WaitingView(
        queue_id=waiting.entry_id,
        order_id=waiting.order_id,
        resource_id=waiting.resource,
        owner_id=waiting.owner_id,
        priority=waiting.priority,
        queued_at=waiting.since_ms,
        position=waiting.position,
        resource_position=waiting.resource_position,
    )


def _fields(lock: Lock) -> dict[str, Any]:
    return {
        "lock_id": lock.lock_id,
        "resource_id": lock.resource,
        "owner_id": lock.owner_id,
        "owner_type": lock.owner_type,
        "fencing_token": lock.token,
        "status": lock.state,
        "transaction_type": lock.transaction_type,
        "transaction_data": _raw(lock.transaction_data),
        "idempotency_key": lock.key,
        "order_id": lock.order_id,
        "timeout_ms": lock.timeout_ms,
        "acquired_at": lock.acquired_ms,
        "expires_at": lock.expires_ms,
        "released_at": lock.released_ms,
        "overdue": lock.overdue,
        "result": _raw(lock.result),
        "error": lock.error,
    }


def _raw(text: str | None) -> msgspec.Raw | None:
    return None if text is None else msgspec.Raw(text)
