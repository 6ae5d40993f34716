"""The stream of the daemon's events."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec

from daemon.client.wire import Tries, Unavailable, Wire

SILENCE_S = 40.0
"""A connection without data for this long is lost: the daemon sends a heartbeat every 15 s."""


class Event(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """An event. ``name`` is dotted, ``detail`` has the keys of that event."""

    id: str
    name: str
    at_ms: int
    level: str = "info"
    actor: str = ""
    order_id: str | None = None
    lock_id: str | None = None
    resource: str | None = None
    client_order_id: str | None = None
    state: str | None = None  # the order's, after the event
    detail: dict[str, Any] = {}


class Reset(msgspec.Struct, frozen=True):
    """Events are missing here, as after a restart of the daemon: read the current state again."""

    position: str  # the event id to continue after


async def follow(wire: Wire, path: str, after: str | None, retry_s: float) -> AsyncIterator[Event | Reset]:
    """Yield events without end; after a lost connection, connect again and continue after the last event.

    Raises:
        Refused: the daemon refuses the request.
        Unreachable: the daemon did not answer for ``retry_s`` seconds.

    """
    tries = Tries(retry_s)
    while True:
        headers = {} if after is None else {"Last-Event-ID": after}
        why = "it ended the stream"
        try:
            async with wire.stream(path, headers, SILENCE_S) as lines:
                async for name, data in _messages(lines):
                    tries = Tries(retry_s)
                    message = _read(name, data)
                    after = message.id if isinstance(message, Event) else message.position
                    if name != "hello":
                        yield message
        except (OSError, aiohttp.ClientError, TimeoutError, Unavailable) as error:
            why = str(error) or type(error).__name__
        await tries.pause(None, why)


async def _messages(lines: aiohttp.StreamReader) -> AsyncIterator[tuple[str, bytes]]:
    """Yield the name and the data of each message."""
    name = ""
    async for line in lines:
        field, _, value = line.rstrip(b"\n").partition(b": ")
        if field == b"event":
            name = value.decode()
        elif field == b"data":
            yield name, value


def _read(name: str, data: bytes) -> Event | Reset:
    """Decode a message; `hello` holds a position, as `reset` does."""
    if name in {"hello", "reset"}:
        return msgspec.json.decode(data, type=Reset)
    return msgspec.json.decode(data, type=Event)
