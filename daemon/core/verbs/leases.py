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


def acquire(
    ledger: TradingState, step: Decision, asked: LeaseRequest, *, waiter_id: str, waits: bool, now_ms: int
) -> Leased | Waiter:
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
    lease = _lease_of_key(ledger, asked)
    if lease is not None:
        ledger.claim(lease)
        return Leased(lease, replayed=True)
    waiter = _waiter_of_key(ledger, asked)
    if waiter is None:
        waiter = _in_line(ledger, asked, waiter_id, now_ms)
        lease_queue.grant(ledger, step, now_ms)
        lock = ledger.granted.get(waiter_id)
        if lock is not None:
            del step.waiters[waiter_id]  # it never waited
            return Leased(lock, replayed=False)
        if not waits:
            ledger.leave_line(waiter_id)
        else:
            step.waiters[waiter_id] = waiter
    if not waits:
        raise held(ledger, asked.resource)
    return waiter


def held(ledger: TradingState, resource: str) -> Held:
    """Say who has a resource, and how many wait for it."""
    holder = ledger.locks.blocker(resource)
    waiting = ledger.waiting_for(resource)
    who = "an order that is next" if holder is None else f"{holder.owner_id} ({holder.lock_id})"
    return Held(
        f"{resource} is held by {who}, {waiting} wait for it; wait with `Prefer: wait=SECONDS`",
        holder=holder,
        queue_length=waiting,
    )


def renew(
    ledger: TradingState, step: Decision, lock: Lock, *, owner_id: str, timeout_ms: int | None, now_ms: int
) -> Lock:
    """Begin a lease anew, for its owner.

    Raises:
        NotAllowed: somebody else's.
        WrongState: it has ended, or it is an order's.

    """
    lock = _own(ledger, lock, owner_id)
    renewed = ledger.locks.renew(lock.lock_id, lock.token, now_ms, timeout_ms)
    assert renewed is not None
    ledger.took(step, renewed)
    ledger.tell(step, "lock.renewed", now_ms, None, lock=renewed, token=renewed.token, expires_ms=renewed.expires_ms)
    return renewed


def release(
    ledger: TradingState,
    step: Decision,
    lock: Lock,
    *,
    owner_id: str,
    result: str | None,
    error: str | None,
    now_ms: int,
) -> Lock:
    """End a lease, for its owner, with what came of the critical section.

    Args:
        result: JSON, kept for whoever repeats the request; with ``error`` the lease has failed and its key is free.

    Raises:
        NotAllowed: somebody else's.
        WrongState: it has ended, or it is an order's.

    """
    lock = _own(ledger, lock, owner_id)
    ended = ledger.locks.release(lock.lock_id, lock.token, now_ms, result=result, error=error)
    assert ended is not None
    ledger.ended(step, ended)
    ledger.tell(step, "lock.released", now_ms, None, lock=ended, token=ended.token, failed=error is not None)
    return ended


def force_release(
    ledger: TradingState, step: Decision, lock: Lock, *, reason: str, actor: str, exchange_checked: bool, now_ms: int
) -> Lock:
    """End anybody's lock by an administrator's word.

    Raises:
        WrongState: it has ended; or its order's outcome is unknown, and nobody has checked the exchange.

    """
    lock = _active(ledger, lock)
    order = None if lock.order_id is None else ledger.orders[lock.order_id]
    if order is not None and order.state not in WAITING and not exchange_checked:
        raise WrongState(
            f"order {order.order_id} was sent under {lock.lock_id} and its outcome is unknown: look on the exchange "
            f"for client order id {order.client_order_id}, then rule with `sniperd resolve`, or say that you have "
            "checked (--exchange-checked)"
        )
    if order is not None and order.state is State.ARMED:
        order = disarm(ledger, step, order, f"its lock was released: {reason}", now_ms)  # which ends the lock
        ended = step.locks[lock.lock_id]
    else:
        released = ledger.locks.release(lock.lock_id, lock.token, now_ms, error=f"released by {actor}: {reason}")
        assert released is not None
        ended = released
        ledger.ended(step, ended)
        _wait_anew(ledger, order, now_ms)
    ledger.tell(
        step, "lock.force_released", now_ms, order, actor=actor, lock=ended, owner_id=ended.owner_id, token=ended.token,
        reason=reason, exchange_checked=exchange_checked,
    )  # fmt: skip
    return ended


def _wait_anew(ledger: TradingState, order: Order | None, now_ms: int) -> None:
    """Let an order that waited under its lock wait for its resource like any other."""
    if order is not None and ledger.leave(order):
        ledger.enqueue(order, now_ms)


def _in_line(ledger: TradingState, asked: LeaseRequest, waiter_id: str, now_ms: int) -> Waiter:
    if not ledger.sending:
        raise NotReady("the daemon is starting or draining; ask again in a moment, with the same key")
    if len(ledger.waiters) >= ledger.rules.config.queue.max_queued:
        raise Full(f"{len(ledger.waiters)} wait for locks already, the limit ([queue] max_queued); ask again later")
    waiter = Waiter(waiter_id=waiter_id, asked=asked, queued_ms=now_ms)
    ledger.stand_in_line(waiter)
    return waiter


def _lease_of_key(ledger: TradingState, asked: LeaseRequest) -> Lock | None:
    """Return the lease that answers a repeated request; one that failed or ran out of time answers nothing."""
    lock = None if asked.key is None else ledger.lease_by_key(asked.key)
    if lock is None or lock.state in {LockState.FAILED, LockState.EXPIRED}:
        return None
    _check_same(lock, asked)
    return lock


def _waiter_of_key(ledger: TradingState, asked: LeaseRequest) -> Waiter | None:
    waiter = None if asked.key is None else ledger.waiter_by_key(asked.key)
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


def _own(ledger: TradingState, lock: Lock, owner_id: str) -> Lock:
    lock = _active(ledger, lock)
    if lock.order_id is not None:
        raise WrongState(f"{lock.lock_id} is held for order {lock.order_id} and ends with its outcome")
    if lock.owner_id != owner_id:
        raise NotAllowed(f"{lock.lock_id} belongs to another owner")
    return lock


def _active(ledger: TradingState, lock: Lock) -> Lock:
    active = ledger.locks.active(lock.lock_id)
    if active is None:
        state = "ended" if lock.state is LockState.ACTIVE else lock.state.value
        raise WrongState(f"{lock.lock_id} has ended already ({state})")
    return active
