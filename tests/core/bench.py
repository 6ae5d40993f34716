"""The core on the bench: its verbs, called as the engine calls them, over a disk made of dictionaries.

The bench is the engine without its tasks. It carries out what the effects promises: whoever may go is let go in the
same step, steps reach the disk in the order in which they were decided, nothing leaves before its step is there, and
a crash forgets everything that is not. What the tests do by hand is what the engine leaves to time and to others: when
the disk is done, what the exchange answers, what a look shows.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Protocol

from msgspec.structs import replace

from daemon.core.rules.exposure import DAY_MS, MAX_REPEAT_WINDOW_MS, Spent, spent_by
from daemon.core.rules.rate import WINDOW_MS
from daemon.core.rules.retries import Verdict
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.decision import Decision, Send
from daemon.core.state.trading_state import BACKOFF_FACT, HALT_FACT, RATE_BACKOFF_FACT, TradingState
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.events import CATALOGUE, Event
from daemon.core.values.exchange_replies import Answer, CancelAnswer, NotSent, QueryResult
from daemon.core.values.locks import Lock, LockState
from daemon.core.values.orders import Order, Side
from daemon.core.values.signals import SignalRequest, normalise
from daemon.core.values.states import KEY_FREE, TRANSITIONS, State
from daemon.core.values.symbols import SymbolRules, fit
from daemon.core.values.waiters import Waiter, WaiterState
from daemon.core.verbs.dispatch import disarm, dispatch, fire, may_go, tick
from daemon.core.verbs.intake import Accepted, accept, check_all, identify
from daemon.core.verbs.operator import Found, ask_cancel, cancel_answered, halt, requeue, resume, rule, withdraw
from daemon.core.verbs.outcomes import answered, searched
from daemon.core.verbs.recovery import recover
from daemon.core.verbs.restored import COPIED_FACT, TOKEN_FACT, begin_from_copy
from tests.core.making import NOON_MS, RULES, an_id, request


class Verb(Protocol):
    """Something that a person does to an order."""

    def __call__(
        self, ledger: TradingState, step: Decision, order: Order, *, reason: str, actor: str, now_ms: int
    ) -> Order:
        """Do it."""
        ...


class Disk:
    """What the database holds: rows by their keys, and its two indices that stop a broken promise."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.attempts: dict[str, Attempt] = {}
        self.locks: dict[int, Lock] = {}
        self.waiters: dict[str, Waiter] = {}
        self.facts: dict[str, str] = {}
        self.events: list[Event] = []

    def write(self, steps: Sequence[Decision]) -> None:
        """Write a group of steps as one: each row once, in the place of its first snapshot, as its last."""
        group = Decision()
        for step in steps:
            group.orders |= step.orders
            group.attempts |= step.attempts
            group.locks |= step.locks
            group.waiters |= step.waiters
            group.facts |= step.facts
            group.events += step.events
        for order in group.orders.values():
            self._upsert_order(order)
        for lock in group.locks.values():
            self._upsert_lock(lock)
        self.attempts |= group.attempts
        self.waiters |= group.waiters
        self.facts |= group.facts
        self.events += group.events

    def by_key(self, key: str) -> Order | None:
        """Find the order that a key is bound to."""
        return next((order for order in self.orders.values() if order.key_bound and order.key == key), None)

    def unfinished(self) -> list[Order]:
        """Return the orders that recovery loads, oldest first."""
        return sorted((order for order in self.orders.values() if order.finished_ms is None), key=_seq)

    def lease_by_key(self, key: str) -> Lock | None:
        """Find the latest lease that a caller's key was granted."""
        leases = [lock for lock in self.locks.values() if lock.order_id is None and lock.key == key]
        return max(leases, key=lambda lock: lock.token, default=None)

    def in_line(self) -> list[Waiter]:
        """Return who waits for a lease."""
        return [waiter for waiter in self.waiters.values() if waiter.state is WaiterState.PENDING]

    def ended(self, now_ms: int) -> list[Order]:
        """Return the finished BUYs that may be the first of a repetition, oldest first."""
        found = [order for order in self._bought() if order.accepted_ms >= now_ms - MAX_REPEAT_WINDOW_MS]
        return sorted(found, key=_seq)

    def spent(self, now_ms: int) -> Spent:
        """Return what the day's finished BUYs from before those came to."""
        day, recent_ms = now_ms // DAY_MS, now_ms - MAX_REPEAT_WINDOW_MS
        return spent_by(
            day,
            [
                order
                for order in self._bought()
                if order.accepted_ms // DAY_MS == day and order.accepted_ms < recent_ms and order.state not in KEY_FREE
            ],
        )

    def _bought(self) -> list[Order]:
        return [order for order in self.orders.values() if order.finished_ms is not None and order.side is Side.BUY]

    def active_locks(self) -> list[Lock]:
        """Return the locks that recovery takes again."""
        return [lock for lock in self.locks.values() if lock.state is LockState.ACTIVE]

    def under_way(self) -> list[Attempt]:
        """Return the attempts whose answer the process did not live to record."""
        sent = {order.order_id for order in self.unfinished() if order.state in {State.ARMED, State.IN_FLIGHT}}
        return [
            attempt
            for attempt in self.attempts.values()
            if attempt.order_id in sent and attempt.state is AttemptState.IN_FLIGHT
        ]

    def backoff_until_ms(self) -> int:
        """Return until when the exchange said to wait."""
        return int(self.facts.get(RATE_BACKOFF_FACT, "0"))

    def sent_lately(self, now_ms: int) -> list[int]:
        """Return when the attempts were made that still count against the exchange's rate."""
        began = [each.started_ms for each in self.attempts.values()]
        return sorted(at_ms for at_ms in began if at_ms > now_ms - WINDOW_MS)

    def _upsert_order(self, order: Order) -> None:
        if order.key_bound:
            bound = self.by_key(order.key)
            assert bound is None or bound.order_id == order.order_id, f"one_order_per_key: {order.key}"
        same_seq = [known.order_id for known in self.orders.values() if known.seq == order.seq]
        assert same_seq in ([], [order.order_id]), f"two orders are number {order.seq}"
        self.orders[order.order_id] = order

    def _upsert_lock(self, lock: Lock) -> None:
        if lock.state is LockState.ACTIVE:
            holders = {known.token for known in self.active_locks() if known.resource == lock.resource}
            assert holders <= {lock.token}, f"one_active_lock_per_resource: {lock.resource}"
        self.locks[lock.token] = lock


