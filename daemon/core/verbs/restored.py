"""Restoring: the first start from a backup. What happened after the copy was made is not on this disk.

A backup carries the instant of the last event that it knows (``COPIED_FACT``, ISO 8601); the first start that finds it
there takes three measures, in the transaction that also removes it:

- Trading is halted. Orders accepted since are unknown here, and so are their keys: a signal that is sent again could
  buy twice. The operator compares with the exchange, and resumes.
- What was queued may have been sent since. It is in doubt, under the client order id that it would have had, and
  searched for like any other. Only an order whose instant is still to come cannot have been sent; it keeps waiting. If
  a listing had moved it, its open may have been moved forward again since, so the signal's instant counts.
  The exchange's clock, which decides, is not measured yet; it is within a minute of ours.
- Fencing tokens continue from the clock, because others were granted since the copy, also by a daemon that started
  from the same copy before: no token is given twice.
"""

from daemon.core.state.decision import Decision
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.ids import client_order_id
from daemon.core.values.instants import instant_ms
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.clock_steps import FAR_MS
from daemon.core.verbs.dispatch import lock_for
from daemon.core.verbs.operator import halt
from daemon.core.verbs.outcomes import in_doubt

COPIED_FACT = "copied"
"""Name under which a copy stores its last event's instant; empty once a daemon has started from it."""

COPIED_WHY_FACT = "copied_why"
"""Name under which a copy stores why it is one, if it is no restored backup."""

TOKEN_FACT = "last_token"  # noqa: S105  # a fencing token is no secret
"""Name under which the fencing token is stored that a restored database goes on from."""

TOKENS_PER_MS = 1_000
"""More than can be granted in a millisecond, so that a token made of the time is higher than all earlier ones. It stays
below 2**53, up to which a JSON number is exact everywhere."""


def begin_from_copy(d: Decision, copied: str, why: str) -> None:
    """Start from a copy, after recovery has loaded it: a restored backup, unless ``why`` says something else."""
    d.changes.facts[COPIED_FACT] = d.changes.facts[COPIED_WHY_FACT] = ""
    d.state.locks.last_token = _token_base(d.state.locks.last_token, d.now_ms)
    d.changes.facts[TOKEN_FACT] = str(d.state.locks.last_token)
    for order in [order for order in d.state.orders.values() if order.state is State.QUEUED]:
        ahead_ms = d.state.rules.config.queue.arm_ahead_ms + FAR_MS
        first_ms = _first_ms(order)
        if first_ms is None or first_ms - ahead_ms <= d.now_ms:
            _doubt(d, order, copied)
    before, d.state.gate.halted = d.state.gate.halted, None
    reason = (
        f"{why or 'restored from a backup'} that knows nothing after {copied}: "
        "compare the orders since then with the exchange, "
        "stop every program that would send them again, then resume"
    )
    halt(d, reason=reason if before is None else f"{reason}; halted before that: {before}")


def _first_ms(order: Order) -> int | None:
    """Return the first instant at which an order may have been sent since the copy; ``None``: at any time.

    Listings move no order before the instant of its signal, and none that the operator moved.
    """
    moved_by_listing = order.asked_execute_at_ms is not None and not order.instant_is_manual
    return order.asked_execute_at_ms if moved_by_listing else order.execute_at_ms


def _token_base(last_token: int, now_ms: int) -> int:
    """Return a number above every granted token, with which no other restore of the same copy begins.

    If the clock was ahead at an earlier restore, the copy's tokens may be above the clock's. Then they continue from
    there, plus the time in milliseconds.
    """
    base = now_ms * TOKENS_PER_MS
    return base if base > last_token else last_token + now_ms


def _doubt(d: Decision, order: Order, copied: str) -> None:
    """Treat an order as sent right after the copy was made."""
    copied_ms = instant_ms(copied) or order.accepted_ms
    d.state.leave(order)
    number = order.attempts + 1
    is_free = not order.skip_lock and d.state.locks.blocker(order.resource) is d.state.lock_of(order)
    lock = lock_for(d, order) if is_free else None
    attempt = Attempt(
        client_order_id=client_order_id(order.order_id, number),
        order_id=order.order_id,
        number=number,
        state=AttemptState.UNKNOWN,
        price=order.price,
        started_ms=copied_ms,
        message=f"it was queued when the backup was made; whether it was sent after {copied} is not known",
    )
    d.changes.attempts[attempt.client_order_id] = attempt
    in_doubt(
        d,
        order,
        attempt.message or "",
        attempts=number,
        client_order_id=attempt.client_order_id,
        sent_ms=copied_ms,
        lock_id=None if lock is None else lock.lock_id,
    )
