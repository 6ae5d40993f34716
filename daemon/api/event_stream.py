"""The stream of events to its readers. It must not delay trading.

One task writes to all readers, 25 times a second: an event is encoded once for all of them, and each reader gets its
new events in one piece. The loop runs other tasks after every few readers. No write waits: a slow reader keeps its
position while the events that it missed are held, and is then disconnected. So the memory and time for each reader are
bounded.
"""

import asyncio
from collections.abc import Callable

import anyio
import msgspec

from daemon.api.http.response import StreamConnection
from daemon.api.recent_events import RecentEvents
from daemon.api.views import PositionView, View, encode, event_view
from daemon.clock import Clock
from daemon.core.values.events import Event

TICK_S = 0.04
"""How long events are collected before they are written: no visible delay, and few writes for a burst."""

HEARTBEAT_S = 15.0
"""Time between two comments that keep a connection alive."""

PIECE = 65_536
"""Approximate size of one write to a reader, in bytes."""

UNREAD = 65_536
"""Bytes that may wait for a reader in this process before writing to it pauses; the kernel buffers more."""

AT_ONCE = 4
"""The number of readers that are written to before the loop runs other tasks."""


class EventFilter(msgspec.Struct, frozen=True):
    """Which events a reader gets."""

    prefix: str = ""
    order_id: str | None = None

    def __contains__(self, event: Event) -> bool:
        return event.name.startswith(self.prefix) and self.order_id in {None, event.order_id}


class Reader:
    """One connection."""

    def __init__(self, connection: StreamConnection, position: int, wanted: EventFilter) -> None:
        self.connection = connection
        self.position = position
        self.wanted = wanted
        self.over = anyio.Event()

    @property
    def reads(self) -> bool:
        """Whether the reader keeps up with what it is sent."""
        return self.connection.unread() <= UNREAD


class EventStream:
    """The newest events and their readers."""

    def __init__(self, clock: Clock, emit: Callable[[Event], None], redact: Callable[[bytes], bytes]) -> None:
        """``redact`` removes secrets from what is written."""
        self.recent = RecentEvents(clock.now_ms())
        self._clock = clock
        self._emit = emit
        self._redact = redact
        self._readers: list[Reader] = []
        self._wanted = asyncio.Event()
        self._closed = False

    def on_event(self, event: Event) -> None:
        """Add an event."""
        self.recent.add(event)
        self._wanted.set()

    def __len__(self) -> int:
        return len(self._readers)

    async def follow(self, connection: StreamConnection, *, position: int, wanted: EventFilter) -> None:
        """Write the events after a position to a connection, until the stream ends or the caller is cancelled."""
        reader = Reader(connection, position, wanted)
        self._readers.append(reader)
        self._wanted.set()
        if self._closed:
            reader.over.set()
        try:
            await reader.over.wait()
        finally:
            self._readers.remove(reader)

    async def run(self) -> None:
        """Write what is new, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._send_heartbeats)
            while True:
                await self._wanted.wait()
                await anyio.sleep(TICK_S)
                self._wanted.clear()
                await self._write_to_all()

    def close(self) -> None:
        """Write the remaining events to the readers that keep up, and end every stream."""
        self._closed = True
        pieces = _Pieces(self.recent, self._redact)
        for reader in self._readers:
            while reader.reads and reader.position < pieces.end:
                reader.connection.write(pieces.next_of(reader))
            if not reader.reads:
                reader.connection.abort()
            reader.over.set()

    async def _write_to_all(self) -> None:
        pieces = _Pieces(self.recent, self._redact)
        for number, reader in enumerate(list(self._readers)):
            if number % AT_ONCE == AT_ONCE - 1:
                await anyio.lowlevel.checkpoint()
            if reader.reads:
                reader.connection.write(pieces.next_of(reader))
            elif not self.recent.holds(reader.position):
                self._disconnect(reader)
        if any(reader.position < self.recent.last for reader in self._readers):
            self._wanted.set()

    async def _send_heartbeats(self) -> None:
        """Keep connections alive, with each reader's position: its filter may have skipped many events."""
        while True:
            await anyio.sleep(HEARTBEAT_S)
            for number, reader in enumerate(list(self._readers)):
                if number % AT_ONCE == AT_ONCE - 1:
                    await anyio.lowlevel.checkpoint()
                if reader.reads:
                    reader.connection.write(f": alive\nid: {self.recent.id_of(reader.position)}\n\n".encode())

    def _disconnect(self, reader: Reader) -> None:
        if not reader.connection.is_closing():
            reader.connection.abort()
            behind = self.recent.last - reader.position
            self._emit(Event(name="feed.cut_off", at_ms=self._clock.now_ms(), detail={"behind": behind}))


class _Pieces:
    """The pieces of one pass over the readers: encoded once, and shared by readers at the same position."""

    def __init__(self, recent: RecentEvents, redact: Callable[[bytes], bytes]) -> None:
        self.end = recent.last
        self._recent = recent
        self._redact = redact
        self._messages: dict[int, bytes] = {}
        self._made: dict[tuple[int, EventFilter], tuple[bytes, int]] = {}

    def next_of(self, reader: Reader) -> bytes:
        """Return what a reader gets next, and move it on."""
        key = (reader.position, reader.wanted)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(*key)
        piece, reader.position = made
        return piece

    def _make(self, position: int, wanted: EventFilter) -> tuple[bytes, int]:
        messages: list[bytes] = []
        if not self._recent.holds(position):
            position = self._recent.oldest
            messages.append(reset(self._recent, position))
        size = 0
        while position < self.end and size < PIECE:
            position += 1
            if self._recent[position] in wanted:
                messages.append(self._message(position))
                size += len(messages[-1])
        return b"".join(messages), position

    def _message(self, number: int) -> bytes:
        made = self._messages.get(number)
        if made is None:
            event, event_id = self._recent[number], self._recent.id_of(number)
            made = self._messages[number] = self._redact(message(event_id, event.name, event_view(event_id, event)))
        return made


def reset(recent: RecentEvents, position: int) -> bytes:
    """Return the message `reset`: events are missing, so the reader reads the current state again."""
    at = recent.id_of(position)
    return message(at, "reset", PositionView(position=at))


def message(event_id: str, name: str, data: View) -> bytes:
    """Return a message of a stream."""
    return f"id: {event_id}\nevent: {name}\ndata: ".encode() + encode(data) + b"\n\n"
