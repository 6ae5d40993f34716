"""Leases: a caller holds a resource itself, for its own critical section.

Leases and the locks of orders are in one table. So a caller that holds ``trade:FOOUSDT:BUY:7`` keeps that trade's order
waiting, and the order keeps the caller waiting. A lease ends when its owner releases it, when its time is over, or when
an administrator ends it; the next caller (:mod:`daemon.core.verbs.lease_queue`) is granted in the same decision.

An idempotency key makes a repeated request the same request. While the lease is active the answer is the lease; after a
release it is the lease with its result. After a failure, and after the lease's time is over, the key is free.

A verb's ``lock`` argument may come from a read of the disk and be out of date. Where memory differs, memory is right.
"""

import msgspec

from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.locks import Lock, LockState
from daemon.core.values.orders import Order
from daemon.core.values.states import WAITING, State
from daemon.core.values.waiters import LeaseRequest, Waiter
from daemon.core.verbs import lease_queue
from daemon.core.verbs.dispatch import disarm
from daemon.errors import Full, Held, KeyConflict, NotAllowed, NotReady, WrongState


class Leased(msgspec.Struct, frozen=True):
    """A lease; ``replayed`` where an earlier request with the same key was granted it."""

    lock: Lock
    replayed: bool


def acquire(d: Decision, request: LeaseRequest, *, waiter_id: str, waits: bool) -> Leased | Waiter:
    """Grant a lease now, or put the caller into the lease queue.

    Args:
        waiter_id: the caller's id in the queue; also its key where the request has none.
        waits: the caller waits where the resource is held.

    Returns:
        A lease: a new one, or the one that an earlier request with the same key was granted, active or released.
        A waiter, where the caller has to wait: the earlier one where it waits with the same key.

    Raises:
        KeyConflict: the key belongs to another request.
        Held: the resource is held, and the caller does not wait.
        NotReady: the daemon is starting or draining.
        Full: the lease queue is full.

    """
    replay = _replay(d.state, request)
    if replay is not None:
        return Leased(replay, replayed=True)
    waiter = _waiter_of_key(d.state, request)
    if waiter is None:
        _check_open(d.state)
        waiter = Waiter(waiter_id=waiter_id, request=request, queued_ms=d.now_ms)
        lock = lease_queue.try_acquire(d, request, waiter.key)
        if lock is not None:
            return Leased(lock, replayed=False)
        if waits:
            lease_queue.enqueue(d, waiter)
    if not waits:
        raise held(d.state, request.resource)
    d.changes.may_wait = True  # the caller waits for the lease, not for this commit
    return waiter


def held(state: TradingState, resource: str) -> Held:
    """Return the refusal that names a resource's holder and the number of those that wait for it."""
    holder = state.locks.blocker(resource)
    waiting = state.waiting_for(resource)
    who = "an order that is next" if holder is None else f"{holder.owner_id} ({holder.lock_id})"
    return Held(
        f"{resource} is held by {who}, {waiting} wait for it; wait with `Prefer: wait=SECONDS`",
        holder=holder,
        queue_length=waiting,
    )


def renew(d: Decision, lock: Lock, *, owner_id: str, timeout_ms: int | None) -> Lock:
    """Restart a lease's time, for its owner; ``None`` keeps its length.

    Raises:
        NotAllowed: the lease belongs to another owner.
        WrongState: it has ended, or it is an order's lock.

    """
    lock = _own(d.state, lock, owner_id)
    renewed = d.state.locks.renew(lock.lock_id, lock.token, d.now_ms, timeout_ms)
    assert renewed is not None
    d.lock_taken(renewed)
    d.record("lock.renewed", lock=renewed, token=renewed.token, expires_ms=renewed.expires_ms)
    return renewed


def release(d: Decision, lock: Lock, *, owner_id: str, result: str | None, error: str | None) -> Lock:
    """End a lease, for its owner, with the outcome of the critical section.

    The same again changes nothing: the answer to the first request may have been lost.

    Args:
        result: JSON, kept for a repeated request.
        error: why the critical section failed; the lease's key is free then.

    Raises:
        NotAllowed: the lease belongs to another owner.
        WrongState: it has ended, or it is an order's lock.

    """
    how = LockState.RELEASED if error is None else LockState.FAILED
    if lock.owner_id == owner_id and (lock.state, lock.result, lock.error) == (how, result, error):
        return lock
    lock = _own(d.state, lock, owner_id)
    ended = d.state.locks.release(lock.lock_id, lock.token, d.now_ms, result=result, error=error)
    assert ended is not None
    d.lock_ended(ended)
    d.record("lock.released", lock=ended, token=ended.token, failed=error is not None)
    return ended


