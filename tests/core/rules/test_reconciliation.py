"""Reconciliation: when to look, where, and what a look is worth. Not finding an order never proves it absent."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rules.reconciliation import (
    CONFIRM_MS,
    Conclusion,
    Schedule,
    Watch,
    begin,
    conclude,
    grace_over_ms,
    is_confirmed,
    witnesses,
)
from daemon.core.values.exchange_replies import Look, Witness
from daemon.core.values.orders import Order, State
from tests.core.making import NOON_MS, everywhere, look, order, sighting

SCHEDULE = Schedule(
    first_ms=100,
    factor=2.0,
    longest_ms=30_000,
    grace_ms=10_000,
    negatives=3,
    lost_every_ms=600_000,
    recv_window_ms=2_000,
)
EVERYWHERE = tuple(witness for witness in Witness if witness is not Witness.ORDER_ID)
"""The places where an order can be seen whose id at the exchange is not known."""
GRACE_OVER_MS = NOON_MS + 2_000 + 10_000
FOLLOWED = [State.OPEN, State.PARTIALLY_FILLED]
ENDED = [State.CANCELED, State.PARTIALLY_CANCELED]


def sent(state: State = State.IN_DOUBT, **changes: Any) -> Order:
    return order(state, sent_ms=NOON_MS, **changes)


def judged(looks: Sequence[Look], *, now_ms: int = GRACE_OVER_MS, watch: Watch | None = None) -> Conclusion:
    return conclude(sent(), watch or Watch(next_ms=now_ms), looks, now_ms, SCHEDULE)[0]


# When to look


@pytest.mark.parametrize(
    ("state", "first_ms"),
    [
        *[(state, 0) for state in (State.IN_DOUBT, *FOLLOWED)],
        *[(state, CONFIRM_MS[0]) for state in ENDED],
        (State.LOST, SCHEDULE.lost_every_ms),
    ],
)
def test_a_doubt_and_a_placed_order_are_looked_for_at_once_and_an_end_again_after_a_while(
    state: State, first_ms: int
) -> None:
    assert begin(sent(state), NOON_MS, SCHEDULE) == Watch(next_ms=NOON_MS + first_ms)


def follow(order: Order, rounds: int, looks: Sequence[Look], *, schedule: Schedule = SCHEDULE) -> list[int]:
    """Return the pauses between so many rounds that all end alike."""
    watch, pauses = begin(order, NOON_MS, schedule), []
    for _ in range(rounds):
        now_ms = watch.next_ms
        _, _, watch = conclude(order, watch, looks, now_ms, schedule)
        pauses.append(watch.next_ms - now_ms)
    return pauses


def test_pauses_grow_and_are_bounded() -> None:
    pauses = follow(sent(State.OPEN), 12, [look(sighting())])
    assert pauses == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]


def test_a_fixed_pause_is_one_too() -> None:
    steady = Schedule(100, 1.0, 30_000, 10_000, 3, 600_000, 2_000)
    assert follow(sent(State.OPEN), 3, [look(sighting())], schedule=steady) == [100, 100, 100]


def test_the_first_round_that_counts_comes_as_soon_as_it_may() -> None:
    pauses = follow(sent(), 8, [look()])
    assert sum(pauses[:7]) == GRACE_OVER_MS - NOON_MS


def test_a_lost_order_is_looked_for_for_ever_at_long_intervals() -> None:
    assert follow(sent(State.LOST), 5, everywhere()) == [SCHEDULE.lost_every_ms] * 5


@pytest.mark.parametrize("state", ENDED)
def test_an_end_is_confirmed_when_it_was_seen_twice_more(state: State) -> None:
    """A fill may be reported after the cancel."""
    watch = begin(sent(state), NOON_MS, SCHEDULE)
    assert watch.next_ms == NOON_MS + CONFIRM_MS[0]
    _, _, watch = conclude(sent(state), watch, [look(sighting(state))], watch.next_ms, SCHEDULE)
    assert not is_confirmed(sent(state), watch)
    assert watch.next_ms == NOON_MS + CONFIRM_MS[0] + CONFIRM_MS[1]
    _, _, watch = conclude(sent(state), watch, [look(sighting(state))], watch.next_ms, SCHEDULE)
    assert is_confirmed(sent(state), watch)


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.LOST, *FOLLOWED])
def test_only_an_end_is_confirmed(state: State) -> None:
    assert not is_confirmed(sent(state), Watch(next_ms=NOON_MS, seen=9))


def test_an_end_that_a_look_failed_to_show_is_looked_at_again_after_the_same_while() -> None:
    assert follow(sent(State.CANCELED), 3, [look(failed=True)]) == [CONFIRM_MS[0]] * 3


def test_an_end_that_is_not_found_any_more_is_looked_for_at_growing_intervals() -> None:
    assert follow(sent(State.CANCELED), 3, [look()]) == [100, 200, 400]


@given(st.integers(0, 10_000), st.sampled_from(sorted(State)), st.integers(0, 50))
def test_a_next_look_is_always_ahead(rounds: int, state: State, age_s: int) -> None:
    """A look that is due at once, again and again, would be a storm."""
    now_ms = NOON_MS + 1_000 * age_s
    for looks in ([look()], everywhere(), [look(failed=True)], [look(sighting())]):
        _, _, after = conclude(sent(state), Watch(next_ms=now_ms, rounds=rounds), looks, now_ms, SCHEDULE)
        assert now_ms < after.next_ms <= now_ms + SCHEDULE.lost_every_ms
        assert after.rounds == rounds + 1


# Where to look


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.LOST])
def test_a_doubt_is_looked_for_everywhere_once_not_finding_it_would_count(state: State) -> None:
    watch = Watch(next_ms=NOON_MS)
    assert witnesses(sent(state), watch, GRACE_OVER_MS - 1, SCHEDULE) == (Witness.ORDER,)
    assert witnesses(sent(state), watch, GRACE_OVER_MS, SCHEDULE) == EVERYWHERE


@pytest.mark.parametrize("state", [*FOLLOWED, *ENDED])
def test_a_placed_order_is_looked_for_everywhere_only_when_it_was_not_where_it_should_be(state: State) -> None:
    for now_ms in (NOON_MS, GRACE_OVER_MS):
        assert witnesses(sent(state), Watch(next_ms=now_ms), now_ms, SCHEDULE) == (Witness.ORDER,)
        assert witnesses(sent(state), Watch(next_ms=now_ms, vain=1), now_ms, SCHEDULE) == EVERYWHERE


def test_the_grace_counts_from_when_the_request_went() -> None:
    assert grace_over_ms(sent(), SCHEDULE) == GRACE_OVER_MS
    assert grace_over_ms(sent(accepted_ms=NOON_MS - 9_000), SCHEDULE) == GRACE_OVER_MS
    assert grace_over_ms(order(State.IN_DOUBT), SCHEDULE) == GRACE_OVER_MS, (
        "or, where that is not known, from its acceptance"
    )


# What looks conclude


@pytest.mark.parametrize("now_ms", [NOON_MS, GRACE_OVER_MS], ids=["in the grace", "after it"])
@pytest.mark.parametrize("place", range(4))
def test_one_sighting_wins_over_any_number_of_negatives(place: int, now_ms: int) -> None:
    looks = [look(), look(failed=True), look()]
    looks.insert(place, look(sighting(State.FILLED, "4")))
    watch = Watch(next_ms=now_ms, vain=SCHEDULE.negatives)
    conclusion, seen, after = conclude(sent(), watch, looks, now_ms, SCHEDULE)
    assert (conclusion, seen) == (Conclusion.SEEN, sighting(State.FILLED, "4"))
    assert (after.seen, after.vain) == (1, 0)


@pytest.mark.parametrize(
    ("looks", "now_ms"),
    [
        ([], GRACE_OVER_MS),
        ([look()], GRACE_OVER_MS),
        (everywhere()[1:], GRACE_OVER_MS),
        ([*everywhere()[:3], look(witness=Witness.MY_TRADES, failed=True)], GRACE_OVER_MS),
        (everywhere(failed=True), GRACE_OVER_MS),
        (everywhere(), GRACE_OVER_MS - 1),
    ],
    ids=["no look", "one witness", "all but one", "one failed", "all failed", "too early"],
)
def test_not_finding_a_doubt_is_worth_nothing_unless_all_witnesses_say_so_late_enough(
    looks: list[Look], now_ms: int
) -> None:
    watch = Watch(next_ms=now_ms, vain=SCHEDULE.negatives - 1)
    conclusion, seen, after = conclude(sent(), watch, looks, now_ms, SCHEDULE)
    assert (conclusion, seen) == (Conclusion.NOTHING, None)
    assert after.vain == watch.vain


def test_enough_full_rounds_in_vain_make_a_doubt_lost_and_not_one_fewer() -> None:
    watch = Watch(next_ms=GRACE_OVER_MS)
    conclusions = []
    for _ in range(SCHEDULE.negatives):
        conclusion, _, watch = conclude(sent(), watch, everywhere(), watch.next_ms, SCHEDULE)
        conclusions.append(conclusion)
    assert conclusions == [Conclusion.VAIN] * (SCHEDULE.negatives - 1) + [Conclusion.LOST]


def test_a_sighting_in_between_begins_the_count_anew() -> None:
    watch = Watch(next_ms=GRACE_OVER_MS, vain=SCHEDULE.negatives - 1)
    _, _, watch = conclude(sent(), watch, [look(sighting())], GRACE_OVER_MS, SCHEDULE)
    assert judged(everywhere(), watch=watch) is Conclusion.VAIN


@pytest.mark.parametrize("state", [State.LOST, *FOLLOWED, *ENDED])
def test_nothing_but_a_doubt_is_ever_lost(state: State) -> None:
    watch = Watch(next_ms=GRACE_OVER_MS, vain=99)
    assert conclude(sent(state), watch, everywhere(), GRACE_OVER_MS, SCHEDULE)[0] is Conclusion.VAIN


@pytest.mark.parametrize("state", [*FOLLOWED, *ENDED])
def test_a_single_negative_is_surprising_for_a_placed_order(state: State) -> None:
    """Surprising enough to look everywhere the next time."""
    _, _, after = conclude(sent(state), Watch(next_ms=NOON_MS), [look()], NOON_MS, SCHEDULE)
    assert after.vain == 1
    assert witnesses(sent(state), after, NOON_MS, SCHEDULE) == EVERYWHERE


# What is known of the exchange


def test_where_an_ended_order_cannot_be_looked_up_a_doubt_is_looked_for_everywhere_from_the_first_look_on() -> None:
    hiding = msgspec.structs.replace(SCHEDULE, shows_ended=False)
    watch = Watch(next_ms=NOON_MS)
    assert witnesses(sent(), watch, NOON_MS, SCHEDULE) == (Witness.ORDER,)
    assert witnesses(sent(), watch, NOON_MS, hiding) == EVERYWHERE
    assert witnesses(sent(State.OPEN), watch, NOON_MS, hiding) == (Witness.ORDER,)


def test_vain_looks_do_not_count_before_the_grace_though_they_were_made_everywhere() -> None:
    hiding = msgspec.structs.replace(SCHEDULE, shows_ended=False)
    conclusion, _, after = conclude(sent(), Watch(next_ms=NOON_MS), everywhere(), NOON_MS, hiding)
    assert (conclusion, after.vain) == (Conclusion.NOTHING, 0)
