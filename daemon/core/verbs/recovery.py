"""Recovery: load the trading state from the disk's rows. Every start is a recovery."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge

import msgspec

from daemon.core.rules.backoff import Backoff
from daemon.core.rules.exposure import DAY_MS, Ended, Spent
from daemon.core.rules.reconciliation import begin
from daemon.core.rules.tally import Tally
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import BACKOFF_FACT, HALT_FACT, RATE_BACKOFF_FACT
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order, decoded, encoded
from daemon.core.values.states import SEARCHED, UNDER_WAY
from daemon.core.values.waiters import Waiter, WaiterState
from daemon.core.verbs.outcomes import in_doubt
from daemon.core.verbs.restored import COPIED_FACT, COPIED_WHY_FACT, begin_from_copy


class Unfinished:
    """The unfinished orders on disk, by their numbers.

    There may be very many, so they are encoded when they are read, and each leaves when it is taken. Otherwise all of
    them would be in memory twice for a moment, and Python would keep that memory: it is in pieces by then.
    """

    def __init__(self, orders: Iterable[Order]) -> None:
        self._encoded = deque(map(encoded, orders))

    def take(self) -> Iterator[Order]:
        """Remove and yield each order."""
        while self._encoded:
            yield decoded(self._encoded.popleft())


class Remembered(msgspec.Struct, frozen=True, kw_only=True):
    """What is on disk about unfinished work, and what limits still count."""

    orders: Unfinished
    ended: Sequence[Order | Ended]  # finished BUYs of the last hour by their numbers, for the guards
    spent: Spent  # the worth of the earlier finished BUYs of the day
    locks: Sequence[Lock]
    attempts: Sequence[Attempt]  # without a recorded answer
    waiters: Sequence[Waiter]  # still waiting when the last process ended
    facts: dict[str, str]
    sent_ms: Sequence[int]  # when the last attempts were made
    last_seq: int
    last_token: int
    last_ms: int  # the latest recorded instant
    filled: int  # orders filled on the day of that instant
    accepted_ms: int | None  # when the last order was accepted
    former_until_ms: int | None = None  # in a fleet: the end of the former owner's lease, by the exchange's clock

    @property
    def halted(self) -> str | None:
        """Return why trading is halted; ``None`` if it is not."""
        return self.facts.get(HALT_FACT) or None

    @property
    def copied(self) -> str | None:
        """Return the instant of a backup's last event; ``None`` unless this is the first start from a backup."""
        return self.facts.get(COPIED_FACT) or None

    @property
    def turned_away(self) -> str | None:
        """Return why the exchange accepted no orders; ``None`` if it accepted them."""
        return self.facts.get(BACKOFF_FACT) or None

    @property
    def backoff_until_ms(self) -> int:
        """Return until when the exchange asked to wait (Unix ms)."""
        return int(self.facts.get(RATE_BACKOFF_FACT, "0"))


def recover(d: Decision, remembered: Remembered) -> None:
    """Load unfinished orders and their locks, and put orders that were in flight in doubt.

    An order that is on disk as sent, or as armed, may have reached the exchange. It is in doubt, and its lock is held
    until the doubt ends. A queued order waits again, with the same deadline. Attempts of the last second still count in
    the rate budget. BUYs that have ended still count for the guards: those of the last hour one by one, the day's
    earlier ones by their worth. In a fleet, requests of the former owner may be admitted until the end of its lease, so
    "not found" counts only after that.
    """
    _load_limits(d, remembered)
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
    for lock in remembered.locks:
        d.state.locks.restore(lock)
        d.state.hold(lock)
    for each in merge(remembered.orders.take(), remembered.ended, key=_seq):  # in order, so that each is appended
        if isinstance(each, Ended) or each.finished_ms is not None:
            d.state.orders.exposure.note(None, each)
        else:
            _resume(d, each)
    if remembered.copied is not None:
        begin_from_copy(d, remembered.copied, remembered.facts.get(COPIED_WHY_FACT, ""))
    day = remembered.last_ms // DAY_MS
    d.state.orders.tally = Tally(accepted_ms=remembered.accepted_ms, day=day, fills=remembered.filled)


def _load_limits(d: Decision, remembered: Remembered) -> None:
    """Load what limits new orders, as it is on disk."""
    d.state.gate.halted = remembered.halted
    if remembered.former_until_ms is not None:
        d.state.set_former_lease(d.state.exchange_time.local_ms(remembered.former_until_ms))
    d.state.rate_budget.back_off(remembered.backoff_until_ms)
    d.state.backoff = Backoff(remembered.turned_away, d.now_ms)  # one order tries first
    for each_ms in remembered.sent_ms:
        d.state.rate_budget.count(min(each_ms, d.now_ms))
    d.state.orders.last_seq = remembered.last_seq
    d.state.locks.last_token = remembered.last_token
    d.state.orders.exposure.begin(remembered.spent)


def _resume(d: Decision, order: Order) -> None:
    """Load an unfinished order, and let it wait, or be searched for."""
    d.state.orders.load(order)
    if order.state in UNDER_WAY:
        in_doubt(d, order, "the daemon ended before the outcome was recorded")
    elif order.state in SEARCHED:
        d.state.searches.schedule(order, begin(order, d.now_ms, d.state.rules))
    else:
        d.enqueue(order)
        d.state.orders.written(order)


def _seq(order: Order | Ended) -> int:
    return order.seq
