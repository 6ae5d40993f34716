"""The lease queue: callers that wait for a lease are granted it in order of priority, then age.

Orders and callers wait for the same resources, each in a queue of their own, because an order needs the exchange's
capacity as well and a caller does not. Where both wait for one resource the lesser rank goes first: a caller that is
outranked by an order stands aside until that order has gone, and no order is sent before a caller of lesser rank,
because callers are granted first.
"""

from collections import Counter
from heapq import nsmallest
from itertools import chain

import msgspec

from daemon.core.rules.priority_queue import NO_RESOURCE, Rank
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.orders import Order
from daemon.core.values.waiters import Waiter, WaiterState


def grant(d: Decision) -> None:
    """Grant every free resource to the first caller that waits for it, unless an order of lesser rank waits for it."""
    while (entry := d.state.lease_queue.ranks.peek()) is not None:
        rival = d.state.queue.first(entry.resource)
        if rival is not None and rival.rank < entry.rank:
            # Until the order has gone: TradingState.leave, TradingState.release.
            d.state.lease_queue.ranks.set_aside(entry.resource)
            continue
        waiter = d.state.lease_queue.remove(entry.entry_id)
        assert waiter is not None
        _grant(d, waiter)


def withdraw(d: Decision, waiter_id: str, reason: str) -> None:
    """Take a waiter out of line, if it still stands there."""
    waiter = d.state.lease_queue.remove(waiter_id)
    if waiter is None:
        return
    waiter = msgspec.structs.replace(waiter, state=WaiterState.CANCELLED, ended_ms=d.now_ms, error=reason)
    d.changes.waiters[waiter_id] = waiter
    d.record(
        "lock.abandoned",
        requested=waiter.asked.resource,
        owner_id=waiter.asked.owner_id,
        waited_ms=d.now_ms - waiter.queued_ms,
        reason=reason,
    )


def place_of(state: TradingState, order: Order) -> int:
    """Tell an order's place among those that wait for its resource, from 1.

    It is 1 too while the order waits for its time, and where it waits for nobody: its resource is its own already.
    """
    if order.skip_lock or state.lock_of(order) is not None:
        return 1
    mine = Rank(order.priority, order.seq)
    return 1 + state.queue.count(order.resource, mine) + state.lease_queue.ranks.count(order.resource, mine)


def _grant(d: Decision, waiter: Waiter) -> None:
    asked = waiter.asked
    lock = d.state.locks.acquire(
        resource=asked.resource,
        owner_id=asked.owner_id,
        owner_type=asked.owner_type,
        order_id=None,
        key=waiter.key,
        timeout_ms=asked.timeout_ms,
        now_ms=d.now_ms,
        transaction_type=asked.transaction_type,
        transaction_data=asked.transaction_data,
    )
    assert lock is not None
    d.lock_taken(lock)
    d.state.lease_queue.granted[waiter.waiter_id] = lock
    d.changes.waiters[waiter.waiter_id] = msgspec.structs.replace(
        waiter, state=WaiterState.COMPLETED, lock_id=lock.lock_id, ended_ms=d.now_ms
    )
    waited_ms = d.now_ms - waiter.queued_ms
    d.record(
        "lock.acquired",
        lock=lock,
        owner_id=lock.owner_id,
        token=lock.token,
        expires_ms=lock.expires_ms,
        waited_ms=waited_ms,
    )


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An order or a caller that waits for its turn, and its places, from 1."""

    entry_id: str
    order_id: str | None  # None: a caller that waits for a lease
    resource: str
    owner_id: str
    priority: int
    since_ms: int
    position: int  # in the order of service
    resource_position: int  # among those for the same resource


def in_order(state: TradingState, limit: int | None = None) -> list[Waiting]:
    """List the first so many who wait for a turn, in the order of service, or all, which takes the time of a sort."""
    places: Counter[str] = Counter()
    found = []
    entries = chain(state.queue.entries(), state.lease_queue.ranks.entries())
    served = sorted(entries) if limit is None else nsmallest(limit, entries)
    for position, entry in enumerate(served, start=1):
        order = state.orders.get(entry.entry_id)
        if order is not None:
            resource, owner_id, since_ms = order.resource, order.owner_id, order.accepted_ms
        else:
            waiter = state.lease_queue.waiters[entry.entry_id]
            resource, owner_id, since_ms = waiter.asked.resource, waiter.asked.owner_id, waiter.queued_ms
        places[resource] += entry.resource != NO_RESOURCE
        found.append(
            Waiting(
                entry_id=entry.entry_id,
                order_id=None if order is None else order.order_id,
                resource=resource,
                owner_id=owner_id,
                priority=entry.rank.priority,
                since_ms=since_ms,
                position=position,
                resource_position=1 if entry.resource == NO_RESOURCE else places[resource],
            )
        )
    return found
