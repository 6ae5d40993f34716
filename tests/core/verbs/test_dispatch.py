"""Dispatch: an order that may go goes at once; one that may not blocks no other; none goes after its deadline."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.core.rules.rate import WINDOW_MS
from daemon.core.values.attempts import AttemptState
from daemon.core.values.exchange_replies import Advice, NotSent
from daemon.core.values.locks import LockState, OwnerType
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.dispatch import may_go
from daemon.errors import InvariantBroken, NotReady
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, refused, rules, unclear


@pytest.fixture
def bench() -> Bench:
    return Bench()


def one_at_a_time() -> Bench:
    """Make a bench on which every order after the first waits for the first one's answer."""
    return Bench(rules(queue={"max_in_flight": 1}))


def sell(bench: Bench, **changes: Any) -> Order:
    return bench.submit(side="SELL", quantity=Decimal(1), **changes)


def went(bench: Bench) -> list[str]:
    """Answer one request after another until none is left; return the orders as they were sent."""
    order_ids = []
    while bench.sends:
        bench.settle()
        ((send, _),) = bench.sends.values()
        order_ids.append(send.order.order_id)
        bench.answer(send.order, placed())
    return order_ids


# Who goes next


def test_an_order_that_may_go_is_sent_in_the_decision_that_accepted_it(bench: Bench) -> None:
    order = bench.submit()
    assert order.state is State.IN_FLIGHT
    assert order.sent_ms == NOON_MS
    ((send, step),) = bench.sends.values()
    assert send.order is order
    assert send.order.order_id in step.orders, "order, attempt and lock are in the commit that the request waits for"
    assert send.attempt.client_order_id in step.attempts
    assert [lock.token for lock in step.locks.values()] == [send.token]
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("order.sent", {"attempt": 1, "token": 1, "waited_ms": 0})


def test_sells_go_before_buys_and_the_oldest_first() -> None:
    bench = one_at_a_time()
    running = bench.submit(symbol="FIRST1USDT")
    buys = [bench.submit(symbol=f"BUY{number}USDT") for number in range(3)]
    sells = [sell(bench, symbol=f"SELL{number}USDT") for number in range(3)]
    assert went(bench) == [order.order_id for order in (running, *sells, *buys)]


def test_no_new_order_passes_a_waiting_one_of_its_priority_for_the_same_resource() -> None:
    bench = one_at_a_time()
    orders = [bench.submit(quote_order_qty=Decimal(amount)) for amount in (10, 20, 30)]
    bench.settle()
    bench.answer(orders[0], placed())
    late = bench.submit(quote_order_qty=Decimal(40))
    assert went(bench) == [order.order_id for order in (*orders[1:], late)]


def test_an_urgent_buy_goes_before_others() -> None:
    bench = one_at_a_time()
    running, usual = bench.submit(symbol="AAUSDT"), bench.submit(symbol="BBUSDT")
    urgent = bench.submit(symbol="CCUSDT", priority=2)
    assert went(bench) == [order.order_id for order in (running, urgent, usual)]


def test_a_blocked_order_blocks_no_other(bench: Bench) -> None:
    first, blocked = bench.submit(), bench.submit(quote_order_qty=Decimal(20))
    other = bench.submit(symbol="BARUSDT")
    assert (first.state, blocked.state, other.state) == (State.IN_FLIGHT, State.QUEUED, State.IN_FLIGHT)


def test_one_holder_at_a_time_and_the_next_order_goes_when_it_has_ended(bench: Bench) -> None:
    first, second = bench.submit(), bench.submit(quote_order_qty=Decimal(20))
    lock = bench.state.lock_of(first)
    assert lock is not None
    bench.settle()
    bench.answer(first, placed())
    second = bench.order(second)
    assert second.state is State.IN_FLIGHT
    newer = bench.state.lock_of(second)
    assert newer is not None
    assert newer.token > lock.token


def test_an_outcome_is_written_before_the_next_holders_request_is_sent(bench: Bench) -> None:
    """One decision holds both, or the outcome's decision is the earlier one."""
    first, second = bench.submit(), bench.submit(quote_order_qty=Decimal(20))
    bench.settle()
    bench.answer(first, placed())
    (step,) = bench.unwritten
    assert [step.orders[order.order_id].state for order in (first, second)] == [State.OPEN, State.IN_FLIGHT]


