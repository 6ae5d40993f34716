"""The daemon's clock jumps forward, or the exchange's is measured: which instants move, and which do not."""

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.state.decision import Decision
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs import leases
from daemon.core.verbs.clock_steps import FAR_MS, MOVED_MS, disagreement, stepped
from daemon.core.verbs.leases import Leased
from daemon.core.views.explain import afterwards, outlook
from daemon.errors import Invalid
from tests.core.bench import Bench
from tests.core.making import NOON_MS, lease, refused, rules


def jump(bench: Bench, step_ms: int) -> ChangeSet:
    """Step the clock, as the engine does."""
    bench.now_ms += step_ms
    bench.decide(stepped, step_ms, {})
    return bench.last


def test_a_lease_keeps_its_length() -> None:
    bench = Bench()
    leased = bench.decide(leases.acquire, lease(timeout_ms=30_000), waiter_id="wait-1", waits=False)
    assert isinstance(leased, Leased)
    bench.pass_time(10_000)
    jump(bench, 3_600_000)
    bench.pass_time(19_999)
    assert bench.state.locks.active(leased.lock.lock_id) is not None
    bench.settle()
    bench.crash()
    assert bench.state.locks.active(leased.lock.lock_id) is not None, "the disk knows of it"
    bench.pass_time(1)
    assert bench.state.locks.active(leased.lock.lock_id) is None


def test_a_backoff_keeps_its_length_and_one_that_has_ended_stays_ended() -> None:
    bench = Bench()
    bench.decide(Decision.back_off, bench.now_ms + 60_000)
    assert jump(bench, 3_600_000).facts
    assert bench.state.rate_budget.backoff_until_ms == bench.now_ms + 60_000
    bench.pass_time(60_000)
    assert not jump(bench, 1_000).facts
    assert bench.submit().state is State.IN_FLIGHT


def test_an_instant_comes_sooner_and_a_deadline_passes() -> None:
    bench = Bench()
    soon, waiting = (
        bench.submit(execute_at=bench.now_ms + 60_000),
        bench.submit(symbol="BARUSDT", execute_at=bench.now_ms + 7_200_000),
    )
    jump(bench, 3_600_000)
    bench.pass_time()
    assert bench.order(soon).state is State.EXPIRED
    assert bench.order(waiting).state is State.QUEUED


@pytest.mark.parametrize("wall_ahead_ms", [0, -3 * 86_400_000], ids=["ours is the machine's", "ours is ahead"])
def test_before_a_measurement_the_exchanges_clock_counts_as_the_machines(wall_ahead_ms: int) -> None:
    """So a start of a daemon whose clock is ahead ends no order whose instant is still to come."""
    bench = Bench()
    bench.state.exchange_time.offset_ms = bench.offset_ms = wall_ahead_ms
    order = bench.submit(execute_at=bench.exchange_ms + 60_000)
    bench.pass_time(30_000)
    assert bench.order(order).state is State.QUEUED
    bench.offset_ms = 0
    jump(bench, 3_600_000)
    assert bench.state.exchange_time.offset_ms == 0, "a step forward is a step to the machine's clock"


# --- the exchange's clock


OFFSETS_MS = [300, -300, 20_000, -20_000]


