"""The owner's lease: no order is sent that it leaves no time for; what waits goes when it is renewed."""

from decimal import Decimal

import pytest

from daemon.core.rules.lease_fence import LEAST_WINDOW_MS, HeldLease
from daemon.core.rules.reconciliation import grace_over_ms
from daemon.core.rules.trading_rules import Rules
from daemon.core.state.gate import LEASE_ENDS
from daemon.core.values.exchange_replies import NotSent
from daemon.core.values.states import State
from daemon.core.verbs.clock_steps import stepped
from daemon.core.verbs.dispatch import LEASE_LOOK_MS
from daemon.core.verbs.leases import Leased, acquire
from daemon.core.verbs.lifecycle import extend_lease
from daemon.core.verbs.operator import Found, Resolution
from daemon.core.views.explain import outlook
from daemon.errors import Refusal
from tests.core.bench import Bench
from tests.core.making import NOON_MS, everywhere, lease, placed

ENDS_MS = NOON_MS + 5_000
LAST_MS = ENDS_MS - 2 * LEAST_WINDOW_MS
"""Until when sending is decided."""


@pytest.fixture
def bench() -> Bench:
    """Make a bench whose member owns the account until five seconds after noon."""
    bench = Bench()
    bench.decide(extend_lease, HeldLease(ENDS_MS))
    return bench


def renew(bench: Bench, until_ms: int) -> None:
    bench.decide(extend_lease, HeldLease(until_ms))


def test_an_order_goes_while_the_lease_leaves_time(bench: Bench) -> None:
    bench.pass_time(LAST_MS - NOON_MS)
    assert bench.submit().state is State.IN_FLIGHT


def test_an_order_waits_for_the_renewal_and_goes_in_its_decision(bench: Bench) -> None:
    bench.pass_time(LAST_MS - NOON_MS + 1)
    order = bench.submit()
    emergency = bench.submit(symbol="BARUSDT", side="SELL", quantity=Decimal(1), skip_lock=True)
    assert [bench.order(each).state for each in (order, emergency)] == [State.QUEUED] * 2
    assert LEASE_ENDS in outlook(bench.state, order, bench.now_ms).what
    renew(bench, ENDS_MS + 1_000)
    assert [bench.order(each).state for each in (order, emergency)] == [State.IN_FLIGHT] * 2


def test_locks_are_granted_without_regard_to_the_lease(bench: Bench) -> None:
    """They have their own fence: the log refuses the grant of an owner that was replaced."""
    bench.pass_time(5_001)
    assert isinstance(bench.decide(acquire, lease(), waiter_id="wait-1", waits=False), Leased)


def test_an_order_that_expires_meanwhile_says_why(bench: Bench) -> None:
    bench.pass_time(5_000)
    order = bench.submit(deadline_ms=1_000)
    bench.pass_time(1_001)
    assert LEASE_ENDS in (bench.order(order).reason or "")


def test_a_request_that_was_late_is_not_written_and_goes_after_the_renewal(bench: Bench) -> None:
    bench.pass_time(LAST_MS - NOON_MS)
    order = bench.submit()
    bench.pass_time(LEAST_WINDOW_MS)
    bench.settle()
    assert bench.gate(order) is None
    bench.pass_time(1)
    assert bench.gate(order) == LEASE_ENDS
    bench.answer(order, NotSent(LEASE_ENDS))
    assert bench.order(order).state is State.QUEUED
    renew(bench, ENDS_MS + 5_000)
    assert bench.order(order).state is State.IN_FLIGHT


def test_the_end_is_an_instant_of_the_exchanges_clock(bench: Bench) -> None:
    bench.measure(4_501)
    assert bench.submit().state is State.QUEUED
    bench.measure(4_500)
    assert bench.submit(symbol="BARUSDT").state is State.IN_FLIGHT


def test_the_error_of_the_owners_clock_ends_its_time_sooner(bench: Bench) -> None:
    bench.decide(extend_lease, HeldLease(ENDS_MS, clock_error_ms=100))
    bench.pass_time(LAST_MS - NOON_MS - 199)
    assert bench.submit().state is State.QUEUED


