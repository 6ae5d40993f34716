"""Checks of single fields that requests of several kinds have."""

from daemon.errors import Invalid

MAX_TEXT = 128

Text = str | int
"""What names somebody or something: bots write numbers as well as texts."""


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
