"""Instants as others write them: Unix seconds, Unix milliseconds, ISO 8601 with its offset from UTC."""

import re
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
_DAYS_BEFORE = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)


def instant_ms(value: object) -> int | None:
    """Read an instant as Unix milliseconds; ``None`` where it is none.

    A number counts as seconds or as milliseconds by its size: there is no year in which both could be meant. A time
    without an offset from UTC is none, because nobody can say which instant it means.
    """
    if isinstance(value, str):
        text = value.strip()
        return _of_number(int(text)) if _DIGITS.fullmatch(text) and text.isascii() else _of_text(text)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < _MILLISECONDS.stop:
        return _of_number(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _of_number(value)
    return None


def _of_number(number: int | Decimal) -> int | None:
    whole = int(number)
    if whole in _SECONDS:
        return int(number * 1_000)
    return whole if whole in _MILLISECONDS else None


def _of_text(text: str) -> int | None:
    found = _ISO.fullmatch(text)
    if found is None or not text.isascii():
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    offset_min = int(found[10] or 0) * 60 + int(found[11] or 0)
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= _days_in(year, month)):  # noqa: PLR2004  # the calendar's
        return None
    if hour > 23 or minute > 59 or second > 59 or offset_min > MAX_OFFSET_MIN or int(found[11] or 0) > 59:  # noqa: PLR2004
        return None
    if found[9] == "-":
        offset_min = -offset_min
    days = _days_since_1970(year, month, day)
    seconds = ((days * 24 + hour) * 60 + minute - offset_min) * 60 + second
    return seconds * 1_000 + int((found[7] or "0").ljust(3, "0")[:3])


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _days_in(year: int, month: int) -> int:
    return 29 if month == 2 and _is_leap(year) else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]  # noqa: PLR2004


def _days_since_1970(year: int, month: int, day: int) -> int:
    before = year - 1
    leap_days = before // 4 - before // 100 + before // 400 - 477  # those until the end of 1969
    this_year = _DAYS_BEFORE[month - 1] + (month > 2 and _is_leap(year)) + day - 1  # noqa: PLR2004
    return (year - 1970) * 365 + leap_days + this_year