class Bench:
    """A ledger, its disk, the clock, and what is between decision and wire."""

    def __init__(self, rules: Rules = RULES, *, now_ms: int = NOON_MS) -> None:
        self.rules = rules
        self.now_ms = now_ms
        self.disk = Disk()
        self.ledger = TradingState(rules, self.disk.by_key, self.disk.lease_by_key)
        self.ledger.sending = self.ledger.taking = True
        self.capacity_ms: int | None = None  # when there is room for the next in the queue
        self.unwritten: deque[Decision] = deque()  # decided, oldest first
        self.untold: deque[Decision] = deque()  # written, and memory has not heard of it
        self.sends: dict[str, tuple[Send, Decision]] = {}  # decided, not on the wire yet; by client order id
        self.latest: dict[str, Order] = {}  # every order's last snapshot in a step
        self.latest_locks: dict[str, Lock] = {}  # every lock's
        self.watchers: list[Callable[[Decision], None]] = []  # called with every step before it counts
        self._ids: Iterator[int] = iter(range(1, 1_000_000))

    # What the engine does with every decision

    def apply(self, step: Decision) -> Decision:
        """Let go whoever may go because of a step, and queue the step for the disk."""
        self.capacity_ms = dispatch(self.ledger, step, self.now_ms)
        self._check_story(step)
        for watcher in self.watchers:
            watcher(step)
        self.latest |= step.orders
        self.latest_locks |= step.locks
        self.sends |= {send.attempt.client_order_id: (send, step) for send in step.sends}
        if step:
            self.unwritten.append(step)
        return step

    def write(self, steps: int | None = None) -> None:
        """Let the disk take so many steps, or all, in one commit."""
        count = len(self.unwritten) if steps is None else steps
        group = [self.unwritten.popleft() for _ in range(count)]
        self.disk.write(group)
        self.untold.extend(group)

    def tell(self, steps: int | None = None) -> None:
        """Let memory hear of so many written steps, or of all."""
        for _ in range(len(self.untold) if steps is None else steps):
            self.ledger.committed(self.untold.popleft())

    def settle(self) -> None:
        """Let the disk take everything, and memory hear of it."""
        self.write()
        self.tell()

    def crash(self, *, written: int = 0) -> Decision:
        """End the process after the disk took so many of the steps that wait; start it again, recover."""
        self.write(written)
        self.unwritten.clear()
        self.untold.clear()
        self.sends.clear()
        self.latest = dict(self.disk.orders)
        self.latest_locks = {lock.lock_id: lock for lock in self.disk.locks.values()}
        self.ledger = TradingState(self.rules, self.disk.by_key, self.disk.lease_by_key)
        step = Decision()
        recover(
            self.ledger,
            step,
            orders=self.disk.unfinished(),
            ended=self.disk.ended(self.now_ms),
            spent=self.disk.spent(self.now_ms),
            locks=self.disk.active_locks(),
            attempts=self.disk.under_way(),
            waiters=self.disk.in_line(),
            halted=self.disk.facts.get(HALT_FACT) or None,
            backoff_until_ms=self.disk.backoff_until_ms(),
            turned_away=self.disk.facts.get(BACKOFF_FACT) or None,
            sent_ms=self.disk.sent_lately(self.now_ms),
            last_seq=max((order.seq for order in self.disk.orders.values()), default=0),
            last_token=max([int(self.disk.facts.get(TOKEN_FACT, "0")), *self.disk.locks]),
            now_ms=self.now_ms,
        )
        if copied := self.disk.facts.get(COPIED_FACT):
            begin_from_copy(self.ledger, step, copied, self.now_ms)
        return self.apply(step)

    def open(self) -> None:
        """End recovery: signals are taken, orders are sent."""
        self.ledger.sending = self.ledger.taking = True
        self.apply(Decision())

    def drain(self, *, hands_over: bool = False) -> None:
        """Send nothing new and take armed orders back, as before an orderly end."""
        self.ledger.sending, self.ledger.taking = False, hands_over
        step = Decision()
        for order in [order for order in self.ledger.orders.values() if order.state is State.ARMED]:
            disarm(self.ledger, step, order, "the daemon stops", self.now_ms)
        self.apply(step)

    # What happens

    def pass_time(self, duration_ms: int = 0) -> None:
        """Let time pass; what came due in it is done at its end."""
        self.now_ms += duration_ms
        step = Decision()
        tick(self.ledger, step, self.now_ms)
        self.apply(step)

    def submit(self, asked: SignalRequest | None = None, **changes: Any) -> Order:
        """Take a signal in, or answer it with an earlier one's order."""
        return self.order(self.submit_all([asked or request(**changes)])[0].order)

    def submit_all(
        self, asked: Sequence[SignalRequest], *, last_price: Decimal | None = None, pair: SymbolRules | None = None
    ) -> list[Accepted]:
        """Take all signals in, or none; rounded to what their pair admits, where that is given."""
        step = Decision()
        signals = [
            replace(normalise(each, self.ledger.rules.config, now_ms=self.now_ms), last_price=last_price)
            for each in asked
        ]
        wishes = [
            (signal if pair is None else fit(signal, pair, self.now_ms), identify(self.ledger, signal))
            for signal in signals
        ]
        check_all(self.ledger, wishes, self.now_ms)
        taken = [
            accept(
                self.ledger,
                step,
                signal,
                identity,
                order_id=an_id(next(self._ids), self.now_ms),
                actor="uid:1000",
                now_ms=self.now_ms,
            )
            for signal, identity in wishes
        ]
        self.apply(step)
        return taken

    def durable_sends(self) -> list[Send]:
        """Return the requests that the disk does not hold back any more."""
        held_back = {id(step) for step in self.unwritten}
        return [send for send, step in self.sends.values() if id(step) not in held_back]

    def fire(self, order: Order) -> bool:
        """Let an armed order's instant come; false where it was taken back."""
        step = Decision()
        send, _ = self.sends[order.client_order_id or ""]
        fired = fire(self.ledger, step, send, self.now_ms)
        self.apply(step)
        if not fired:
            del self.sends[send.attempt.client_order_id]
        return fired

    def gate(self, order: Order) -> str | None:
        """Ask once more, right before the wire, what speaks against an order's request."""
        send, _ = self.sends[order.client_order_id or ""]
        assert send in self.durable_sends(), "the gate opens for what is durable"
        return may_go(self.ledger, send, self.now_ms)

    def answer(self, order: Order, answer: Answer, new_rules: SymbolRules | None = None) -> Verdict | None:
        """Let the answer to an order's last request arrive, and the rules that were read because of it."""
        client_order_id = self.order(order).client_order_id or ""
        return self.answer_attempt(self.sends[client_order_id][0].attempt, answer, new_rules)

    def answer_attempt(self, attempt: Attempt, answer: Answer, new_rules: SymbolRules | None = None) -> Verdict | None:
        """Let the answer to one request arrive."""
        step = Decision()
        verdict = answered(self.ledger, step, attempt, answer, self.now_ms, new_rules=new_rules)
        self.apply(step)
        self.sends.pop(attempt.client_order_id, None)
        return verdict

    def query(self, order: Order, *results: QueryResult) -> Order:
        """Let a search attempt for an order end."""
        step = Decision()
        searched(self.ledger, step, order.order_id, results, self.now_ms)
        self.apply(step)
        return self.order(order)

    def send_next(self, *answers: Answer, new_rules: SymbolRules | None = None) -> Order:
        """Let the one request that is decided go out and be answered."""
        self.settle()
        ((send, _),) = self.sends.values()
        why_not = self.gate(send.order)
        answer = answers[0] if why_not is None else NotSent(why_not)
        self.answer(send.order, answer, new_rules)
        return self.order(send.order)

    # What a person does

    def withdraw(self, order: Order, reason: str = "changed my mind") -> Order:
        """Cancel what was not sent, or discard a dead letter."""
        return self.verb(withdraw, self.order(order), reason)

    def cancel(self, order: Order, reason: str = "enough") -> Order:
        """Ask the exchange to cancel a resting order."""
        return self.verb(ask_cancel, self.order(order), reason)

    def cancel_answered(self, order: Order, answer: CancelAnswer) -> Order:
        """Let the exchange's answer to a cancel arrive."""
        return self.verb(partial(cancel_answered, answer=answer), self.order(order), "enough")

    def rule(self, order: Order, found: Found, reason: str = "looked at the exchange") -> Order:
        """End an unknown outcome by a person's word."""
        return self.verb(partial(rule, found=found), self.order(order), reason)

    def requeue(self, order: Order, reason: str = "the key works again") -> Order:
        """Send a dead letter back."""
        return self.verb(requeue, self.order(order), reason)

    def verb(self, verb: Verb, order: Order, reason: str = "for a test") -> Order:
        """Do what a person does to an order, by the view of it that is given."""
        step = Decision()
        order = verb(self.ledger, step, order, reason=reason, actor="uid:0", now_ms=self.now_ms)
        self.apply(step)
        return order

    def halt(self, reason: str = "stop") -> None:
        """Set the kill switch."""
        step = Decision()
        halt(self.ledger, step, reason=reason, actor="uid:0", now_ms=self.now_ms)
        self.apply(step)

    def resume(self, reason: str = "go on") -> None:
        """Release the kill switch."""
        step = Decision()
        resume(self.ledger, step, reason=reason, actor="uid:0", now_ms=self.now_ms)
        self.apply(step)

    # What can be seen

    def order(self, order: Order) -> Order:
        """Return an order as memory has it, or else the disk."""
        return self.ledger.orders.get(order.order_id) or self.disk.orders[order.order_id]

    def events(self, order: Order | None = None) -> list[Event]:
        """Return what was told of an order, or of no order, on disk or on the way there."""
        wanted = None if order is None else order.order_id
        told = self.disk.events + [event for step in self.unwritten for event in step.events]
        return [event for event in told if event.order_id == wanted]

    def _check_story(self, step: Decision) -> None:
        """Hold a step to the catalogue, and its events to the order's life: no change of state without a line."""
        for event in step.events + step.notes:
            kind = CATALOGUE[event.name]
            assert set(event.detail) <= set(kind.keys), f"{event.name} has keys the catalogue lacks"
            assert (event in step.events) is kind.durable
        for order_id, order in step.orders.items():
            path = [event.state for event in step.events if event.order_id == order_id]
            before = self.latest.get(order_id)
            if before is None:
                assert path.pop(0) is State.QUEUED, "an order begins in the queue"
            state = State.QUEUED if before is None else before.state
            for after in path:
                assert after is state or after in TRANSITIONS[state].values(), f"{state} → {after} left no event"
                state = after or state
            assert state is order.state, f"{order_id} became {order.state} and nobody was told"


def _seq(order: Order) -> int:
    return order.seq