def abandon(d: Decision, key: str, lock: Lock | None, *, reason: str) -> None:
    """End the lease that a request was granted, or else its wait under ``key``: its callers are gone."""
    if lock is None:
        lease_queue.withdraw(d, key, reason)
    elif d.state.locks.active(lock.lock_id) is not None:
        release(d, lock, owner_id=lock.owner_id, result=None, error=reason)


def force_release(d: Decision, lock: Lock, *, reason: str, actor: str, exchange_checked: bool) -> Lock:
    """End any lock, for an administrator. The same again, for the same reason, changes nothing.

    Returns:
        The ended lock; or the active one, if its order's request left just now and the exchange was not checked.

    Raises:
        WrongState: it has ended; or its order's outcome is unknown and the administrator has not checked the exchange.

    """
    error = f"released by {actor}: {reason}"
    if (lock.state, lock.error) == (LockState.FAILED, error):
        return lock
    lock = _active(d.state, lock)
    order = None if lock.order_id is None else d.state.orders[lock.order_id]
    if order is not None and order.state not in WAITING and not exchange_checked:
        raise WrongState(
            f"order {order.order_id} was sent under {lock.lock_id} and its outcome is unknown: look on the exchange "
            f"for client order id {order.client_order_id}, then rule with `sniperd resolve`, or say that you have "
            "checked (--exchange-checked)"
        )
    if order is not None and order.state is State.ARMED:
        order = disarm(d, order, f"its lock was released: {reason}")  # which ends the lock, unless its request has left
        if order.state is State.IN_FLIGHT and not exchange_checked:
            return lock
    if lock.lock_id in d.changes.locks:
        ended = d.changes.locks[lock.lock_id]
    else:
        released = d.state.locks.release(lock.lock_id, lock.token, d.now_ms, error=error)
        assert released is not None
        ended = released
        d.lock_ended(ended)
        _wait_anew(d, order)
    d.record(
        "lock.force_released", order, actor=actor, lock=ended, owner_id=ended.owner_id, token=ended.token,
        reason=reason, exchange_checked=exchange_checked,
    )  # fmt: skip
    return ended


def _wait_anew(d: Decision, order: Order | None) -> None:
    """Let an order that waited under its lock wait for its resource like any other."""
    if order is not None and d.state.leave(order):
        d.enqueue(order)


def _check_open(state: TradingState) -> None:
    if not state.gate.grants_leases:
        raise NotReady("the daemon is starting or draining; ask again in a moment, with the same key")
    waiting = len(state.lease_queue.waiters)
    if waiting >= state.rules.config.queue.max_queued:
        raise Full(f"{waiting} wait for locks already, the limit ([queue] max_queued); ask again later")


def _replay(state: TradingState, request: LeaseRequest) -> Lock | None:
    """Return the lease that answers a repeated request; one that failed or ran out of time does not."""
    lock = None if request.key is None else state.leases.lease_of(request.key)
    if lock is None or lock.state in {LockState.FAILED, LockState.EXPIRED}:
        return None
    _check_same(lock, request)
    return lock


def _waiter_of_key(state: TradingState, request: LeaseRequest) -> Waiter | None:
    waiter = None if request.key is None else state.lease_queue.waiter_of(request.key)
    if waiter is not None:
        _check_same(waiter.request, request)
    return waiter


def _check_same(earlier: Lock | LeaseRequest, request: LeaseRequest) -> None:
    """Check that two requests with one key are the same request; their timeout and priority may differ."""
    first, second = (
        (each.resource, each.owner_id, each.owner_type, each.transaction_type, each.transaction_data)
        for each in (earlier, request)
    )
    if first != second:
        raise KeyConflict(f"idempotency key {request.key!r} belongs to another request for a lock; use another key")


def _own(state: TradingState, lock: Lock, owner_id: str) -> Lock:
    lock = _active(state, lock)
    if lock.order_id is not None:
        raise WrongState(f"{lock.lock_id} is held for order {lock.order_id} and ends with its outcome")
    if lock.owner_id != owner_id:
        raise NotAllowed(f"{lock.lock_id} belongs to another owner")
    return lock


def _active(state: TradingState, lock: Lock) -> Lock:
    active = state.locks.active(lock.lock_id)
    if active is None:
        how = "ended" if lock.state is LockState.ACTIVE else lock.state.value
        raise WrongState(f"{lock.lock_id} has ended already ({how})")
    return active
