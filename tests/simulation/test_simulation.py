"""Simulated days as tests: every promise holds by the exchange's own book, and a seed reproduces its day."""

import time
from itertools import count
from pathlib import Path

import pytest

from daemon.core.values.events import Event
from tests.simulation.world import World


@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_of_crashes_and_faults_breaks_no_promise(seed: int, tmp_path: Path) -> None:
    verdict = World(seed, tmp_path, lambda _event: None).run()
    assert verdict.broken == []
    assert verdict.placed > 0
    assert verdict.trades["success"] > 0
    assert verdict.trades["400"] > 0
    assert verdict.removed > 0
    assert verdict.fills > 0


def test_the_same_seed_is_the_same_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second run of the day is on a machine where everything takes seconds: real time must not matter."""
    days: list[list[Event]] = [[], []]
    for number, day in enumerate(days):
        if number:
            monkeypatch.setattr(time, "perf_counter", count(step=1.0).__next__)
        (tmp_path / str(number)).mkdir()
        World(3, tmp_path / str(number), day.append).run()
    assert days[0] == days[1]
    assert len(days[0]) > 100