def test_an_emergency_sell_passes_lock_and_queue_and_is_still_durable_before_it_is_sent() -> None:
    bench = one_at_a_time()
    holder = sell(bench)
    waiting = sell(bench, snipe_target_id="t1", priority=1)
    emergency = bench.submit(side="SELL", quantity=Decimal(2), skip_lock=True)
    assert emergency.state is State.IN_FLIGHT, "orders in flight are our own limit"
    bench.settle()
    bench.answer(holder, unclear())
    assert bench.state.locks.holder(emergency.resource) == bench.state.lock_of(bench.order(holder))
    assert bench.order(waiting).state is State.QUEUED
    ((send, _),) = bench.sends.values()
    assert send.token is None
    bench.settle()
    assert bench.gate(emergency) is None
    assert bench.disk.attempts[send.attempt.client_order_id].state is AttemptState.IN_FLIGHT


def test_an_emergency_sell_respects_the_exchanges_rate() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}))
    sell(bench)
    emergency = bench.submit(side="SELL", quantity=Decimal(2), skip_lock=True)
    assert emergency.state is State.QUEUED
    bench.pass_time(WINDOW_MS)
    assert bench.order(emergency).state is State.IN_FLIGHT


def test_granting_a_held_resource_stops_the_process(bench: Bench) -> None:
    """It cannot happen; if it does, going on would break a promise."""
    bench.state.locks.acquire(
        resource="trade:FOOUSDT:BUY:manual",
        owner_id="somebody",
        owner_type=OwnerType.SYSTEM,
        order_id=None,
        key="k",
        timeout_ms=1_000,
        now_ms=NOON_MS,
    )
    with pytest.raises(InvariantBroken, match="while it is held"):
        bench.submit()


# Rate budget


def test_an_order_beyond_the_rate_waits_for_the_next_free_slot() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 2}))
    orders = [bench.submit(symbol=f"A{number}USDT") for number in range(3)]
    assert [order.state for order in orders] == [State.IN_FLIGHT, State.IN_FLIGHT, State.QUEUED]
    assert bench.next_dispatch_ms == NOON_MS + WINDOW_MS
    bench.pass_time(WINDOW_MS - 1)
    assert bench.order(orders[2]).state is State.QUEUED
    bench.pass_time(1)
    assert bench.order(orders[2]).state is State.IN_FLIGHT
    assert bench.next_dispatch_ms is None


def test_an_order_beyond_the_limit_in_flight_waits_for_an_answer() -> None:
    bench = one_at_a_time()
    first, second = bench.submit(symbol="AAUSDT"), bench.submit(symbol="BBUSDT")
    assert bench.next_dispatch_ms is None, "no clock can tell"
    bench.settle()
    bench.answer(first, unclear())
    assert bench.order(second).state is State.IN_FLIGHT


def test_new_limits_apply_from_the_next_decision_on() -> None:
    bench = one_at_a_time()
    bench.submit(symbol="AAUSDT")
    waiting = bench.submit(symbol="BBUSDT")
    bench.state.set_rules(rules(queue={"max_in_flight": 2}))
    bench.dispatch()
    assert bench.order(waiting).state is State.IN_FLIGHT


# Deadlines


def test_an_order_may_go_in_the_last_millisecond_of_its_deadline_and_not_after() -> None:
    for late_ms, state in ((0, State.IN_FLIGHT), (1, State.EXPIRED)):
        bench = one_at_a_time()
        first = bench.submit(symbol="AAUSDT")
        waiting = bench.submit(symbol="BBUSDT", deadline_ms=700)
        bench.settle()
        bench.now_ms += 700 + late_ms
        bench.answer(first, placed())
        assert bench.order(waiting).state is state


def test_an_order_that_waits_too_long_expires_and_frees_its_key() -> None:
    bench = one_at_a_time()
    bench.submit(symbol="AAUSDT")
    order = bench.submit(symbol="BBUSDT", deadline_ms=700)
    bench.pass_time(701)
    order = bench.order(order)
    assert (order.state, order.key_bound, order.finished_ms) == (State.EXPIRED, False, bench.now_ms)
    told = bench.events(order)[-1]
    assert (told.name, told.detail["deadline_ms"]) == ("order.expired", NOON_MS + 700)
    assert told.detail["reason"] == "the deadline passed: no turn came in time"


