"""When the exchange is asked again what it shows of the pairs for which orders wait."""

import pytest

from daemon.core.rules.listings import (
    BUSY_MS,
    FIRST_MS,
    LONGEST_MS,
    QUIET_AFTER_MS,
    QUIET_BEFORE_MS,
    next_look_ms,
)
from tests.core.making import NOON_MS

MINUTE_MS = 60_000


def interval_ms(*ahead_ms: int, busy: bool = False, new: bool = False) -> int | None:
    instants = [NOON_MS + each for each in ahead_ms]
    found = next_look_ms(instants, NOON_MS, NOON_MS, is_new=new, is_busy=busy)
    return None if found is None else found - NOON_MS


def test_nothing_is_asked_while_no_order_waits() -> None:
    assert interval_ms() is None


@pytest.mark.parametrize(
    ("ahead_ms", "expected_ms"),
    [
        (60 * MINUTE_MS, LONGEST_MS),
        (5 * MINUTE_MS, 10_000),
        (30_000, 5_000),
        (8_000, 2_500),
        (-5_000, 2_500),
        (-20_000, 5_000),
    ],
    ids=["an hour", "minutes", "half a minute", "seconds", "just past", "past"],
)
def test_the_nearer_the_instant_the_more_often(ahead_ms: int, expected_ms: int) -> None:
    assert interval_ms(ahead_ms) == expected_ms
    assert interval_ms(60 * MINUTE_MS, ahead_ms) == expected_ms, "one request serves all pairs"


def test_while_much_of_the_weight_is_used_it_is_asked_less_often() -> None:
    assert interval_ms(8_000, busy=True) == BUSY_MS
    assert interval_ms(60 * MINUTE_MS, busy=True) == LONGEST_MS


def test_a_pair_that_was_not_asked_about_yet_is_asked_about_soon_but_not_while_an_order_fires() -> None:
    assert interval_ms(60 * MINUTE_MS, new=True) == interval_ms(60 * MINUTE_MS, new=True, busy=True) == FIRST_MS
    assert interval_ms(60 * MINUTE_MS, FIRST_MS, new=True) == FIRST_MS + QUIET_AFTER_MS


@pytest.mark.parametrize("ahead_ms", [2_500 - QUIET_AFTER_MS + 1, 2_500, 2_500 + QUIET_BEFORE_MS - 1])
def test_no_answer_is_read_while_an_order_is_about_to_fire(ahead_ms: int) -> None:
    assert interval_ms(ahead_ms) == ahead_ms + QUIET_AFTER_MS


def test_orders_that_fire_one_after_the_other_are_not_disturbed() -> None:
    assert interval_ms(2_500, 3_000, 4_000) == 4_000 + QUIET_AFTER_MS


def test_a_look_that_is_overdue_is_not_made_around_an_instant() -> None:
    looked_ms, now_ms = NOON_MS - 60_000, NOON_MS
    found = next_look_ms([NOON_MS + 100], looked_ms, now_ms, is_new=False, is_busy=False)
    assert found == NOON_MS + 100 + QUIET_AFTER_MS
