"""Requests over aiohttp. The one question that matters when one fails: can the exchange have read a byte of it.

What is pinned here because aiohttp does otherwise by default (each observed, each with a test):

* a ``str`` URL is quoted anew, which changes signed bytes: the URL is handed over as already encoded;
* a POST without a body sends ``application/octet-stream``: the content type is always set;
* a redirect sends the POST again: redirects are not followed;
* GET, PUT and DELETE are sent again, once, silently, when a kept-alive connection drops; a POST is not;
* a kept-alive connection is used again although something lies on it unread, a 408 or the server's end of it.

The gate of an order stands in the connector: it is asked when the connection stands, so that no time that TCP and TLS
take passes between the gate and the first byte. aiohttp writes the request's head without giving way to any other task
once the connector has returned (a test holds it to that).
"""

import asyncio
import re
import select
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import ClassVar, Protocol
from weakref import WeakSet

import aiohttp
import msgspec
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from daemon.exchange.port import Gate

MAX_BODY = 16 << 20
"""Bytes of an answer that are read; exchangeInfo of all pairs is the longest."""

LONGEST_BAN_S = 259_200
"""MEXC's longest ban: three days (documented). No ``Retry-After`` is believed beyond it."""

IDLE_S = 45
"""A connection that idled for longer carries no request: a server or a router may have forgotten it without a word.
The clock check ([exchange] clock_check_s, 30 by default) keeps one connection in use."""

UNREAD = 408
"""Says that the server waited for a request in vain. On a connection that idled it was said before ours came."""

_SIGNATURE = re.compile(r"signature=[0-9a-fA-F]+")


class Reply(msgspec.Struct, frozen=True):
    """An HTTP answer."""

    status: int
    body: bytes
    retry_after_ms: int | None = None


class Failure(msgspec.Struct, frozen=True):
    """No HTTP answer. ``written`` is False only where the exchange cannot have read a byte of the request."""

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

        ``timeout_s`` is given to the connection and the gate to open, and then again to the exchange to answer.
        """
        ...


class _GateShut(Exception):
    """Ends a request that was built and must not be sent."""


class _Passage:
    """One request's way to the wire."""

    def __init__(self, gate: Gate | None, limit: asyncio.Timeout, timeout_s: float) -> None:
        self.written = False  # from the first byte on
        self.reused = False  # the connection carried a request before
        self._gate = gate
        self._limit = limit
        self._timeout_s = timeout_s

    async def ask(self) -> None:
        """Wait for the gate.

        Raises:
            _GateShut: it did not open.

        """
        why = None if self._gate is None else await self._gate()
        if why is not None:
            raise _GateShut(why)

    def begin(self) -> None:
        """Count the request as written; the exchange has its time to answer from here."""
        self._limit.reschedule(asyncio.get_running_loop().time() + self._timeout_s)
        self.written = True


_passage: ContextVar[_Passage] = ContextVar("passage")
"""Of the request that this task makes."""


class GatedConnector(aiohttp.TCPConnector):
    """Asks a request's gate when the connection stands, and passes over connections that the server gave up."""

    _carried: ClassVar[WeakSet[ResponseHandler]] = WeakSet()  # requests before

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # aiohttp's
    ) -> Connection:
        """Return a connection on which the request may be written at once."""
        passage = _passage.get()
        while True:
            connection = await super().connect(req, traces, timeout)
            assert connection.protocol is not None
            passage.reused = connection.protocol in self._carried
            try:
                if not passage.reused or not _is_given_up(connection.protocol, reused=True):
                    await passage.ask()
                given_up = _is_given_up(connection.protocol, reused=passage.reused)
            except BaseException:
                connection.release()  # nothing was written on it
                raise
            if not given_up:
                self._carried.add(connection.protocol)
                passage.begin()
                return connection
            connection.close()
            if not passage.reused:
                raise aiohttp.ClientConnectionError("the server closed the new connection before the request")


class HttpTransport:
    """Requests over one aiohttp session."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        """``session`` must have a :class:`GatedConnector`."""
        self._session = session
        self._base_url = base_url.rstrip("/")

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float, gate: Gate | None = None
    ) -> Reply | Failure | Stopped:
        """Make one request."""
        limit = asyncio.timeout(timeout_s)
        passage = _Passage(gate, limit, timeout_s)
        former = _passage.set(passage)
        try:
            async with (
                limit,
                self._session.request(
                    method,
                    URL(self._base_url + target, encoded=True),
                    headers=headers,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(connect=timeout_s / 2),
                ) as response,
            ):
                if response.status == UNREAD and passage.reused:
                    return Failure(written=False, why="HTTP 408 on an idle connection: the exchange read no request")
                return await _reply(response)
        except _GateShut as shut:
            return Stopped(str(shut))
        except (aiohttp.ClientError, OSError) as error:
            return Failure(written=passage.written, why=_describe(error))
        finally:
            _passage.reset(former)


@asynccontextmanager
async def open_transport(base_url: str, connector: GatedConnector | None = None) -> AsyncIterator[HttpTransport]:
    """Open the session that carries every request of one exchange.

    The number of connections is not bounded here: the limit of orders in flight bounds it, and an order that waits
    for a connection would wait behind requests of lesser rank.
    """
    async with aiohttp.ClientSession(
        connector=connector or GatedConnector(limit=0, keepalive_timeout=IDLE_S, ttl_dns_cache=300),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept-Encoding"),
        max_line_size=1 << 16,
    ) as session:
        yield HttpTransport(session, base_url)


def _is_given_up(protocol: ResponseHandler, *, reused: bool) -> bool:
    """Tell whether a request on this connection would go unread, as far as can be known without asking the server.

    On a connection that carried a request before nothing may lie unread: it is a 408, or the end. On a new one under
    TLS the server's session tickets may lie there, so only the end counts.
    """
    transport = protocol.transport
    if transport is None or transport.is_closing() or protocol.should_close:
        return True
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLRDHUP | (select.POLLIN if reused else 0))
    return bool(poll.poll(0))


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
