"""What handlers are given: a request of aiohttp's server, or one of the quick lane's."""

import asyncio

from aiohttp import web
from multidict import CIMultiDict


class Asked:
    """A request that came whole (:mod:`daemon.api.http.fast_path`), under the names that aiohttp's has."""

    __slots__ = ("headers", "keep_alive", "match_info", "method", "path", "raw", "transport")

    def __init__(
        self, transport: asyncio.Transport, path: str, headers: CIMultiDict[str], raw: bytes, *, keep_alive: bool
    ) -> None:
        """``raw`` is the body."""
        self.transport = transport
        self.method = "POST"
        self.path = path
        self.headers = headers
        self.raw = raw
        self.keep_alive = keep_alive
        self.match_info: dict[str, str] = {}


Request = web.Request | Asked
