"""The promises, with everything at once: signals, answers, queries, the operator, time, and a crash at any moment.

One state machine drives a whole bench (:mod:`tests.core.bench`) beside an exchange that remembers
(:mod:`tests.core.model_exchange`), and a judge (:mod:`tests.core.judge`) checks every step. This module has the steps.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from daemon.core.rules.reconciliation import grace_over_ms, sources
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import Advice, NotSent, QueryResult, Source
from daemon.core.values.orders import Order
from daemon.core.values.signals import SignalRequest
from daemon.core.values.states import OUTCOME_UNKNOWN, WAITING, State
from daemon.core.verbs import intake
from daemon.core.verbs.operator import Found, Resolution
from daemon.errors import Full, Guarded, Halted, Invalid, KeyConflict, NotReady, Refusal, WrongState
from tests.core.bench import Bench, Drafting
from tests.core.judge import Judge
from tests.core.making import RULES, placed, query, refused, request, rules, unclear
from tests.core.model_exchange import ModelExchange, Request

TIGHT = {
    "exchange": {"order_rate_per_s": 3, "recv_window_ms": 500},
    "queue": {"buy_deadline_ms": 20_000, "max_in_flight": 3, "max_queued": 8, "manual_window_ms": 2_000},
    "retry": {"attempts": 3},
    "reconcile": {"grace_ms": 1_000, "negatives": 2, "lost_every_ms": 5_000},
}
"""Rules under which every limit is reached soon."""

GUARDED = {"repeat_window_ms": 500, "max_notional_per_day": Decimal(150), "max_open_buys_per_owner": 3}

OFFSETS_MS = st.sampled_from([0, 3, -3, 90, 300, -300, 20_000, -20_000])
"""By how much the exchange's clock is ahead of ours, as it is measured."""

AHEAD_MS = st.sampled_from([None, None, None, 300, 900, 3_000, -100])
"""How far from its arrival a signal's instant may be."""

BUYS = st.builds(
    request,
    symbol=st.sampled_from(["FOOUSDT", "fooUSDT", "BARUSDT"]),
    side=st.just("BUY"),
    owner_id=st.sampled_from(["anna", "bert"]),
    snipe_target_id=st.sampled_from([None, None, "t1"]),
    idempotency_key=st.sampled_from([None, None, "k1", "k2"]),
    type=st.just("LIMIT"),
    price=st.just(Decimal(10)),
    quantity=st.sampled_from([Decimal(4), Decimal("4.0"), Decimal(5)]),
    priority=st.sampled_from([None, None, 2]),
    execute_at=AHEAD_MS,
    deadline_ms=st.sampled_from([None, None, None, 1, 700]),
    timeout_ms=st.sampled_from([None, 400]),
)
SELLS = st.builds(
    request,
    symbol=st.sampled_from(["FOOUSDT", "BARUSDT"]),
    side=st.sampled_from(["SELL", "sell"]),
    owner_id=st.just("anna"),
    snipe_target_id=st.sampled_from([None, "t1", "t2"]),
    quantity=st.just(Decimal(4)),
    execute_at=AHEAD_MS,
    deadline_ms=st.sampled_from([None, None, 700]),
    timeout_ms=st.sampled_from([None, 400]),
    skip_lock=st.sampled_from([False, False, True]),
)
SIGNALS = BUYS | SELLS
REFUSALS = st.builds(
    refused,
    st.sampled_from([*Advice, Advice.RETRY, Advice.WAIT, Advice.REPRICE, Advice.DEAD_LETTER]),
    retry_after_ms=st.sampled_from([None, 300, 2_000]),
    price_cap=st.sampled_from([None, Decimal(9), Decimal(11)]),
)
DURATIONS_MS = st.sampled_from([None, None, 0, 1, 60, 250, 500, 1_000, 3_000, 31_000])


