"""The launch window: a steady rhythm that all orders of a pair share, and that leaves room for after the open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.trading_tables import LaunchTable
from daemon.core.rules.launch_window import instant_ms, is_over, step_ms
from daemon.core.rules.rate import WINDOW_MS
from tests.core.making import NOON_MS, order, symbol_rules

TABLE = LaunchTable()


@pytest.mark.parametrize(("orders", "ms"), [(1, 138), (3, 138), (4, 157), (8, 275), (20, 275)])
def test_the_rhythm_leaves_room_for_the_other_orders_after_the_open(orders: int, ms: int) -> None:
    assert step_ms(orders, 1, 10, TABLE) == ms


@given(orders=st.integers(1, 100), listings=st.integers(1, 20), rate=st.integers(1, 1_000), share=st.floats(0, 0.9))
def test_attempts_never_use_the_share_that_is_kept_for_sells(
    orders: int, listings: int, rate: int, share: float
) -> None:
    step = step_ms(orders, listings, rate, LaunchTable(sell_share=share))
    assert step >= listings * WINDOW_MS / (rate * (1 - share)) - 0.5


@pytest.mark.parametrize(
    ("asked", "opens", "sent"),
    [
        pytest.param(None, NOON_MS + 100, None, id="no instant"),
        pytest.param(NOON_MS, None, NOON_MS, id="no open is stated"),
        pytest.param(NOON_MS, NOON_MS + 300, NOON_MS + 300, id="the open is later"),
        pytest.param(NOON_MS, NOON_MS + 5_000, NOON_MS + 5_000, id="the open is at the deadline"),
        pytest.param(NOON_MS, NOON_MS + 5_001, NOON_MS, id="the open is after the deadline"),
        pytest.param(NOON_MS, NOON_MS - 1, NOON_MS, id="the open is earlier"),
    ],
)
def test_a_known_open_within_the_deadline_is_the_instant(
    asked: int | None, opens: int | None, sent: int | None
) -> None:
    assert instant_ms(order(execute_at_ms=asked), symbol_rules(first_open_ms=opens)) == sent


def test_an_instant_that_the_operator_chose_is_not_moved() -> None:
    chosen = order(execute_at_ms=NOON_MS, instant_is_manual=True)
    assert instant_ms(chosen, symbol_rules(first_open_ms=NOON_MS + 300)) == NOON_MS


def test_without_the_pairs_rules_the_instant_is_the_signals() -> None:
    assert instant_ms(order(execute_at_ms=NOON_MS), None) == NOON_MS


def test_the_window_ends_a_stated_time_after_the_instant() -> None:
    table = LaunchTable(window_ms=700)
    assert not is_over(NOON_MS, NOON_MS + 700, table)
    assert is_over(NOON_MS, NOON_MS + 701, table)
