"""The newest events, as rows with their ages."""

import time
from collections import deque

from rich.text import Text

from daemon.cli import show
from daemon.cli.top.rows import Row
from daemon.client import Event, Reset
from daemon.core.values.texts import printable

SHOWN = 200
"""The newest events that can be seen; `sniperd tail` has all of them."""

BEGINNING = "0"
"""After no event: a stream that begins so has all that the daemon holds, after a :class:`Reset`."""

_MISSING = "the daemon was restarted, or events are missing at this point"
_LOUD = {"warning": "yellow", "error": "red", "critical": "bold red"}


class Happened:
    """The newest events, the newest first."""

    def __init__(self) -> None:
        self._events: deque[tuple[int, Event | None]] = deque(maxlen=SHOWN)  # numbered; none: some are missing
        self._count = 0
        self._has_begun = False

    def add(self, item: Event | Reset) -> None:
        """Take the next item of a stream from the beginning."""
        if isinstance(item, Event):
            if item.level != "debug":
                self._append(item)
        elif self._has_begun:
            self._append(None)
        self._has_begun = True

    def rows(self, now_ms: int) -> list[Row]:
        """Return the rows, the newest first."""
        return [_row(str(number), event, now_ms) for number, event in reversed(self._events)]

    def _append(self, event: Event | None) -> None:
        self._count += 1
        self._events.append((self._count, event))


def _row(key: str, event: Event | None, now_ms: int) -> Row:
    if event is None:
        return Row(key, (Text(), Text(), Text(), Text(_MISSING, style="yellow")))
    at = time.strftime("%H:%M:%S", time.localtime(event.at_ms / 1_000))
    detail = " ".join(f"{name}={value}" for name, value in event.detail.items() if value is not None)
    about = f"{event.order_id or event.resource or ''} {detail}".strip()
    name = Text(printable(event.name), style=_LOUD.get(event.level, "bold"))
    cells = (Text(show.age(event.at_ms, now_ms)), Text(at, style="dim"), name, Text(printable(about)))
    return Row(key, cells, event.order_id)