class Promises(RuleBasedStateMachine):
    """What can happen."""

    def __init__(self) -> None:
        super().__init__()
        self.wishes: list[SignalRequest] = []
        self.on_the_wire: dict[str, Request] = {}  # no answer yet
        self.searching: dict[str, tuple[Order, tuple[Source, ...]]] = {}
        self.enough = 5  # orders, after which the test may end
        self.drafting: tuple[list[SignalRequest], Drafting] | None = None  # a batch that is looked at in pieces
        self._small = patch.multiple(intake, PIECE=1, AT_ONCE=1)  # so that a batch has pieces
        self._small.start()

    def teardown(self) -> None:
        """Let pieces have their size again."""
        self._small.stop()

    @initialize(
        scope=st.sampled_from(["target", "symbol"]),
        guards=st.sampled_from([{}, {}, GUARDED]),
        first=st.lists(SIGNALS, max_size=4),
    )
    def begin(self, scope: str, guards: dict[str, Any], first: list[SignalRequest]) -> None:
        self.bench = Bench(rules(locks={"scope": scope}, guards=guards, **TIGHT))
        self.exchange = ModelExchange()
        self.judge = Judge(self.bench, self.exchange)
        for asked in first:
            self.submit(self._now(asked))

    @invariant()
    def the_promises_hold(self) -> None:
        self.judge.every_moment()

    # Signals

    @rule(asked=SIGNALS)
    def a_signal_comes(self, asked: SignalRequest) -> None:
        self.submit(self._now(asked))

    @precondition(lambda self: self.wishes)
    @rule(data=st.data(), other_quantity=st.booleans())
    def a_signal_comes_again(self, data: st.DataObject, other_quantity: bool) -> None:
        asked = self.wishes[data.draw(st.integers(0, len(self.wishes) - 1))]
        self.submit(request(**_fields(asked) | {"quantity": Decimal(7)}) if other_quantity else asked)

    @rule(batch=st.lists(SIGNALS, min_size=2, max_size=4))
    def a_batch_comes(self, batch: list[SignalRequest]) -> None:
        batch = [self._now(asked) for asked in batch]
        before = dict(self.bench.latest)
        try:
            taken = self.bench.submit_all(batch)
        except Refusal:
            assert self.bench.latest == before, "all or none"
        else:
            self.wishes += batch
            assert all(_same_wish(accepted.order, asked) for accepted, asked in zip(taken, batch, strict=True))

    @precondition(lambda self: self.drafting is None)
    @rule(batch=st.lists(SIGNALS, min_size=2, max_size=4))
    def a_batch_begins_to_come(self, batch: list[SignalRequest]) -> None:
        batch = [self._now(asked) for asked in batch]
        self.drafting = batch, self.bench.begin_batch(batch)

    @precondition(lambda self: self.drafting is not None)
    @rule(pieces=st.integers(1, 9))
    def a_batch_comes_on(self, pieces: int) -> None:
        """Everything else happens between its pieces."""
        assert self.drafting is not None
        batch, drafting = self.drafting
        before = dict(self.bench.latest)
        taken = None
        try:
            for _ in range(pieces):
                taken = taken or drafting.go_on()
        except Refusal:
            assert self.bench.latest == before, "all or none"
            self.drafting = None
        if taken is not None:
            self.drafting = None
            self.wishes += batch
            assert all(_same_wish(accepted.order, asked) for accepted, asked in zip(taken, batch, strict=True))

    @rule(asked=SIGNALS, taken=st.booleans(), data=st.data())
    def a_signal_comes_and_goes_and_is_answered(self, asked: SignalRequest, taken: bool, data: st.DataObject) -> None:
        self.submit(self._now(asked))
        self.requests_go(taken=taken)
        self.answers_come(data)

    # The disk

    @rule(data=st.data())
    def the_disk_writes(self, data: st.DataObject) -> None:
        waiting = len(self.bench.unwritten)
        self.bench.write(data.draw(st.sampled_from([waiting, *range(waiting)])))
        untold = len(self.bench.unpublished)
        self.bench.publish(data.draw(st.sampled_from([untold, *range(untold)])))

    # Time

    @rule(duration_ms=DURATIONS_MS)
    def time_passes(self, duration_ms: int | None) -> None:
        """Let a number of milliseconds pass, or as many as until something is due."""
        if duration_ms is None:
            duration_ms = max(0, (self._due_ms() or 0) - self.bench.now_ms)
        self.bench.pass_time(duration_ms)

    @rule(offset_ms=OFFSETS_MS)
    def the_exchanges_clock_is_measured(self, offset_ms: int) -> None:
        self.bench.measure(offset_ms)

    # Requests

    @rule(taken=st.booleans())
    def requests_go(self, taken: bool) -> None:
        self.bench.settle()
        self._fire_all()
        for send in self._ready_to_go():
            self.go(send, taken=taken)

    @precondition(lambda self: self._ready_to_fire() or self._ready_to_go())
    @rule(data=st.data(), taken=st.booleans())
    def one_request_goes(self, data: st.DataObject, taken: bool) -> None:
        self._fire_all()
        ready = {send.attempt.client_order_id: send for send in self._ready_to_go()}
        if ready:
            self.go(_one_of(data, ready), taken=taken)

    @precondition(lambda self: self._ready_to_fire())
    @rule(taken=st.booleans())
    def armed_requests_leave(self, taken: bool) -> None:
        """Armed requests leave; the core knows it when they are answered, or when it wants one back."""
        for send in self._ready_to_fire():
            order = self.bench.order(send.order)
            is_armed = order.state is State.ARMED and order.client_order_id == send.attempt.client_order_id
            if is_armed and self.bench.gate(order) is None:  # not after its deadline
                self.go(self.bench.shoot(order), taken=taken)

    @precondition(lambda self: self.on_the_wire)
    @rule(data=st.data())
    def an_answer_comes(self, data: st.DataObject) -> None:
        self.answer(_one_of(data, self.on_the_wire), data)

    @precondition(lambda self: self.on_the_wire)
    @rule(data=st.data())
    def answers_come(self, data: st.DataObject) -> None:
        for reached in list(self.on_the_wire.values()):
            self.answer(reached, data)

    @precondition(lambda self: self.on_the_wire)
    @rule()
    def answers_are_lost(self) -> None:
        for reached in list(self.on_the_wire.values()):
            self._answered(reached)
            self.bench.answer_attempt(reached.send.attempt, unclear())

    # The exchange, and searches

    @precondition(lambda self: self.exchange.open_requests())
    @rule(
        data=st.data(),
        state=st.sampled_from([State.PARTIALLY_FILLED, State.FILLED, State.CANCELED]),
        quantity=st.integers(0, 2),
    )
    def the_exchange_trades(self, data: st.DataObject, state: State, quantity: int) -> None:
        chosen = _one_of(data, {each.client_order_id: each for each in self.exchange.open_requests()})
        self.exchange.trade(chosen, state, Decimal(quantity))

    @rule(data=st.data(), at_once=st.booleans())
    def looks_are_made(self, data: st.DataObject, at_once: bool) -> None:
        """Begin all searches that are due; end them at once, or leave them running."""
        self._begin_looks()
        if at_once:
            for order_id in list(self.searching):
                self.end_look(order_id, data)

    @precondition(lambda self: self.searching)
    @rule(data=st.data())
    def a_look_ends(self, data: st.DataObject) -> None:
        self.end_look(data.draw(st.sampled_from(list(self.searching))), data)

    @precondition(lambda self: self.searching)
    @rule()
    def looks_end_in_vain(self) -> None:
        for order, places in list(self.searching.values()):
            del self.searching[order.order_id]
            self.bench.query(order, *self._missed(places))

    # The operator

    @precondition(lambda self: self._in_state(*WAITING, State.DEAD_LETTER))
    @rule(data=st.data())
    def somebody_withdraws(self, data: st.DataObject) -> None:
        self.bench.withdraw(_one_of(data, self._in_state(*WAITING, State.DEAD_LETTER)))

    @precondition(lambda self: self._in_state(State.OPEN, State.PARTIALLY_FILLED))
    @rule(data=st.data())
    def somebody_cancels_a_resting_order(self, data: st.DataObject) -> None:
        self.bench.cancel(_one_of(data, self._in_state(State.OPEN, State.PARTIALLY_FILLED)))

    @precondition(lambda self: self._in_state(*OUTCOME_UNKNOWN))
    @rule(data=st.data())
    def somebody_rules_by_what_the_exchange_has(self, data: st.DataObject) -> None:
        self.rule_truly(_one_of(data, self._in_state(*OUTCOME_UNKNOWN)))

    @precondition(lambda self: self._placed_after_all())
    @rule(data=st.data())
    def somebody_vouches_wrongly(self, data: st.DataObject) -> None:
        """A search that will show the order may be running at the same time."""
        self._begin_looks()
        order = _one_of(data, self._placed_after_all())
        if self._rule_out(order):
            self.judge.misled.add(order.key)

    @precondition(lambda self: self._in_state(State.DEAD_LETTER))
    @rule(data=st.data())
    def somebody_requeues(self, data: st.DataObject) -> None:
        order = _one_of(data, self._in_state(State.DEAD_LETTER))
        successors = [each for each in self._of_key(order.key) if each.key_bound]
        try:
            self.bench.requeue(order)
        except Refusal:
            assert successors, "a dead letter whose key nobody has can be sent back"
        else:
            assert not successors, "a dead letter whose key went to another order stays where it is"

    @rule(halt=st.sampled_from([True, False, False, False]))
    def somebody_turns_the_kill_switch(self, halt: bool) -> None:
        if halt:
            self.bench.halt()
        else:
            self.bench.resume()

    # The configuration

    @rule(scope=st.sampled_from(["target", "symbol"]))
    def the_scope_of_locks_is_changed(self, scope: str) -> None:
        """Queued orders and held locks keep their resource names, and still exclude orders under the new scope."""
        config = self.bench.rules.config
        self.bench.rules = Rules(replace(config, locks=replace(config.locks, scope=scope)))
        self.bench.state.set_rules(self.bench.rules)

    # The process

    @rule(hands_over=st.booleans())
    def it_drains(self, hands_over: bool) -> None:
        self.bench.drain(hands_over=hands_over)

    @rule(data=st.data(), opens=st.sampled_from([True, True, False]))
    def it_ends_and_starts_again(self, data: st.DataObject, opens: bool) -> None:
        """Crash with some commits on disk, perhaps while draining; recover, and perhaps do not open."""
        waiting = len(self.bench.unwritten)
        self.bench.write(data.draw(st.sampled_from([waiting, *range(waiting)])))
        self.on_the_wire.clear()
        self.searching.clear()
        self.drafting = None
        self.judge.crashed()
        self.bench.crash()
        if opens:
            self.bench.open()

    @precondition(lambda self: not self.bench.state.gate.is_open)
    @rule()
    def it_opens(self) -> None:
        self.bench.open()

    @precondition(lambda self: len(self.bench.latest) >= self.enough)
    @rule()
    def everything_comes_to_an_end(self) -> None:
        """With an exchange that answers and an operator who checks, every order comes to an end."""
        self.bench.resume()
        self.bench.open()
        for _ in range(500):
            self.bench.settle()
            if not self.bench.state.orders and not self.bench.sends:
                break
            self._go_on()
        self.judge.the_end()
        self.enough = len(self.bench.latest) + 10

    # Parts of the rules

    def submit(self, asked: SignalRequest) -> None:
        """Submit a signal; the expected result follows from all orders that ever had its key."""
        self.wishes.append(asked)
        rivals = [each for each in self._of_wish(asked) if self.judge.still_counts(each)]
        same = [each for each in rivals if _same_wish(each, asked)]
        try:
            (accepted,) = self.bench.submit_all([asked])
        except KeyConflict:
            assert rivals
            assert all(each.key in self.judge.misled for each in same)
            return
        except Halted:
            assert not rivals
            assert self.bench.state.gate.halted is not None
            return
        except NotReady:
            assert not rivals
            assert not self.bench.state.gate.takes_signals
            return
        except Full:
            assert not rivals
            assert len(self._in_state(State.QUEUED)) >= self.bench.rules.config.queue.max_queued
            return
        except Guarded:
            assert not rivals
            assert self.bench.rules.config.guards != RULES.config.guards
            return
        except Invalid:
            assert not rivals
            assert (asked.execute_at or self.bench.exchange_ms) < self.bench.exchange_ms, "its instant has passed"
            return
        assert _same_wish(accepted.order, asked)
        if accepted.replayed:
            assert accepted.order in same, "the first one's order answers, as it stands now"
        else:
            assert not rivals or accepted.order.key in self.judge.misled
            self.judge.the_budget_is_kept(accepted.order)

    def go(self, send: Send, *, taken: bool) -> None:
        """Let a durable request pass the gate and reach the exchange, where the promises are checked."""
        name = send.attempt.client_order_id
        why_not = self.bench.gate(send.order)
        if why_not is not None:
            self.bench.answer_attempt(send.attempt, NotSent(why_not))
            return
        self.judge.every_request(send)
        del self.bench.sends[name]
        self.on_the_wire[name] = self.exchange.receive(send, self.bench.now_ms, taken=taken)

    def answer(self, reached: Request, data: st.DataObject) -> None:
        """Answer a request; the answer is true, or there is none."""
        self._answered(reached)
        if data.draw(st.sampled_from([False, False, False, True])):
            answer: Any = unclear()
        elif reached.taken:
            answer = placed(reached.shown[0].exchange_order_id)
        else:
            reached.settled = True
            answer = data.draw(REFUSALS)
            if answer.advice is Advice.WAIT:
                stated_ms = self.bench.now_ms + (answer.retry_after_ms or 0)
                self.judge.shut_until_ms = max(self.judge.shut_until_ms, stated_ms)
        self.bench.answer_attempt(reached.send.attempt, answer)

    def end_look(self, order_id: str, data: st.DataObject) -> None:
        """End a search attempt: each source fails, misses the order, or shows it as it is or as it was."""
        order, places = self.searching.pop(order_id)
        reached = self.exchange.requests.get(order.client_order_id or "")
        views = [] if reached is None else reached.shown
        results: list[QueryResult] = []
        for place in places:
            view = data.draw(st.integers(-2, len(views) - 1))
            shown = views[-1 - view] if view >= 0 else None
            results.append(query(shown, source=place, failed=view == -2, at_ms=self.bench.now_ms))
            if shown is not None:
                break
        self.bench.query(order, *results)

    def rule_truly(self, order: Order) -> None:
        """Resolve a doubt by what the exchange really has."""
        reached = self.exchange.requests.get(order.client_order_id or "")
        if reached is None or not reached.taken:
            if self._rule_out(order) and reached is not None:
                reached.settled = True
            return
        truth = reached.shown[-1]
        state = State.OPEN if truth.state is State.PARTIALLY_FILLED else truth.state
        self.bench.resolve(
            order,
            Found(
                resolution=Resolution(state.value),
                exchange_order_id=truth.exchange_order_id,
                executed_quantity=truth.executed_quantity,
                executed_quote=truth.executed_quote,
            ),
        )

    def _rule_out(self, order: Order) -> bool:
        """Resolve an order as not placed; return false if it is too early for that."""
        too_early = self.bench.now_ms < grace_over_ms(order, self.bench.rules)
        try:
            self.bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
        except WrongState:
            assert too_early, "after the grace a person may say so"
            return False
        assert not too_early, "before it the request may still be admitted"
        return True

    def _go_on(self) -> None:
        """Let an exchange without faults go on by one step."""
        self._fire_all()
        for send in self._ready_to_go():
            self.go(send, taken=False)
        for reached in list(self.on_the_wire.values()):
            self._answered(reached)
            reached.settled = not reached.taken
            self.bench.answer_attempt(reached.send.attempt, placed() if reached.taken else refused(Advice.STOP))
        for reached in self.exchange.open_requests():
            self.exchange.trade(reached, State.FILLED, Decimal(0))
        for order in self._in_state(State.LOST).values():
            self.rule_truly(order)
        self._begin_looks()
        for order, places in list(self.searching.values()):
            del self.searching[order.order_id]
            reached_by = self.exchange.requests.get(order.client_order_id or "")
            truth = reached_by.shown[-1] if reached_by is not None and reached_by.taken else None
            self.bench.query(order, *([query(truth, at_ms=self.bench.now_ms)] if truth else self._missed(places)))
        self.bench.pass_time(max(0, (self._due_ms() or 0) - self.bench.now_ms))

    def _begin_looks(self) -> None:
        while (order := self.bench.state.searches.due(self.bench.now_ms)) is not None:
            assert order.order_id not in self.searching, "one look at a time"
            search = self.bench.state.searches[order.order_id]
            places = sources(order, search, self.bench.now_ms, self.bench.rules)
            self.searching[order.order_id] = order, places

    def _fire_all(self) -> None:
        for send in self._ready_to_fire():
            if self.bench.fire(send.order):
                self.judge.fire(send.attempt.client_order_id)

    def _answered(self, reached: Request) -> None:
        del self.on_the_wire[reached.client_order_id]

    def _now(self, asked: SignalRequest) -> SignalRequest:
        """Return a request for this moment: its instant was drawn relative to now."""
        ahead_ms = asked.execute_at
        return request(
            **_fields(asked) | {"execute_at": None if ahead_ms is None else self.bench.exchange_ms + ahead_ms}
        )

    def _missed(self, places: Sequence[Source]) -> list[QueryResult]:
        return [query(source=place, at_ms=self.bench.now_ms) for place in places]

    def _ready_to_fire(self) -> list[Send]:
        """Return the armed requests whose instant has come and that are durable."""
        return [
            send
            for send in self.bench.durable_sends()
            if send.fire_ms is not None
            and self.bench.exchange_ms >= send.fire_ms
            and send.attempt.client_order_id not in self.judge.fired
        ]

    def _ready_to_go(self) -> list[Send]:
        """Return the requests that only the gate can still keep from being sent."""
        return [
            send
            for send in self.bench.durable_sends()
            if send.fire_ms is None or send.attempt.client_order_id in self.judge.fired
        ]

    def _due_ms(self) -> int | None:
        state, bench = self.bench.state, self.bench
        fires = [send.fire_ms - bench.offset_ms for send, _ in bench.sends.values() if send.fire_ms is not None]
        known = [state.timers.next_ms(), state.searches.next_ms(), bench.next_dispatch_ms, *fires]
        return min((due_ms for due_ms in known if due_ms is not None and due_ms > bench.now_ms), default=None)

    def _in_state(self, *states: State) -> dict[str, Order]:
        return {order_id: order for order_id, order in self.bench.latest.items() if order.state in states}

    def _placed_after_all(self) -> dict[str, Order]:
        """Return the orders in doubt that the exchange has."""
        taken = {reached.client_order_id for reached in self.exchange.requests.values() if reached.taken}
        return {key: order for key, order in self._in_state(*OUTCOME_UNKNOWN).items() if order.client_order_id in taken}

    def _of_wish(self, asked: SignalRequest) -> list[Order]:
        """Find all orders that a signal may repeat: those with its key, given or derived."""
        if asked.idempotency_key is not None:
            return self._of_key(str(asked.idempotency_key))
        keys = ("derived:", "target:")
        derived = [each for each in self.bench.latest.values() if each.key.startswith(keys)]
        return [each for each in derived if _same_wish(each, asked)]

    def _of_key(self, key: str) -> list[Order]:
        return [each for each in self.bench.latest.values() if each.key == key]


_T = TypeVar("_T")


def _one_of(data: st.DataObject, candidates: dict[str, _T]) -> _T:
    return candidates[data.draw(st.sampled_from(sorted(candidates)))]


def _fields(asked: SignalRequest) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in asked.__struct_fields__}


def _same_wish(order: Order, asked: SignalRequest) -> bool:
    """Return whether an order trades what a signal asks for, with the same owner and target; amounts by value."""
    return (order.symbol, order.side.value, order.owner_id, order.target_id, order.quantity) == (
        asked.symbol.upper(),
        asked.side.upper(),
        asked.owner_id,
        asked.snipe_target_id,
        asked.quantity,
    )


TestPromises: Any = Promises.TestCase
