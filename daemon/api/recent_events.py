"""The newest events in memory, numbered since the start, so that a reader can go on where it stopped.

An event's id is ``STARTED-NUMBER``: when this process started, in Unix milliseconds, and how many events it has told.
An id of another process, or of an event after which some are no longer held, is known to be one; its reader is told to
read everything anew, and nobody misses anything without hearing of it. The numbers of the table ``events`` would not
do: much of what is told is never stored.
"""

import re

from daemon.core.values.events import Event

HELD = 8_192
"""So many events are held: some thousands of orders, in less memory than the daemon starts with."""

_ID = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


class Recent:
    """The newest events. A *position* is the number of the last event that somebody has; 0 is before the first."""

    def __init__(self, started_ms: int) -> None:
        self.started_ms = started_ms
        self.last = 0
        self._held: list[Event | None] = [None] * HELD

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.last += 1
        self._held[self.last % HELD] = event

    @property
    def oldest(self) -> int:
        """The position from which on everything is held."""
        return max(0, self.last - HELD)

    def holds(self, position: int) -> bool:
        """Whether everything after a position is held."""
        return self.oldest <= position <= self.last

    def __getitem__(self, number: int) -> Event:
        event = self._held[number % HELD]
        assert event is not None, f"event {number} is not held"
        return event

    def id_of(self, number: int) -> str:
        """Return the id of an event, or of a position."""
        return f"{self.started_ms}-{number}"

    def position_of(self, event_id: str) -> int | None:
        """Return the position that an id stands for; ``None`` where what came after it cannot be told any more."""
        found = _ID.fullmatch(event_id)
        if found is None or int(found[1]) != self.started_ms or not self.holds(int(found[2])):
            return None
        return int(found[2])
