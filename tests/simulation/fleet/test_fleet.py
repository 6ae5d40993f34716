"""Schedules of a fleet as tests: every promise holds, a seed reproduces its schedule, and without a fence it shows."""

from decimal import Decimal
from pathlib import Path

import pytest

from daemon.core.values.events import Event
from daemon.core.values.signals import SignalRequest
from tests.core import making
from tests.simulation.fleet.member import ALL, CONFIG, Fences
from tests.simulation.fleet.schedule import HEALED_S, Schedule, Wanted
from tests.simulation.fleet.verdict import Verdict
from tests.simulation.fleet.world import QUIET_S, FleetWorld


def run(seed: int, directory: Path, fences: Fences = ALL) -> Verdict:
    return FleetWorld(seed, directory, lambda _member, _event: None, fences=fences).run()


BY_MACHINES_CLOCKS = 101_273
"""A member whose clock is 80 s ahead takes over, and a signal without a key is repeated: it became a new one when
owners counted by the clocks of their machines."""


@pytest.mark.parametrize("seed", [*range(1, 13), BY_MACHINES_CLOCKS])
def test_a_schedule_of_kills_stops_and_cuts_breaks_no_promise(seed: int, tmp_path: Path) -> None:
    verdict = run(seed, tmp_path)
    assert verdict.broken == {}
    assert verdict.placed > 0
    assert verdict.acknowledged > 0


def test_a_schedule_goes_on_until_no_order_is_in_flight(tmp_path: Path) -> None:
    wanted = tuple(
        Wanted(number, _sell(number), HEALED_S + QUIET_S - 0.02 * number, doors=((0, 0.0),), gives_up_s=1)
        for number in range(15)
    )
    schedule = Schedule(wanted, (), offsets_ms=(0, 0, 0), exchange_offset_ms=0, farthest_s=0.15, slowest_s=0.004)
    verdict = FleetWorld(1, tmp_path, lambda _member, _event: None, schedule=schedule).run()
    assert verdict.broken == {}
    assert verdict.placed > CONFIG.queue.max_in_flight


def _sell(number: int) -> SignalRequest:
    quantity = Decimal("0.001")
    return making.request(symbol="BTCUSDT", side="SELL", quantity=quantity, snipe_target_id=f"target-{number}")


def test_the_same_seed_is_the_same_schedule(tmp_path: Path) -> None:
    schedules: list[list[tuple[int, Event]]] = [[], []]
    for number, schedule in enumerate(schedules):
        (tmp_path / str(number)).mkdir()
        FleetWorld(2, tmp_path / str(number), lambda member, event: schedule.append((member, event))).run()  # noqa: B023
    assert schedules[0] == schedules[1]
    assert len(schedules[0]) > 20


SHOWS_THE_LOG = (56, 62, 97, 120)
"""Schedules in which a key had two orders without the fence of the log. What a seed draws depends on every step of the
code, so one of them is enough."""

SHOWS_THE_LEASE = (11, 89, 103)
"""Schedules in which an order was admitted too late without the fence of the lease."""

SHOWS_THE_FORMAT = (27, 32, 40)
"""Schedules in which an older member took the account over from a newer one, without the check of the format."""


@pytest.mark.parametrize(
    ("without", "promise", "seeds"),
    [
        pytest.param(Fences(log=False), "a key with two orders", SHOWS_THE_LOG, id="log"),
        pytest.param(Fences(lease=False), "an order was admitted after its lease", SHOWS_THE_LEASE, id="lease"),
        pytest.param(Fences(format=False), "a member owned a log that it cannot read", SHOWS_THE_FORMAT, id="format"),
    ],
)
def test_without_a_fence_the_same_schedules_show_what_it_prevents(
    without: Fences, promise: str, seeds: tuple[int, ...], tmp_path: Path
) -> None:
    shown = set[str]()
    for seed in seeds:
        for fences in (ALL, without):
            directory = tmp_path / f"{seed}-{fences}"
            directory.mkdir()
            verdict = run(seed, directory, fences)
            assert fences != ALL or verdict.broken == {}
            shown.update(verdict.broken)
    assert promise in shown
