"""Recovery: the disk's rows become memory again. Start-up and recovery are the same path."""

from collections.abc import Iterable

import msgspec

from daemon.core.rules.backoff import Backoff
from daemon.core.rules.exposure import Ended, Spent
from daemon.core.rules.reconciliation import begin
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.states import UNDER_WAY, WATCHED
from daemon.core.values.waiters import Waiter, WaiterState
from daemon.core.verbs.outcomes import in_doubt


def recover(
    ledger: TradingState,
    step: Decision,
    *,
    orders: Iterable[Order],
    ended: Iterable[Order | Ended],
    spent: Spent,
    locks: Iterable[Lock],
    attempts: Iterable[Attempt],
    waiters: Iterable[Waiter],
    halted: str | None,
    backoff_until_ms: int,
    turned_away: str | None,
    sent_ms: Iterable[int],
    last_seq: int,
    last_token: int,
    now_ms: int,
) -> None:
    """Load what is not finished, take the locks again, and doubt what was in flight.

    Whatever was durable as sent or about to be sent may have reached the exchange; it is in doubt, and its lock is
    held until the doubt has ended. What was queued waits again, with the deadline it had. What was sent in the last
    second still counts against the exchange's rate, and what has ``ended`` lately, and what was ``spent``
    today before that, still counts for the guards.
    """
    ledger.halted = halted
    ledger.capacity.back_off(backoff_until_ms)
    ledger.backoff = Backoff(turned_away, now_ms)  # where it was shut, one order tries before the others go
    for each_ms in sent_ms:
        ledger.capacity.count(min(each_ms, now_ms))
    ledger.last_seq = last_seq
    ledger.locks.last_token = last_token
    ledger.exposure.begin(spent)
    loaded = list(orders)
    unfinished = {order.seq: order for order in loaded}
    for each in sorted([*ended, *loaded], key=lambda each: each.seq):  # as they came, so that none is put in between
        order = unfinished.get(each.seq)
        if order is None:
            ledger.exposure.note(None, each)
        else:
            ledger.load(order)
    for lock in locks:
        _take_again(ledger, lock)
    for attempt in attempts:
        step.attempts[attempt.client_order_id] = msgspec.structs.replace(
            attempt, state=AttemptState.UNKNOWN, message="the daemon ended before the answer was recorded"
        )
    for waiter in waiters:
        step.waiters[waiter.waiter_id] = msgspec.structs.replace(
            waiter,
            state=WaiterState.CANCELLED,
            ended_ms=now_ms,
            error="the daemon ended, and with it the caller's wait",
        )
    for order in loaded:
        if order.state in UNDER_WAY:
            in_doubt(ledger, step, order, "the daemon ended before the outcome was recorded", now_ms)
        elif order.state in WATCHED:
            ledger.schedule_search(order, begin(order, now_ms, ledger.rules))
        else:
            ledger.enqueue(order, now_ms)


def _take_again(ledger: TradingState, lock: Lock) -> None:
    ledger.locks.restore(lock)
    ledger.hold(lock)
