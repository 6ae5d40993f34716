"""Requests over aiohttp's connections. The one question that matters when one fails: can the exchange have read a byte.

aiohttp opens the connections, with TLS, keeps them in a pool, and reads the answers. The requests are written here, as
bytes that were built before, because aiohttp's own client does otherwise than an order wants (each observed, each
with a test): it quotes a target anew, which changes signed bytes; it follows redirects, which sends a POST again; and
it uses a kept-alive connection again although something lies on it unread, a 408 or the server's end of it.

A request goes in three steps: :meth:`HttpTransport.connect`, :meth:`Connection.write`, :meth:`Connection.reply`. What
must be known when the first byte leaves is asked between the first two; ``write`` waits for nothing.
"""

import asyncio
import re
import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol
from weakref import WeakSet

import aiohttp
import aiohttp.connector
import msgspec
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError
from yarl import URL

MAX_BODY = 16 << 20
"""Bytes of an answer that are read; exchangeInfo of all pairs is the longest."""

LONGEST_BAN_S = 259_200
"""MEXC's longest ban: three days (documented). No ``Retry-After`` is believed beyond it."""

IDLE_S = 45
"""A connection that idled for longer carries no request: a server or a router may have forgotten it without a word.
The clock check ([exchange] clock_check_s, 30 by default) keeps one connection in use."""

UNREAD = 408
"""The server waited for a request and none came. On a connection that idled it was said before ours came."""

LONGEST_LINE = 1 << 16
"""Bytes of a status line or a header."""

INTERIM = frozenset({100, *range(102, 200)})
"""Statuses that another answer follows. After 101 none does."""

GIVEN_UP = "ClientConnectionError: the server closed the new connection before the request"

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


class Connection(Protocol):
    """A connection that stands, TCP and TLS. It carries one request, or goes back to the pool without."""

    reused: bool  # it carried a request before

    def write(self, request: bytes) -> bool:
        """Write a request at once; ``False`` where the server has given the connection up: nothing was written."""
        ...

    async def reply(self, timeout_s: float) -> Reply | Failure:
        """Read the answer to what was written; then the connection is no longer ours."""
        ...

    def release(self) -> None:
        """Give the connection back to the pool, if nothing was written on it."""
        ...


class Transport(Protocol):
    """Carries requests to the exchange."""

    def build(self, method: str, target: str, header_lines: str) -> bytes:
        """Return a request as it is written. ``target`` is path and query, encoded already."""
        ...

    async def connect(self, timeout_s: float) -> Connection:
        """Return a connection that stands.

        Raises:
            aiohttp.ClientError, OSError: there is none in that time.

        """
        ...

    async def request(self, request: bytes, timeout_s: float, *, repeatable: bool) -> Reply | Failure:
        """Make one request that waits for nothing but a connection.

        ``timeout_s`` is given to the connection to open, and then again to the exchange to answer. A ``repeatable``
        request is written once more where its connection drops before an answer.
        """
        ...


