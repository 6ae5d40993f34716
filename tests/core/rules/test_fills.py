"""When the fills of an order are read, and when that is given up."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.rules.fills import (
    BUSY_MS,
    FIRST_MS,
    LONGEST_MS,
    MONTH_MS,
    READS,
    free_ms,
    is_complete,
    is_over,
    wait_ms,
)
from daemon.core.rules.listings import QUIET_AFTER_MS
from tests.core.making import NOON_MS


def test_the_waits_grow_up_to_the_longest() -> None:
    waits = [wait_ms(reads) for reads in range(READS)]
    assert waits[:3] == [FIRST_MS, 2 * FIRST_MS, 4 * FIRST_MS]
    assert waits == sorted(waits)
    assert wait_ms(10_000) == LONGEST_MS
    assert 3_000_000 < sum(waits) < 6_000_000, "about an hour"


@pytest.mark.parametrize(
    ("quantities", "complete"), [([], False), (["0.1"], False), (["0.1", "0.2"], True), (["0.1", "0.3"], True)]
)
def test_fills_are_complete_when_they_add_up_to_what_was_executed(quantities: list[str], complete: bool) -> None:
    assert is_complete(Decimal("0.3"), map(Decimal, quantities)) is complete


def test_sums_are_exact_beyond_the_default_precision() -> None:
    executed = Decimal("1000000000000000000000000000.000000000001")
    assert is_complete(executed, [Decimal(1000000000000000000000000000), Decimal("0.000000000001")])
    assert not is_complete(executed, [Decimal(1000000000000000000000000000)])


@pytest.mark.parametrize(
    ("changes", "expected_ms"),
    [
        pytest.param({}, 5_000, id="nothing is in the way"),
        pytest.param({"is_busy": True}, 5_000, id="it is due later than the weight is looked at again"),
        pytest.param({"is_busy": True, "at_ms": 0}, BUSY_MS, id="the weight is needed"),
        pytest.param({"backoff_until_ms": 9_000}, 9_000, id="the exchange asked to wait"),
        pytest.param({"instants": [1, 5_001]}, 5_001 + QUIET_AFTER_MS, id="an order leaves then"),
    ],
)
def test_nothing_is_read_while_it_would_be_in_the_way(changes: dict[str, Any], expected_ms: int) -> None:
    given: dict[str, Any] = {"at_ms": 5_000, "instants": [], "backoff_until_ms": 0, "is_busy": False} | changes
    at_ms, instants = given.pop("at_ms"), given.pop("instants")
    assert free_ms(at_ms, 0, instants, **given) == expected_ms


@pytest.mark.parametrize(
    ("age_ms", "reads", "over"),
    [(0, 0, False), (0, READS - 1, False), (0, READS, True), (MONTH_MS - 1, 0, False), (MONTH_MS, 0, True)],
)
def test_it_is_given_up_after_enough_answers_or_a_month(age_ms: int, reads: int, over: bool) -> None:
    assert is_over(NOON_MS, reads, NOON_MS + age_ms) is over
