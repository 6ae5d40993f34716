"""The quick lane of ``signals.sock``: requests that matter and came whole are answered without aiohttp's server.

What a bot is in a hurry with are a few routes, asked by short requests that arrive in one piece. Those are recognised
here and given to the handlers that aiohttp would call, in a fifth of the time that its server takes. A connection on
which anything else arrives, another route, a part of a request, several at once, a header that changes how a body is
read, nonsense, is handed over to aiohttp with its bytes, and stays there. So nothing here knows the rest of HTTP, and
nothing is answered otherwise than there, but for the headers Date and Server.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import anyio
import httptools
from aiohttp import web
from multidict import CIMultiDict

from daemon.api.asked import Asked
from daemon.api.routes import Route

LONGEST = 65_536
"""Bytes of the longest request that is looked at, and about as many may wait behind one that is being answered."""

LONGEST_LINE = 8_000
MAX_HEADERS = 64
SWEEP_S = 15.0

_ID = "([0-9A-Za-z_-]{1,128})"
_STRANGE = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"trailer"})

Handler = Callable[[Any], Awaitable[web.StreamResponse]]
Errors = Callable[[Any, Any], Awaitable[web.StreamResponse]]
"""A handler, and the middleware before it, both of aiohttp's kind; they take an :class:`Asked` as well."""


class Lane:
    """The routes in a hurry, and the connections on which they are asked; called, it makes a connection's protocol."""

    def __init__(
        self,
        routes: Sequence[Route],
        errors: Errors,
        aiohttp: Callable[[], asyncio.Protocol],
        *,
        idle_s: float,
    ) -> None:
        """``aiohttp`` makes its server's end of a connection; one that is idle for ``idle_s`` is closed."""
        self.errors = errors
        self.aiohttp = aiohttp
        self.connections: set[Connection] = set()
        self._idle_s = idle_s
        self._exact: dict[str, Handler] = {}
        self._shapes: list[tuple[re.Pattern[str], Handler]] = []
        for route in routes:
            if route.quick and "{id}" in route.path:
                self._shapes.append((re.compile(route.path.replace("{id}", _ID)), route.handler))
            elif route.quick:
                self._exact[route.path] = route.handler

    def __call__(self) -> "Connection":
        """Make a connection's protocol."""
        return Connection(self)

    def find(self, asked: Asked) -> Handler | None:
        """Find who answers, and what the path names."""
        handler = self._exact.get(asked.path)
        if handler is not None:
            return handler
        for shape, of_shape in self._shapes:
            match = shape.fullmatch(asked.path)
            if match is not None:
                asked.match_info = {"id": match[1]}
                return of_shape
        return None

    async def sweep(self) -> None:
        """Close idle connections, until cancelled."""
        while True:
            await anyio.sleep(SWEEP_S)
            before_s = asyncio.get_running_loop().time() - self._idle_s
            for connection in [each for each in self.connections if each.is_idle_since(before_s)]:
                connection.close()

    async def close(self, grace_s: float) -> None:
        """Close every connection, those on which an answer is awaited within a grace."""
        if answering := {each.answering for each in self.connections if each.answering is not None}:
            await asyncio.wait(answering, timeout=grace_s)
        for connection in list(self.connections):
            connection.close()


class Connection(asyncio.Protocol):
    """One connection, from its first byte until it ends or is handed over."""

    _transport: asyncio.Transport

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._loop = asyncio.get_running_loop()
        self.answering: asyncio.Task[None] | None = None
        self._waiting = b""
        self._used_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        self._lane.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: whoever went away waits for nothing any more."""
        del exc
        self._lane.connections.discard(self)
        if self.answering is not None:
            self.answering.cancel()

    def data_received(self, data: bytes) -> None:
        """Answer a request, after the one that is being answered."""
        self._used_s = self._loop.time()
        if self.answering is None:
            self._take(data)
            return
        self._waiting += data
        if len(self._waiting) > LONGEST:
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        """Read no more from one who does not read."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        self._transport.resume_reading()

    def is_idle_since(self, instant_s: float) -> bool:
        """Whether nothing has happened since an instant of the loop's clock."""
        return self.answering is None and self._used_s < instant_s

    def close(self) -> None:
        """Close it when what was written has left."""
        self._transport.close()

    def _take(self, data: bytes) -> None:
        asked = whole(self._transport, data)
        handler = None if asked is None else self._lane.find(asked)
        if asked is None or handler is None:
            self._hand_over(data)
        else:
            self.answering = self._loop.create_task(self._answer(asked, handler))  # held here, ended with it

    async def _answer(self, asked: Asked, handler: Handler) -> None:
        response = await self._lane.errors(asked, handler)
        self.answering, self._used_s = None, self._loop.time()
        stays = asked.keep_alive and response.keep_alive is not False
        self._transport.write(_written(response, stays=stays))
        if not stays:
            self._transport.close()
        elif self._waiting and not self._transport.is_closing():
            data, self._waiting = self._waiting, b""
            self._transport.resume_reading()
            self._take(data)

    def _hand_over(self, data: bytes) -> None:
        self._lane.connections.discard(self)
        other = self._lane.aiohttp()
        self._transport.set_protocol(other)
        other.connection_made(self._transport)
        other.data_received(data)


def whole(transport: asyncio.Transport, data: bytes) -> Asked | None:
    """Read a request; ``None`` unless these bytes are one POST and no more, with nothing unusual about it."""
    if len(data) > LONGEST or not data.startswith(b"POST /"):
        return None
    reading = _Reading()
    parser = httptools.HttpRequestParser(reading)
    try:
        parser.feed_data(data)
        if not reading.is_plain or parser.get_http_version() != "1.1":
            return None
        keep_alive = "close" not in ",".join(reading.headers.getall("Connection", [])).lower()
        return Asked(transport, reading.url.decode("ascii"), reading.headers, reading.body, keep_alive=keep_alive)
    except (httptools.HttpParserError, UnicodeDecodeError):
        return None


class _Reading:
    """What the parser found."""

    def __init__(self) -> None:
        self.url = self.body = b""
        self.headers: CIMultiDict[str] = CIMultiDict()
        self._begun = self._complete = 0
        self._strange = False

    @property
    def is_plain(self) -> bool:
        return (
            self._begun == self._complete == 1
            and not self._strange
            and len(self.headers) <= MAX_HEADERS
            and "content-length" in self.headers
            and not any(mark in self.url for mark in b"?%#")
        )

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._strange |= name.lower() in _STRANGE or len(name) + len(value) > LONGEST_LINE
        self.headers.add(name.decode("ascii", "surrogateescape"), value.decode("utf-8", "surrogateescape"))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self._complete += 1


def _written(response: web.StreamResponse, *, stays: bool) -> bytes:
    assert isinstance(response, web.Response)
    assert isinstance(response.body, bytes)
    head = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    close = "" if stays else "Connection: close\r\n"
    start = f"HTTP/1.1 {response.status} {response.reason}\r\n{head}{close}Content-Length: {len(response.body)}\r\n\r\n"
    return start.encode() + response.body