def test_an_order_that_expires_between_attempts_names_the_last_refusal_and_frees_its_lock(bench: Bench) -> None:
    bench.submit(deadline_ms=1_200)
    order = bench.send_next(refused(retry_after_ms=650, message="not open yet"))
    bench.pass_time(650)
    order = bench.send_next(refused(retry_after_ms=50, message="not open yet"))
    assert order.state is State.QUEUED
    waiting = bench.submit(quote_order_qty=Decimal(20))
    bench.halt()
    bench.pass_time(551)
    order = bench.order(order)
    assert order.state is State.EXPIRED
    assert "not open yet" in (order.reason or "")
    bench.settle()
    lock = bench.disk.locks[1]
    assert (lock.state, lock.error) == (LockState.FAILED, order.reason)
    bench.resume()
    assert bench.order(waiting).state is State.IN_FLIGHT


def test_an_order_whose_deadline_passes_before_the_commit_is_durable_is_not_sent(bench: Bench) -> None:
    order = bench.submit(deadline_ms=700)
    bench.settle()
    bench.now_ms += 700
    assert bench.gate(order) is None
    bench.now_ms += 1
    order = bench.send_next(placed())
    assert order.state is State.EXPIRED
    assert "before the request could be written" in (order.reason or "")


# The gate


def test_an_order_decided_before_a_halt_is_not_sent_and_waits(bench: Bench) -> None:
    bench.submit()
    bench.halt("too hot")
    order = bench.send_next(placed())
    assert (order.state, order.reason) == (State.QUEUED, "trading was halted (too hot)")
    bench.settle()
    assert [attempt.state for attempt in bench.disk.attempts.values()] == [AttemptState.NOT_SENT]
    bench.resume()
    assert bench.order(order).client_order_id != order.client_order_id, "a new attempt has a new name"


def test_an_order_whose_lock_is_another_ones_is_not_sent(bench: Bench) -> None:
    """It cannot happen while an outstanding outcome keeps its lock; the gate checks it nevertheless."""
    order = bench.submit()
    ((send, _),) = bench.sends.values()
    assert may_go(bench.state, msgspec.structs.replace(send, token=99), bench.now_ms) is not None
    lock = bench.state.lock_of(order)
    assert lock is not None
    bench.state.locks.release(lock.lock_id, lock.token, bench.now_ms)
    assert "no longer the resource's" in (may_go(bench.state, send, bench.now_ms) or "")


def test_nothing_passes_the_gate_during_a_backoff(bench: Bench) -> None:
    """Sends that were decided before the exchange asked to wait are held back too; they must not earn a longer ban."""
    first, second = bench.submit(symbol="FOOUSDT"), bench.submit(symbol="BARUSDT")
    armed = bench.submit(symbol="BAZUSDT", execute_at=bench.now_ms + 300)
    bench.settle()
    bench.answer(first, refused(Advice.WAIT, retry_after_ms=2_000))
    assert "accepts no orders" in (bench.gate(second) or "")
    bench.answer(second, NotSent(bench.gate(second) or ""))
    told = bench.events(armed)[-1]
    assert told.name == "order.disarmed", "nothing checks it at its instant"
    assert "accepts no orders" in str(told.detail["reason"])
    bench.pass_time(300)
    assert not bench.fire(armed)
    bench.pass_time(1_699)
    assert bench.state.orders.counts[State.QUEUED] == 3
    bench.pass_time(1)
    assert bench.state.orders.counts[State.IN_FLIGHT] == 1, "one order tries"
    bench.settle()
    assert bench.gate(bench.order(first)) is None
    bench.answer(first, placed())
    assert bench.state.orders.counts[State.IN_FLIGHT] == 2
    bench.settle()
    assert [bench.gate(bench.order(order)) for order in (second, armed)] == [None] * 2


# At an instant


