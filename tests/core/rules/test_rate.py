"""The rate budget: requests in flight, requests in any second, and the backoff that the exchange asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.tables import Config, ExchangeTable
from daemon.config.trading_tables import QueueTable
from daemon.core.rules.rate import JITTER_MS, SECOND_MS, WINDOW_MS, RateBudget, RequestWindow
from tests.core.making import NOON_MS


def limited(rate: int, in_flight: int) -> Config:
    return Config(exchange=ExchangeTable(order_rate_per_s=rate), queue=QueueTable(max_in_flight=in_flight))


def rate_budget(rate: int = 2, in_flight: int = 9) -> RateBudget:
    return RateBudget(limited(rate, in_flight))


def test_an_idle_budget_is_ready_at_once() -> None:
    assert rate_budget().ready_ms(NOON_MS) == NOON_MS


def test_nothing_goes_while_the_limit_in_flight_is_reached() -> None:
    full = rate_budget(rate=9, in_flight=1)
    full.take(NOON_MS)
    assert full.ready_ms(NOON_MS + 60_000) is None
    full.give_back()
    assert full.ready_ms(NOON_MS) == NOON_MS


def test_one_request_too_many_for_a_second_waits_until_the_second_is_over() -> None:
    busy = rate_budget(rate=2)
    busy.take(NOON_MS)
    busy.take(NOON_MS + 400)
    assert busy.ready_ms(NOON_MS + 500) == NOON_MS + WINDOW_MS


@pytest.mark.parametrize(
    ("made_ms", "spread_ms"),
    [([], 0), ([0, 0, 0, 2], 275), ([0] * 8, 0), ([-WINDOW_MS, 0], 158), ([0, 900], 34)],
    ids=["nothing", "a burst", "nothing left", "one that is over", "most of the window is over"],
)
def test_what_a_lower_limit_leaves_is_spread_until_the_oldest_request_is_over(
    made_ms: list[int], spread_ms: int
) -> None:
    budget = rate_budget(rate=10)
    for each_ms in made_ms:
        budget.count(NOON_MS + each_ms)
    assert budget.spread_ms(NOON_MS + max([0, *made_ms]), 8) == spread_ms


def test_a_future_instant_is_reserved_in_the_seconds_around_it() -> None:
    busy = rate_budget(rate=1)
    busy.take(NOON_MS, NOON_MS + 500)
    assert busy.ready_ms(NOON_MS) == NOON_MS + 500 + WINDOW_MS
    assert busy.ready_ms(NOON_MS, NOON_MS + 500 + WINDOW_MS) == NOON_MS


def test_the_wait_for_an_instant_without_a_free_slot_ends_when_there_is_one_and_does_not_change_meanwhile() -> None:
    """A decision before the instant cannot help: the request would still be sent at the instant."""
    busy = rate_budget(rate=1)
    busy.take(NOON_MS, NOON_MS + 500)
    told = [busy.ready_ms(NOON_MS + passed_ms, NOON_MS + 700) for passed_ms in (0, 1, 699, 700, 800, 1_500)]
    assert told == [NOON_MS + 500 + WINDOW_MS] * 6


def test_after_a_backoff_the_rate_still_holds() -> None:
    busy = rate_budget(rate=1)
    busy.take(NOON_MS)
    busy.back_off(NOON_MS + 600)
    assert busy.ready_ms(NOON_MS) == NOON_MS + WINDOW_MS
    busy.back_off(NOON_MS + 2_000)
    assert busy.ready_ms(NOON_MS) == NOON_MS + 2_000
    assert busy.ready_ms(NOON_MS, NOON_MS + 1_700) == NOON_MS + 2_000
    assert busy.ready_ms(NOON_MS, NOON_MS + 2_000) == NOON_MS


def test_an_instant_that_has_passed_counts_as_now() -> None:
    busy = rate_budget(rate=1)
    busy.take(NOON_MS, NOON_MS - 5_000)
    assert busy.ready_ms(NOON_MS, NOON_MS - 5_000) == NOON_MS + WINDOW_MS


def test_a_reserved_instant_is_free_again_when_its_request_will_not_be_made() -> None:
    busy = rate_budget(rate=1)
    busy.take(NOON_MS, NOON_MS + 500)
    busy.give_back(NOON_MS + 500)
    assert busy.in_flight == 0
    assert busy.ready_ms(NOON_MS, NOON_MS + 500) == NOON_MS


def test_releasing_an_instant_that_has_passed_changes_no_other() -> None:
    busy = rate_budget(rate=1)
    busy.take(NOON_MS)
    busy.take(NOON_MS + 2 * WINDOW_MS)
    busy.give_back(NOON_MS)
    assert busy.ready_ms(NOON_MS + 2 * WINDOW_MS) == NOON_MS + 3 * WINDOW_MS


@pytest.mark.parametrize("stated", [[5_000], [5_000, 1_000], [1_000, 5_000]], ids=["once", "then less", "then more"])
def test_a_backoff_holds_until_the_last_of_its_instants(stated: list[int]) -> None:
    shut = rate_budget()
    for wait_ms in stated:
        shut.back_off(NOON_MS + wait_ms)
    assert shut.ready_ms(NOON_MS) == NOON_MS + 5_000
    assert shut.ready_ms(NOON_MS, NOON_MS + 5_000) == NOON_MS, "what is for later is decided now"
    assert shut.ready_ms(NOON_MS + 5_000) == NOON_MS + 5_000


def test_used_counts_the_last_second_without_reservations() -> None:
    busy = rate_budget(rate=9)
    busy.take(NOON_MS)
    busy.take(NOON_MS + 1)
    busy.take(NOON_MS + 1, NOON_MS + 600)
    assert busy.used(NOON_MS + 1) == 2
    assert busy.used(NOON_MS + SECOND_MS) == 2
    assert busy.used(NOON_MS + SECOND_MS + 700) == 0


def test_new_limits_apply_from_the_next_decision_on() -> None:
    wide = rate_budget(rate=5)
    wide.take(NOON_MS)
    wide.config = limited(1, 9)
    assert wide.ready_ms(NOON_MS) == NOON_MS + WINDOW_MS


@given(
    rate=st.integers(1, 4),
    wishes=st.lists(st.tuples(st.integers(0, 600), st.sampled_from([0, 0, 100, 500, 2_000])), max_size=40),
)
def test_no_second_wherever_it_begins_holds_more_than_the_rate(rate: int, wishes: list[tuple[int, int]]) -> None:
    """A caller that asks first and goes at the returned time keeps the rate; and none waits for ever."""
    sliding = rate_budget(rate=rate, in_flight=1_000)
    now_ms = NOON_MS
    went: list[int] = []
    for pause_ms, ahead_ms in wishes:
        now_ms += pause_ms
        at_ms = now_ms + ahead_ms
        while (ready_ms := sliding.ready_ms(now_ms, at_ms)) != now_ms:
            assert ready_ms is not None
            assert now_ms < ready_ms <= now_ms + 3_000 + WINDOW_MS * len(wishes)
            now_ms = ready_ms
        sliding.take(now_ms, at_ms)
        went.append(max(now_ms, at_ms))
    for begin_ms in went:
        assert sum(begin_ms <= each < begin_ms + WINDOW_MS for each in went) <= rate


@given(
    rate=st.integers(1, 12),
    ways=st.lists(st.tuples(st.integers(0, 300), st.integers(0, JITTER_MS)), min_size=1, max_size=60),
)
def test_no_second_of_the_exchange_sees_more_than_the_rate_however_long_each_way_takes(
    rate: int, ways: list[tuple[int, int]]
) -> None:
    """The exchange counts arrivals; the ways differ by the allowance at most."""
    window, now_ms, arrived = RequestWindow(), NOON_MS, []
    for pause_ms, way_ms in ways:
        now_ms = window.free_ms(now_ms + pause_ms, rate)
        window.count(now_ms)
        arrived.append(now_ms + way_ms)
    for begin_ms in arrived:
        assert sum(begin_ms <= each < begin_ms + SECOND_MS for each in arrived) <= rate


def test_the_next_reserved_instant_is_the_first_from_now_on() -> None:
    window = RequestWindow([NOON_MS + 300, NOON_MS + 100])
    assert [window.next_ms(NOON_MS + ms) for ms in (0, 100, 101, 301)] == [
        NOON_MS + 100, NOON_MS + 100, NOON_MS + 300, None,
    ]  # fmt: skip
