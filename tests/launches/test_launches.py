"""Launches as tests: nothing is bought twice, what can be bought in time is, and the bad bot is found out."""

from pathlib import Path

import pytest

from tests.launches.cases import CASES, Launch, draw
from tests.launches.verdict import ENOUGH, NOT_YET, by_case
from tests.launches.world import Outcome, World

ROUNDS = range(1, 4)


def launched(seed: int, directory: Path) -> Outcome:
    """Run one launch."""
    return World(draw(seed), directory, lambda _event: None).run()


@pytest.mark.parametrize("case", CASES)
def test_a_launch_buys_each_signal_once_and_in_time_where_it_can(case: str, tmp_path: Path) -> None:
    seeds = [CASES.index(case) + number * len(CASES) for number in ROUNDS]
    outcomes = [launched(seed, tmp_path) for seed in seeds]
    assert [outcome.broken for outcome in outcomes] == [[]] * len(seeds)
    if case not in NOT_YET:
        total = by_case(outcome.daemon for outcome in outcomes)[case]
        assert total.permitted > 0
        assert total.share >= ENOUGH, [outcome.daemon for outcome in outcomes]


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
@pytest.mark.parametrize("early_ms", [0, 300])
def test_twenty_orders_and_all_other_requests_meet_no_limit_of_the_exchange(
    early_ms: int, announced: bool, tmp_path: Path
) -> None:
    launch = Launch(seed=1, case="early", orders=20, early_ms=early_ms, announced=announced)
    outcome = World(launch, tmp_path, lambda _event: None).run()
    assert outcome.daemon.too_many == []
    assert len(outcome.daemon.after_ms) == launch.orders, "all are bought, some later"


def test_the_naive_bot_buys_twice_in_the_same_world_when_replies_are_lost(tmp_path: Path) -> None:
    outcomes = [launched(CASES.index("replies lost") + number * len(CASES), tmp_path) for number in ROUNDS]
    assert any(outcome.naive.twice for outcome in outcomes)
    assert all(outcome.naive.in_time > 0 for outcome in outcomes)


def test_the_same_seed_is_the_same_launch(tmp_path: Path) -> None:
    outcomes = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        outcomes.append(launched(CASES.index("replies lost") + len(CASES), tmp_path / name))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0].daemon.after_ms
