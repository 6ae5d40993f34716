"""An order for an instant, whose owner is lost before it: the next owner sends it at the instant, or nobody does."""

from pathlib import Path

import pytest

from tests.core import making
from tests.simulation.fleet.schedule import HEALED_S, Blow, Kind, Schedule, Wanted
from tests.simulation.fleet.verdict import Admission
from tests.simulation.fleet.world import FleetWorld
from tests.simulation.seams import EPOCH_MS

INSTANT_S = HEALED_S + 3
INSTANT_MS = EPOCH_MS + round(INSTANT_S * 1_000)

LATE_MS = 5


def admitted(directory: Path, *blows: Blow) -> list[Admission]:
    """Return what the exchange admits of one order for the instant, while such blows hit the owner."""
    request = making.request(symbol="BTCUSDT", side="BUY", execute_at=INSTANT_MS)
    schedule = Schedule(
        (Wanted(0, request, 1.0, doors=((0, 0.0),), gives_up_s=3),), blows,
        offsets_ms=(0, 900, -900), exchange_offset_ms=0, farthest_s=0.004, slowest_s=0.0015,
    )  # fmt: skip
    world = FleetWorld(1, directory, lambda _member, _event: None, schedule=schedule)
    assert world.run().broken == {}
    return world.records.admitted


def hit(kind: Kind, before_s: float) -> Blow:
    """Return what hits the owner of that moment for good, so long before the instant."""
    return Blow(kind, INSTANT_S - before_s, for_s=60, member=None, steps=None, is_hard=False)


def test_an_owner_that_stays_sends_it_at_its_instant(tmp_path: Path) -> None:
    [sent] = admitted(tmp_path)
    assert (sent.epoch, 0 <= sent.exchange_ms - INSTANT_MS <= LATE_MS) == (1, True)


@pytest.mark.parametrize("kind", [Kind.KILL, Kind.LOSE, Kind.STOP, Kind.CUT_BOTH])
def test_an_owner_whose_lease_ends_before_it_is_followed_by_one_that_sends_it_at_its_instant(
    kind: Kind, tmp_path: Path
) -> None:
    [sent] = admitted(tmp_path, hit(kind, before_s=3))
    assert sent.epoch > 1
    assert 0 <= sent.exchange_ms - INSTANT_MS <= LATE_MS


@pytest.mark.parametrize("before_s", [0.3, 0.05])
def test_an_owner_that_is_killed_while_it_is_armed_has_it_in_doubt_and_nobody_sends_it_again(
    before_s: float, tmp_path: Path
) -> None:
    assert admitted(tmp_path, hit(Kind.KILL, before_s)) == []
