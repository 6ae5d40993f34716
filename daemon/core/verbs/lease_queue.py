"""The lease queue: callers that wait for a lease are granted it in order of priority, then age.

Orders and callers wait for the same resources, each in a queue of their own, because an order needs the exchange's
capacity as well and a caller does not. If both wait for one resource, the more urgent one goes first. A caller waits
until a more urgent order has left the queue. No order is sent before a more urgent caller, because leases are granted
before orders are sent.
"""

from collections import Counter
from collections.abc import Generator, Sequence

import msgspec

from daemon.core.rules.priority_queue import NO_RESOURCE, PIECE, Entry, Rank
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.waiters import LeaseRequest, Waiter, WaiterState


def try_acquire(d: Decision, request: LeaseRequest, key: str) -> Lock | None:
    """Grant a new caller its resource under ``key``; ``None`` where it is held, or another goes first."""
    state = d.state
    rank = state.lease_queue.next_rank(request.priority, after_seq=state.orders.last_seq)
    for queue in (state.queue, state.lease_queue.ranks):
        rival = queue.first(request.resource)
        if rival is not None and rival.rank < rank:
            return None
    return _grant(d, request, key, waited_ms=0)


def enqueue(d: Decision, waiter: Waiter) -> None:
    """Let a caller wait for a lease that it was not granted at once."""
    d.state.lease_queue.enqueue(waiter, after_seq=d.state.orders.last_seq)
    d.changes.waiters[waiter.waiter_id] = waiter


def grant(d: Decision, limit: int) -> int:
    """Grant free resources to the first callers in their queues, unless more urgent orders wait for them.

    Returns:
        How many callers were looked at, at most ``limit``. If it is less, no caller is left that could be granted.

    """
    looked_at = 0
    while looked_at < limit and (entry := d.state.lease_queue.ranks.peek()) is not None:
        looked_at += 1
        rival = d.state.queue.first(entry.resource)
        if rival is not None and rival < entry:
            # Until the order has left: TradingState.leave, TradingState.release.
            d.state.lease_queue.ranks.set_aside(entry.resource)
            continue
        waiter = d.state.lease_queue.remove(entry.entry_id)
        lock = _grant(d, waiter.request, waiter.key, waited_ms=d.now_ms - waiter.queued_ms)
        assert lock is not None
        d.changes.waiters[waiter.waiter_id] = msgspec.structs.replace(
            waiter, state=WaiterState.COMPLETED, lock_id=lock.lock_id, ended_ms=d.now_ms
        )
    return looked_at


def withdraw(d: Decision, key: str, reason: str) -> None:
    """Remove the caller that waits under ``key`` from the queue, if one does."""
    waiter = d.state.lease_queue.waiter_of(key)
    if waiter is None:
        return
    d.state.lease_queue.remove(waiter.waiter_id)
    waiter = msgspec.structs.replace(waiter, state=WaiterState.CANCELLED, ended_ms=d.now_ms, error=reason)
    d.changes.waiters[waiter.waiter_id] = waiter
    d.record(
        "lock.abandoned",
        requested=waiter.request.resource,
        owner_id=waiter.request.owner_id,
        waited_ms=d.now_ms - waiter.queued_ms,
        reason=reason,
    )


def place_of(state: TradingState, order: Order) -> int:
    """Return an order's place among those that wait for its resource, from 1.

    It is also 1 while the order waits for its time, and where it waits for no other: it needs no lock, or has it.
    """
    if order.skip_lock or state.lock_of(order) is not None:
        return 1
    mine = Rank(order.priority, order.seq)
    return 1 + state.queue.count(order.resource, mine) + state.lease_queue.ranks.count(order.resource, mine)


def _grant(d: Decision, request: LeaseRequest, key: str, *, waited_ms: int) -> Lock | None:
    """Grant a resource under ``key``, and have the lease delivered; ``None`` where the resource is held."""
    lock = d.state.locks.acquire(
        resource=request.resource,
        owner_id=request.owner_id,
        owner_type=request.owner_type,
        order_id=None,
        key=key,
        timeout_ms=request.timeout_ms,
        now_ms=d.now_ms,
        transaction_type=request.transaction_type,
        transaction_data=request.transaction_data,
    )
    if lock is None:
        return None
    d.lock_taken(lock)
    d.changes.grants.append(lock)
    d.record(
        "lock.acquired",
        lock=lock,
        owner_id=lock.owner_id,
        token=lock.token,
        expires_ms=lock.expires_ms,
        waited_ms=waited_ms,
    )
    return lock


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An order or a caller that waits, and its places, from 1."""

    entry_id: str
    order_id: str | None  # None: a caller that waits for a lease
    resource: str
    owner_id: str
    priority: int
    since_ms: int
    position: int  # in the order of service
    resource_position: int  # among those for the same resource


def first_served(state: TradingState, limit: int) -> Generator[None, None, list[Entry]]:
    """Find the first ``limit`` orders and callers in the order of service, in pieces.

    Other decisions may be made where it yields. It looks at those who wait when it begins; some may have left since.
    """
    waiting = [*state.queue.entries(), *state.lease_queue.ranks.entries()]
    first: list[Entry] = []
    for start in range(0, len(waiting), PIECE):
        piece = waiting[start : start + PIECE]
        if len(first) == limit:
            last = first[-1]
            piece = [entry for entry in piece if entry < last]
        first = sorted([*first, *piece])[:limit]
        yield
    return first


def in_order(state: TradingState, entries: Sequence[Entry]) -> list[Waiting]:
    """List those of the first orders and callers (:func:`first_served`) that still wait, in the order of service."""
    places: Counter[str] = Counter()
    found = []
    served = [each for each in entries if each.entry_id in state.queue or each.entry_id in state.lease_queue.ranks]
    for position, entry in enumerate(served, start=1):
        order = state.orders.get(entry.entry_id)
        if order is not None:
            resource, owner_id, since_ms = order.resource, order.owner_id, order.accepted_ms
        else:
            waiter = state.lease_queue.waiters[entry.entry_id]
            resource, owner_id, since_ms = waiter.request.resource, waiter.request.owner_id, waiter.queued_ms
        places[resource] += entry.resource != NO_RESOURCE
        found.append(
            Waiting(
                entry_id=entry.entry_id,
                order_id=None if order is None else order.order_id,
                resource=resource,
                owner_id=owner_id,
                priority=entry.priority,
                since_ms=since_ms,
                position=position,
                resource_position=1 if entry.resource == NO_RESOURCE else places[resource],
            )
        )
    return found