def test_an_order_is_armed_only_if_the_lease_covers_its_instant(bench: Bench) -> None:
    """So one that is not armed was certainly not sent, and the next owner sends it."""
    renew(bench, NOON_MS + 600)
    covered = bench.submit(execute_at=NOON_MS + 600 - LEAST_WINDOW_MS)
    beyond = bench.submit(symbol="BARUSDT", execute_at=NOON_MS + 601 - LEAST_WINDOW_MS)
    assert (covered.state, beyond.state) == (State.ARMED, State.QUEUED)
    renew(bench, NOON_MS + 1_000)
    bench.pass_time(LEASE_LOOK_MS)
    assert bench.order(beyond).state is State.ARMED


def test_an_order_whose_instant_is_not_covered_holds_back_no_other(bench: Bench) -> None:
    renew(bench, NOON_MS + 600)
    beyond = bench.submit(execute_at=NOON_MS + 450)
    assert bench.submit(symbol="BARUSDT", priority=10).state is State.IN_FLIGHT
    assert bench.order(beyond).state is State.QUEUED


def test_an_order_whose_instant_passed_meanwhile_goes_at_once(bench: Bench) -> None:
    renew(bench, NOON_MS + 600)
    late = bench.submit(execute_at=NOON_MS + 450)
    bench.pass_time(500)
    assert bench.order(late).state is State.QUEUED
    renew(bench, NOON_MS + 5_000)
    bench.pass_time(LEASE_LOOK_MS)
    assert bench.order(late).state is State.IN_FLIGHT


# The owner that follows


def test_misses_count_only_after_the_end_of_the_former_owners_lease(bench: Bench) -> None:
    """The clock of the member that sent it may have been behind by any time."""
    order = bench.submit()
    bench.former_until_ms = NOON_MS + 60_000
    bench.crash(written=len(bench.unwritten))
    rules = bench.state.rules
    over_ms = NOON_MS + 60_000 + rules.grace_ms
    assert grace_over_ms(bench.order(order), rules) == over_ms
    bench.now_ms = over_ms - 1
    bench.query(order, *everywhere(at_ms=bench.now_ms))
    assert bench.state.searches[order.order_id].misses == 0
    with pytest.raises(Refusal):
        bench.resolve(bench.order(order), Found(resolution=Resolution.NOT_PLACED))
    bench.now_ms = over_ms
    bench.query(order, *everywhere(at_ms=bench.now_ms))
    assert bench.state.searches[order.order_id].misses == 1


def test_an_order_of_the_new_owner_waits_for_its_own_window(bench: Bench) -> None:
    bench.former_until_ms = NOON_MS - 1
    bench.crash()
    bench.open()
    bench.pass_time(10_000)
    order, rules = bench.submit(), bench.state.rules
    assert grace_over_ms(order, rules) == bench.now_ms + rules.config.exchange.recv_window_ms + rules.grace_ms


def test_the_end_of_the_former_lease_keeps_its_instant_of_the_exchanges_clock(bench: Bench) -> None:
    bench.former_until_ms = NOON_MS + 60_000
    bench.crash()
    bench.measure(700)
    assert bench.state.rules.former_until_ms == NOON_MS + 60_000 - 700
    bench.now_ms += 3_000
    bench.decide(stepped, 3_000, {})
    assert bench.state.rules.former_until_ms == NOON_MS + 60_000 - 700 + 3_000


def test_a_reload_keeps_the_end_of_the_former_lease(bench: Bench) -> None:
    bench.former_until_ms = NOON_MS + 60_000
    bench.crash()
    bench.state.set_rules(Rules())
    assert bench.state.rules.former_until_ms == NOON_MS + 60_000


def test_what_was_armed_is_in_doubt_and_what_was_not_is_sent(bench: Bench) -> None:
    renew(bench, NOON_MS + 600)
    armed = bench.submit(execute_at=NOON_MS + 350)
    waits = bench.submit(symbol="BARUSDT", execute_at=NOON_MS + 2_000)
    bench.former_until_ms = NOON_MS + 600
    bench.crash(written=len(bench.unwritten))
    renew(bench, NOON_MS + 7_000)
    bench.open()
    bench.pass_time(1_600)
    assert bench.order(armed).state is State.IN_DOUBT
    assert bench.order(waits).state is State.ARMED
    bench.now_ms = NOON_MS + 2_000
    bench.settle()
    assert bench.fire(bench.order(waits))
    bench.answer(waits, placed())
    assert bench.order(waits).state is State.OPEN
