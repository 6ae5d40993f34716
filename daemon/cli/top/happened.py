"""The newest events in words, as rows with their ages."""

import time
from collections import deque
from typing import NamedTuple

from rich.text import Text

from daemon.cli import show
from daemon.cli.top.rows import Row
from daemon.client import Event, Reset
from daemon.core.values import events
from daemon.core.values.events import Level
from daemon.core.values.states import State
from daemon.core.views.event_text import event_text, shown_level
from daemon.event_lines import instant

SHOWN = 200
"""The newest events that can be seen; `sniperd tail` has all of them."""

BEGINNING = "0"
"""After no event: a stream that begins so has all that the daemon holds, after a :class:`Reset`."""

_MISSING = (Text(), Text(), Text("the daemon was restarted, or events are missing at this point", style="yellow"))
_LOUD = {Level.WARNING: "yellow", Level.ERROR: "red", Level.CRITICAL: "bold red"}


class _Shown(NamedTuple):
    """An event in words; or the place where events are missing, which has no instant."""

    key: str
    cells: tuple[Text, ...]  # without the age
    at_ms: int | None = None
    order_id: str | None = None


class Happened:
    """The newest events, the newest first."""

    def __init__(self) -> None:
        self._shown: deque[_Shown] = deque(maxlen=SHOWN)
        self._count = 0
        self._has_begun = False

    def add(self, item: Event | Reset) -> None:
        """Take the next item of a stream from the beginning; events of level debug are for programs."""
        self._count += 1
        if isinstance(item, Event):
            level = Level[item.level.upper()]
            if shown_level(item.name, level) > Level.DEBUG:
                self._shown.append(_Shown(str(self._count), _cells(item, level), item.at_ms, item.order_id))
        elif self._has_begun:
            self._shown.append(_Shown(str(self._count), _MISSING))
        self._has_begun = True

    def rows(self, now_ms: int) -> list[Row]:
        """Return the rows, the newest first."""
        return [_row(each, now_ms) for each in reversed(self._shown)]


def _row(shown: _Shown, now_ms: int) -> Row:
    age = "" if shown.at_ms is None else show.age(shown.at_ms, now_ms)
    return Row(shown.key, (Text(age), *shown.cells), shown.order_id)


def _cells(sent: Event, level: Level) -> tuple[Text, ...]:
    event = events.Event(
        name=sent.name,
        at_ms=sent.at_ms,
        actor=sent.actor,
        order_id=sent.order_id,
        lock_id=sent.lock_id,
        resource=sent.resource,
        client_order_id=sent.client_order_id,
        state=next((state for state in State if state == sent.state), None),
        detail=sent.detail,
    )
    words = event_text(event, lambda at_ms: instant(at_ms, event.at_ms))
    at = time.strftime("%H:%M:%S", time.localtime(event.at_ms / 1_000))
    title = Text(words.title, style=_LOUD.get(level, "bold green" if words.is_good else "bold"))
    return Text(at, style="dim"), title, Text(words.rest.lstrip(":, "))
