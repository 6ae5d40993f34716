"""The gate: what may pass, in each stage and for each reason."""

from daemon.core.state.gate import Gate, Stage
from daemon.core.verbs.lifecycle import end_preflight
from tests.core.bench import Bench


def passes(gate: Gate) -> tuple[bool, bool, bool]:
    """Return whether leases are granted, signals accepted and orders sent."""
    return gate.is_open, gate.takes_signals, gate.sends_orders


def test_nothing_passes_before_the_start_has_ended_nor_after_the_engine_has() -> None:
    gate = Gate()
    assert (gate.stage, passes(gate)) == (Stage.STARTING, (False, False, False))
    gate.open()
    assert (gate.stage, passes(gate)) == (Stage.READY, (True, True, True))
    gate.close()
    assert passes(gate) == (False, False, False)


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
