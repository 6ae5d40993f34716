"""Backoff: when the exchange turns orders away, one order tries at growing intervals and the others wait."""

from typing import Any

import pytest
from msgspec.structs import replace

from daemon.core.rules.backoff import FIRST_PAGE_MS, FIRST_WAIT_MS, LONGEST_MS, Backoff
from daemon.core.state.trading_state import BACKOFF_FACT
from daemon.core.values.exchange_replies import UNREACHABLE, Advice, Answer, NotSent
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.operator import clear_wait
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, refused, unclear

PAGE = replace(unclear(), turned_away=True)
LIMITED = refused(Advice.WAIT, retry_after_ms=0)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def buy(bench: Bench, number: int, **changes: Any) -> Order:
    return bench.submit(snipe_target_id=f"t{number}", deadline_ms=600_000, **changes)


def turned_away(bench: Bench, answer: Answer = PAGE) -> Order:
    """Let the first order be turned away."""
    first = buy(bench, 0)
    bench.send_next(answer)
    return bench.order(first)


def waits_ms(bench: Bench, answer: Answer, count: int) -> list[int]:
    """Let a number of orders be turned away, one after another; return how long each waited."""
    waits = []
    for number in range(count):
        buy(bench, number)
        began_ms = bench.now_ms
        while not bench.sends:
            assert bench.next_dispatch_ms is not None
            bench.pass_time(bench.next_dispatch_ms - bench.now_ms)
        waits.append(bench.now_ms - began_ms)
        bench.send_next(answer)
    return waits


def test_the_order_that_gets_an_error_page_is_in_doubt_and_the_others_wait(bench: Bench) -> None:
    first = turned_away(bench)
    others = [buy(bench, number) for number in (1, 2)]
    assert first.state is State.IN_DOUBT
    assert [bench.order(order).state for order in others] == [State.QUEUED] * 2
    bench.pass_time(FIRST_PAGE_MS - 1)
    assert not bench.sends
    bench.pass_time(1)
    assert [bench.order(order).state for order in others] == [State.IN_FLIGHT, State.QUEUED], "one tries alone"
    assert bench.next_dispatch_ms is None
    bench.send_next(placed())
    assert bench.order(others[1]).state is State.IN_FLIGHT, "and opens the door"
    assert bench.state.backoff.why is None


def test_waits_grow_up_to_a_minute() -> None:
    assert waits_ms(Bench(), PAGE, 8) == [0, 2_000, 4_000, 8_000, 16_000, 32_000, LONGEST_MS, LONGEST_MS]


def test_few_orders_are_refused_in_ten_minutes_without_a_stated_wait() -> None:
    """MEXC's FAQ says that access resumes after ten minutes, and states no number of refusals before a ban."""
    backoff = Backoff()
    now_ms, tries = NOON_MS, 0
    while now_ms < NOON_MS + 600_000:
        assert backoff.shut("HTTP 429", "tries", now_ms, first_ms=FIRST_WAIT_MS, stated_ms=2_000)
        now_ms, tries = backoff.next_ms, tries + 1
        backoff.trying = "tries"
    assert tries == 16


def test_a_stated_wait_of_zero_does_not_count_and_a_longer_one_does() -> None:
    backoff = Backoff()
    for in_a_row in range(4):
        assert backoff.shut("429", "a-1", NOON_MS, first_ms=FIRST_WAIT_MS, stated_ms=0)
        assert backoff.next_ms == NOON_MS + FIRST_WAIT_MS * 2**in_a_row
        backoff.trying = "a-1"
    assert backoff.shut("429", "a-1", NOON_MS, first_ms=FIRST_WAIT_MS, stated_ms=30_000)
    assert backoff.next_ms == NOON_MS + 30_000


def test_a_stated_wait_without_a_backoff_holds_back_earlier_decisions(bench: Bench) -> None:
    first, second = buy(bench, 1), buy(bench, 2)
    bench.settle()
    assert bench.gate(second) is None
    bench.answer(first, replace(unclear(), retry_after_ms=2_000))
    assert bench.state.backoff.why is None
    assert bench.gate(second) == f"the exchange asked to wait until {bench.now_ms + 2_000}"


def test_clearing_waits_without_a_backoff_records_nothing_about_it(bench: Bench) -> None:
    bench.decide(clear_wait, reason="in doubt", actor="uid:0")
    assert BACKOFF_FACT not in bench.last.facts
    assert "exchange.takes_orders" not in [event.name for event in bench.last.events]


def test_answers_to_requests_sent_before_the_backoff_do_not_make_it_longer(bench: Bench) -> None:
    first, second = buy(bench, 1), buy(bench, 2)
    bench.settle()
    bench.answer(first, PAGE)
    bench.pass_time(100)
    bench.answer(second, PAGE)
    assert bench.state.backoff.next_ms == NOON_MS + FIRST_PAGE_MS
    assert bench.state.backoff.turned_away == 1


