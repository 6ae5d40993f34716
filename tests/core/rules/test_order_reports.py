"""Order reports: queries lag, so the content of two reports decides which is newer, not their order of arrival."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rules.order_reports import is_news, settled
from daemon.core.values.states import REPORT_EVENTS, State
from tests.core.making import NOON_MS, order, report

NOT_SHOWN = sorted({State.IN_FLIGHT, State.IN_DOUBT, State.LOST, State.REJECTED, State.DEAD_LETTER})


def known(state: State, executed: str = "0", **changes: Any) -> Any:
    fields = {"seen_ms": NOON_MS, "executed_quantity": Decimal(executed), "executed_quote": 10 * Decimal(executed)}
    return order(state, **(fields | changes))


@pytest.mark.parametrize("state", NOT_SHOWN)
@pytest.mark.parametrize("shown", sorted(REPORT_EVENTS))
def test_any_report_of_an_order_not_known_to_be_placed_is_news(state: State, shown: State) -> None:
    assert is_news(order(state), report(shown))


@pytest.mark.parametrize(
    ("state", "executed", "shown", "shown_executed"),
    [
        (State.OPEN, "0", State.PARTIALLY_FILLED, "1"),
        (State.PARTIALLY_FILLED, "1", State.PARTIALLY_FILLED, "2"),
        (State.OPEN, "0", State.CANCELED, "0"),
        (State.PARTIALLY_FILLED, "1", State.PARTIALLY_CANCELED, "1"),
        (State.PARTIALLY_FILLED, "4", State.FILLED, "4"),
        (State.CANCELED, "0", State.PARTIALLY_CANCELED, "1"),
        (State.CANCELED, "0", State.PARTIALLY_FILLED, "1"),
        (State.PARTIALLY_CANCELED, "1", State.FILLED, "1"),
    ],
)
def test_more_filled_or_a_later_state_with_as_much_filled_is_news(
    state: State, executed: str, shown: State, shown_executed: str
) -> None:
    assert is_news(known(state, executed), report(shown, shown_executed))


@pytest.mark.parametrize(
    ("state", "executed", "shown", "shown_executed"),
    [
        (State.OPEN, "0", State.OPEN, "0"),
        (State.CANCELED, "0", State.OPEN, "0"),
        (State.PARTIALLY_FILLED, "2", State.PARTIALLY_FILLED, "1"),
        (State.PARTIALLY_FILLED, "2", State.CANCELED, "1"),
        (State.FILLED, "4", State.PARTIALLY_FILLED, "4"),
        (State.FILLED, "4", State.PARTIALLY_CANCELED, "3"),
    ],
)
def test_the_same_or_an_older_report_is_no_news(state: State, executed: str, shown: State, shown_executed: str) -> None:
    assert not is_news(known(state, executed), report(shown, shown_executed))


def test_the_first_report_of_a_placed_order_is_news_though_it_shows_nothing_new() -> None:
    """The exchange's answer names an id; only a query proves that the order exists."""
    assert is_news(known(State.OPEN, seen_ms=None), report())


def test_a_larger_sum_for_as_much_filled_is_news_of_the_same_state() -> None:
    assert is_news(known(State.FILLED, "4"), report(State.FILLED, "4", quote="41"))
    assert not is_news(known(State.FILLED, "4"), report(State.FILLED, "4", quote="39"))


def test_a_sum_that_was_rounded_up_does_not_undo_an_end() -> None:
    """The daemon adds the fills up itself; they show no state except *partially filled*."""
    assert not is_news(known(State.FILLED, "4"), report(State.PARTIALLY_FILLED, "4", quote="40.01"))


@given(
    st.sampled_from(sorted(REPORT_EVENTS)),
    st.sampled_from(sorted(REPORT_EVENTS)),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_two_reports_never_alternate_as_news(
    one: State, other: State, one_filled: int, other_filled: int, one_quote: int, other_quote: int
) -> None:
    first = known(one, str(one_filled), executed_quote=Decimal(one_quote))
    second = known(other, str(other_filled), executed_quote=Decimal(other_quote))
    first_again = report(one, str(one_filled), quote=str(one_quote))
    second_again = report(other, str(other_filled), quote=str(other_quote))
    assert not (is_news(first, second_again) and is_news(second, first_again))


@pytest.mark.parametrize(
    ("shown", "executed", "meant"),
    [
        (State.CANCELED, "0", State.CANCELED),
        (State.CANCELED, "1", State.PARTIALLY_CANCELED),
        (State.OPEN, "0", State.OPEN),
        (State.OPEN, "1", State.PARTIALLY_FILLED),
        (State.PARTIALLY_FILLED, "1", State.PARTIALLY_FILLED),
        (State.PARTIALLY_CANCELED, "1", State.PARTIALLY_CANCELED),
        (State.FILLED, "4", State.FILLED),
    ],
)
def test_the_quantity_is_believed_if_the_state_contradicts_it(shown: State, executed: str, meant: State) -> None:
    assert settled(order(state=State.OPEN), report(shown, executed)) == report(meant, executed)
