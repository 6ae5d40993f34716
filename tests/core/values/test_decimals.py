"""Amounts: exact, and written as MEXC accepts them."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.values.decimals import canonical, ceil_to, floor_to, plain
from daemon.core.values.signals import MAX_AMOUNT, MAX_DECIMALS

AMOUNTS = st.decimals(min_value=0, max_value=MAX_AMOUNT, allow_nan=False, places=MAX_DECIMALS) | st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(1, 10**18), st.integers(-18, 0)
)


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        ("1", "1"),
        ("1.0", "1"),
        ("1.50", "1.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("0", "0"),
        ("0.000", "0"),
        ("-0.00", "0"),
        ("-1.20", "-1.2"),
    ],
)
def test_an_amount_is_written_in_plain_digits(amount: str, written: str) -> None:
    assert plain(Decimal(amount)) == written


@given(AMOUNTS)
def test_the_written_form_is_the_exact_amount_without_an_exponent(amount: Decimal) -> None:
    assert re.fullmatch(r"\d+(\.\d*[1-9])?", plain(amount))
    assert Decimal(plain(amount)) == amount


@given(AMOUNTS, st.integers(0, 6))
def test_equal_amounts_have_one_form(amount: Decimal, zeros: int) -> None:
    padded = Decimal(plain(amount) + ("" if "." in plain(amount) else ".") + "0" * zeros)
    assert padded == amount
    assert str(canonical(padded)) == str(canonical(amount))


@given(AMOUNTS, st.integers(0, MAX_DECIMALS))
def test_rounding_is_to_the_next_step_and_never_the_wrong_way(amount: Decimal, decimals: int) -> None:
    """With any amount that a signal may contain: none is too large, and none has too many digits."""
    step = Fraction(1, 10**decimals)
    low, exact, high = Fraction(floor_to(amount, decimals)), Fraction(amount), Fraction(ceil_to(amount, decimals))
    assert exact - step < low <= exact <= high < exact + step
    assert low % step == high % step == 0


def test_the_largest_amount_with_all_its_decimals_is_rounded_like_any_other() -> None:
    amount = Decimal("999999999999999999.999999999999999999")
    assert floor_to(amount, 12) == Decimal("999999999999999999.999999999999")
    assert ceil_to(amount, 12) == Decimal(1000000000000000000)
