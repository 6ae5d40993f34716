"""The daemon's clock jumps forward: instants come sooner, durations keep their length."""

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.state.decision import Decision
from daemon.core.values.states import State
from daemon.core.verbs import leases
from daemon.core.verbs.clock_steps import FAR_MS, disagreement, stepped
from daemon.core.verbs.leases import Leased
from tests.core.bench import Bench
from tests.core.making import lease


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


@pytest.mark.parametrize("offset_ms", [None, 0, FAR_MS, -FAR_MS])
def test_a_clock_offset_that_is_small_or_unknown_is_not_reported(offset_ms: int | None) -> None:
    assert disagreement(offset_ms) is None


@pytest.mark.parametrize(("offset_ms", "words"), [(FAR_MS + 1, "60 s behind"), (-7_200_000, "7,200 s ahead of")])
def test_a_clock_that_is_far_off_is_reported_with_what_to_do(offset_ms: int, words: str) -> None:
    said = disagreement(offset_ms) or ""
    assert f"the daemon's clock is {words} the exchange's" in said
    assert "sniperd reset-clock" in said
