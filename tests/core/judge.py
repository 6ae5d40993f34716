"""The judge: checks the promises on a bench, by what really happened and not by what the trading state believes.

It knows which requests reached the exchange and their outcomes, what was on disk when, and every value that a decision
ever changed. It has three kinds of check: of every decision, at every moment, and of every request before it reaches
the exchange.

One case no daemon can prevent: the operator resolves an order as not placed although it was placed. From then on only
one thing is promised for its key: a report of the order is still believed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

from daemon.core.rules.exposure import DAY_MS, MAX_REPEAT_WINDOW_MS, OPEN, Exposure, worth_of
from daemon.core.rules.rate import WINDOW_MS
from daemon.core.state.changes import ChangeSet, Send
from daemon.core.values.attempts import AttemptState
from daemon.core.values.decimals import ZERO
from daemon.core.values.events import DAEMON
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import KEY_FREE, OUTCOME_UNKNOWN, REPORT_EVENTS, WAITING, State
from daemon.core.views.explain import outlook
from tests.core import making
from tests.core.bench import Bench
from tests.core.model_exchange import ModelExchange, Request

HOLD_THEIR_LOCK = {State.ARMED, State.IN_FLIGHT, State.IN_DOUBT, State.LOST}
UNDER_WAY = {State.ARMED, State.IN_FLIGHT}


class Judge:
    """Watches a bench and an exchange."""

    def __init__(self, bench: Bench, exchange: ModelExchange) -> None:
        self.bench = bench
        self.exchange = exchange
        self.fired: set[str] = set()  # armed requests whose instant came
        self.misled: set[str] = set()  # keys that the operator resolved wrongly
        self.shut_until_ms = 0  # until when the exchange asked to wait
        self._instants: list[int] = []  # of decided requests, reserved ones included
        self._offset_ms: dict[str, int] = {}  # by request: the exchange's clock, as it was known when it was to be sent
        self._orders: dict[str, Order] = {}  # as the last decision left them
        self._last_seq = 0
        self._last_token = 0
        self._tokens: dict[str, tuple[int, str]] = {}  # by resource: the last token at the exchange, and its order
        self._of_a_decision: tuple[Callable[[ChangeSet], None], ...] = (
            self.nothing_leaves_a_doubt_by_itself,
            self.nothing_is_undone,
            self.numbers_only_grow,
            self.ranks_decide,
            self.rate_budget_is_kept,
        )
        bench.watchers.append(self.every_decision)

    def crashed(self) -> None:
        """Forget what the process knew; continue from the disk."""
        disk = self.bench.disk
        self.fired.clear()
        self.shut_until_ms = disk.remembered(self.bench.now_ms).backoff_until_ms
        self._instants = [min(at_ms, self.bench.now_ms) for at_ms in disk.recently_sent(self.bench.now_ms)]
        self._orders = dict(disk.orders)
        self._last_seq = max((order.seq for order in disk.orders.values()), default=0)
        self._last_token = max(disk.locks, default=0)

    def fire(self, client_order_id: str) -> None:
        """Note that an armed request's instant came."""
        self.fired.add(client_order_id)
        self._offset_ms[client_order_id] = self.bench.offset_ms

    # Of every decision

    def every_decision(self, changes: ChangeSet) -> None:
        """Check the changes of a decision."""
        for promise in self._of_a_decision:
            promise(changes)
        for send in changes.sends:
            if send.fire_ms is None:
                self._offset_ms[send.attempt.client_order_id] = self.bench.offset_ms
        self._orders |= changes.orders

    def nothing_leaves_a_doubt_by_itself(self, changes: ChangeSet) -> None:
        """A doubt ends by an order report or by the operator, and never in the queue."""
        for order_id, order in changes.orders.items():
            before = self._orders.get(order_id)
            if before is None or before.state not in OUTCOME_UNKNOWN:
                continue
            assert order.state in {before.state, State.LOST, State.REJECTED} | REPORT_EVENTS.keys()
            if order.state is State.REJECTED:
                resolved_by = [event.actor for event in changes.events if event.name == "order.ruled"]
                assert resolved_by == ["uid:0"], "only the operator resolves"

    def nothing_is_undone(self, changes: ChangeSet) -> None:
        """What was filled stays filled, what was sent is not called unsent, and every event has its time and actor."""
        for order_id, order in changes.orders.items():
            before = self._orders.get(order_id)
            if before is None:
                continue
            assert order.executed_quantity >= before.executed_quantity
            if order.state is not before.state and order.state is State.WITHDRAWN:
                assert before.state in WAITING | {State.DEAD_LETTER}
            if order.state is not before.state and order.state is State.EXPIRED:
                unsent = WAITING | {State.IN_FLIGHT}
                assert before.state in unsent, "not sent, or taken back or refused in this very decision"
                assert self.bench.now_ms > self.bench.deadline_ms(order)
        for event in changes.events:
            assert event.at_ms == self.bench.now_ms
            assert event.actor in {DAEMON, "uid:0", "uid:1000"}

    def numbers_only_grow(self, changes: ChangeSet) -> None:
        """Order numbers, attempt numbers, and fencing tokens."""
        for order_id, order in changes.orders.items():
            before = self._orders.get(order_id)
            if before is None:
                assert order.seq > self._last_seq
                self._last_seq = order.seq
            else:
                assert order.seq == before.seq
                assert order.attempts >= before.attempts
        for lock in changes.locks.values():
            if lock.lock_id not in self.bench.latest_locks:
                assert lock.token > self._last_token
                self._last_token = lock.token

    def ranks_decide(self, changes: ChangeSet) -> None:
        """Orders are sent by rank. One that could be sent and was not comes after them all, and there was no room."""
        state, now_ms = self.bench.state, self.bench.now_ms
        if state.gate.halted is not None or not state.gate.is_open:
            assert not changes.sends
            return
        sent = [_rank(send.order) for send in changes.sends]
        assert sent == sorted(sent), "SELL before BUY, then oldest first"
        if state.timers.are_behind:
            assert all(send.order.skip_lock for send in changes.sends), "orders that are due take part first"
            return
        left = sorted((each for each in state.orders.values() if self._could_go(each)), key=_rank)
        if left:
            assert all(rank < _rank(left[0]) for rank in sent), "no order was passed over"
            send_ms = max(now_ms, self.bench.due_ms(left[0]))
            near = [at_ms for at_ms in self._instants_after(changes) if abs(at_ms - send_ms) < WINDOW_MS]
            config = state.rules.config
            crowded = self.under_way() >= config.queue.max_in_flight and not left[0].skip_lock
            full = crowded or len(near) >= config.exchange.order_rate_per_s
            held = send_ms < state.rate_budget.backoff_until_ms or state.backoff.why is not None
            assert full or held, "no order waits while there is room"

    def rate_budget_is_kept(self, changes: ChangeSet) -> None:
        """The limits of requests in flight and per second hold, and nothing is sent while the exchange asked to wait.

        Only an emergency sell passes the limit in flight: that limit is ours, not the exchange's.
        """
        config = self.bench.state.rules.config
        self._instants = self._instants_after(changes)
        for send in changes.sends:
            send_ms = _reserved_ms(send)
            assert send_ms >= self.shut_until_ms
            for begin_ms in [each for each in self._instants if send_ms - WINDOW_MS < each <= send_ms]:
                in_a_second = [each for each in self._instants if begin_ms <= each < begin_ms + WINDOW_MS]
                assert len(in_a_second) <= config.exchange.order_rate_per_s
        orders = self.bench.state.orders.values()
        emergencies = sum(order.state in UNDER_WAY and order.skip_lock for order in orders)
        assert self.under_way() - emergencies <= config.queue.max_in_flight, "only an emergency sell passes that limit"

    # At every moment

    def every_moment(self) -> None:
        """Check the trading state."""
        self.one_order_counts_for_a_key()
        self.one_order_holds_a_resource()
        self.memory_is_what_is_not_finished_or_not_on_disk()
        self.counts_are_those_of_a_recount()
        self.exposure_is_that_of_a_recount()
        self.orders_in_doubt_are_searched_for()
        self.every_order_has_an_outlook()

    def one_order_counts_for_a_key(self) -> None:
        """A key whose order was placed, or may have been, belongs to no other."""
        orders = self.bench.latest.values()
        counting = Counter(order.key for order in orders if self.still_counts(order))
        assert all(count == 1 or key in self.misled for key, count in counting.items())
        bound = Counter(order.key for order in orders if order.key_bound)
        assert all(count == 1 for count in bound.values())
        assert all(order.key_bound or order.key in self.misled for order in orders if self.still_counts(order))

    def one_order_holds_a_resource(self) -> None:
        """An order that may have been sent holds its resource, alone; no lock outlives its order."""
        state = self.bench.state
        holders = [order for order in state.orders.values() if _must_hold_its_lock(order)]
        assert all(state.lock_of(order) is not None for order in holders)
        assert not any(contend(one.resource, other.resource) for one, other in combinations(holders, 2))
        assert not any(contend(one.resource, other.resource) for one, other in combinations(state.locks, 2))
        for lock in state.locks:
            assert state.locks.holder(lock.resource) is lock
            assert self.bench.latest_locks[lock.lock_id] is lock
            if lock.order_id is None:
                continue  # a caller's own lease
            order = state.orders[lock.order_id]
            assert state.lock_of(order) is lock
            assert order.state in HOLD_THEIR_LOCK | {State.QUEUED}

    def memory_is_what_is_not_finished_or_not_on_disk(self) -> None:
        """Nothing acknowledged disappears, and nothing is kept for ever."""
        bench, state = self.bench, self.bench.state
        pending = [*bench.unpublished, *bench.unwritten]
        assert bench.disk.orders.keys() | state.orders.keys() <= bench.latest.keys()
        for order_id, order in bench.latest.items():
            known = state.orders.get(order_id)
            last_word_pending = any(changes.orders.get(order_id) is order for changes in pending)
            if known is not None:
                assert known == order
                assert order.finished_ms is None or last_word_pending or order_id in state.searches.running
            else:
                assert order.finished_ms is not None
                on_disk = bench.disk.orders[order_id]
                assert on_disk.state is order.state
                assert on_disk == order or last_word_pending

    def counts_are_those_of_a_recount(self) -> None:
        """Every count is the number of what it counts."""
        state = self.bench.state
        assert +state.orders.counts == Counter(order.state for order in state.orders.values())
        assert state.rate_budget.in_flight == len(state.open_attempts) == self.under_way()
        queued = {order.order_id for order in state.orders.values() if order.state is State.QUEUED}
        assert {entry.entry_id for entry in state.queue} <= queued

    def exposure_is_that_of_a_recount(self) -> None:
        """The figures of guards agree with all orders, including those that have left memory."""
        exposure, now_ms = self.bench.state.orders.exposure, self.bench.now_ms
        orders = self.bench.latest.values()
        buys = [each for each in orders if each.side is Side.BUY and each.state not in KEY_FREE]
        today = [each for each in buys if each.accepted_ms // DAY_MS == now_ms // DAY_MS]
        assert exposure.spent(now_ms) == sum((worth_of(each) or ZERO for each in today), ZERO)
        unpriced: set[str | None] = {each.order_id for each in today if worth_of(each) is None}
        assert exposure.unpriced(now_ms) in (unpriced or {None})
        assert +exposure._open == Counter(each.owner_id for each in buys if each.state in OPEN)
        for owner_and_symbol in {(each.owner_id, each.symbol) for each in orders}:
            self._repetition_is_that_of_a_recount(exposure, buys, owner_and_symbol)

    def the_budget_is_kept(self, order: Order) -> None:
        """Check a new order: what counts now, with itself, is within the day's budget."""
        limit = self.bench.state.rules.config.guards.max_notional_per_day
        if limit and order.side is Side.BUY:
            assert self.bench.state.orders.exposure.spent(self.bench.now_ms) <= limit

    def orders_in_doubt_are_searched_for(self) -> None:
        """The reconciler forgets no order."""
        state = self.bench.state
        searched = OUTCOME_UNKNOWN | {State.OPEN, State.PARTIALLY_FILLED}
        assert {order.order_id for order in state.orders.values() if order.state in searched} <= state.searches.keys()
        assert (state.searches.next_ms() is not None) == bool(state.searches.keys() - state.searches.running)

    def every_order_has_an_outlook(self) -> None:
        """``explain`` can say for every order what comes next."""
        for order in self.bench.state.orders.values():
            assert outlook(self.bench.state, order, self.bench.now_ms).what

    # Of a request that is about to reach the exchange

    def every_request(self, send: Send) -> None:
        """Check a request that may be sent."""
        bench, order, name = self.bench, send.order, send.attempt.client_order_id
        on_disk = bench.disk.orders[order.order_id]
        assert on_disk.client_order_id == name, "durable before sent"
        assert on_disk.state in UNDER_WAY
        assert bench.disk.attempts[name].state is AttemptState.IN_FLIGHT
        assert bench.now_ms <= bench.deadline_ms(order), "fresh or not at all"
        exchange_ms = bench.now_ms + self._offset_ms.get(name, bench.offset_ms)
        assert exchange_ms >= (order.execute_at_ms or 0), "not before its instant, by the exchange's clock"
        assert bench.now_ms >= self.shut_until_ms, "the exchange asked to wait"
        assert bench.state.gate.halted is None, "nothing new is sent while trading is halted"
        self.at_most_one_may_live(send)
        if send.token is not None:
            self.one_holder_sends(send, send.token)

    def at_most_one_may_live(self, send: Send) -> None:
        """No second request for a signal, unless the earlier one was definitely refused."""
        for earlier in self.exchange.of_key(send.order.key):
            if not earlier.settled and send.order.key not in self.misled:
                order = self.bench.latest[earlier.send.order.order_id]
                assert order.order_id != send.order.order_id, "never again after an unknown outcome"
                assert not self.still_counts(order), "never twice for one signal"

    def one_holder_sends(self, send: Send, token: int) -> None:
        """No request is sent for a resource that another order's outcome holds, nor under an older token."""
        order = send.order
        for earlier in self.exchange.requests.values():
            other = self.bench.latest[earlier.send.order.order_id]
            if contend(other.resource, order.resource) and other.order_id != order.order_id:
                assert not _must_hold_its_lock(other)
        last_token, last_order_id = self._tokens.get(order.resource, (0, ""))
        assert token > last_token or (token == last_token and order.order_id == last_order_id)
        self._tokens[order.resource] = token, order.order_id

    # At the end

    def the_end(self) -> None:
        """Check a trading state after enough time, answers and resolutions: nothing is left anywhere."""
        state, disk = self.bench.state, self.bench.disk
        assert not state.orders, f"stuck: {list(state.orders.values())}"
        assert len(state.queue) == len(state.locks) == len(state.open_attempts) == len(state.searches) == 0
        assert disk.orders == self.bench.latest
        assert not disk.active_locks()
        for request in self.exchange.requests.values():
            order = disk.orders[request.send.order.order_id]
            if request.taken and order.key not in self.misled:
                assert order.client_order_id == request.client_order_id
                assert (order.state, order.executed_quantity) == _how_it_stands(request)

    # How the judge knows

    def still_counts(self, order: Order) -> bool:
        """Whether an order's key is still its own: it was or may be placed, and its window is not over."""
        window_over = order.key_until_ms is not None and self.bench.now_ms > order.key_until_ms
        placed = order.state not in KEY_FREE and not order.ended_empty
        return placed and not (window_over and order.finished_ms is not None)

    def under_way(self) -> int:
        """Count the orders with a request that is in flight, or armed."""
        return sum(order.state in UNDER_WAY for order in self.bench.state.orders.values())

    def _repetition_is_that_of_a_recount(
        self, exposure: Exposure, buys: Sequence[Order], owner_and_symbol: tuple[str, str]
    ) -> None:
        """Compare the first of a repetition, for a target that no order has."""
        theirs = [each for each in buys if (each.owner_id, each.symbol) == owner_and_symbol]
        recent = {each.order_id for each in theirs if self.bench.now_ms - each.accepted_ms < MAX_REPEAT_WINDOW_MS}
        owner_id, symbol = owner_and_symbol
        another = making.order(owner_id=owner_id, symbol=symbol, target_id="another", accepted_ms=self.bench.now_ms)
        first = exposure.repeated(another, MAX_REPEAT_WINDOW_MS)
        assert first in recent if recent else first is None

    def _could_go(self, order: Order) -> bool:
        """Whether only the rate budget keeps an order from being sent.

        An order whose time comes at this very millisecond may still wait for the tick that queues it.
        """
        state, now_ms = self.bench.state, self.bench.now_ms
        start_ms = max(order.not_before_ms, self.bench.due_ms(order) - state.rules.config.queue.arm_ahead_ms)
        others = [lock for lock in state.locks if lock.order_id != order.order_id]
        return (
            order.state is State.QUEUED
            and now_ms <= self.bench.deadline_ms(order)
            and (now_ms > start_ms or order.order_id in state.queue)
            and (order.skip_lock or not any(contend(lock.resource, order.resource) for lock in others))
        )

    def _instants_after(self, changes: ChangeSet) -> list[int]:
        """Return when requests were and will be made, without those that a decision takes back before their instant.

        A cancel is a request as well.
        """
        instants = list(self._instants)
        for attempt in changes.attempts.values():
            send, _ = self.bench.sends.get(attempt.client_order_id, (None, None))
            taken_back = attempt.state is AttemptState.NOT_SENT and attempt.client_order_id not in self.fired
            if taken_back and send is not None and send.fire_ms is not None:
                instants.remove(_reserved_ms(send))
        cancels = [event.at_ms for event in changes.events if event.name == "order.cancel_requested"]
        return instants + cancels + [_reserved_ms(send) for send in changes.sends]


def contend(one: str, other: str) -> bool:
    """Whether two resources exclude each other: they are one, or one is a symbol's and the other a trade of it."""
    return one == other or any(
        part.startswith(f"{whole}:") and whole.count(":") == 1 and whole.startswith("trade:")
        for whole, part in ((one, other), (other, one))
    )


def _reserved_ms(send: Send) -> int:
    """Return the instant for which a request was counted, by our clock at its decision."""
    assert send.order.sent_ms is not None
    return send.order.sent_ms


def _rank(order: Order) -> tuple[int, int]:
    """Return an order's place by the promise: emergencies, then priority, then acceptance."""
    return 0 if order.skip_lock else order.priority, order.seq


def _how_it_stands(request: Request) -> tuple[State, object]:
    return request.shown[-1].state, request.shown[-1].executed_quantity


def _must_hold_its_lock(order: Order) -> bool:
    """Whether an order's lock keeps others from being sent: not for one that the exchange said it took."""
    return order.state in HOLD_THEIR_LOCK and not order.skip_lock and order.exchange_order_id is None
