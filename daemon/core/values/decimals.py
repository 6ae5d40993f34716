"""Amounts: always ``Decimal``, written in plain digits, never as a float or with an exponent."""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Context, Decimal
from functools import lru_cache

ZERO = Decimal(0)

_EXACT = Context(prec=100)
"""Precision for every digit of an amount. The default of 28 is too small for the largest amounts."""

_ROUNDED = Context(prec=28)
_CUT = Context(prec=100, rounding=ROUND_DOWN)


def canonical(amount: Decimal) -> Decimal:
    """Return the one representation of a value: ``1``, ``1.0`` and ``1.00`` get the same digits."""
    return Decimal(plain(amount))


@lru_cache(maxsize=2_000)  # an order's amounts are written more than ten times
def plain(amount: Decimal) -> str:
    """Write an amount in plain digits without trailing zeros: ``Decimal("1E-7")`` is ``0.0000001``.

    Equal amounts are written alike. MEXC accepts plain decimals, never exponents (documented).
    """
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def product(one: Decimal, other: Decimal) -> Decimal:
    """Multiply amounts without rounding."""
    return _EXACT.multiply(one, other)


def total(one: Decimal, other: Decimal) -> Decimal:
    """Add amounts without rounding, so that an added amount can be subtracted again exactly."""
    return _EXACT.add(one, other)


def difference(one: Decimal, other: Decimal) -> Decimal:
    """Subtract an amount without rounding."""
    return _EXACT.subtract(one, other)


def quotient(one: Decimal, other: Decimal) -> Decimal:
    """Divide amounts, to 28 significant digits: a price of 1e-13 keeps its digits, too."""
    return _ROUNDED.divide(one, other)


def affordable(amount: Decimal, price: Decimal) -> Decimal:
    """Return the quantity that an amount buys at a price, cut: it never costs more."""
    return _CUT.divide(amount, price)


def floor_to(amount: Decimal, decimals: int) -> Decimal:
    """Round a positive amount down to a number of decimal places."""
    return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_FLOOR, context=_EXACT)


def ceil_to(amount: Decimal, decimals: int) -> Decimal:
    """Round an amount up to a number of decimal places."""
    return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING, context=_EXACT)