def test_a_scheduled_order_waits_is_armed_shortly_before_its_instant_and_fires_at_it(bench: Bench) -> None:
    at_ms = NOON_MS + 60_000
    order = bench.submit(execute_at=at_ms)
    assert order.state is State.QUEUED
    bench.pass_time(59_499)
    assert bench.order(order).state is State.QUEUED
    bench.pass_time(1)
    order = bench.order(order)
    assert (order.state, order.sent_ms) == (State.ARMED, at_ms)
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("order.armed", {"attempt": 1, "token": 1, "fire_ms": at_ms})
    bench.settle()
    assert bench.disk.attempts[order.client_order_id or ""].state is AttemptState.IN_FLIGHT, "durable as if sent"
    bench.pass_time(500)
    assert bench.fire(order)
    bench.settle()
    assert bench.disk.attempts[order.client_order_id or ""].started_ms == at_ms, "it began with its instant"
    order = bench.order(order)
    assert (order.state, order.sent_ms, order.attempts) == (State.IN_FLIGHT, at_ms, 1)
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("order.sent", {"attempt": 1, "token": 1})
    assert bench.gate(order) is None


@pytest.mark.parametrize("ahead_ms", [0, -1], ids=["now", "past"])
def test_an_instant_that_has_passed_means_now(bench: Bench, ahead_ms: int) -> None:
    assert bench.submit(execute_at=NOON_MS + ahead_ms).state is State.IN_FLIGHT


def test_an_armed_order_that_was_disarmed_and_armed_again_fires_with_its_new_client_order_id_only(bench: Bench) -> None:
    first = bench.submit(execute_at=NOON_MS + 300)
    bench.halt()
    bench.resume()
    again = bench.order(first)
    assert again.client_order_id != first.client_order_id
    bench.settle()
    bench.pass_time(300)
    assert not bench.fire(first)
    assert bench.fire(again)


def test_an_armed_order_that_has_left_memory_does_not_fire(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 300)
    bench.withdraw(order)
    bench.settle()
    assert order.order_id not in bench.state.orders
    assert not bench.fire(order)


def test_disarming_an_order_frees_its_rate_slot() -> None:
    """After a short halt, all armed orders are armed again for the same instant."""
    bench = Bench(rules(exchange={"order_rate_per_s": 2}))
    at_ms = bench.now_ms + 400
    orders = [bench.submit(snipe_target_id=target, execute_at=at_ms) for target in ("t1", "t2")]
    assert [bench.order(order).state for order in orders] == [State.ARMED, State.ARMED]
    bench.halt()
    assert [bench.order(order).state for order in orders] == [State.QUEUED, State.QUEUED]
    bench.resume()
    assert [bench.order(order).state for order in orders] == [State.ARMED, State.ARMED]


@pytest.mark.parametrize("skip_lock", [False, True], ids=["sell", "emergency sell"])
@pytest.mark.parametrize(("table", "key"), [("exchange", "order_rate_per_s"), ("queue", "max_in_flight")])
def test_armed_buys_give_way_to_a_sell_the_last_one_first(table: str, key: str, *, skip_lock: bool) -> None:
    """A second that is reserved by unsent BUYs is free for a SELL."""
    bench = Bench(rules(launch={"batch_orders": False}, **{table: {key: 3}}))
    at_ms = NOON_MS + 400
    buys = [bench.submit(snipe_target_id=f"t{number}", execute_at=at_ms) for number in range(3)]
    bench.pass_time(100)
    assert sell(bench, skip_lock=skip_lock).state is State.IN_FLIGHT
    states = [State.ARMED, State.ARMED, State.ARMED if skip_lock and key == "max_in_flight" else State.QUEUED]
    assert [bench.order(buy).state for buy in buys] == states
    assert bench.events(buys[0])[-1].name == "order.armed"


@pytest.mark.parametrize(("wait_ms", "state"), [(300, State.ARMED), (301, State.QUEUED)])
def test_an_armed_order_is_taken_back_if_the_exchange_asks_to_wait_beyond_its_instant(
    bench: Bench, wait_ms: int, state: State
) -> None:
    first, armed = bench.submit(symbol="FOOUSDT"), bench.submit(symbol="BARUSDT", execute_at=NOON_MS + 300)
    bench.settle()
    bench.answer(first, msgspec.structs.replace(unclear(), retry_after_ms=wait_ms))
    assert bench.order(armed).state is state


