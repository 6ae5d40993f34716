"""The line: whoever waits for a lease is granted it in order of priority, then age.

Orders and callers wait for the same resources, each in a queue of their own, because an order needs the exchange's
capacity as well and a caller does not. Where both wait for one resource the lesser rank goes first: a caller that is
outranked by an order stands aside until that order has gone, and no order is sent before a caller of lesser rank,
because callers are granted first.
"""

import msgspec

from daemon.core.ledger import Ledger
from daemon.core.step import Step
from daemon.core.waiters import Waiter, WaiterState
from daemon.errors import InvariantBroken


def grant(ledger: Ledger, step: Step, now_ms: int) -> None:
    """Give every free resource to the first in line for it, unless an order of lesser rank waits for it."""
    while (entry := ledger.line.peek()) is not None:
        rival = ledger.queue.first(entry.resource)
        if rival is not None and rival.rank < entry.rank:
            ledger.line.hold(entry.resource)  # until the order has gone: Ledger.leave, Ledger.ended
            continue
        waiter = ledger.leave_line(entry.entry_id)
        assert waiter is not None
        _grant(ledger, step, waiter, now_ms)


def withdraw(ledger: Ledger, step: Step, waiter_id: str, reason: str, now_ms: int) -> None:
    """Take a waiter out of line, if it still stands there."""
    waiter = ledger.leave_line(waiter_id)
    if waiter is None:
        return
    waiter = msgspec.structs.replace(waiter, state=WaiterState.CANCELLED, ended_ms=now_ms, error=reason)
    step.waiters[waiter_id] = waiter
    ledger.tell(
        step,
        "lock.abandoned",
        now_ms,
        None,
        requested=waiter.asked.resource,
        owner_id=waiter.asked.owner_id,
        waited_ms=now_ms - waiter.queued_ms,
        reason=reason,
    )


def _grant(ledger: Ledger, step: Step, waiter: Waiter, now_ms: int) -> None:
    asked = waiter.asked
    lock = ledger.locks.acquire(
        resource=asked.resource,
        owner_id=asked.owner_id,
        owner_type=asked.owner_type,
        order_id=None,
        key=waiter.key,
        timeout_ms=asked.timeout_ms,
        now_ms=now_ms,
        transaction_type=asked.transaction_type,
        transaction_data=asked.transaction_data,
    )
    if lock is None:
        raise InvariantBroken(f"{asked.resource} was given to {asked.owner_id} while it is held")
    ledger.took(step, lock)
    ledger.granted[waiter.waiter_id] = lock
    step.waiters[waiter.waiter_id] = msgspec.structs.replace(
        waiter, state=WaiterState.COMPLETED, lock_id=lock.lock_id, ended_ms=now_ms
    )
    waited_ms = now_ms - waiter.queued_ms
    ledger.tell(
        step,
        "lock.acquired",
        now_ms,
        None,
        lock=lock,
        owner_id=lock.owner_id,
        token=lock.token,
        expires_ms=lock.expires_ms,
        waited_ms=waited_ms,
    )