def test_an_answer_to_a_request_sent_before_the_backoff_does_not_end_it(bench: Bench) -> None:
    first, second = buy(bench, 1), buy(bench, 2)
    bench.settle()
    bench.answer(first, PAGE)
    bench.answer(second, placed())
    assert bench.state.backoff.why is not None


def test_the_gate_holds_back_what_was_decided_before_the_backoff(bench: Bench) -> None:
    first, second = buy(bench, 1), buy(bench, 2)
    bench.settle()
    bench.answer(first, PAGE)
    assert "accepts no orders" in (bench.gate(second) or "")
    bench.answer(second, NotSent(bench.gate(second) or ""))
    assert bench.order(second).state is State.QUEUED
    assert bench.state.backoff.next_ms == NOON_MS + FIRST_PAGE_MS


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(NotSent("the deadline passed"), id="not sent"),
        pytest.param(replace(refused(), code=UNREACHABLE), id="unreachable"),
    ],
)
def test_another_order_tries_if_the_one_that_tried_got_no_answer(bench: Bench, answer: Answer) -> None:
    turned_away(bench)
    first, second = buy(bench, 1), buy(bench, 2)
    bench.pass_time(FIRST_PAGE_MS)
    bench.send_next(answer)
    assert bench.state.backoff.why is not None
    states = {bench.order(order).state for order in (first, second)}
    assert states == {State.QUEUED, State.IN_FLIGHT}
    unheard = buy(bench, 3)
    bench.settle()
    assert bench.order(unheard).state is State.QUEUED


def test_a_refusal_by_the_exchange_itself_ends_it(bench: Bench) -> None:
    turned_away(bench)
    buy(bench, 1)
    bench.pass_time(FIRST_PAGE_MS)
    bench.send_next(refused(Advice.STOP))
    assert bench.state.backoff.why is None


def test_an_unknown_outcome_of_the_order_that_tries_prolongs_it(bench: Bench) -> None:
    turned_away(bench)
    buy(bench, 1)
    bench.pass_time(FIRST_PAGE_MS)
    bench.send_next(unclear())
    assert bench.state.backoff.next_ms == bench.now_ms + 2 * FIRST_PAGE_MS


def test_an_unknown_outcome_of_one_order_starts_no_backoff(bench: Bench) -> None:
    turned_away(bench, unclear())
    assert buy(bench, 1).state is State.IN_FLIGHT


def test_a_waiting_order_expires_at_its_deadline(bench: Bench) -> None:
    turned_away(bench)
    order = bench.submit(deadline_ms=500)
    bench.pass_time(501)
    assert bench.order(order).state is State.EXPIRED


def test_no_order_is_armed_during_a_backoff_and_its_instant_is_kept(bench: Bench) -> None:
    turned_away(bench)
    order = bench.submit(execute_at=NOON_MS + FIRST_PAGE_MS + 300)
    bench.pass_time(FIRST_PAGE_MS + 299)
    assert bench.order(order).state is State.QUEUED
    bench.pass_time(1)
    assert bench.order(order).state is State.IN_FLIGHT


def test_it_goes_on_after_a_restart_and_one_order_tries_at_once(bench: Bench) -> None:
    turned_away(bench)
    first, second = buy(bench, 1), buy(bench, 2)
    bench.settle()
    bench.crash()
    bench.open()
    assert [bench.order(order).state for order in (first, second)] == [State.IN_FLIGHT, State.QUEUED]


def test_it_is_over_after_a_restart_once_the_exchange_accepted_an_order(bench: Bench) -> None:
    turned_away(bench)
    buy(bench, 1)
    bench.pass_time(FIRST_PAGE_MS)
    bench.send_next(placed())
    bench.settle()
    bench.crash()
    assert bench.state.backoff.why is None


@pytest.mark.parametrize("answer", [PAGE, LIMITED, refused(Advice.WAIT, retry_after_ms=259_200_000)])
def test_the_operator_ends_every_wait_at_once_and_is_on_record(bench: Bench, answer: Answer) -> None:
    turned_away(bench, answer)
    order, other = buy(bench, 1), buy(bench, 3)
    assert order.state is State.QUEUED
    bench.decide(clear_wait, reason="they lifted it", actor="uid:0")
    assert bench.order(order).state is State.IN_FLIGHT
    assert bench.order(other).state is State.QUEUED, "one tries alone: the person may be wrong"
    (told,) = [event for event in bench.events() if event.name == "exchange.wait_cleared"]
    assert (told.actor, told.detail["reason"]) == ("uid:0", "they lifted it")
    bench.settle()
    bench.answer(bench.order(order), placed())
    assert bench.order(other).state is State.IN_FLIGHT
    bench.settle()
    bench.crash()
    bench.open()
    assert buy(bench, 2).state is State.IN_FLIGHT