def test_an_order_whose_request_has_left_keeps_its_room() -> None:
    """A SELL takes the room of another BUY, whose request has not left."""
    bench = Bench(rules(exchange={"order_rate_per_s": 2}))
    first, last = (bench.submit(snipe_target_id=target, execute_at=NOON_MS + 400) for target in ("t1", "t2"))
    bench.pass_time(400)
    bench.settle()
    bench.shoot(last)
    assert sell(bench).state is State.IN_FLIGHT
    assert [bench.order(buy).state for buy in (first, last)] == [State.QUEUED, State.IN_FLIGHT]


def test_an_armed_buy_that_gave_way_goes_when_there_is_a_slot_again() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}))
    buy = bench.submit(execute_at=NOON_MS + 400)
    bench.pass_time(100)
    sell(bench)
    told = bench.events(buy)[-1]
    assert told.name == "order.disarmed"
    assert "rate" in str(told.detail["reason"])
    bench.pass_time(WINDOW_MS - 1)
    assert bench.order(buy).state is State.QUEUED
    bench.pass_time(1)
    assert bench.order(buy).state is State.IN_FLIGHT


def test_the_slot_of_an_armed_order_that_gives_way_goes_to_the_first_order_that_may_go() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}))
    armed = bench.submit(execute_at=NOON_MS + 400)
    first = bench.submit(priority=1, quote_order_qty=Decimal(26))
    assert bench.order(first).state is State.QUEUED, "the armed order holds the resource"
    assert sell(bench, symbol="BARUSDT").state is State.QUEUED, "it is the second now that the resource is free"
    assert [bench.order(each).state for each in (armed, first)] == [State.QUEUED, State.IN_FLIGHT]


def test_only_armed_orders_whose_slot_is_needed_give_way() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}, queue={"arm_ahead_ms": 10_000}))
    near = bench.submit(snipe_target_id="t1", execute_at=NOON_MS + 500)
    far = bench.submit(snipe_target_id="t2", execute_at=NOON_MS + 5_000)
    assert sell(bench).state is State.IN_FLIGHT
    assert [bench.order(buy).state for buy in (near, far)] == [State.QUEUED, State.ARMED]


def test_an_armed_order_gives_way_neither_to_its_own_priority_nor_without_need() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 2}))
    sent = sell(bench, snipe_target_id="t0")
    armed = bench.submit(snipe_target_id="t1", execute_at=NOON_MS + 300)
    older = bench.submit(snipe_target_id="t2")
    assert [bench.order(each).state for each in (sent, armed, older)] == [State.IN_FLIGHT, State.ARMED, State.QUEUED]
    bench = Bench(rules(exchange={"order_rate_per_s": 1}, queue={"arm_ahead_ms": 10_000}))
    sell(bench, snipe_target_id="t0")
    armed = bench.submit(snipe_target_id="t1", execute_at=NOON_MS + WINDOW_MS)
    assert sell(bench).state is State.QUEUED, "the second is taken by what was sent"
    assert bench.order(armed).state is State.ARMED


def test_an_armed_emergency_sell_gives_way_to_no_other() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}))
    armed = sell(bench, skip_lock=True, execute_at=NOON_MS + 300)
    assert sell(bench, skip_lock=True, snipe_target_id="t1").state is State.QUEUED
    assert bench.order(armed).state is State.ARMED


def test_a_drain_disarms_orders_and_sends_nothing_more(bench: Bench) -> None:
    armed = bench.submit(execute_at=NOON_MS + 300)
    bench.drain()
    order = bench.order(armed)
    assert (order.state, order.reason) == (State.QUEUED, "the daemon stops")
    assert bench.events(order)[-1].name == "order.disarmed"
    bench.pass_time(300)
    assert bench.order(armed).state is State.QUEUED


def test_a_drain_before_a_handover_accepts_signals_for_the_next_process(bench: Bench) -> None:
    bench.drain(hands_over=True)
    order = bench.submit()
    assert bench.order(order).state is State.QUEUED
    bench.settle()
    bench.crash()
    bench.open()
    assert bench.send_next(placed()).order_id == order.order_id


