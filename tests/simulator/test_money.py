"""Numbers: exact, plain, rounded only explicitly."""

from decimal import Decimal, Inexact, localcontext

import pytest

from daemon.simulator.money import (
    EXACT,
    decimals_of,
    floor_to,
    is_amount,
    plain,
    quotient,
    read_decimal,
    step,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", Decimal(1)), ("0.50", Decimal("0.50")), ("-3", Decimal(-3)), ("000.1", Decimal("0.1"))],
)
def test_a_plain_number_is_read(text: str, value: Decimal) -> None:
    assert read_decimal(text) == value


@pytest.mark.parametrize(
    "text", ["", "1e-5", "NaN", "Infinity", ".5", "1.", "1,5", " 1", "\u0661", "1" * 16, "0." + "1" * 21]
)
def test_anything_else_is_not_a_number(text: str) -> None:
    assert read_decimal(text) is None


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("0", True),
        ("1.5", True),
        ("999999999999999.99999999999999999999", True),
        ("-1", False),
        ("1E+15", False),
        ("1E-21", False),
        ("NaN", False),
        ("sNaN", False),
        ("Infinity", False),
    ],
)
def test_an_amount_is_finite_not_negative_and_of_bounded_size(value: str, accepted: bool) -> None:
    assert is_amount(Decimal(value)) is accepted


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1E+2"), "100"),
        (Decimal("0.00"), "0"),
        (Decimal("-0"), "0"),
        (Decimal("1.2300"), "1.23"),
        (Decimal("1E-8"), "0.00000001"),
    ],
)
def test_a_number_is_written_without_exponent_and_trailing_zeros(value: Decimal, text: str) -> None:
    assert plain(value) == text


def test_arithmetic_raises_instead_of_rounding() -> None:
    with localcontext(EXACT), pytest.raises(Inexact):
        Decimal(1) / Decimal(3)


@pytest.mark.usefixtures("exact")
def test_explicit_rounding_is_always_down() -> None:
    assert floor_to(Decimal("1.999"), 2) == Decimal("1.99")
    assert quotient(Decimal(2), Decimal(3), 4) == Decimal("0.6666")
    assert step(3) == Decimal("0.001")


@pytest.mark.parametrize(("text", "decimals"), [("1.50", 1), ("100", 0), ("0.001", 3), ("1E+3", 0)])
def test_only_needed_decimals_count(text: str, decimals: int) -> None:
    assert decimals_of(Decimal(text)) == decimals
