"""Instants as people type them: ISO 8601, Unix milliseconds, a time of day, or how far from now."""

import re
from datetime import datetime, timedelta
from typing import ClassVar

import click

from daemon.core.values.instants import instant_ms

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
_SPAN = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)(s|min|m|h|d)")
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_EXACT = "Unix milliseconds, or ISO 8601 with its offset from UTC like 2026-01-02T03:04:05.678Z"


class Ahead(click.ParamType[int]):
    """An instant to come, by the machine's clock and time zone; its value is Unix ms."""

    name = "instant"
    allowed: ClassVar = f"+10s (also m, h, d), a time of day like 14:00 or 14:00:05, {_EXACT}"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; click calls this."""
        if isinstance(value, int):
            return value
        now, text = datetime.now().astimezone(), value.strip()
        if text.startswith("+") and (span := _span(text[1:])) is not None:
            return _ms(now + span)
        at = _time_of_day(now, text)
        if at is not None:
            return _ms(at if at > now else _time_of_day(now + timedelta(days=1), text) or at)
        return _exact(self, value, self.allowed, param, ctx)


class Past(click.ParamType[int]):
    """An instant that has passed; its value is Unix ms."""

    name = "instant"
    allowed: ClassVar = f"30m (also s, h, d) for so long ago, today, a date like 2026-01-02, a time of day, {_EXACT}"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it; click calls this."""
        if isinstance(value, int):
            return value
        now, text = datetime.now().astimezone(), value.strip()
        if (span := _span(text)) is not None:
            return max(1, _ms(now - span))
        if text == "today":
            text = now.date().isoformat()
        if (date := _DATE.fullmatch(text)) is not None:
            try:
                return _ms(datetime(int(date[1]), int(date[2]), int(date[3])).astimezone())  # local midnight
            except (ValueError, OverflowError):
                return _exact(self, value, self.allowed, param, ctx)
        at = _time_of_day(now, text)
        if at is not None:
            return _ms(at if at <= now else _time_of_day(now - timedelta(days=1), text) or at)
        return _exact(self, value, self.allowed, param, ctx)


AHEAD, PAST = Ahead(), Past()


def _span(text: str) -> timedelta | None:
    found = _SPAN.fullmatch(text)
    return None if found is None else timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def _time_of_day(day: datetime, text: str) -> datetime | None:
    """Return a time of day on the day of an instant, in the machine's zone."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        naive = day.replace(
            hour=int(found[1]), minute=int(found[2]), second=int(found[3] or 0), microsecond=0, tzinfo=None
        )
    except ValueError:
        return None
    return naive.astimezone()


def _exact(
    kind: click.ParamType[int], text: str, allowed: str, param: click.Parameter | None, ctx: click.Context | None
) -> int:
    at_ms = instant_ms(text)
    if at_ms is None:
        kind.fail(f"{text!r} is no instant; allowed: {allowed}", param, ctx)
    return at_ms


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1_000)
