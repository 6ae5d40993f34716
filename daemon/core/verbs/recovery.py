"""Recovery: the disk's rows become memory again. Start-up and recovery are the same path."""

from collections.abc import Sequence

import msgspec

from daemon.core.rules.backoff import Backoff
from daemon.core.rules.exposure import Ended, Spent
from daemon.core.rules.reconciliation import begin
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import BACKOFF_FACT, HALT_FACT, RATE_BACKOFF_FACT
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.states import SEARCHED, UNDER_WAY
from daemon.core.values.waiters import Waiter, WaiterState
from daemon.core.verbs.outcomes import in_doubt
from daemon.core.verbs.restored import COPIED_FACT, begin_from_copy


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What the disk remembers of the work that is not finished."""

    orders: Sequence[Order]
    ended: Sequence[Order | Ended]  # finished BUYs of the latest hour, for the guards
    spent: Spent  # what those of the latest day came to that ended before
    locks: Sequence[Lock]
    attempts: Sequence[Attempt]  # in flight when they were written
    waiters: Sequence[Waiter]  # waited when the process ended
    facts: dict[str, str]
    sent_ms: Sequence[int]  # when the latest attempts were made
    last_seq: int
    last_token: int
    last_ms: int  # the latest instant on record

    @property
    def halted(self) -> str | None:
        """Return why trading is halted, if it is."""
        return self.facts.get(HALT_FACT) or None

    @property
    def copied(self) -> str | None:
        """Return the instant after which nothing is known here, if this is a backup that no daemon has started from."""
        return self.facts.get(COPIED_FACT) or None

    @property
    def turned_away(self) -> str | None:
        """Return why the exchange took no orders, if it took none."""
        return self.facts.get(BACKOFF_FACT) or None

    @property
    def backoff_until_ms(self) -> int:
        """Return until when the exchange said to wait."""
        return int(self.facts.get(RATE_BACKOFF_FACT, "0"))


def recover(d: Decision, remembered: Remembered) -> None:
    """Load what is not finished, take the locks again, and doubt what was in flight.

    Whatever was durable as sent or about to be sent may have reached the exchange; it is in doubt, and its lock is
    held until the doubt has ended. What was queued waits again, with the deadline it had. What was sent in the last
    second still counts against the exchange's rate, and what ended in the latest hour, and what was
    spent today before that, still counts for the guards.
    """
    _load(d, remembered)
    for attempt in remembered.attempts:
        d.changes.attempts[attempt.client_order_id] = msgspec.structs.replace(
            attempt, state=AttemptState.UNKNOWN, message="the daemon ended before the answer was recorded"
        )
    for waiter in remembered.waiters:
        d.changes.waiters[waiter.waiter_id] = msgspec.structs.replace(
            waiter,
            state=WaiterState.CANCELLED,
            ended_ms=d.now_ms,
            error="the daemon ended, and with it the caller's wait",
        )
    for order in remembered.orders:
        if order.state in UNDER_WAY:
            in_doubt(d, order, "the daemon ended before the outcome was recorded")
        elif order.state in SEARCHED:
            d.state.searches.schedule(order, begin(order, d.now_ms, d.state.rules))
        else:
            d.enqueue(order)
    if remembered.copied is not None:
        begin_from_copy(d, remembered.copied)


def _load(d: Decision, remembered: Remembered) -> None:
    """Bring memory to where the disk is."""
    d.state.gate.halted = remembered.halted
    d.state.rate_budget.back_off(remembered.backoff_until_ms)
    d.state.backoff = Backoff(remembered.turned_away, d.now_ms)  # one order tries before the others go
    for each_ms in remembered.sent_ms:
        d.state.rate_budget.count(min(each_ms, d.now_ms))
    d.state.orders.last_seq = remembered.last_seq
    d.state.locks.last_token = remembered.last_token
    d.state.orders.exposure.begin(remembered.spent)
    unfinished = {order.seq: order for order in remembered.orders}
    in_sequence = sorted([*remembered.ended, *remembered.orders], key=lambda each: each.seq)
    for each in in_sequence:  # as they came, so that none is put in between
        order = unfinished.get(each.seq)
        if order is None:
            d.state.orders.exposure.note(None, each)
        else:
            d.state.orders.load(order)
    for lock in remembered.locks:
        d.state.locks.restore(lock)
        d.state.hold(lock)
