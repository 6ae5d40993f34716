"""Reconciliation: when to look, where, and what a look is worth. Not finding an order never proves it absent."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.probe_results import ProbeResults
from daemon.config.tables import Config, ExchangeTable
from daemon.config.trading_tables import ReconcileTable
from daemon.core.rules.reconciliation import (
    CONFIRM_MS,
    Conclusion,
    Search,
    begin,
    conclude,
    grace_over_ms,
    is_confirmed,
    sources,
)
from daemon.core.rules.trading_rules import Rules
from daemon.core.values.exchange_replies import QueryResult, Source
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from tests.core.making import NOON_MS, everywhere, order, query, report

RECONCILE = ReconcileTable(
    first_ms=100, factor=2.0, longest_ms=30_000, grace_ms=10_000, negatives=3, lost_every_ms=600_000
)
RULES = Rules(Config(exchange=ExchangeTable(recv_window_ms=2_000), reconcile=RECONCILE))
EVERYWHERE = tuple(source for source in Source if source is not Source.ORDER_ID)
"""The places where an order can be seen whose id at the exchange is not known."""
GRACE_OVER_MS = NOON_MS + 2_000 + 10_000
FOLLOWED = [State.OPEN, State.PARTIALLY_FILLED]
ENDED = [State.CANCELED, State.PARTIALLY_CANCELED]


def sent(state: State = State.IN_DOUBT, **changes: Any) -> Order:
    return order(state, sent_ms=NOON_MS, **changes)


def judged(results: Sequence[QueryResult], *, now_ms: int = GRACE_OVER_MS, search: Search | None = None) -> Conclusion:
    return conclude(sent(), search or Search(next_ms=now_ms), results, now_ms, RULES)[0]


# When to look


@pytest.mark.parametrize(
    ("state", "first_ms"),
    [
        *[(state, 0) for state in (State.IN_DOUBT, *FOLLOWED)],
        *[(state, CONFIRM_MS[0]) for state in ENDED],
        (State.LOST, RECONCILE.lost_every_ms),
    ],
)
def test_a_doubt_and_a_placed_order_are_looked_for_at_once_and_an_end_again_after_a_while(
    state: State, first_ms: int
) -> None:
    assert begin(sent(state), NOON_MS, RULES) == Search(next_ms=NOON_MS + first_ms)


def follow(order: Order, attempts: int, results: Sequence[QueryResult], *, rules: Rules = RULES) -> list[int]:
    """Return the pauses between so many rounds that all end alike."""
    search, pauses = begin(order, NOON_MS, rules), []
    for _ in range(attempts):
        now_ms = search.next_ms
        _, _, search = conclude(order, search, results, now_ms, rules)
        pauses.append(search.next_ms - now_ms)
    return pauses


def test_pauses_grow_and_are_bounded() -> None:
    pauses = follow(sent(State.OPEN), 12, [query(report())])
    assert pauses == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]


def test_a_fixed_pause_is_one_too() -> None:
    steady = Rules(Config(reconcile=ReconcileTable(first_ms=100, factor=1.0)))
    assert follow(sent(State.OPEN), 3, [query(report())], rules=steady) == [100, 100, 100]


def test_the_first_round_that_counts_comes_as_soon_as_it_may() -> None:
    pauses = follow(sent(), 8, [query()])
    assert sum(pauses[:7]) == GRACE_OVER_MS - NOON_MS


def test_a_lost_order_is_looked_for_for_ever_at_long_intervals() -> None:
    assert follow(sent(State.LOST), 5, everywhere()) == [RECONCILE.lost_every_ms] * 5


@pytest.mark.parametrize("state", ENDED)
def test_an_end_is_confirmed_when_it_was_seen_twice_more(state: State) -> None:
    """A fill may be reported after the cancel."""
    search = begin(sent(state), NOON_MS, RULES)
    assert search.next_ms == NOON_MS + CONFIRM_MS[0]
    _, _, search = conclude(sent(state), search, [query(report(state))], search.next_ms, RULES)
    assert not is_confirmed(sent(state), search)
    assert search.next_ms == NOON_MS + CONFIRM_MS[0] + CONFIRM_MS[1]
    _, _, search = conclude(sent(state), search, [query(report(state))], search.next_ms, RULES)
    assert is_confirmed(sent(state), search)


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.LOST, *FOLLOWED])
def test_only_an_end_is_confirmed(state: State) -> None:
    assert not is_confirmed(sent(state), Search(next_ms=NOON_MS, seen=9))


def test_an_end_that_a_look_failed_to_show_is_looked_at_again_after_the_same_while() -> None:
    assert follow(sent(State.CANCELED), 3, [query(failed=True)]) == [CONFIRM_MS[0]] * 3


def test_an_end_that_is_not_found_any_more_is_looked_for_at_growing_intervals() -> None:
    assert follow(sent(State.CANCELED), 3, [query()]) == [100, 200, 400]


@given(st.integers(0, 10_000), st.sampled_from(sorted(State)), st.integers(0, 50))
def test_a_next_look_is_always_ahead(attempts: int, state: State, age_s: int) -> None:
    """A look that is due at once, again and again, would be a storm."""
    now_ms = NOON_MS + 1_000 * age_s
    for results in ([query()], everywhere(), [query(failed=True)], [query(report())]):
        _, _, after = conclude(sent(state), Search(next_ms=now_ms, attempts=attempts), results, now_ms, RULES)
        assert now_ms < after.next_ms <= now_ms + RECONCILE.lost_every_ms
        assert after.attempts == attempts + 1


# Where to look


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.LOST])
def test_a_doubt_is_looked_for_everywhere_once_not_finding_it_would_count(state: State) -> None:
    search = Search(next_ms=NOON_MS)
    assert sources(sent(state), search, GRACE_OVER_MS - 1, RULES) == (Source.ORDER,)
    assert sources(sent(state), search, GRACE_OVER_MS, RULES) == EVERYWHERE


@pytest.mark.parametrize("state", [*FOLLOWED, *ENDED])
def test_a_placed_order_is_looked_for_everywhere_only_when_it_was_not_where_it_should_be(state: State) -> None:
    for now_ms in (NOON_MS, GRACE_OVER_MS):
        assert sources(sent(state), Search(next_ms=now_ms), now_ms, RULES) == (Source.ORDER,)
        assert sources(sent(state), Search(next_ms=now_ms, misses=1), now_ms, RULES) == EVERYWHERE


def test_the_grace_counts_from_when_the_request_went() -> None:
    assert grace_over_ms(sent(), RULES) == GRACE_OVER_MS
    assert grace_over_ms(sent(accepted_ms=NOON_MS - 9_000), RULES) == GRACE_OVER_MS
    assert grace_over_ms(order(State.IN_DOUBT), RULES) == GRACE_OVER_MS, (
        "or, where that is not known, from its acceptance"
    )


# What looks conclude


@pytest.mark.parametrize("now_ms", [NOON_MS, GRACE_OVER_MS], ids=["in the grace", "after it"])
@pytest.mark.parametrize("place", range(4))
def test_one_sighting_wins_over_any_number_of_negatives(place: int, now_ms: int) -> None:
    results = [query(), query(failed=True), query()]
    results.insert(place, query(report(State.FILLED, "4")))
    search = Search(next_ms=now_ms, misses=RECONCILE.negatives)
    conclusion, seen, after = conclude(sent(), search, results, now_ms, RULES)
    assert (conclusion, seen) == (Conclusion.SEEN, report(State.FILLED, "4"))
    assert (after.seen, after.misses) == (1, 0)


@pytest.mark.parametrize(
    ("results", "now_ms"),
    [
        ([], GRACE_OVER_MS),
        ([query()], GRACE_OVER_MS),
        (everywhere()[1:], GRACE_OVER_MS),
        ([*everywhere()[:3], query(source=Source.MY_TRADES, failed=True)], GRACE_OVER_MS),
        (everywhere(failed=True), GRACE_OVER_MS),
        (everywhere(), GRACE_OVER_MS - 1),
    ],
    ids=["no result", "one source", "all but one", "one failed", "all failed", "too early"],
)
def test_not_finding_a_doubt_is_worth_nothing_unless_all_sources_say_so_late_enough(
    results: list[QueryResult], now_ms: int
) -> None:
    search = Search(next_ms=now_ms, misses=RECONCILE.negatives - 1)
    conclusion, seen, after = conclude(sent(), search, results, now_ms, RULES)
    assert (conclusion, seen) == (Conclusion.NOTHING, None)
    assert after.misses == search.misses


def test_enough_full_rounds_in_vain_make_a_doubt_lost_and_not_one_fewer() -> None:
    search = Search(next_ms=GRACE_OVER_MS)
    conclusions = []
    for _ in range(RECONCILE.negatives):
        conclusion, _, search = conclude(sent(), search, everywhere(), search.next_ms, RULES)
        conclusions.append(conclusion)
    assert conclusions == [Conclusion.MISSED] * (RECONCILE.negatives - 1) + [Conclusion.LOST]


def test_a_sighting_in_between_begins_the_count_anew() -> None:
    search = Search(next_ms=GRACE_OVER_MS, misses=RECONCILE.negatives - 1)
    _, _, search = conclude(sent(), search, [query(report())], GRACE_OVER_MS, RULES)
    assert judged(everywhere(), search=search) is Conclusion.MISSED


@pytest.mark.parametrize("state", [State.LOST, *FOLLOWED, *ENDED])
def test_nothing_but_a_doubt_is_ever_lost(state: State) -> None:
    search = Search(next_ms=GRACE_OVER_MS, misses=99)
    assert conclude(sent(state), search, everywhere(), GRACE_OVER_MS, RULES)[0] is Conclusion.MISSED


@pytest.mark.parametrize("state", [*FOLLOWED, *ENDED])
def test_a_single_negative_is_surprising_for_a_placed_order(state: State) -> None:
    """Surprising enough to look everywhere the next time."""
    _, _, after = conclude(sent(state), Search(next_ms=NOON_MS), [query()], NOON_MS, RULES)
    assert after.misses == 1
    assert sources(sent(state), after, NOON_MS, RULES) == EVERYWHERE


# What is known of the exchange


def test_where_an_ended_order_cannot_be_looked_up_a_doubt_is_looked_for_everywhere_from_the_first_look_on() -> None:
    hiding = Rules(RULES.config, ProbeResults(ended_shown_by_id=False))
    search = Search(next_ms=NOON_MS)
    assert sources(sent(), search, NOON_MS, RULES) == (Source.ORDER,)
    assert sources(sent(), search, NOON_MS, hiding) == EVERYWHERE
    assert sources(sent(State.OPEN), search, NOON_MS, hiding) == (Source.ORDER,)


def test_vain_looks_do_not_count_before_the_grace_though_they_were_made_everywhere() -> None:
    hiding = Rules(RULES.config, ProbeResults(ended_shown_by_id=False))
    conclusion, _, after = conclude(sent(), Search(next_ms=NOON_MS), everywhere(), NOON_MS, hiding)
    assert (conclusion, after.misses) == (Conclusion.NOTHING, 0)
