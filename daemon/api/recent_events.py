"""The newest events in memory, numbered since the start, so that a reader can continue where it stopped.

An event's id is ``STARTED-NUMBER``: when this process started, in Unix milliseconds, and the event's number since then.
For an id of another process, or of an event after which some are no longer held, the reader gets a `reset`, so that no
reader misses events without notice. The numbers of the table ``events`` would not do: many events are never stored.
"""

import re

from daemon.core.values.events import Event

HELD = 8_192
"""The number of events that are held: those of some thousands of orders, in little memory."""

_ID = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


class RecentEvents:
    """The newest events. A *position* is the number of the last event that a reader has; 0 is before the first."""

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
        """The position after which all events are held."""
        return max(0, self.last - HELD)

    def holds(self, position: int) -> bool:
        """Whether all events after a position are held."""
        return self.oldest <= position <= self.last

    def __getitem__(self, number: int) -> Event:
        event = self._held[number % HELD]
        assert event is not None, f"event {number} is not held"
        return event

    def id_of(self, number: int) -> str:
        """Return the id of an event, or of a position."""
        return f"{self.started_ms}-{number}"

    def position_of(self, event_id: str) -> int | None:
        """Return the position of an id; ``None`` if some later events are no longer held."""
        found = _ID.fullmatch(event_id)
        if found is None or int(found[1]) != self.started_ms or not self.holds(int(found[2])):
            return None
        return int(found[2])
