"""Following the daemon's events."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import msgspec

from daemon.client.wire import NotNow, Tries, Wire

SILENCE_S = 40.0
"""A connection is lost that is silent for so long: the daemon says every 15 s that it lives."""


class Event(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Something happened. ``name`` is dotted, ``detail`` has the keys of that name."""

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
    """Events are missing here, as after a restart of the daemon: read anew what you keep of it."""

    position: str  # an id, to go on after


async def follow(wire: Wire, path: str, after: str | None, retry_s: float) -> AsyncIterator[Event | Reset]:
    """Yield what happens, without end; a connection that was lost is made again, from where it ended.

    Raises:
        Refused: the daemon will not.
        Unreachable: nobody answered for so long.

    """
    tries = Tries(retry_s)
    while True:
        headers = {} if after is None else {"Last-Event-ID": after}
        why = "it ended the stream"
        try:
            async with wire.stream(path, headers, SILENCE_S) as lines:
                async for name, data in _messages(lines):
                    tries = Tries(retry_s)
                    told = _read(name, data)
                    after = told.id if isinstance(told, Event) else told.position
                    if name != "hello":
                        yield told
        except (OSError, aiohttp.ClientError, TimeoutError, NotNow) as error:
            why = str(error) or type(error).__name__
        await tries.pause(None, why)


async def _messages(lines: aiohttp.StreamReader) -> AsyncIterator[tuple[str, bytes]]:
    """Read names and data."""
    name = ""
    async for line in lines:
        field, _, value = line.rstrip(b"\n").partition(b": ")
        if field == b"event":
            name = value.decode()
        elif field == b"data":
            yield name, value


def _read(name: str, data: bytes) -> Event | Reset:
    """Read a message; `hello` names a position as `reset` does."""
    if name in {"hello", "reset"}:
        return msgspec.json.decode(data, type=Reset)
    return msgspec.json.decode(data, type=Event)
