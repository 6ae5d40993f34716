"""Reconciliation: when to search, in which sources, and what a result means. A miss never proves absence."""

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
"""The sources that can show an order whose exchange order id is not known."""
GRACE_OVER_MS = NOON_MS + 2_000 + 10_000
FOLLOWED = [State.OPEN, State.PARTIALLY_FILLED]
ENDED = [State.CANCELED, State.PARTIALLY_CANCELED]


def sent(state: State = State.IN_DOUBT, **changes: Any) -> Order:
    return order(state, sent_ms=NOON_MS, **changes)


def judged(results: Sequence[QueryResult], *, now_ms: int = GRACE_OVER_MS, search: Search | None = None) -> Conclusion:
    return conclude(sent(), search or Search(next_ms=now_ms), results, now_ms, RULES)[0]


# When to search


@pytest.mark.parametrize(
    ("state", "first_ms"),
    [
        *[(state, 0) for state in (State.IN_DOUBT, *FOLLOWED)],
        *[(state, CONFIRM_MS[0]) for state in ENDED],
        (State.LOST, RECONCILE.lost_every_ms),
    ],
)
def test_an_order_in_doubt_and_a_placed_one_are_searched_for_at_once_and_an_ended_one_later(
    state: State, first_ms: int
) -> None:
    assert begin(sent(state), NOON_MS, RULES) == Search(next_ms=NOON_MS + first_ms)


def follow(order: Order, attempts: int, results: Sequence[QueryResult], *, rules: Rules = RULES) -> list[int]:
    """Return the pauses between a number of searches with the same result."""
    search, pauses = begin(order, NOON_MS, rules), []
    for _ in range(attempts):
        now_ms = search.next_ms
        _, _, search = conclude(order, search, results, now_ms, rules)
        pauses.append(search.next_ms - now_ms)
    return pauses


def test_pauses_grow_and_are_bounded() -> None:
    pauses = follow(sent(State.OPEN), 12, [query(report())])
    assert pauses == [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000, 30_000]


def test_a_factor_of_one_makes_the_pauses_equal() -> None:
    steady = Rules(Config(reconcile=ReconcileTable(first_ms=100, factor=1.0)))
    assert follow(sent(State.OPEN), 3, [query(report())], rules=steady) == [100, 100, 100]


def test_the_first_search_that_counts_comes_as_soon_as_the_grace_is_over() -> None:
    pauses = follow(sent(), 8, [query()])
    assert sum(pauses[:7]) == GRACE_OVER_MS - NOON_MS


def test_a_lost_order_is_searched_for_for_ever_at_long_intervals() -> None:
    assert follow(sent(State.LOST), 5, everywhere()) == [RECONCILE.lost_every_ms] * 5


@pytest.mark.parametrize("state", ENDED)
def test_an_end_is_confirmed_by_two_more_reports(state: State) -> None:
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


def test_an_end_is_searched_for_again_after_the_same_pause_if_a_query_failed() -> None:
    assert follow(sent(State.CANCELED), 3, [query(failed=True)]) == [CONFIRM_MS[0]] * 3


def test_an_end_that_is_not_found_any_more_is_searched_for_at_growing_intervals() -> None:
    assert follow(sent(State.CANCELED), 3, [query()]) == [100, 200, 400]


@given(st.integers(0, 10_000), st.sampled_from(sorted(State)), st.integers(0, 50))
def test_the_next_search_is_always_in_the_future(attempts: int, state: State, age_s: int) -> None:
    """A search that is due at once, again and again, would flood the exchange."""
    now_ms = NOON_MS + 1_000 * age_s
    for results in ([query()], everywhere(), [query(failed=True)], [query(report())]):
        _, _, after = conclude(sent(state), Search(next_ms=now_ms, attempts=attempts), results, now_ms, RULES)
        assert now_ms < after.next_ms <= now_ms + RECONCILE.lost_every_ms
        assert after.attempts == attempts + 1


# Where to search


@pytest.mark.parametrize("state", [State.IN_DOUBT, State.LOST])
def test_an_order_in_doubt_is_searched_for_everywhere_once_a_miss_counts(state: State) -> None:
    search = Search(next_ms=NOON_MS)
    assert sources(sent(state), search, GRACE_OVER_MS - 1, RULES) == (Source.ORDER,)
    assert sources(sent(state), search, GRACE_OVER_MS, RULES) == EVERYWHERE


