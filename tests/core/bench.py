"""The test bench of the core: its verbs, called as the engine calls them, over a disk made of dictionaries.

The bench is the engine without its tasks. It makes decisions with the engine's own
:func:`~daemon.core.verbs.deciding.decide`, and applies their effects as the engine promises: changes reach the disk in
the order in which they were decided, nothing is sent before its changes are there, and a crash forgets everything
else. The tests decide what happens to the engine from outside: when a commit is durable, what the exchange answers,
what a query shows.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from msgspec.structs import replace

from daemon.core.rules.exposure import DAY_MS, MAX_REPEAT_WINDOW_MS, Spent, spent_by
from daemon.core.rules.rate import WINDOW_MS
from daemon.core.rules.retries import Verdict
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.changes import ChangeSet, Send
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import TradingState
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.events import CATALOGUE, Event
from daemon.core.values.exchange_replies import Answer, CancelAnswer, NotSent, QueryResult
from daemon.core.values.listings import Listing
from daemon.core.values.locks import Lock, LockState
from daemon.core.values.orders import Order, Side
from daemon.core.values.signals import SignalRequest, normalise
from daemon.core.values.states import KEY_FREE, TRANSITIONS, State
from daemon.core.values.symbols import SymbolRules, fit
from daemon.core.values.waiters import Waiter, WaiterState
from daemon.core.verbs import leases
from daemon.core.verbs.clock_steps import measured
from daemon.core.verbs.deciding import decide
from daemon.core.verbs.dispatch import fire, may_go, tick
from daemon.core.verbs.intake import Accepted, Draft, Incoming, accept, accept_all, draft, identify
from daemon.core.verbs.lifecycle import drain, open_trading
from daemon.core.verbs.listings import learn, settle
from daemon.core.verbs.operator import Found, ask_cancel, cancel_answered, halt, requeue, resolve, resume, withdraw
from daemon.core.verbs.outcomes import answered, searched
from daemon.core.verbs.recovery import Remembered, Unfinished, recover
from daemon.core.verbs.restored import TOKEN_FACT
from tests.core.making import NOON_MS, RULES, an_id, request
from tests.support.steps import at_once

P = ParamSpec("P")
T = TypeVar("T")


class Verb(Protocol):
    """A verb of the operator on one order."""

    def __call__(self, d: Decision, order: Order, /, *, reason: str, actor: str) -> Order:
        """Run the verb."""
        ...


class Disk:
    """The rows of the database by their keys, and its two unique indices, which stop a broken promise."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.attempts: dict[str, Attempt] = {}
        self.locks: dict[int, Lock] = {}
        self.waiters: dict[str, Waiter] = {}
        self.facts: dict[str, str] = {}
        self.events: list[Event] = []

    def write(self, decisions: Sequence[ChangeSet]) -> None:
        """Write the changes of several decisions in one commit: each row once, with its last value."""
        group = ChangeSet()
        for changes in decisions:
            group.orders |= changes.orders
            group.attempts |= changes.attempts
            group.locks |= changes.locks
            group.waiters |= changes.waiters
            group.facts |= changes.facts
            group.events += changes.events
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

    def by_keys(self, keys: Sequence[str]) -> list[Order]:
        """Find the orders that keys are bound to."""
        return [order for order in map(self.by_key, keys) if order is not None]

    def unfinished(self) -> list[Order]:
        """Return the orders that recovery loads, oldest first."""
        return sorted((order for order in self.orders.values() if order.finished_ms is None), key=_seq)

    def lease_by_key(self, key: str) -> Lock | None:
        """Find the latest lease that a caller's key was granted."""
        found = [lock for lock in self.locks.values() if lock.order_id is None and lock.key == key]
        return max(found, key=lambda lock: lock.token, default=None)

    def pending_waiters(self) -> list[Waiter]:
        """Return the waiters in the lease queue."""
        return [waiter for waiter in self.waiters.values() if waiter.state is WaiterState.PENDING]

    def ended(self, now_ms: int) -> list[Order]:
        """Return the finished BUYs that may be the first of a repetition, oldest first."""
        found = [order for order in self._bought() if order.accepted_ms >= now_ms - MAX_REPEAT_WINDOW_MS]
        return sorted(found, key=_seq)

    def spent(self, now_ms: int) -> Spent:
        """Return the worth of the day's older finished BUYs."""
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
        """Return the locks that recovery loads."""
        return [lock for lock in self.locks.values() if lock.state is LockState.ACTIVE]

    def under_way(self) -> list[Attempt]:
        """Return the attempts whose answer was not recorded before the process ended."""
        sent = {order.order_id for order in self.unfinished() if order.state in {State.ARMED, State.IN_FLIGHT}}
        return [
            attempt
            for attempt in self.attempts.values()
            if attempt.order_id in sent and attempt.state is AttemptState.IN_FLIGHT
        ]

    def remembered(self, now_ms: int) -> Remembered:
        """Return what recovery begins with."""
        return Remembered(
            orders=Unfinished(self.unfinished()),
            ended=self.ended(now_ms),
            spent=self.spent(now_ms),
            locks=self.active_locks(),
            attempts=self.under_way(),
            waiters=self.pending_waiters(),
            facts=self.facts,
            sent_ms=self.recently_sent(now_ms),
            last_seq=max((order.seq for order in self.orders.values()), default=0),
            last_token=max([int(self.facts.get(TOKEN_FACT, "0")), *self.locks]),
            last_ms=now_ms,
            filled=self.filled(now_ms),
            accepted_ms=max((order.accepted_ms for order in self.orders.values()), default=None),
        )

    def filled(self, now_ms: int) -> int:
        """Count the orders that were shown as filled on the day of an instant."""
        today = (each for each in self.events if each.at_ms // DAY_MS == now_ms // DAY_MS)
        return len({each.order_id for each in today if each.state is State.FILLED})

    def recently_sent(self, now_ms: int) -> list[int]:
        """Return the instants of the attempts that still count in the rate budget."""
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
    """The trading state, its disk, the clock, and the requests that are decided and not sent."""

    def __init__(self, rules: Rules = RULES, *, now_ms: int = NOON_MS) -> None:
        self.rules = rules
        self.now_ms = now_ms
        self.offset_ms = 0  # the exchange's clock minus ours, as this process measured it
        self.former_until_ms: int | None = None  # the end of a former owner's lease, for the next start
        self.disk = Disk()
        self.left: dict[str, Send] = {}  # armed requests that left without a decision, by client order id
        self.pairs: dict[str, SymbolRules] = {}  # as the exchange showed them last
        self.state = self._new_state()
        self.state.gate.open()
        self.next_dispatch_ms: int | None = None  # when the rate budget has room for the next order in the queue
        self.unwritten: deque[ChangeSet] = deque()  # decided, oldest first
        self.unpublished: deque[ChangeSet] = deque()  # written, and not published yet
        self.sends: dict[str, tuple[Send, ChangeSet]] = {}  # decided, not answered yet; by client order id
        self.latest: dict[str, Order] = {}  # every order's last value in a decision
        self.latest_locks: dict[str, Lock] = {}  # every lock's
        self.granted: dict[str, Lock] = {}  # new leases that no caller has received; by key
        self.watchers: list[Callable[[ChangeSet], None]] = []  # called with every decision's changes, first
        self.last = ChangeSet()  # of the last decision
        self.goes_on = True  # what a decision leaves to the next one is done at once
        self._ids: Iterator[int] = iter(range(1, 1_000_000))

    # What the engine does with every decision

    def decide(self, verb: Callable[Concatenate[Decision, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a verb as the engine does, and queue its changes for the disk; then do what it left to the next one."""
        result, d, self.next_dispatch_ms = decide(self.state, self.now_ms, verb, *args, **kwargs)
        self._apply(d.changes)
        if self.goes_on and self.has_more:
            self.decide(tick)
        return result

    @property
    def has_more(self) -> bool:
        """Whether the last decision did a slice of what there was to do."""
        return self.state.timers.are_behind or self.next_dispatch_ms == self.now_ms

    def _apply(self, changes: ChangeSet) -> None:
        self._check_events(changes)
        for watcher in self.watchers:
            watcher(changes)
        self.latest |= changes.orders
        self.latest_locks |= changes.locks
        self.sends |= {send.attempt.client_order_id: (send, changes) for send in changes.sends}
        self.granted |= {lock.key: lock for lock in changes.grants}
        self.last = changes
        if changes:
            self.unwritten.append(changes)

    def dispatch(self) -> None:
        """Make an empty decision, which dispatches: the test has changed something itself."""
        self.decide(_nothing)

    def write(self, decisions: int | None = None) -> None:
        """Write that many decisions, or all, in one commit."""
        count = len(self.unwritten) if decisions is None else decisions
        group = [self.unwritten.popleft() for _ in range(count)]
        self.disk.write(group)
        self.unpublished.extend(group)

    def publish(self, decisions: int | None = None) -> None:
        """Publish that many written decisions, or all."""
        for _ in range(len(self.unpublished) if decisions is None else decisions):
            at_once(self.state.committed(self.unpublished.popleft()))

    def settle(self) -> None:
        """Write and publish everything."""
        self.write()
        self.publish()

    def crash(self, *, written: int = 0) -> ChangeSet:
        """End the process after ``written`` of the waiting decisions are on disk; start it again and recover."""
        self.write(written)
        self.offset_ms = 0
        self.unwritten.clear()
        self.unpublished.clear()
        self.sends.clear()
        self.granted.clear()
        self.latest = dict(self.disk.orders)
        self.latest_locks = {lock.lock_id: lock for lock in self.disk.locks.values()}
        self.left.clear()
        self.state = self._new_state()
        self.decide(recover, replace(self.disk.remembered(self.now_ms), former_until_ms=self.former_until_ms))
        return self.last

    def _new_state(self) -> TradingState:
        def has_not_left(name: str) -> bool:
            return name not in self.left

        return TradingState(self.rules, self.disk.by_keys, self.disk.lease_by_key, has_not_left, self.pairs.get)

    def open(self) -> None:
        """End recovery: signals are accepted, orders are sent."""
        self.decide(open_trading)

    def drain(self, *, hands_over: bool = False) -> None:
        """Send nothing new and take armed orders back, as before an orderly end."""
        self.decide(drain, hands_over=hands_over)

    # What happens to the daemon

    @property
    def exchange_ms(self) -> int:
        """What the exchange's clock shows now, as far as is known."""
        return self.now_ms + self.offset_ms

    def measure(self, offset_ms: int) -> None:
        """Measure the exchange's clock: it is ahead of ours by so much."""
        self.offset_ms = offset_ms
        self.decide(measured, offset_ms)

    def due_ms(self, order: Order) -> int:
        """Return when an order is due by our clock; 0 if it has no instant."""
        return 0 if order.execute_at_ms is None else order.execute_at_ms - self.offset_ms

    def deadline_ms(self, order: Order) -> int:
        """Return until when an order may be sent by our clock."""
        return order.deadline_ms - (0 if order.execute_at_ms is None else self.offset_ms)

    def pass_time(self, duration_ms: int = 0) -> None:
        """Let time pass; what became due is done at its end."""
        self.now_ms += duration_ms
        self.decide(tick)

    def submit(self, asked: SignalRequest | None = None, **changes: Any) -> Order:
        """Accept a signal, or answer it with an earlier order."""
        return self.order(self.submit_all([asked or request(**changes)])[0].order)

    def submit_all(
        self, asked: Sequence[SignalRequest], *, last_price: Decimal | None = None, pair: SymbolRules | None = None
    ) -> list[Accepted]:
        """Accept all signals, or none; rounded to the rules of ``pair``, if given."""
        incoming, order_ids = self._incoming(asked, last_price, pair)
        return self.decide(accept_all, incoming, order_ids, actor="uid:1000")

    def begin_batch(self, asked: Sequence[SignalRequest]) -> "Drafting":
        """Begin to accept many signals as the engine does: in pieces, and then in one decision."""
        return Drafting(self, *self._incoming(asked, None, None))

    def _incoming(
        self, asked: Sequence[SignalRequest], last_price: Decimal | None, pair: SymbolRules | None
    ) -> tuple[list[Incoming], list[str]]:
        signals = [
            replace(normalise(each, self.state.rules.config, now_ms=self.exchange_ms), last_price=last_price)
            for each in asked
        ]
        incoming = [
            Incoming(signal if pair is None else fit(signal, pair, self.now_ms), identify(self.state, signal))
            for signal in signals
        ]
        return incoming, [an_id(next(self._ids), self.now_ms) for _ in incoming]

    def durable_sends(self) -> list[Send]:
        """Return the decided requests whose decision is on disk."""
        not_written = {id(changes) for changes in self.unwritten}
        return [send for send, changes in self.sends.values() if id(changes) not in not_written]

    def shoot(self, order: Order) -> Send:
        """Let an armed order's durable request leave; the core knows it from :meth:`fire`, or from a recall."""
        assert self.gate(order) is None
        send, _ = self.sends[order.client_order_id or ""]
        self.left[send.attempt.client_order_id] = send
        return send

    def fire(self, order: Order, sent_ms: int | None = None) -> bool:
        """Reach an armed order's instant; return false if it was taken back."""
        send, _ = self.sends[order.client_order_id or ""]
        fired = self.decide(fire, send, sent_ms)
        if not fired:
            del self.sends[send.attempt.client_order_id]
        return fired

    def gate(self, order: Order) -> str | None:
        """Return why an order's durable request may not be sent, or ``None``."""
        send, _ = self.sends[order.client_order_id or ""]
        assert send in self.durable_sends(), "only what is durable is sent"
        return may_go(self.state, send, self.now_ms)

    def answer(
        self,
        order: Order,
        answer: Answer,
        new_rules: SymbolRules | None = None,
        last_price: Decimal | None = None,
    ) -> Verdict | None:
        """Let the answer to an order's last request arrive, and what was queried because of it."""
        client_order_id = self.order(order).client_order_id or ""
        return self.answer_attempt(self.sends[client_order_id][0].attempt, answer, new_rules, last_price)

    def answer_attempt(
        self,
        attempt: Attempt,
        answer: Answer,
        new_rules: SymbolRules | None = None,
        last_price: Decimal | None = None,
    ) -> Verdict | None:
        """Let the answer to one request arrive."""
        send = self.left.pop(attempt.client_order_id, None)
        if send is not None:
            assert self.decide(fire, send)
        verdict = self.decide(answered, attempt, answer, new_rules=new_rules, last_price=last_price)
        self.sends.pop(attempt.client_order_id, None)
        return verdict

    def query(self, order: Order, *results: QueryResult) -> Order:
        """Let a search attempt for an order end."""
        self.decide(searched, order.order_id, results)
        return self.order(order)

    def send_next(
        self, *answers: Answer, new_rules: SymbolRules | None = None, last_price: Decimal | None = None
    ) -> Order:
        """Send the one decided request and answer it."""
        self.settle()
        ((send, _),) = self.sends.values()
        why_not = self.gate(send.order)
        answer = answers[0] if why_not is None else NotSent(why_not)
        self.answer(send.order, answer, new_rules, last_price)
        return self.order(send.order)

    def leave(self, key: str, reason: str = "the caller went away") -> None:
        """Let all callers of a request for a lease disconnect."""
        self.decide(leases.abandon, key, self.granted.pop(key, None), reason=reason)

    # What the operator does

    def withdraw(self, order: Order, reason: str = "changed my mind") -> Order:
        """Cancel what was not sent, or discard a dead letter."""
        return self.verb(withdraw, self.order(order), reason)

    def cancel(self, order: Order, reason: str = "enough") -> Order:
        """Ask the exchange to cancel a resting order."""
        return self.verb(ask_cancel, self.order(order), reason)

    def cancel_answered(self, order: Order, answer: CancelAnswer) -> Order:
        """Let the exchange's answer to a cancel arrive."""
        return self.verb(partial(cancel_answered, answer=answer), self.order(order), "enough")

    def resolve(self, order: Order, found: Found, reason: str = "looked at the exchange") -> Order:
        """End an unknown outcome by the operator's resolution."""
        return self.verb(partial(resolve, found=found), self.order(order), reason)

    def show(self, *pairs: SymbolRules, calendar_ms: int | None = None) -> None:
        """Let the exchange show these pairs and no others; the calendar names one instant for every pair."""
        shown = {rules.symbol: rules for rules in pairs}
        self.pairs |= shown  # a pair that vanishes stays known
        watched = self.state.orders.timed.by_pair
        self.decide(
            learn,
            {
                symbol: Listing(rules=shown.get(symbol), calendar_ms=calendar_ms, seen_ms=self.now_ms)
                for symbol in watched
            },
        )
        while self.decide(settle):
            pass

    def requeue(self, order: Order, reason: str = "the key works again") -> Order:
        """Send a dead letter back."""
        return self.verb(requeue, self.order(order), reason)

    def verb(self, verb: Verb, order: Order, reason: str = "for a test") -> Order:
        """Run a verb of the operator on the given value of an order."""
        return self.decide(verb, order, reason=reason, actor="uid:0")

    def halt(self, reason: str = "stop") -> None:
        """Set the kill switch."""
        self.decide(halt, reason=reason, actor="uid:0")

    def resume(self, reason: str = "go on") -> None:
        """Release the kill switch."""
        self.decide(resume, reason=reason, actor="uid:0")

    # What can be seen

    def order(self, order: Order) -> Order:
        """Return an order from memory, or from the disk."""
        return self.state.orders.get(order.order_id) or self.disk.orders[order.order_id]

    def events(self, order: Order | None = None) -> list[Event]:
        """Return the events of an order, or of no order, on disk or waiting to be written."""
        wanted = None if order is None else order.order_id
        events = self.disk.events + [event for changes in self.unwritten for event in changes.events]
        return [event for event in events if event.order_id == wanted]

    def _check_events(self, changes: ChangeSet) -> None:
        """Compare events with the catalogue and with the transitions: no change of state without an event."""
        for event in changes.events + changes.notes:
            kind = CATALOGUE[event.name]
            assert set(event.detail) <= set(kind.keys), f"{event.name} has keys the catalogue lacks"
            assert (event in changes.events) is kind.durable
        for order_id, order in changes.orders.items():
            path = [event.state for event in changes.events if event.order_id == order_id]
            before = self.latest.get(order_id)
            if before is None:
                assert path.pop(0) is State.QUEUED, "an order begins in the queue"
            state = State.QUEUED if before is None else before.state
            for after in path:
                assert after is state or after in TRANSITIONS[state].values(), f"{state} → {after} left no event"
                state = after or state
            assert state is order.state, f"{order_id} became {order.state} without an event"


def _nothing(_: Decision) -> None:
    pass


def _seq(order: Order) -> int:
    return order.seq


class Drafting:
    """Many signals on their way through intake: other decisions may be made between the pieces."""

    def __init__(self, bench: Bench, incoming: Sequence[Incoming], order_ids: Sequence[str]) -> None:
        self.drafted: Draft | None = None
        self._bench = bench
        self._watching = ExitStack()
        self._rebound = self._watching.enter_context(bench.state.orders.watch_keys())
        self._steps = draft(bench.state, bench.now_ms, incoming, order_ids, actor="uid:1000")

    def look(self) -> None:
        """Look at the next piece."""
        try:
            next(self._steps)
        except StopIteration as end:
            self.drafted = end.value

    def go_on(self) -> list[Accepted] | None:
        """Look at the next piece, or decide; return the orders then."""
        if self.drafted is None:
            self.look()
            return None
        with self._watching:
            return self._bench.decide(accept, self.drafted, self._rebound)

    def finish(self) -> list[Accepted]:
        """Do everything that is left."""
        while (accepted := self.go_on()) is None:
            pass
        return accepted
