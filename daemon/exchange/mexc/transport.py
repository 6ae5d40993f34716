"""Requests over aiohttp's connections. When a request fails, what matters is whether the exchange can have read a byte.

aiohttp opens the connections, with TLS, keeps them in a pool (:mod:`.pool`), and reads the answers. This module writes
the requests as prepared bytes, because aiohttp's own client is not safe for orders (each observed, each with a test):
it quotes a target again, which changes signed bytes; it follows redirects, which sends a POST again; and it reuses a
kept-alive connection with unread data on it, a 408 or the server's end of the connection.

A request has three steps: :meth:`HttpTransport.connect`, :meth:`Connection.write`, :meth:`Connection.reply`. The caller
makes its last checks between the first two; ``write`` does not wait.
"""

import asyncio
import re
import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp
import aiohttp.connector
import msgspec
from aiohttp.http import HttpProcessingError
from yarl import URL

from daemon.exchange.mexc.idle_limit import LONGEST_S, IdleLimit
from daemon.exchange.mexc.pool import Pool

MAX_BODY = 16 << 20
"""Bytes of an answer that are read; exchangeInfo of all pairs is the longest."""

LONGEST_BAN_S = 259_200
"""MEXC's longest ban: three days (documented). A longer ``Retry-After`` is cut to it."""

UNREAD = 408
"""The server received no request in time. On an idle connection it sent this before our request arrived."""

LONGEST_LINE = 1 << 16
"""The longest status line or header, in bytes."""

INTERIM = frozenset({100, *range(102, 200)})
"""Statuses that are followed by another answer. 101 is not."""

READ_NOTHING = "HTTP 408 on an idle connection: the exchange read no request"

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
    """An open connection, with TLS. It carries one request, or returns to the pool unused."""

    reused: bool  # whether it carried a request before

    def write(self, request: bytes) -> bool:
        """Write a request at once; ``False`` where the server has given the connection up: nothing was written."""
        ...

    async def reply(self, timeout_s: float) -> Reply | Failure:
        """Read the answer to what was written; then the connection is no longer ours."""
        ...

    def release(self) -> None:
        """Give the connection back to the pool, if nothing was written on it."""
        ...


BeforeWrite = Callable[[Connection], None]
"""Is called with the connection right before a request is written."""


class Transport(Protocol):
    """Carries requests to the exchange."""

    @property
    def idle_limit(self) -> IdleLimit:
        """How long an idle connection may be used again, as far as it is known."""
        ...

    def build(self, method: str, target: str, header_lines: str) -> bytes:
        """Return the bytes of a request. ``target`` is path and query, already encoded."""
        ...

    def pooled(self) -> Connection | None:
        """Return an open connection of the pool; ``None`` if there is none."""
        ...

    def is_warm(self) -> bool:
        """Whether there is an open connection in the pool."""
        ...

    async def connect(self, timeout_s: float) -> Connection:
        """Return an open connection.

        Raises:
            aiohttp.ClientError, OSError: no connection could be opened in that time.

        """
        ...

    async def request(
        self, request: bytes, timeout_s: float, *, repeatable: bool, before_write: BeforeWrite = lambda _: None
    ) -> Reply | Failure:
        """Send one request as soon as there is a connection.

        Args:
            request: its bytes.
            timeout_s: the limit for opening the connection, and then again for the answer.
            repeatable: the request is written once more if its connection drops before the answer.
            before_write: is called right before the request is written, each time.

        """
        ...