@pytest.mark.parametrize("state", [*FOLLOWED, *ENDED])
def test_a_placed_order_is_searched_for_everywhere_only_after_a_miss(state: State) -> None:
    for now_ms in (NOON_MS, GRACE_OVER_MS):
        assert sources(sent(state), Search(next_ms=now_ms), now_ms, RULES) == (Source.ORDER,)
        assert sources(sent(state), Search(next_ms=now_ms, misses=1), now_ms, RULES) == EVERYWHERE


def test_the_grace_counts_from_when_the_request_was_sent() -> None:
    assert grace_over_ms(sent(), RULES) == GRACE_OVER_MS
    assert grace_over_ms(sent(accepted_ms=NOON_MS - 9_000), RULES) == GRACE_OVER_MS
    assert grace_over_ms(order(State.IN_DOUBT), RULES) == GRACE_OVER_MS, (
        "or, where that is not known, from its acceptance"
    )


# What searches conclude


@pytest.mark.parametrize("now_ms", [NOON_MS, GRACE_OVER_MS], ids=["in the grace", "after it"])
@pytest.mark.parametrize("place", range(4))
def test_one_order_report_outweighs_any_number_of_misses(place: int, now_ms: int) -> None:
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
def test_a_miss_of_an_order_in_doubt_counts_only_after_the_grace_and_from_all_sources(
    results: list[QueryResult], now_ms: int
) -> None:
    search = Search(next_ms=now_ms, misses=RECONCILE.negatives - 1)
    conclusion, seen, after = conclude(sent(), search, results, now_ms, RULES)
    assert (conclusion, seen) == (Conclusion.NOTHING, None)
    assert after.misses == search.misses


def test_exactly_the_configured_number_of_complete_misses_makes_an_order_in_doubt_lost() -> None:
    search = Search(next_ms=GRACE_OVER_MS)
    conclusions = []
    for _ in range(RECONCILE.negatives):
        conclusion, _, search = conclude(sent(), search, everywhere(), search.next_ms, RULES)
        conclusions.append(conclusion)
    assert conclusions == [Conclusion.MISSED] * (RECONCILE.negatives - 1) + [Conclusion.LOST]


def test_an_order_report_in_between_restarts_the_count() -> None:
    search = Search(next_ms=GRACE_OVER_MS, misses=RECONCILE.negatives - 1)
    _, _, search = conclude(sent(), search, [query(report())], GRACE_OVER_MS, RULES)
    assert judged(everywhere(), search=search) is Conclusion.MISSED


@pytest.mark.parametrize("state", [State.LOST, *FOLLOWED, *ENDED])
def test_only_an_order_in_doubt_becomes_lost(state: State) -> None:
    search = Search(next_ms=GRACE_OVER_MS, misses=99)
    assert conclude(sent(state), search, everywhere(), GRACE_OVER_MS, RULES)[0] is Conclusion.MISSED


@pytest.mark.parametrize("state", [*FOLLOWED, *ENDED])
def test_a_single_miss_of_a_placed_order_is_surprising(state: State) -> None:
    """The next search asks all sources."""
    _, _, after = conclude(sent(state), Search(next_ms=NOON_MS), [query()], NOON_MS, RULES)
    assert after.misses == 1
    assert sources(sent(state), after, NOON_MS, RULES) == EVERYWHERE


# What the probe found out about the exchange


def test_if_a_query_by_id_hides_ended_orders_an_order_in_doubt_is_searched_for_everywhere_at_once() -> None:
    hiding = Rules(RULES.config, ProbeResults(ended_shown_by_id=False))
    search = Search(next_ms=NOON_MS)
    assert sources(sent(), search, NOON_MS, RULES) == (Source.ORDER,)
    assert sources(sent(), search, NOON_MS, hiding) == EVERYWHERE
    assert sources(sent(State.OPEN), search, NOON_MS, hiding) == (Source.ORDER,)


def test_misses_before_the_grace_do_not_count_though_all_sources_were_asked() -> None:
    hiding = Rules(RULES.config, ProbeResults(ended_shown_by_id=False))
    conclusion, _, after = conclude(sent(), Search(next_ms=NOON_MS), everywhere(), NOON_MS, hiding)
    assert (conclusion, after.misses) == (Conclusion.NOTHING, 0)