class PooledConnection:
    """A connection of aiohttp's pool."""

    def __init__(self, connection: aiohttp.connector.Connection, carried: WeakSet[ResponseHandler]) -> None:
        """``carried`` are the connections that carried a request before."""
        assert connection.protocol is not None
        self.dropped = False  # the server hung up on the request without an answer
        self.reused = connection.protocol in carried
        self._connection = connection
        self._protocol = connection.protocol
        self._carried = carried
        self._is_written = False
        self._protocol.set_response_params(read_until_eof=True, max_line_size=LONGEST_LINE)

    def write(self, request: bytes) -> bool:
        """Write a request at once; ``False`` where the server has given the connection up: nothing was written."""
        if self.is_given_up():
            self._connection.close()
            return False
        self._is_written = True
        self._carried.add(self._protocol)
        self._protocol.transport.write(request)  # type: ignore[union-attr]  # it stands
        return True

    async def reply(self, timeout_s: float) -> Reply | Failure:
        """Read the answer to what was written; then the connection is no longer ours."""
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._read()
        except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
            self.dropped = isinstance(error, aiohttp.ClientOSError | aiohttp.ServerDisconnectedError)
            self._connection.close()
            return Failure(written=True, why=describe(error))
        except BaseException:
            self._connection.close()
            raise
        self._connection.release()
        if reply.status == UNREAD and self.reused:
            return Failure(written=False, why="HTTP 408 on an idle connection: the exchange read no request")
        return reply

    def release(self) -> None:
        """Give the connection back to the pool, if nothing was written on it."""
        if not self._is_written:
            self._connection.release()

    def is_given_up(self) -> bool:
        """Return whether a request would go unread, as far as can be known without asking the server.

        On a connection that carried a request before nothing may lie unread: it is a 408, or the end. On a new one
        under TLS the server's session tickets may lie there, so only the end counts.
        """
        transport = self._protocol.transport
        if transport is None or transport.is_closing() or self._protocol.should_close:
            return True
        events = select.POLLRDHUP | (select.POLLIN if self.reused else 0)
        poll = select.poll()
        poll.register(transport.get_extra_info("socket").fileno(), events)
        return bool(poll.poll(0))

    async def _read(self) -> Reply:
        while True:
            message, content = await self._protocol.read()
            if message.code not in INTERIM:
                break
        body = bytearray()
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > MAX_BODY:
                raise aiohttp.ClientPayloadError(f"the answer is longer than {MAX_BODY} bytes")
        return Reply(message.code, bytes(body), _retry_after_ms(message.headers.get("Retry-After")))


class HttpTransport:
    """Requests to one address over one pool of connections."""

    def __init__(self, connector: aiohttp.BaseConnector, base_url: str) -> None:
        url = URL(base_url)
        self._connector = connector
        self._destination = aiohttp.ClientRequest("GET", url)  # what the pool knows connections by
        self._path = url.raw_path.rstrip("/")
        self._host = url.host_port_subcomponent
        self._carried: WeakSet[ResponseHandler] = WeakSet()

    def build(self, method: str, target: str, header_lines: str) -> bytes:
        """Return a request as it is written."""
        length = "" if method == "GET" else "Content-Length: 0\r\n"
        return (
            f"{method} {self._path}{target} HTTP/1.1\r\nHost: {self._host}\r\nAccept: */*\r\n{header_lines}{length}\r\n"
        ).encode("ascii")

    async def connect(self, timeout_s: float) -> PooledConnection:
        """Return a connection that stands, and that the server has not given up."""
        timeout = aiohttp.ClientTimeout(connect=timeout_s / 2)
        while True:
            try:
                found = await self._connector.connect(self._destination, [], timeout)
            except TimeoutError:
                raise aiohttp.ConnectionTimeoutError("no connection in time") from None
            connection = PooledConnection(found, self._carried)
            if not (connection.reused and connection.is_given_up()):
                return connection
            found.close()

    async def request(self, request: bytes, timeout_s: float, *, repeatable: bool) -> Reply | Failure:
        """Make one request that waits for nothing but a connection."""
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    connection = await self.connect(timeout_s)
            except (aiohttp.ClientError, OSError) as error:
                return Failure(written=False, why=describe(error))
            if not connection.write(request):
                return Failure(written=False, why=GIVEN_UP)
            reply = await connection.reply(timeout_s)
            if not (connection.dropped and repeatable):
                return reply
            repeatable = False


@asynccontextmanager
async def open_transport(base_url: str, connector: aiohttp.BaseConnector | None = None) -> AsyncIterator[HttpTransport]:
    """Open the pool that carries every request of one exchange.

    The number of connections is not bounded here: the limit of orders in flight bounds it, and an order that waits
    for a connection would wait behind requests of lesser rank.
    """
    async with connector or aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S, ttl_dns_cache=300) as pool:
        yield HttpTransport(pool, base_url)


def _retry_after_ms(text: str | None) -> int | None:
    """Read ``Retry-After`` in seconds; an HTTP date, which MEXC does not send, is not read."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    seconds = int("0" + text.lstrip("0")[:7])  # seven digits are beyond any ban; Python reads no number of thousands
    return min(seconds, LONGEST_BAN_S) * 1_000


def describe(error: Exception) -> str:
    """Describe a failure without the signature that a message may quote."""
    text = _SIGNATURE.sub("signature=***", str(error)) or "no answer in time"
    return f"{type(error).__name__}: {text[:300]}"