def due_in(bench: Bench, order: Order, wait_ms: int) -> None:
    """Check that a queued order is armed and fires after so long, and not a millisecond sooner."""
    arm_ahead_ms = bench.rules.config.queue.arm_ahead_ms
    bench.pass_time(wait_ms - arm_ahead_ms - 1)
    assert bench.order(order).state is State.QUEUED
    bench.pass_time(1)
    order = bench.order(order)
    assert order.state is State.ARMED
    assert order.sent_ms == bench.now_ms + arm_ahead_ms, "its place in the rate budget"
    bench.pass_time(arm_ahead_ms)
    bench.settle()
    assert bench.gate(order) is None
    assert bench.fire(order)
    assert bench.order(order).sent_ms == bench.now_ms


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_an_instant_is_one_of_the_exchanges_clock(offset_ms: int) -> None:
    bench = Bench()
    bench.measure(offset_ms)
    due_in(bench, bench.submit(execute_at=NOON_MS + 60_000), 60_000 - offset_ms)


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_a_measurement_moves_the_instants_of_waiting_orders(offset_ms: int) -> None:
    """Also of those that were accepted before the first measurement."""
    bench = Bench()
    order = bench.submit(execute_at=NOON_MS + 60_000)
    bench.measure(0)
    bench.measure(offset_ms)
    assert not bench.last, "nothing is written for that"
    due_in(bench, order, 60_000 - offset_ms)


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_the_deadline_of_an_order_with_an_instant_counts_by_the_exchanges_clock(offset_ms: int) -> None:
    bench = Bench()
    order = bench.submit(execute_at=NOON_MS + 60_000, deadline_ms=700)
    bench.measure(offset_ms)
    bench.halt()
    bench.pass_time(60_700 - offset_ms)
    assert bench.order(order).state is State.QUEUED
    bench.pass_time(1)
    assert bench.order(order).state is State.EXPIRED


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_the_last_check_uses_the_same_deadline(offset_ms: int) -> None:
    bench = Bench()
    bench.measure(offset_ms)
    order = bench.submit(execute_at=NOON_MS + offset_ms, deadline_ms=700)
    bench.settle()
    bench.now_ms += 700
    assert bench.gate(order) is None
    bench.now_ms += 1
    assert "the deadline passed" in (bench.gate(order) or "")


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_a_retry_is_made_until_the_same_deadline(offset_ms: int) -> None:
    bench = Bench(rules(retry={"first_ms": 300, "longest_ms": 300}))
    bench.measure(offset_ms)
    bench.submit(execute_at=NOON_MS + offset_ms, deadline_ms=700)
    assert bench.send_next(refused()).state is State.QUEUED
    bench.pass_time(401)
    order = bench.send_next(refused())
    assert (order.state, "after the deadline" in (order.reason or "")) == (State.REJECTED, True)


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_a_deadline_that_counts_from_the_acceptance_is_one_of_ours(offset_ms: int) -> None:
    bench = Bench()
    bench.measure(offset_ms)
    bench.halt()
    bench.resume()
    hold = bench.submit()
    order = bench.submit(idempotency_key="another", deadline_ms=700)
    assert hold.resource == order.resource
    bench.pass_time(700)
    assert bench.order(order).state is State.QUEUED
    bench.pass_time(1)
    assert bench.order(order).state is State.EXPIRED


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_a_new_signal_is_too_old_by_the_exchanges_clock(offset_ms: int) -> None:
    bench = Bench()
    bench.measure(offset_ms)
    with pytest.raises(Invalid, match="701 ms in the past"):
        bench.submit(execute_at=NOON_MS + offset_ms - 701, deadline_ms=700)
    assert bench.submit(execute_at=NOON_MS + offset_ms - 700, deadline_ms=700).state is State.IN_FLIGHT


@pytest.mark.parametrize("offset_ms", OFFSETS_MS)
def test_a_requeued_dead_letter_gets_its_time_from_now_by_the_exchanges_clock(offset_ms: int) -> None:
    bench = Bench()
    bench.measure(offset_ms)
    bench.submit(deadline_ms=700)
    dead = bench.send_next(refused(Advice.DEAD_LETTER))
    bench.pass_time(60_000)
    order = bench.order(bench.requeue(dead))
    assert (order.state, bench.due_ms(order)) == (State.IN_FLIGHT, bench.now_ms)
    assert bench.deadline_ms(order) == bench.now_ms + 700


def armed(bench: Bench) -> Order:
    order = bench.submit(execute_at=NOON_MS + bench.offset_ms + 300)
    assert order.state is State.ARMED
    return order


@pytest.mark.parametrize("moved_ms", [MOVED_MS, -MOVED_MS])
def test_an_armed_order_stays_armed_while_its_instant_moves_little(moved_ms: int) -> None:
    """It fires by the measured clock itself; only its place in the rate budget is a little off."""
    bench = Bench()
    bench.measure(300)
    order = armed(bench)
    bench.measure(300 + moved_ms)
    assert bench.order(order) == order
    assert not bench.last


