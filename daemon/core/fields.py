"""Checks of single fields that requests of several kinds have."""

from typing import Annotated

import msgspec

from daemon.errors import Invalid

MAX_TEXT = 128


def up_to(length: int) -> dict[str, str]:
    """Return the schema of a text of 1 to so many characters, where spaces around do not count (ECMA-262)."""
    return {"pattern": rf"^\s*\S([\s\S]{{0,{length - 2}}}\S)?\s*$"}


Text = Annotated[str | int, msgspec.Meta(extra_json_schema=up_to(MAX_TEXT))]
"""What names somebody or something: bots write numbers as well as texts. Printable; spaces around it do not count."""

Word = Annotated[str, msgspec.Meta(extra_json_schema=up_to(MAX_TEXT))]
"""A name that is no number."""


def any_case(*words: str) -> str:
    """Return the pattern of these words (ECMA-262, as JSON Schema has it) where case and spaces around do not count."""
    each = ("".join(f"[{letter}{letter.lower()}]" if letter.isalpha() else letter for letter in word) for word in words)
    return rf"^\s*({'|'.join(each)})\s*$"


def shown(description: str, low: float | None = None, high: float | None = None) -> msgspec.Meta:
    """Describe a field, and the range that its check enforces, for the schema alone: the check has the better words."""
    limits = {"minimum": low, "maximum": high}
    extra = {word: limit for word, limit in limits.items() if limit is not None}
    return msgspec.Meta(description=description, extra_json_schema=extra)


def text(field: str, value: Text) -> str:
    """Return a name in plain form.

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
    """Return a number, or the default where there is none.

    Raises:
        Invalid: it is out of range.

    """
    if value is None:
        return default
    if not low <= value <= high:
        raise Invalid(f"{field} {value} is out of range", field=field, allowed=f"{low} to {high}")
    return value
