"""Launches as tests: nothing is bought twice, what can be bought in time is, and the bad bot is found out."""

from pathlib import Path

import msgspec
import pytest

from daemon.core.rules.rate import SECOND_MS
from tests.launches.cases import CASES, MANY, ORDER_RATE_PER_S, SOON_MS, Launch, draw
from tests.launches.verdict import ENOUGH, NOT_YET, by_case
from tests.launches.world import CONFIG, Outcome, World

ROUNDS = range(1, 4)
ONE_BY_ONE = msgspec.structs.replace(CONFIG, launch=msgspec.structs.replace(CONFIG.launch, batch_orders=False))


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


@pytest.mark.parametrize("count", [20, 40])
def test_a_launch_of_many_orders_is_bought_at_the_open_without_429(count: int, tmp_path: Path) -> None:
    many = Launch(seed=1, case=MANY, orders=count)
    batched = World(many, tmp_path, lambda _event: None).run().daemon
    assert (len(batched.after_ms), batched.twice, batched.too_many) == (count, [], [])
    assert batched.after_ms[-1] <= SOON_MS
    (tmp_path / "single").mkdir()
    one_by_one = World(many, tmp_path / "single", lambda _event: None, ONE_BY_ONE).run().daemon
    assert (len(one_by_one.after_ms), one_by_one.twice, one_by_one.too_many) == (count, [], [])
    assert sum(late_ms < SECOND_MS for late_ms in one_by_one.after_ms) == ORDER_RATE_PER_S


def test_a_batch_that_the_exchange_counts_order_by_order_is_refused_and_everything_bought_once(tmp_path: Path) -> None:
    """No document says so, but a limit is the exchange's to change: the first nine orders leave before the batch."""
    bought = World(Launch(seed=1, case=MANY, orders=20, counts_each=True), tmp_path, lambda _event: None).run().daemon
    assert (len(bought.after_ms), bought.twice, bought.unknown) == (20, [], [])
    assert sum(late_ms <= SOON_MS for late_ms in bought.after_ms) >= ORDER_RATE_PER_S - 1
    assert bought.after_ms[-1] < 3 * SECOND_MS
    assert bought.too_many


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
