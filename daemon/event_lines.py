"""Lines of events for people: local times, the date and the zone once, colours if the terminal has them."""

import time
from typing import IO, Any

from daemon import colours
from daemon.core.values.events import Event, Level
from daemon.core.views.event_text import event_text

_COLOURS = {Level.WARNING: "33", Level.ERROR: "31", Level.CRITICAL: "1;31"}
_TITLE, _GOOD, _DIM = "1", "1;32", "2"


def has_colours(stream: IO[Any]) -> bool:
    """Whether a stream is a terminal with colours, and the user wants them."""
    return stream.isatty() and colours.are_wanted()


class EventLines:
    """Writes events as lines. The date and the offset from UTC have a line of their own whenever they change."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours
        self._day = ""

    def line(self, event: Event, level: Level) -> str:
        """Return an event's line, after one with the date if that is new, without the last line break."""
        text = event_text(event, lambda at_ms: instant(at_ms, event.at_ms))
        colour = _COLOURS.get(level, _GOOD if text.is_good else _TITLE)
        rest = text.rest if text.rest[:1] in {"", ":", ","} else f" {text.rest}"
        shown = self._paint(_DIM, f"{text.title}{rest}") if text.is_quiet else self._paint(colour, text.title) + rest
        return f"{self._dated(event.at_ms)}{shown}"

    def dropped(self, lines: int, at_ms: int) -> str:
        """Return the line about lines that are missing."""
        missing = self._paint(_COLOURS[Level.ERROR], "ERROR")
        return f"{self._dated(at_ms)}{missing} {lines} lines are missing here: they were not read in time"

    def _dated(self, at_ms: int) -> str:
        local = _local(at_ms)
        day, before = time.strftime("%Y-%m-%d, local times, UTC%z", local), self._day
        self._day = day
        note = "" if day == before else self._paint(_DIM, f"-- {day}") + "\n"
        return note + self._paint(_DIM, time.strftime("%H:%M:%S", local)) + " "

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text


def instant(at_ms: int, now_ms: int) -> str:
    """Write an instant as a time of day; with its date if that is another one than now."""
    local = _local(at_ms)
    form = "%H:%M:%S" if local[:3] == _local(now_ms)[:3] else "%Y-%m-%d %H:%M:%S"
    return time.strftime(form, local) + (f".{at_ms % 1_000:03}" if at_ms % 1_000 else "")


def _local(at_ms: int) -> time.struct_time:
    """Return a local time; the nearest possible one for an instant that is none."""
    return time.localtime(min(max(at_ms, 0), _LATEST_MS) // 1_000)


_LATEST_MS = 253_370_764_800_000  # the year 9999
