"""The quick lane of ``signals.sock``: requests that matter and came whole are answered without aiohttp's server.

What a bot is in a hurry with are a few routes, asked by short requests that arrive in one piece. Those are recognised
here and given to the handlers that aiohttp would call, in a fifth of the time that its server takes. A connection on
which anything else arrives, another route, a part of a request, several at once, a header that changes how a body is
read or what is spoken, nonsense, is handed over to aiohttp with its bytes (:mod:`daemon.api.http.connection`), and
stays there. So nothing here knows the rest of HTTP, and nothing is answered otherwise than there, but for the headers
Date and Server.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httptools
from aiohttp import web
from multidict import CIMultiDict

from daemon.api.http.request import Asked
from daemon.api.http.routes import Route

LONGEST = 65_536
"""Bytes of the longest request that is looked at."""

LONGEST_LINE = 8_000
MAX_HEADERS = 64

_ID = "([0-9A-Za-z_-]{1,128})"
_STRANGE = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"trailer"})

Handler = Callable[[Any], Awaitable[web.StreamResponse]]
Errors = Callable[[Any, Any], Awaitable[web.StreamResponse]]
"""A handler, and the middleware before it, both of aiohttp's kind; they take an :class:`Asked` as well."""


class Lane:
    """The routes in a hurry."""

    def __init__(self, routes: Sequence[Route], errors: Errors) -> None:
        """``errors`` makes answers of what handlers raise."""
        self.errors = errors
        self._exact: dict[str, Handler] = {}
        self._shapes: list[tuple[re.Pattern[str], Handler]] = []
        for route in routes:
            if route.quick and "{id}" in route.path:
                self._shapes.append((re.compile(route.path.replace("{id}", _ID)), route.handler))
            elif route.quick:
                self._exact[route.path] = route.handler

    def recognise(self, transport: asyncio.Transport, data: bytes) -> tuple[Asked, Handler] | None:
        """Read a request that came whole, and find who answers it; ``None`` leaves it to aiohttp's server."""
        asked = whole(transport, data)
        handler = None if asked is None else self._find(asked)
        return None if asked is None or handler is None else (asked, handler)

    def _find(self, asked: Asked) -> Handler | None:
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
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, UnicodeDecodeError):
        return None


class _Reading:
    """What the parser found."""

    def __init__(self) -> None:
        self.url = self.body = b""
        self.headers: CIMultiDict[str] = CIMultiDict()
        self._seen: set[bytes] = set()  # of some headers aiohttp admits one, of others many
        self._begun = self._complete = 0
        self._strange = False

    @property
    def is_plain(self) -> bool:
        return (
            self._begun == self._complete == 1
            and not self._strange
            and len(self.headers) <= MAX_HEADERS
            and "content-length" in self.headers
            and "host" in self.headers
            and not any(mark in self.url for mark in b"?%#")
        )

    def on_message_begin(self) -> None:
        self._begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        self._strange |= lower in _STRANGE or lower in self._seen or len(name) + len(value) > LONGEST_LINE
        self._seen.add(lower)
        self.headers.add(name.decode("ascii", "surrogateescape"), value.decode("utf-8", "surrogateescape"))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self._complete += 1
