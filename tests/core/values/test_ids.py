"""Ids: they sort by time, survive a restart, and fit MEXC's limits."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.values.ids import MAX_ATTEMPTS, RANDOM_BYTES, client_order_id, new_id
from tests.core.making import NOON_MS

CHANCE = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)
INSTANTS = st.integers(0, 2**48 - 1)


@given(INSTANTS, CHANCE)
def test_an_id_has_26_unambiguous_characters(at_ms: int, chance: bytes) -> None:
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", new_id(at_ms, chance))


@given(INSTANTS, CHANCE, INSTANTS, CHANCE)
def test_ids_sort_by_time_and_differ_by_chance(one_ms: int, one: bytes, other_ms: int, other: bytes) -> None:
    assert (new_id(one_ms, one) < new_id(other_ms, other)) == ((one_ms, one) < (other_ms, other))
    assert (new_id(one_ms, one) == new_id(other_ms, other)) == ((one_ms, one) == (other_ms, other))


def test_an_id_has_the_layout_of_a_ulid() -> None:
    assert new_id(1_469_922_850_259, bytes.fromhex("4b29dd8d6b4a4b5ca3c1")).startswith("01ARZ3NDEK")


@given(INSTANTS, CHANCE, st.integers(1, MAX_ATTEMPTS), st.integers(1, MAX_ATTEMPTS))
def test_an_attempts_client_order_id_fits_mexc_and_is_unique(at_ms: int, chance: bytes, one: int, other: int) -> None:
    order_id = new_id(at_ms, chance)
    assert re.fullmatch("[0-9a-zA-Z_-]{1,32}", client_order_id(order_id, one))
    assert (client_order_id(order_id, one) == client_order_id(order_id, other)) == (one == other)


@pytest.mark.parametrize("attempt", [0, -1, MAX_ATTEMPTS + 1])
def test_an_attempt_number_that_does_not_fit_is_refused(attempt: int) -> None:
    with pytest.raises(ValueError, match="outside 1"):
        client_order_id(new_id(NOON_MS, bytes(10)), attempt)
