"""Checks of single fields, shared by several requests."""

import re
from decimal import Decimal
from typing import Annotated

import msgspec

from daemon.errors import Invalid

MAX_TEXT = 128
MAX_FIGURE = 128
NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?"
"""A number in ASCII digits, with or without fraction and exponent."""

_NUMBER = re.compile(rf"\s*{NUMBER}\s*", re.ASCII)


def up_to(length: int) -> dict[str, str]:
    """Return the schema of a text of 1 to ``length`` characters; spaces around it do not count (ECMA-262)."""
    return {"pattern": rf"^\s*\S([\s\S]{{0,{length - 2}}}\S)?\s*$"}


Text = Annotated[str | int, msgspec.Meta(extra_json_schema=up_to(MAX_TEXT))]
"""A name, printable; spaces around it do not count. It may be a number, because bots send both."""

Word = Annotated[str, msgspec.Meta(extra_json_schema=up_to(MAX_TEXT))]
"""A name that may not be a JSON number."""


class Amount(Decimal):
    """An amount as a request has it: a JSON number, or a string that holds one; read exactly.

    ``Decimal`` itself reads more than numbers: ``1_0`` is 10, and it accepts digits of any script.
    """


AMOUNT_ALLOWED = "a number, or a string that holds one, in digits 0 to 9: 25, 0.00012, 6.67e-7"


def amount_of(written: object) -> Amount:
    """Read an amount: a string as JSON or a caller wrote it, or a whole number.

    Raises:
        ValueError: it is not an amount.

    """
    figure = str(written) if isinstance(written, int) and not isinstance(written, bool) else written
    if not isinstance(figure, str) or len(figure) > MAX_FIGURE or not _NUMBER.fullmatch(figure):
        raise ValueError(f"{str(written)[:40]!r} is no number")
    return Amount(figure)


def wire_type(_kind: type[Amount], written: object) -> Amount:
    """Read the one type that msgspec does not know: msgspec's ``dec_hook``, used with ``float_hook=str``.

    Raises:
        ValueError: it cannot be read.

    """
    return amount_of(written)


def any_case(*words: str) -> str:
    """Return a pattern of these words (ECMA-262, for JSON Schema); case and spaces around them do not count."""
    each = ("".join(f"[{letter}{letter.lower()}]" if letter.isalpha() else letter for letter in word) for word in words)
    return rf"^\s*({'|'.join(each)})\s*$"


def shown(description: str, low: float | None = None, high: float | None = None) -> msgspec.Meta:
    """Describe a field and its range for the schema only; the check itself gives clearer errors."""
    limits = {"minimum": low, "maximum": high}
    extra = {word: limit for word, limit in limits.items() if limit is not None}
    return msgspec.Meta(description=description, extra_json_schema=extra)


def text(field: str, value: Text) -> str:
    """Return a name as a string, without spaces around it.

    Raises:
        Invalid: it is empty, too long, or not printable.

    """
    plain = str(value).strip()
    if not plain or len(plain) > MAX_TEXT or not plain.isprintable():
        raise Invalid(
            f"{field} is empty, too long or holds control characters",
            field=field,
            allowed=f"1 to {MAX_TEXT} printable characters",
        )
    return plain


def within(field: str, value: int | None, default: int, low: int, high: int) -> int:
    """Return a number, or the default if there is none.

    Raises:
        Invalid: it is out of range.

    """
    if value is None:
        return default
    if not low <= value <= high:
        raise Invalid(f"{field} {value} is out of range", field=field, allowed=f"{low} to {high}")
    return value
