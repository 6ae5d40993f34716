"""Instants as others write them: Unix seconds, Unix milliseconds, ISO 8601 with its offset from UTC."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

MAX_OFFSET_MIN = 14 * 60
"""The farthest time zone from UTC."""

_SECONDS = range(10**9, 10**11)  # 2001 to 5138
_MILLISECONDS = range(10**12, 10**14)  # the same years
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(?:(Z)|([+-])(\d\d):?(\d\d)?)",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d{1,20}")
_EPOCH, _MS = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)


def instant_ms(value: object) -> int | None:
    """Read an instant as Unix milliseconds; ``None`` if it is not one.

    A number counts as seconds or as milliseconds by its size: there is no year in which both could be meant. A time
    without an offset from UTC is not an instant, because it is not known which one it means.
    """
    if isinstance(value, str):
        text = value.strip()
        return _of_number(int(text)) if _DIGITS.fullmatch(text) and text.isascii() else _of_text(text)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < _MILLISECONDS.stop:
        return _of_number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _of_number(value)
    return None


def instant_text(at_ms: int) -> str:
    """Write an instant, in Unix milliseconds, as a text that people and :func:`instant_ms` read."""
    return (_EPOCH + at_ms * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _of_number(number: int | Decimal) -> int | None:
    whole = int(number)
    if whole in _SECONDS:
        return int(number * 1_000)
    return whole if whole in _MILLISECONDS else None


def _of_text(text: str) -> int | None:
    found = _ISO.fullmatch(text)
    if found is None or not text.isascii():
        return None
    offset_min = int(found[10] or 0) * 60 + int(found[11] or 0)
    if offset_min > MAX_OFFSET_MIN or int(found[11] or 0) > 59:  # noqa: PLR2004  # minutes of an hour
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    try:
        at = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    if at < _EPOCH:
        return None
    offset = timedelta(minutes=-offset_min if found[9] == "-" else offset_min)
    return (at - _EPOCH - offset) // _MS + int((found[7] or "0").ljust(3, "0")[:3])
