"""Requests over aiohttp. The one question that matters when one fails: was a byte of it written.

What is pinned here because aiohttp does otherwise by default (each observed, each with a test):

* a ``str`` URL is quoted anew, which changes signed bytes: the URL is handed over as already encoded;
* a POST without a body sends ``application/octet-stream``: the content type is always set;
* a redirect sends the POST again: redirects are not followed;
* GET, PUT and DELETE are sent again, once, silently, when a kept-alive connection drops; a POST is not.

The gate of an order stands in a client middleware: the request is built while the disk still writes, and goes on to
the connection only when the gate has opened.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
import msgspec
from yarl import URL

from daemon.exchange.port import Gate

MAX_BODY = 16 << 20
"""Bytes of an answer that are read; exchangeInfo of all pairs is the longest."""

LONGEST_BAN_S = 259_200
"""MEXC's longest ban: three days (documented). No ``Retry-After`` is believed beyond it."""

_SIGNATURE = re.compile(r"signature=[0-9a-fA-F]+")


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer."""

    status: int
    body: bytes
    retry_after_ms: int | None = None


class Failure(msgspec.Struct, frozen=True):
    """No HTTP answer. ``written`` is False only where not a byte of the request can have left."""

    written: bool
    why: str


class Stopped(msgspec.Struct, frozen=True):
    """The gate did not open."""

    why: str


class Transport(Protocol):
    """Carries requests to the exchange."""

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float, gate: Gate | None = None
    ) -> Reply | Failure | Stopped:
        """Make one request. ``target`` is path and query, encoded already.

        ``timeout_s`` is given to the gate to open, and then again to the exchange to answer.
        """
        ...


class _GateShut(Exception):
    """Ends a request that was built and must not be sent."""


class HttpTransport:
    """Requests over one aiohttp session."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url.rstrip("/")

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float, gate: Gate | None = None
    ) -> Reply | Failure | Stopped:
        """Make one request."""
        sending = False

        async def hold(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
            nonlocal sending
            why = None if gate is None else await gate()
            if why is not None:
                raise _GateShut(why)
            limit.reschedule(asyncio.get_running_loop().time() + timeout_s)
            sending = True
            return await send(request)

        try:
            async with (
                asyncio.timeout(timeout_s) as limit,
                self._session.request(
                    method,
                    URL(self._base_url + target, encoded=True),
                    headers=headers,
                    allow_redirects=False,
                    middlewares=(hold,),
                    timeout=aiohttp.ClientTimeout(connect=timeout_s / 2),
                ) as response,
            ):
                return await _reply(response)
        except _GateShut as shut:
            return Stopped(str(shut))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Failure(written=False, why=_describe(error))
        except (aiohttp.ClientError, OSError) as error:
            return Failure(written=sending, why=_describe(error))


@asynccontextmanager
async def open_transport(base_url: str) -> AsyncIterator[HttpTransport]:
    """Open the session that carries every request of one exchange.

    The number of connections is not bounded here: the limit of orders in flight bounds it, and an order that waits
    for a connection would wait behind requests of lesser rank.
    """
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=75, ttl_dns_cache=300)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
        max_line_size=1 << 16,
    ) as session:
        yield HttpTransport(session, base_url)


async def _reply(response: aiohttp.ClientResponse) -> Reply:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise aiohttp.ClientPayloadError(f"the answer is longer than {MAX_BODY} bytes")
    return Reply(response.status, bytes(body), _retry_after_ms(response.headers.get("Retry-After")))


def _retry_after_ms(text: str | None) -> int | None:
    """Read ``Retry-After`` in seconds; an HTTP date, which MEXC does not send, is not read."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    seconds = int("0" + text.lstrip("0")[:7])  # seven digits are beyond any ban; Python reads no number of thousands
    return min(seconds, LONGEST_BAN_S) * 1_000


def _describe(error: Exception) -> str:
    """Tell of a failure without the signature that a message may quote."""
    text = _SIGNATURE.sub("signature=***", str(error)) or "no answer in time"
    return f"{type(error).__name__}: {text[:300]}"
