"""The statistics of the benchmark, and what it reads of the machine."""

import os
import time

import pytest

from tests.bench.machine import CALM_CORES, Effort, cpu_ns
from tests.bench.report import Metric, calmness, report, table
from tests.bench.rounds import (
    Round,
    Rounds,
    Spread,
    calmest,
    figures,
    measure_rounds,
    percentile,
    ratios,
    spread,
    turns,
)

ROUNDS: list[Round] = [
    {"floor": {"ms": 1.0}, "sniperd": {"ms": 2.0}},
    {"floor": {"ms": 2.0}, "sniperd": {"ms": 6.0}},
    {"floor": {"ms": 4.0}, "sniperd": {"ms": 16.0, "only": 1.0}},
]


def test_a_spread_is_the_median_between_the_quartiles() -> None:
    assert spread([5, 1, 2, 3, 4]) == Spread(3, 2, 4, 1, 5)


def test_a_single_value_is_its_own_quartiles() -> None:
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0, 7.0, 7.0)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param(range(1_000), 0.99, 990, id="ten of a thousand lie at or above"),
        pytest.param([3, 1, 2], 0.99, 3, id="few values: the largest"),
        pytest.param([1], 0.5, 1, id="one value"),
        pytest.param([1, 2], 1.0, 2, id="all of them"),
    ],
)
def test_a_percentile_is_one_of_the_values(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_a_ratio_is_taken_within_each_round_and_not_between_medians() -> None:
    assert ratios(ROUNDS, "ms", "floor") == {"sniperd": Spread(3.0, 2.5, 3.5, 2.0, 4.0)}


def test_a_metric_that_a_contestant_lacks_has_neither_figure_nor_ratio() -> None:
    assert figures(ROUNDS, "only") == {"sniperd": Spread(1.0, 1.0, 1.0, 1.0, 1.0)}
    assert ratios(ROUNDS, "only", "floor") == {}


def test_a_base_of_zero_has_no_ratio() -> None:
    assert ratios([{"floor": {"ms": 0.0}, "sniperd": {"ms": 2.0}}], "ms", "floor") == {}


def test_the_order_of_turns_alternates() -> None:
    assert [turns("abc", number) for number in range(3)] == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]


def test_the_calmest_rounds_are_chosen_in_their_order() -> None:
    assert calmest([0.9, 0.1, 0.5, 0.0], 2) == [1, 3]


class _Machine:
    """The other load of each round, in the place of what /proc says."""

    def __init__(self, loads: list[float]) -> None:
        self.loads = iter(loads)

    def others_cores(self) -> float:
        return next(self.loads)


def _measured(monkeypatch: pytest.MonkeyPatch, loads: list[float], wanted: int) -> Rounds:
    machine = _Machine(loads)
    monkeypatch.setattr("tests.bench.machine.Watch", lambda: machine)
    return measure_rounds("x", lambda number: {"x": {"number": number}}, wanted=wanted)


def test_a_disturbed_round_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _measured(monkeypatch, [0.0, 1.0, 0.0], wanted=2)
    assert [each["x"]["number"] for each in found.used] == [0, 2]
    assert (found.measured, found.disturbed) == (3, 1)


def test_repetitions_are_bounded_and_then_the_calmest_rounds_count(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _measured(monkeypatch, [1.0, 0.5, 0.0], wanted=2)
    assert [each["x"]["number"] for each in found.used] == [1, 2]
    assert found.others_cores == [0.5, 0.0]
    assert found.measured == 3


def test_a_report_says_when_rounds_that_count_were_disturbed() -> None:
    found = report("x", Rounds(ROUNDS, [0.0, 2 * CALM_CORES, 0.0], 6, 4), {"ms": Metric("time, ms")}, ["floor"])
    assert "3 rounds count, 3 were repeated" in calmness(found)
    assert "1 are disturbed" in calmness(found)


def test_a_table_has_each_contestant_beside_each_base() -> None:
    metrics = {"ms": Metric("time, ms"), "never": Metric("what nobody measured")}
    text = table(report("x", Rounds(ROUNDS, [0.0] * 3, 3, 0), metrics, ["floor"]), metrics)
    assert "sniperd" in text
    assert "6.00 [4.00 11.00]" in text
    assert "3.000 [2.500 3.500]" in text
    assert "what nobody measured" not in text


def test_a_table_of_few_rounds_has_their_range() -> None:
    metrics = {"ms": Metric("time, ms")}
    text = table(report("x", Rounds(ROUNDS, [0.0] * 3, 3, 0), metrics, ["floor"], shows_range=True), metrics)
    assert "6.00 [2.00 16.00]" in text
    assert "3.000 [2.000 4.000]" in text


def test_the_cpu_time_of_a_process_is_that_of_its_own_clock() -> None:
    before_ns = time.process_time_ns()
    found_ns = cpu_ns(os.getpid())
    assert before_ns <= found_ns <= time.process_time_ns()


def test_an_effort_has_cpu_time_and_context_switches() -> None:
    with Effort(os.getpid()) as effort:
        os.sched_yield()
        read, write = os.pipe()
        os.close(write)
        os.read(read, 1)
        os.close(read)
    assert 0 < effort.cpu_ns < 1_000_000_000
    assert effort.switches >= 0
