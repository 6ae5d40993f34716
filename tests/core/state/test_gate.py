"""The gate: what may pass, in each stage and for each reason."""

import pytest

from daemon.core.state.gate import Gate, Stage
from daemon.core.values.states import State
from daemon.core.verbs.leases import acquire
from daemon.core.verbs.lifecycle import end_backlog, end_check, end_preflight, open_trading
from daemon.core.views.explain import outlook
from daemon.errors import NotReady
from tests.core.bench import Bench
from tests.core.making import lease


def passes(gate: Gate) -> tuple[bool, bool, bool]:
    """Return whether leases are granted, signals accepted and orders sent."""
    return gate.grants_leases, gate.takes_signals, gate.sends_orders


def test_nothing_passes_before_the_start_has_ended_nor_after_the_engine_has() -> None:
    gate = Gate()
    assert (gate.stage, passes(gate)) == (Stage.STARTING, (False, False, False))
    gate.open()
    assert (gate.stage, passes(gate)) == (Stage.READY, (True, True, True))
    gate.close()
    assert passes(gate) == (False, False, False)


def test_nothing_passes_on_a_member_that_stands_by() -> None:
    gate = Gate()
    gate.stand_by()
    assert (gate.stage, passes(gate)) == (Stage.STANDBY, (False, False, False))
    gate.open()
    assert (gate.stage, passes(gate)) == (Stage.READY, (True, True, True))


def test_a_drain_accepts_signals_only_if_another_process_follows() -> None:
    gate = Gate()
    gate.open()
    gate.drain(hands_over=False)
    assert (gate.stage, passes(gate)) == (Stage.DRAINING, (False, False, False))
    gate.drain(hands_over=True)
    assert passes(gate) == (False, True, False)


def test_a_halt_and_the_preflight_hold_back_orders_and_not_leases() -> None:
    gate = Gate()
    gate.open()
    gate.halted = "stop"
    assert passes(gate) == (True, True, False)
    gate.halted, gate.preflight_pending = None, "no answer yet"
    assert passes(gate) == (True, True, False)


def test_while_the_database_is_checked_signals_are_accepted_and_nothing_leaves() -> None:
    gate = Gate()
    gate.open(check_pending=True)
    assert (gate.stage, passes(gate)) == (Stage.READY, (False, True, False))
    gate.check_pending = False
    assert passes(gate) == (True, True, True)


def test_signals_that_waited_for_an_owner_are_accepted_before_anything_leaves() -> None:
    """The most urgent of them goes first, whichever came first."""
    bench = Bench()
    bench.decide(open_trading, backlog_pending=True)
    first, urgent = bench.submit(idempotency_key="first"), bench.submit(idempotency_key="urgent", priority=1)
    assert not bench.sends
    bench.decide(end_backlog)
    assert [bench.order(each).state for each in (first, urgent)] == [State.QUEUED, State.IN_FLIGHT]


def test_what_was_accepted_during_the_check_is_sent_after_it() -> None:
    bench = Bench()
    bench.decide(open_trading, check_pending=True)
    order = bench.submit()
    assert "checked" in outlook(bench.state, order, bench.now_ms).what
    with pytest.raises(NotReady):
        bench.decide(acquire, lease(), waiter_id="wait-1", waits=True)
    assert not bench.sends
    bench.decide(end_check)
    assert bench.order(order).state is State.IN_FLIGHT


def test_an_order_whose_deadline_passes_during_the_check_says_so() -> None:
    bench = Bench()
    bench.decide(open_trading, check_pending=True)
    order = bench.submit(deadline_ms=1_000)
    bench.pass_time(1_001)
    assert "checked" in (bench.order(order).reason or "")


def test_a_passed_preflight_lets_orders_go() -> None:
    bench = Bench()
    bench.state.gate.preflight_pending = "no answer yet"
    bench.decide(end_preflight, None)
    assert bench.state.gate.sends_orders


def test_a_failed_preflight_halts() -> None:
    bench = Bench()
    bench.state.gate.preflight_pending = "no answer yet"
    bench.decide(end_preflight, "the account may not trade")
    assert bench.state.gate.preflight_pending is None
    assert bench.state.gate.halted == "the account may not trade"
