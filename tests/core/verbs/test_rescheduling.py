"""Rescheduling: an order that waits gets another instant, and its deadline moves with it."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

import pytest

from daemon.core.rules.priority_queue import Entry
from daemon.core.values.attempts import AttemptState
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.orders import Order
from daemon.core.values.signals import MAX_AHEAD_MS
from daemon.core.values.states import State
from daemon.core.verbs.rescheduling import reschedule
from daemon.errors import Invalid, WrongState
from tests.core.bench import Bench
from tests.core.making import placed, refused, unclear

MINUTE_MS = 60_000


@pytest.fixture
def bench() -> Bench:
    return Bench()


def move(bench: Bench, order: Order, to_ms: int) -> Order:
    verb = partial(reschedule, execute_at_ms=to_ms)
    return bench.verb(verb, bench.order(order), "the listing was postponed")


def later(bench: Bench) -> Order:
    return bench.submit(execute_at=bench.now_ms + MINUTE_MS)


def armed(bench: Bench) -> Order:
    return bench.submit(execute_at=bench.now_ms + 300)


def refused_once(bench: Bench) -> Order:
    """An order whose instant has come, and whose first attempt was definitely refused."""
    order = bench.submit(execute_at=bench.now_ms)
    bench.send_next(refused())
    return bench.order(order)


def behind_another(bench: Bench) -> Order:
    bench.submit(quote_order_qty=Decimal(20))
    return bench.submit()


@pytest.mark.parametrize("make", [later, armed, refused_once, behind_another])
def test_an_order_that_waits_is_moved_with_its_deadline(bench: Bench, make: Callable[[Bench], Order]) -> None:
    before = make(bench)
    to_ms = bench.now_ms + 5 * MINUTE_MS
    order = move(bench, before, to_ms)
    assert (order.state, order.execute_at_ms, order.instant_is_manual) == (State.QUEUED, to_ms, True)
    assert order.deadline_ms - to_ms == before.allowed_ms
    assert order.asked_execute_at_ms == before.execute_at_ms
    assert (order.key, order.fingerprint, order.key_bound) == (before.key, before.fingerprint, True)
    event = next(event for event in bench.events(order) if event.name == "order.rescheduled")
    assert (event.actor, event.detail) == (
        "uid:0",
        {
            "reason": "the listing was postponed",
            "from_ms": before.execute_at_ms,
            "to_ms": to_ms,
            "deadline_ms": order.deadline_ms,
        },
    )


@pytest.mark.parametrize("make", [later, armed, refused_once])
def test_a_moved_order_is_sent_at_its_new_instant_and_not_before(bench: Bench, make: Callable[[Bench], Order]) -> None:
    order = make(bench)
    attempts = bench.order(order).attempts
    to_ms = bench.now_ms + 2 * MINUTE_MS
    move(bench, order, to_ms)
    bench.pass_time(2 * MINUTE_MS - bench.rules.config.queue.arm_ahead_ms - 1)
    assert (bench.order(order).state, bench.order(order).attempts) == (State.QUEUED, attempts)
    bench.pass_time(1)
    assert (bench.order(order).state, bench.order(order).sent_ms) == (State.ARMED, to_ms)
    bench.settle()
    bench.pass_time(to_ms - bench.now_ms)
    assert bench.fire(bench.order(order))
    bench.answer(order, placed())
    assert bench.order(order).state is State.OPEN


def test_an_armed_order_is_taken_back_and_its_attempt_was_never_sent(bench: Bench) -> None:
    order = armed(bench)
    first = order.client_order_id or ""
    move(bench, order, bench.now_ms + MINUTE_MS)
    bench.settle()
    assert bench.disk.attempts[first].state is AttemptState.NOT_SENT
    assert [event.name for event in bench.events(order)][-2:] == ["order.disarmed", "order.rescheduled"]
    assert bench.state.lock_of(order) is None
    assert bench.state.rate_budget.in_flight == 0


def test_a_refused_order_that_is_moved_keeps_no_lock_from_others(bench: Bench) -> None:
    order = refused_once(bench)
    assert bench.state.lock_of(order) is not None
    move(bench, order, bench.now_ms + MINUTE_MS)
    assert bench.state.lock_of(bench.order(order)) is None


def test_an_order_can_be_moved_earlier_than_its_signal_asked(bench: Bench) -> None:
    order = later(bench)
    asked_ms = order.execute_at_ms
    order = move(bench, order, bench.now_ms + 10_000)
    order = move(bench, order, bench.now_ms + 20_000)
    assert order.asked_execute_at_ms == asked_ms
    order = move(bench, order, bench.now_ms)
    assert order.state is State.QUEUED
    assert bench.order(order).state is State.IN_FLIGHT, "its instant has come"


def in_flight(bench: Bench) -> Order:
    return bench.submit()


def in_doubt(bench: Bench) -> Order:
    bench.submit()
    return bench.send_next(unclear())


def rejected(bench: Bench) -> Order:
    bench.submit()
    return bench.send_next(refused(Advice.STOP))


@pytest.mark.parametrize("make", [in_flight, in_doubt, rejected])
def test_an_order_that_may_have_been_sent_or_has_ended_is_not_moved(
    bench: Bench, make: Callable[[Bench], Order]
) -> None:
    order = make(bench)
    with pytest.raises(WrongState, match="only an order that waits"):
        move(bench, order, bench.now_ms + MINUTE_MS)
    assert bench.order(order) == order


@pytest.mark.parametrize("ahead_ms", [-1, MAX_AHEAD_MS + 1], ids=["past", "too far ahead"])
def test_an_instant_out_of_range_is_refused(bench: Bench, ahead_ms: int) -> None:
    order = later(bench)
    with pytest.raises(Invalid, match=r"past|too far") as refusal:
        move(bench, order, bench.now_ms + ahead_ms)
    assert refusal.value.field == "executeAt"
    assert bench.order(order) == order


@pytest.mark.parametrize("ahead_ms", [-MINUTE_MS, MINUTE_MS, 9 * MINUTE_MS], ids=["past", "as before", "another"])
def test_the_signal_of_a_moved_order_is_still_a_repetition(bench: Bench, ahead_ms: int) -> None:
    order = later(bench)
    move(bench, order, bench.now_ms + 5 * MINUTE_MS)
    again = bench.submit(execute_at=bench.now_ms + ahead_ms)
    assert again.order_id == order.order_id
    assert again.execute_at_ms == bench.now_ms + 5 * MINUTE_MS


def test_a_moved_order_keeps_its_instant_over_a_restart(bench: Bench) -> None:
    order = later(bench)
    to_ms = bench.now_ms + 5 * MINUTE_MS
    moved = move(bench, order, to_ms)
    bench.settle()
    bench.crash()
    bench.open()
    assert bench.order(order) == moved
    bench.pass_time(to_ms - bench.now_ms - bench.rules.config.queue.arm_ahead_ms)
    assert bench.order(order).state is State.ARMED


def test_a_moved_order_is_in_the_queue_once(bench: Bench) -> None:
    bench.halt()
    bench.resume()
    order = later(bench)
    for minutes in (5, 1, 3):
        move(bench, order, bench.now_ms + minutes * MINUTE_MS)
    bench.halt()
    bench.pass_time(3 * MINUTE_MS)
    waiting: list[Entry] = list(bench.state.queue)
    assert [entry.entry_id for entry in waiting] == [order.order_id]
