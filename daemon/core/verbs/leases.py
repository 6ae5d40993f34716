"""Leases: a caller holds a resource itself, for a critical section of its own.

Leases and the locks of orders are of one table, so a caller that holds ``trade:FOOUSDT:BUY:7`` keeps that trade's
order waiting, and the order keeps the caller waiting. A lease ends by its owner's release, by its time, or by an
administrator's word; the next in line (:mod:`daemon.core.verbs.lease_queue`) is granted in the same step.

A caller's idempotency key makes a repeated request the same one: while the lease is active it is answered with it,
after a release with its result. After a failure, or after its time ran out, the key is free.

The lock that a verb is given may have been read from the disk a moment ago. Where memory knows better, memory decides.
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
    """A lease; ``replayed`` where an earlier request with the same key got it."""

    lock: Lock
    replayed: bool


def acquire(d: Decision, asked: LeaseRequest, *, waiter_id: str, waits: bool) -> Leased | Waiter:
    """Grant a lease now, or put the caller in line.

    Returns:
        The lease: new, or the one that an earlier request with the same key got, active or released with its result.
        A new one stands in ``granted`` under the waiter's name until the caller is told.
        A waiter where the resource is held and the caller waits; the earlier one where it waits with the same key.

    Raises:
        KeyConflict: the key belongs to another request.
        Held: the resource is held, and the caller does not wait.
        NotReady: the daemon is starting or draining.
        Full: the line has no room.

    """
    lease = _lease_of_key(d.state, asked)
    if lease is not None:
        d.state.lease_queue.keep_for_repeat(lease)
        return Leased(lease, replayed=True)
    waiter = _waiter_of_key(d.state, asked)
    if waiter is None:
        waiter = _in_line(d.state, asked, waiter_id, d.now_ms)
        lease_queue.grant(d)
        lock = d.state.lease_queue.granted.get(waiter_id)
        if lock is not None:
            del d.changes.waiters[waiter_id]  # it never waited
            return Leased(lock, replayed=False)
        if not waits:
            d.state.lease_queue.remove(waiter_id)
        else:
            d.changes.waiters[waiter_id] = waiter
    if not waits:
        raise held(d.state, asked.resource)
    d.changes.may_wait = True  # the caller waits for the lease, not for this commit
    return waiter


def held(state: TradingState, resource: str) -> Held:
    """Say who has a resource, and how many wait for it."""
    holder = state.locks.blocker(resource)
    waiting = state.waiting_for(resource)
    who = "an order that is next" if holder is None else f"{holder.owner_id} ({holder.lock_id})"
    return Held(
        f"{resource} is held by {who}, {waiting} wait for it; wait with `Prefer: wait=SECONDS`",
        holder=holder,
        queue_length=waiting,
    )


def renew(d: Decision, lock: Lock, *, owner_id: str, timeout_ms: int | None) -> Lock:
    """Begin a lease anew, for its owner.

    Raises:
        NotAllowed: somebody else's.
        WrongState: it has ended, or it is an order's.

    """
    lock = _own(d.state, lock, owner_id)
    renewed = d.state.locks.renew(lock.lock_id, lock.token, d.now_ms, timeout_ms)
    assert renewed is not None
    d.lock_taken(renewed)
    d.record("lock.renewed", lock=renewed, token=renewed.token, expires_ms=renewed.expires_ms)
    return renewed


def release(d: Decision, lock: Lock, *, owner_id: str, result: str | None, error: str | None) -> Lock:
    """End a lease, for its owner, with what came of the critical section.

    Args:
        result: JSON, kept for whoever repeats the request; with ``error`` the lease has failed and its key is free.

    Raises:
        NotAllowed: somebody else's.
        WrongState: it has ended, or it is an order's.

    """
    lock = _own(d.state, lock, owner_id)
    ended = d.state.locks.release(lock.lock_id, lock.token, d.now_ms, result=result, error=error)
    assert ended is not None
    d.lock_ended(ended)
    d.record("lock.released", lock=ended, token=ended.token, failed=error is not None)
    return ended


def abandon(d: Decision, waiter_id: str, reason: str) -> None:
    """Let a waiter go that nobody represents any more, and end the lease that it was granted and nobody took."""
    lease_queue.withdraw(d, waiter_id, reason)
    lock = d.state.lease_queue.granted.pop(waiter_id, None)
    if lock is not None and d.state.locks.active(lock.lock_id) is not None:
        release(d, lock, owner_id=lock.owner_id, result=None, error=reason)


def force_release(d: Decision, lock: Lock, *, reason: str, actor: str, exchange_checked: bool) -> Lock:
    """End anybody's lock by an administrator's word.

    Raises:
        WrongState: it has ended; or its order's outcome is unknown, and nobody has checked the exchange.

    """
    lock = _active(d.state, lock)
    order = None if lock.order_id is None else d.state.orders[lock.order_id]
    if order is not None and order.state not in WAITING and not exchange_checked:
        raise WrongState(
            f"order {order.order_id} was sent under {lock.lock_id} and its outcome is unknown: look on the exchange "
            f"for client order id {order.client_order_id}, then rule with `sniperd resolve`, or say that you have "
            "checked (--exchange-checked)"
        )
    if order is not None and order.state is State.ARMED:
        order = disarm(d, order, f"its lock was released: {reason}")  # which ends the lock
        ended = d.changes.locks[lock.lock_id]
    else:
        released = d.state.locks.release(lock.lock_id, lock.token, d.now_ms, error=f"released by {actor}: {reason}")
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


def _in_line(state: TradingState, asked: LeaseRequest, waiter_id: str, now_ms: int) -> Waiter:
    if not state.gate.is_open:
        raise NotReady("the daemon is starting or draining; ask again in a moment, with the same key")
    if len(state.lease_queue.waiters) >= state.rules.config.queue.max_queued:
        raise Full(
            f"{len(state.lease_queue.waiters)} wait for locks already, the limit ([queue] max_queued); ask again later"
        )
    waiter = Waiter(waiter_id=waiter_id, asked=asked, queued_ms=now_ms)
    state.enqueue_waiter(waiter)
    return waiter


def _lease_of_key(state: TradingState, asked: LeaseRequest) -> Lock | None:
    """Return the lease that answers a repeated request; one that failed or ran out of time answers nothing."""
    lock = None if asked.key is None else state.leases.lease_of(asked.key)
    if lock is None or lock.state in {LockState.FAILED, LockState.EXPIRED}:
        return None
    _check_same(lock, asked)
    return lock


def _waiter_of_key(state: TradingState, asked: LeaseRequest) -> Waiter | None:
    waiter = None if asked.key is None else state.lease_queue.waiter_of(asked.key)
    if waiter is not None:
        _check_same(waiter.asked, asked)
    return waiter


def _check_same(earlier: Lock | LeaseRequest, asked: LeaseRequest) -> None:
    """Check that two requests with one key are one wish. How long and how urgently is no part of it."""
    wishes = [
        (each.resource, each.owner_id, each.owner_type, each.transaction_type, each.transaction_data)
        for each in (earlier, asked)
    ]
    if wishes[0] != wishes[1]:
        raise KeyConflict(f"idempotency key {asked.key!r} belongs to another request for a lock; use another key")


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
