"""The newest events in memory, numbered since the start, so that a reader can continue where it stopped.

An event's id is ``STARTED-NUMBER``: when this process started, in Unix milliseconds, and the event's number since then.
For an id of another process, or of an event after which some are no longer held, the reader gets a `reset`, so that no
reader misses events without notice. The numbers of the table ``events`` would not do: many events are never stored.

An event is held encoded, in a third of the memory that its value takes: the names of its details are few and shared.
"""

import re

import msgspec

from daemon.core.values.events import Detail, Event
from daemon.core.values.states import State

HELD = 8_192
"""The number of events that are held: those of some thousands of orders, in little memory."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(
    tuple[str, int, str, str | None, str | None, str | None, str | None, State | None, list[Detail]]
).decode

_ID = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)


class RecentEvents:
    """The newest events. A *position* is the number of the last event that a reader has; 0 is before the first."""

    def __init__(self, started_ms: int) -> None:
        self.started_ms = started_ms
        self.last = 0
        self._held: list[Event | bytes] = [b""] * HELD
        self._names: list[tuple[str, ...]] = [()] * HELD  # of the details
        self._known_names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.last += 1
        place, names = self.last % HELD, tuple(event.detail)
        self._names[place] = self._known_names.setdefault(names, names)
        try:
            self._held[place] = _encoded(event)
        except UnicodeEncodeError:  # a path or header that was not UTF-8 holds lone surrogates
            self._held[place] = event

    @property
    def oldest(self) -> int:
        """The position after which all events are held."""
        return max(0, self.last - HELD)

    def holds(self, position: int) -> bool:
        """Whether all events after a position are held."""
        return self.oldest <= position <= self.last

    def __getitem__(self, number: int) -> Event:
        held = self._held[number % HELD]
        assert held, f"event {number} is not held"
        return held if isinstance(held, Event) else _decoded(held, self._names[number % HELD])

    def id_of(self, number: int) -> str:
        """Return the id of an event, or of a position."""
        return f"{self.started_ms}-{number}"

    def position_of(self, event_id: str) -> int | None:
        """Return the position of an id; ``None`` if some later events are no longer held."""
        found = _ID.fullmatch(event_id)
        if found is None or int(found[1]) != self.started_ms or not self.holds(int(found[2])):
            return None
        return int(found[2])


def _encoded(event: Event) -> bytes:
    cells = (
        event.name, event.at_ms, event.actor, event.order_id, event.lock_id, event.resource, event.client_order_id,
        event.state, list(event.detail.values()),
    )  # fmt: skip
    return bytes(memoryview(_encode(cells)))  # a copy: the encoder's has spare room


def _decoded(held: bytes, names: tuple[str, ...]) -> Event:
    name, at_ms, actor, order_id, lock_id, resource, client_order_id, state, values = _decode(held)
    return Event(
        name=name, at_ms=at_ms, actor=actor, order_id=order_id, lock_id=lock_id, resource=resource,
        client_order_id=client_order_id, state=state, detail=dict(zip(names, values, strict=True)),
    )  # fmt: skip