@pytest.mark.parametrize("moved_ms", [MOVED_MS + 1, -MOVED_MS - 1, 5_000])
def test_an_armed_order_is_armed_anew_when_its_instant_moves_far(moved_ms: int) -> None:
    bench = Bench()
    bench.measure(300)
    order = armed(bench)
    bench.measure(300 - moved_ms)
    after = bench.order(order)
    assert "order.disarmed" in [event.name for event in bench.events(order)]
    if moved_ms > bench.rules.config.queue.arm_ahead_ms:
        assert after.state is State.QUEUED
        bench.pass_time(moved_ms)
        after = bench.order(order)
    assert (after.state, after.attempts) == (State.ARMED, 2)
    assert after.sent_ms == bench.due_ms(after)


def test_an_instant_that_has_come_by_the_new_measurement_is_not_waited_for() -> None:
    bench = Bench()
    order = armed(bench)
    bench.measure(400)
    assert bench.order(order).state is State.IN_FLIGHT


def test_small_moves_add_up() -> None:
    bench = Bench()
    order = armed(bench)
    bench.measure(MOVED_MS - 10)
    assert bench.order(order).attempts == 1
    bench.measure(MOVED_MS + 10)
    assert bench.order(order).attempts == 2
    bench.measure(2 * MOVED_MS)
    assert bench.order(order).attempts == 2, "they count from there again"


def test_what_has_left_is_not_armed_anew() -> None:
    bench = Bench()
    order = armed(bench)
    bench.settle()
    bench.pass_time(400)
    bench.shoot(order)
    bench.measure(-20_000)
    assert (bench.order(order).state, bench.order(order).attempts) == (State.IN_FLIGHT, 1)


@pytest.mark.parametrize("step_ms", [50, 20_000, 86_400_000])
def test_a_step_of_our_clock_moves_no_instant_of_the_exchanges(step_ms: int) -> None:
    """Nor a deadline that counts from one. Before the first measurement it does."""
    bench = Bench()
    bench.measure(-step_ms)
    order = bench.submit(execute_at=NOON_MS - step_ms + 60_000)
    bench.pass_time(10_000)
    bench.offset_ms -= step_ms
    jump(bench, step_ms)
    assert bench.state.exchange_time.offset_ms == bench.offset_ms
    due_in(bench, order, 50_000)


def test_an_armed_order_is_armed_anew_when_our_clock_steps() -> None:
    """Its place in the rate budget was one of the clock before the step."""
    bench = Bench()
    bench.measure(0)
    order = armed(bench)
    bench.pass_time(100)
    bench.offset_ms -= 20_000
    jump(bench, 20_000)
    after = bench.order(order)
    assert (after.state, after.attempts, after.sent_ms) == (State.ARMED, 2, bench.now_ms + 200)


def test_the_outlook_shows_instants_by_our_clock() -> None:
    bench = Bench()
    bench.measure(20_000)
    order = bench.submit(execute_at=NOON_MS + 80_000)
    due_ms, arm_ahead_ms = NOON_MS + 60_000, bench.rules.config.queue.arm_ahead_ms
    assert outlook(bench.state, order, bench.now_ms).at_ms == due_ms - arm_ahead_ms
    after = afterwards(bench.state, order, bench.now_ms)
    assert after is not None
    assert after.at_ms == bench.deadline_ms(order) == order.deadline_ms - 20_000
    bench.pass_time(60_000 - arm_ahead_ms)
    assert outlook(bench.state, bench.order(order), bench.now_ms).at_ms == due_ms


# --- what is reported


@pytest.mark.parametrize("offset_ms", [None, 0, FAR_MS, -FAR_MS])
def test_a_clock_offset_that_is_small_or_unknown_is_not_reported(offset_ms: int | None) -> None:
    assert disagreement(offset_ms) is None


@pytest.mark.parametrize(("offset_ms", "words"), [(FAR_MS + 1, "60 s behind"), (-7_200_000, "7,200 s ahead of")])
def test_a_clock_that_is_far_off_is_reported_with_what_to_do(offset_ms: int, words: str) -> None:
    said = disagreement(offset_ms) or ""
    assert f"the daemon's clock is {words} the exchange's" in said
    assert "sniperd reset-clock" in said
