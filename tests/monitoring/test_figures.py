"""Readings: the trading state in figures, true of what it holds."""

from decimal import Decimal

import anyio
import anyio.lowlevel
import pytest

from daemon.core.values.exchange_replies import Advice
from daemon.core.values.states import State
from daemon.core.verbs import leases
from daemon.core.verbs.leases import Leased
from daemon.monitoring.figures import AGED, LEASE, ORDER, Readings, read
from daemon.pieces import SIZE
from tests.core.bench import Bench
from tests.core.making import NOON_MS, everywhere, lease, placed, refused, rules, unclear
from tests.support.steps import at_once


@pytest.fixture
def bench() -> Bench:
    return Bench(rules(queue={"max_in_flight": 2}))


def readings(bench: Bench) -> Readings:
    return at_once(read(bench.state, bench.now_ms))


def test_an_empty_state_has_nothing_and_nothing_is_old(bench: Bench) -> None:
    found = readings(bench)
    assert set(found.orders.values()) == {0}
    assert found.oldest_ms == dict.fromkeys(AGED, 0)
    assert (found.queue_depth, found.waiting, found.held, found.overdue) == (0, {}, {ORDER: 0, LEASE: 0}, 0)
    assert (found.orders_used, found.orders_limit, found.blocked_ms, found.query_overdue_ms) == (0, 10, 0, 0)
    assert not found.halted


def test_orders_are_counted_by_state_and_those_that_wait_by_priority(bench: Bench) -> None:
    for target in ("1", "2", "3", "4"):
        bench.submit(side="BUY", snipe_target_id=target)
    bench.pass_time(300)
    bench.submit(side="SELL", snipe_target_id="5")
    bench.pass_time(600)
    found = readings(bench)
    assert (found.orders[State.IN_FLIGHT], found.orders[State.QUEUED]) == (2, 3)
    assert found.waiting == {5: 2, 1: 1}
    assert found.waiting_oldest_ms == {5: 900, 1: 600}
    assert (found.oldest_ms[State.QUEUED], found.oldest_ms[State.IN_FLIGHT]) == (900, 900)
    assert (found.queue_depth, found.orders_used) == (3, 2)


def test_an_order_that_rests_on_the_exchange_has_no_age_that_says_anything(bench: Bench) -> None:
    resting = bench.submit(type="LIMIT", quantity=Decimal(1), price=Decimal(10), snipe_target_id="1")
    bench.settle()
    bench.answer(resting, placed())
    bench.submit(snipe_target_id="2")
    bench.pass_time(1_000)
    found = readings(bench)
    assert (found.orders[State.OPEN], found.orders[State.IN_FLIGHT]) == (1, 1)
    assert State.OPEN not in found.oldest_ms


def test_an_order_that_waits_for_its_own_time_is_no_part_of_the_queue(bench: Bench) -> None:
    bench.submit(execute_at=NOON_MS + 3_600_000)
    bench.pass_time(60_000)
    found = readings(bench)
    assert (found.orders[State.QUEUED], found.queue_depth, found.oldest_ms[State.QUEUED]) == (1, 0, 0)


def test_an_armed_order_is_not_in_flight_yet(bench: Bench) -> None:
    armed = bench.submit(execute_at=NOON_MS + 400)
    bench.pass_time(100)
    found = readings(bench)
    assert (armed.state, found.orders[State.ARMED], found.oldest_ms[State.IN_FLIGHT]) == (State.ARMED, 1, 0)


def test_callers_who_wait_for_a_lease_are_a_part_of_the_queue(bench: Bench) -> None:
    for name in ("first", "second"):
        bench.decide(leases.acquire, lease(), waiter_id=name, waits=True)
    bench.pass_time(2_000)
    found = readings(bench)
    assert (found.callers, found.queue_depth) == (1, 1)
    assert found.held == {ORDER: 0, LEASE: 1}
    assert found.held_oldest_ms == {ORDER: 0, LEASE: 2_000}


def test_a_lock_past_its_lease_is_overdue_by_as_much(bench: Bench) -> None:
    asked = bench.submit(timeout_ms=5_000)
    bench.settle()
    bench.answer(asked, unclear())
    bench.pass_time(4_000)
    assert readings(bench).overdue == 0
    bench.pass_time(3_000)
    found = readings(bench)
    assert (found.overdue, found.overdue_ms, found.held[ORDER]) == (1, 2_000, 1)


def test_a_doubt_is_past_its_grace_when_searches_begin_to_count(bench: Bench) -> None:
    asked = bench.submit()
    bench.settle()
    bench.pass_time(1_000)
    bench.answer(asked, unclear())
    bench.pass_time(11_000)
    found = readings(bench)
    assert (found.orders[State.IN_DOUBT], found.past_grace, found.oldest_ms[State.IN_DOUBT]) == (1, 0, 11_000)
    bench.pass_time(1)
    assert readings(bench).past_grace == 1


def test_a_lost_order_is_as_old_as_its_doubt(bench: Bench) -> None:
    asked = bench.submit()
    bench.settle()
    bench.answer(asked, unclear())
    bench.pass_time(20_000)
    for _ in range(3):
        bench.query(asked, *everywhere())
    found = readings(bench)
    assert (found.orders[State.LOST], found.oldest_ms[State.LOST], found.past_grace) == (1, 20_000, 0)


def test_a_query_is_overdue_from_when_it_was_due_also_while_it_runs(bench: Bench) -> None:
    asked = bench.submit()
    bench.settle()
    bench.answer(asked, unclear())
    bench.pass_time(1_500)
    assert readings(bench).query_overdue_ms == 1_500
    assert bench.state.searches.due(bench.now_ms) is not None
    bench.pass_time(500)
    assert readings(bench).query_overdue_ms == 2_000
    bench.query(asked, *everywhere())
    assert readings(bench).query_overdue_ms == 0


def test_a_ban_and_the_kill_switch_show(bench: Bench) -> None:
    asked = bench.submit()
    bench.settle()
    bench.answer(asked, refused(Advice.WAIT, retry_after_ms=60_000))
    bench.halt()
    bench.pass_time(10_000)
    found = readings(bench)
    assert (found.blocked_ms, found.halted) == (50_000, True)


def test_a_lease_that_was_granted_is_no_waiter(bench: Bench) -> None:
    got = bench.decide(leases.acquire, lease(), waiter_id="w", waits=True)
    assert isinstance(got, Leased)
    assert readings(bench).callers == 0


async def test_other_tasks_run_between_the_pieces_of_a_pass_and_what_left_meanwhile_is_passed_over(
    bench: Bench,
) -> None:
    orders = [bench.submit(side="BUY", snipe_target_id=str(number)) for number in range(3 * SIZE)]
    passes = 0

    async def others() -> None:
        nonlocal passes
        while True:
            if passes == 1:
                for order in orders[2 * SIZE :]:
                    bench.withdraw(order)
                bench.settle()
            passes += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(others)
        await anyio.lowlevel.checkpoint()
        found = await read(bench.state, bench.now_ms)
        tasks.cancel_scope.cancel()
    assert passes >= 3
    assert found.waiting[5] == len(orders) - 2, "as copied: two are in flight"
