"""A small day as a test."""

from tests.chaos.day import Day
from tests.chaos.plan import plan
from tests.support.stage import Stage


def test_a_small_day_of_kills_and_faults_breaks_no_promise(own_stage: Stage) -> None:
    told: list[str] = []
    what = plan(1, signals=30, symbols=10, kills=3)
    outcome = Day(own_stage, what, told.append).live()
    assert outcome.broken == []
    assert 20 < len(what.sure) <= outcome.figures["acknowledged"] <= 30
    assert outcome.figures["kills"] == 3
    assert outcome.figures["orders on the book"] > 10
    assert sum(outcome.figures["faults that hit orders"].values()) > 0
    assert outcome.figures["outages"] == 1
    assert outcome.figures["halts"] > 0
    assert any(name.startswith("trades") for name in outcome.figures["bot"])
    assert len(told) >= 3  # a line for each deed


def test_the_same_seed_is_the_same_plan() -> None:
    assert plan(7, signals=50, symbols=40, kills=5) == plan(7, signals=50, symbols=40, kills=5)
    assert plan(7, signals=50, symbols=40, kills=5) != plan(8, signals=50, symbols=40, kills=5)


def test_no_two_wishes_are_alike_on_the_book() -> None:
    wishes = plan(3, signals=400, symbols=43, kills=0).wishes
    assert len({(wish.symbol, wish.quantity) for wish in wishes}) == 400