class PooledConnection:
    """A connection of aiohttp's pool."""

    def __init__(self, connection: aiohttp.connector.Connection, pool: Pool) -> None:
        """``pool`` is where it was taken from."""
        assert connection.protocol is not None
        self.dropped = False  # the server hung up on the request without an answer
        self.reused = connection.protocol in pool.carried
        self._connection = connection
        self._protocol = connection.protocol
        self._pool = pool
        self._is_written = False

    def write(self, request: bytes) -> bool:
        """Write a request at once; ``False`` where the server has given the connection up: nothing was written."""
        if self.is_given_up():
            if self.reused:
                self._pool.was_closed(self._connection)
            self._connection.close()
            return False
        self._is_written = True
        self._pool.carried.add(self._protocol)
        self._protocol.transport.write(request)  # type: ignore[union-attr]  # it is open
        # Not before: a parser takes the first bytes of an unsolicited answer, and then nothing shows them.
        self._protocol.set_response_params(read_until_eof=True, max_line_size=LONGEST_LINE)
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
        self._pool.give_back(self._connection)
        return reply

    def release(self) -> None:
        """Give the connection back to the pool, if nothing was written on it."""
        if not self._is_written:
            self._pool.give_back(self._connection)

    def is_given_up(self) -> bool:
        """Return whether the server has closed the connection, as far as the socket shows.

        On a connection that carried a request before, unread data is a 408 or the end. On a new one with TLS it may be
        the server's session tickets, so only the end counts.
        """
        transport = self._protocol.transport
        if transport is None or transport.is_closing() or self._protocol.should_close:
            return True
        events = select.POLLRDHUP | (select.POLLIN if self.reused else 0)
        poll = select.poll()
        poll.register(transport.get_extra_info("socket").fileno(), events)
        return bool(poll.poll(0))

    async def _read(self) -> Reply | Failure:
        while True:
            message, content = await self._protocol.read()
            if message.code not in INTERIM:
                break
        if message.code == UNREAD and self.reused:  # its body, which may never come, says no more
            return Failure(written=False, why=READ_NOTHING)
        body = bytearray()
        async for chunk in content.iter_any():
            body += chunk
            if len(body) > MAX_BODY:
                raise aiohttp.ClientPayloadError(f"the answer is longer than {MAX_BODY} bytes")
        return Reply(message.code, bytes(body), retry_after_ms(message.headers.get("Retry-After")))


class HttpTransport:
    """Requests to one address over one pool of connections."""

    def __init__(self, pool: Pool, url: URL) -> None:
        self._pool = pool
        self._path = url.raw_path.rstrip("/")
        self._host = url.host_port_subcomponent

    @property
    def idle_limit(self) -> IdleLimit:
        """How long an idle connection may be used again, as far as it is known."""
        return self._pool.limit

    def build(self, method: str, target: str, header_lines: str) -> bytes:
        """Return the bytes of a request."""
        length = "" if method == "GET" else "Content-Length: 0\r\n"
        return (
            f"{method} {self._path}{target} HTTP/1.1\r\nHost: {self._host}\r\nAccept: */*\r\n{header_lines}{length}\r\n"
        ).encode("ascii")

    def pooled(self) -> PooledConnection | None:
        """Return an open connection of the pool; ``None`` if there is none."""
        found = self._pool.idle()
        return None if found is None else PooledConnection(found, self._pool)

    def is_warm(self) -> bool:
        """Whether there is an open connection in the pool."""
        found = self.pooled()
        if found is not None:
            found.release()
        return found is not None

    async def connect(self, timeout_s: float) -> PooledConnection:
        """Return an open connection."""
        return PooledConnection(await self._pool.connect(timeout_s / 2), self._pool)

    async def request(
        self, request: bytes, timeout_s: float, *, repeatable: bool, before_write: BeforeWrite = lambda _: None
    ) -> Reply | Failure:
        """Send one request as soon as there is a connection."""
        is_written = False
        while True:
            try:
                async with asyncio.timeout(timeout_s):
                    connection = await self.connect(timeout_s)
            except (aiohttp.ClientError, OSError) as error:
                return Failure(written=is_written, why=describe(error))
            before_write(connection)
            if not connection.write(request):
                if connection.reused:
                    continue
                return Failure(written=is_written, why=GIVEN_UP)
            is_written = True
            reply = await connection.reply(timeout_s)
            if not (connection.dropped and repeatable):
                return reply
            repeatable = False


@asynccontextmanager
async def open_transport(
    base_url: str, connector: aiohttp.BaseConnector | None = None, *, idle_limit: IdleLimit | None = None
) -> AsyncIterator[HttpTransport]:
    """Open the pool that carries every request of one exchange.

    The pool does not limit the number of connections: the limit of orders in flight does.
    """
    url = URL(base_url)
    async with (
        connector or aiohttp.TCPConnector(limit=0, keepalive_timeout=LONGEST_S, ttl_dns_cache=300) as connections,
        Pool(connections, aiohttp.ClientRequest("GET", url), idle_limit or IdleLimit()) as pool,
    ):
        yield HttpTransport(pool, url)


def retry_after_ms(text: str | None) -> int | None:
    """Read ``Retry-After`` in seconds; an HTTP date, which MEXC does not send, is not read."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    seconds = int("0" + text.lstrip("0")[:7])  # longer than any ban; Python refuses thousands of digits
    return min(seconds, LONGEST_BAN_S) * 1_000


def describe(error: Exception) -> str:
    """Describe a failure without the signature, which its message may quote."""
    text = _SIGNATURE.sub("signature=***", str(error)) or "no answer in time"
    return f"{type(error).__name__}: {text[:300]}"