# Leases


def test_a_lease_that_ends_with_an_outcome_outstanding_is_reported_and_stays_held(bench: Bench) -> None:
    order = bench.submit(timeout_ms=400)
    waiting = bench.submit(quote_order_qty=Decimal(20))
    bench.pass_time(400)
    lock = bench.state.lock_of(order)
    assert lock is not None
    assert lock.overdue
    assert bench.order(waiting).state is State.QUEUED
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("lock.overdue", {"token": 1, "expires_ms": NOON_MS + 400})
    bench.pass_time(400)
    assert bench.events(order)[-1] == told, "one alarm is enough"


def test_a_lease_that_ends_while_its_order_is_queued_again_frees_the_resource(bench: Bench) -> None:
    """The order keeps its place in the queue, and from then on waits for the resource like every other order."""
    order = sell(bench, timeout_ms=1_000)
    bench.settle()
    bench.halt()
    order = bench.send_next(refused())
    assert order.state is State.QUEUED
    assert bench.state.lock_of(order) is not None
    bench.pass_time(1_000)
    assert bench.state.locks.holder(order.resource) is None
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("lock.expired", {"token": 1, "owner_id": "anna"})
    bench.resume()
    assert bench.order(order).state is State.IN_FLIGHT


def test_a_lease_that_ends_between_two_attempts_lets_the_next_order_go_first(bench: Bench) -> None:
    bench.submit(timeout_ms=400)
    order = bench.send_next(refused(retry_after_ms=2_000))
    waiting = bench.submit(quote_order_qty=Decimal(20))
    bench.pass_time(400)
    assert bench.order(waiting).state is State.IN_FLIGHT
    bench.pass_time(1_600)
    assert bench.order(order).state is State.QUEUED
    assert order.order_id in bench.state.queue
    bench.send_next(placed())
    assert bench.order(order).state is State.IN_FLIGHT


def test_another_attempt_restarts_the_lease_with_the_same_token(bench: Bench) -> None:
    bench.submit(timeout_ms=400)
    order = bench.send_next(refused(retry_after_ms=300))
    bench.pass_time(300)
    ((send, _),) = bench.sends.values()
    assert (send.token, send.attempt.number) == (1, 2)
    bench.pass_time(399)
    lock = bench.state.lock_of(order)
    assert lock is not None
    assert (lock.expires_ms, lock.overdue) == (NOON_MS + 700, False)


def test_the_next_due_time_is_known_ahead(bench: Bench) -> None:
    assert bench.state.timers.next_ms() is None
    bench.submit(execute_at=NOON_MS + 60_000)
    assert bench.state.timers.next_ms() == NOON_MS + 59_500


# Preflight pending


def test_nothing_is_sent_while_preflight_is_pending() -> None:
    bench = one_at_a_time()
    first, waiting = bench.submit(), bench.submit(snipe_target_id="t2")
    bench.state.gate.preflight_pending = "it was not found fit yet"
    bench.settle()
    bench.answer(first, placed())
    assert bench.order(waiting).state is State.QUEUED
    bench.state.gate.preflight_pending = None
    bench.dispatch()
    assert bench.order(waiting).state is State.IN_FLIGHT


def test_a_signal_while_preflight_is_pending_is_refused(bench: Bench) -> None:
    bench.state.gate.preflight_pending = "it was not found fit yet"
    with pytest.raises(NotReady, match="it was not found fit yet; send the signal again"):
        bench.submit()
    assert not bench.latest


def test_how_long_an_armed_order_took_counts_from_its_sending(bench: Bench) -> None:
    order = bench.submit(execute_at=NOON_MS + 500)
    bench.settle()
    bench.pass_time(500)
    assert bench.fire(order)
    bench.pass_time(37)
    bench.answer(order, placed())
    [told] = [event for event in bench.events(order) if event.name == "order.placed"]
    assert told.detail["took_ms"] == 37
    bench.settle()
    attempt = bench.disk.attempts[bench.order(order).client_order_id or ""]
    assert (attempt.started_ms, attempt.answered_ms) == (NOON_MS + 500, NOON_MS + 537)
