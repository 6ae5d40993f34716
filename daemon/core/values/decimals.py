"""Amounts: ``Decimal`` in, plain digits out, never an exponent, never a float."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

ZERO = Decimal(0)

_EXACT = Context(prec=100)
"""Room for every digit of an amount. The usual 28 are too few for the largest ones with all their decimals."""

_ROUNDED = Context(prec=28)


def canonical(amount: Decimal) -> Decimal:
    """Return the one representation of a value: ``1``, ``1.0`` and ``1.00`` become equal in digits too."""
    return Decimal(plain(amount))


def plain(amount: Decimal) -> str:
    """Write an amount in plain digits without trailing zeros: ``Decimal("1E-7")`` is ``0.0000001``.

    MEXC takes plain decimals, never exponents (documented).
    """
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def product(one: Decimal, other: Decimal) -> Decimal:
    """Multiply amounts without rounding."""
    return _EXACT.multiply(one, other)


def total(one: Decimal, other: Decimal) -> Decimal:
    """Add amounts without rounding, so that what is added can be taken away again."""
    return _EXACT.add(one, other)


def quotient(one: Decimal, other: Decimal) -> Decimal:
    """Divide amounts, to 28 significant digits: a price of 1e-13 keeps its digits, too."""
    return _ROUNDED.divide(one, other)


def floor_to(amount: Decimal, decimals: int) -> Decimal:
    """Cut an amount to so many decimal places, towards zero for the positive amounts of this project."""
    return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_FLOOR, context=_EXACT)


def ceil_to(amount: Decimal, decimals: int) -> Decimal:
    """Raise an amount to so many decimal places."""
    return amount.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_CEILING, context=_EXACT)
