"""Exact decimal arithmetic, and numbers as MEXC writes them.

All money is `Decimal`. Inside the exchange every operation runs under `EXACT`, which raises instead of rounding, so
that no money is lost. Where the exchange does round (a quantity to its step, a price to its tick), it calls `floor_to`
or `quotient`.

The number of digits that a symbol allows is checked in `order_rules`.
"""

import re
from decimal import (
    ROUND_DOWN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from functools import cache

ZERO = Decimal(0)

EXACT = Context(prec=100, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
"""100 digits hold the longest possible product: price x quantity x fee rate, each at its limit."""

_ROUNDING = Context(prec=100, rounding=ROUND_DOWN, traps=[InvalidOperation, DivisionByZero, Overflow])

_MAX_DIGITS, _MAX_DECIMALS = 15, 20  # before and after the point
_PLAIN = re.compile(rf"-?[0-9]{{1,{_MAX_DIGITS}}}(\.[0-9]{{1,{_MAX_DECIMALS}}})?")


def read_decimal(text: str) -> Decimal | None:
    """Return the plain decimal number in `text`; None for anything else: exponents, NaN, a missing digit."""
    return Decimal(text) if _PLAIN.fullmatch(text) else None


def is_amount(value: Decimal) -> bool:
    """Return whether `read_decimal` would accept this number, and it is not negative."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and value >= 0 and exponent >= -_MAX_DECIMALS and value.adjusted() < _MAX_DIGITS


def plain(value: Decimal) -> str:
    """Write a number as MEXC does: no exponent, no trailing zeros."""
    return format(value.normalize(EXACT), "f") if value else "0"


@cache
def step(decimals: int) -> Decimal:
    """Return the smallest unit for a number of decimals: 2 gives 0.01."""
    return Decimal(1).scaleb(-decimals)


def floor_to(value: Decimal, decimals: int) -> Decimal:
    """Drop every digit beyond `decimals`."""
    return value.quantize(step(decimals), ROUND_DOWN, _ROUNDING)


def quotient(dividend: Decimal, divisor: Decimal, decimals: int) -> Decimal:
    """Divide and drop every digit beyond `decimals`."""
    return floor_to(_ROUNDING.divide(dividend, divisor), decimals)


def decimals_of(value: Decimal) -> int:
    """Return the number of decimals without trailing zeros: 1 for 1.50."""
    exponent = value.normalize(EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
