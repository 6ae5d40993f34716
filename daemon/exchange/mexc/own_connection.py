"""Connections of our own, beside aiohttp's pool: any thread can write to one at once, without the event loop.

A request for an instant is written by the firing thread (:mod:`daemon.engine.firing_thread`). aiohttp's connections
belong to the loop, and it has no public way to give the socket of one away. So these are opened and read here, over the
loop's public methods for sockets. One thread at a time uses a connection: the loop's, until the request is held for its
instant, then the firing thread, until the write, then the loop's again. Meanwhile the loop only watches the socket, not
its TLS.
"""

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import httptools
from yarl import URL

from daemon.exchange.mexc.answer_parser import AnswerParser
from daemon.exchange.mexc.transport import READ_NOTHING, UNREAD, Connection, Failure, Reply, describe

CHUNK = 1 << 16

NOT_WRITTEN = (BrokenPipeError, ConnectionResetError)
"""Errors of a system call that has written nothing."""

WANTS = (BlockingIOError, ssl.SSLWantReadError)


class WarmConnection(Connection, Protocol):
    """A connection that can be kept open, and watched while a request waits for its instant."""

    @property
    def is_open(self) -> bool:
        """Whether it can carry a request, as far as the socket shows."""
        ...

    def watch(self, dropped: Callable[[], None]) -> None:
        """Call ``dropped`` in the loop when the socket shows that the server gave the connection up."""
        ...

    def unwatch(self) -> None:
        """Watch it no more."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


Dial = Callable[[float], Awaitable[WarmConnection]]
"""Opens a connection to the exchange within some seconds; raises ``OSError`` if it cannot."""


class OwnConnection:
    """A connection over a socket of our own."""

    def __init__(self, own: socket.socket, on_close: Callable[["OwnConnection"], None]) -> None:
        """Take over a connected socket that does not block; with TLS, after its handshake."""
        self.reused = False
        self.is_open_to_us = True
        self._socket = own
        self._on_close = on_close
        self._loop = asyncio.get_running_loop()
        self._problem: str | None = None  # why the request is written in part, or may be

    @property
    def is_open(self) -> bool:
        """Whether it can carry a request, as far as the socket shows.

        Unread data on an idle connection is a 408 or the end; on a new one with TLS it may be session tickets.
        """
        if not self.is_open_to_us:
            return False
        poll = select.poll()
        poll.register(self._socket.fileno(), select.POLLRDHUP | (select.POLLIN if self.reused else 0))
        return not poll.poll(0)

    def write(self, request: bytes) -> bool:
        """Write a request at once, in any thread; ``False`` if not one byte was written.

        The request is short, and the socket's buffer empty. So less than all of it is a failure whose outcome is
        unknown, and so is any other error, because TLS may have written a part.
        """
        try:
            if not self.is_open:
                return False
            written = self._socket.send(request)
        except NOT_WRITTEN:
            return False
        except (OSError, ValueError) as error:
            self._problem = describe(error)
            return True
        if written < len(request):
            self._problem = f"only {written} of {len(request)} bytes were written"
        return True

    async def reply(self, timeout_s: float) -> Reply | Failure:
        """Read the answer to what was written; then the connection can carry another request, or is closed."""
        self.unwatch()
        if self._problem is not None:
            self.close()
            return Failure(written=True, why=self._problem)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._read()
        except (OSError, httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.close()
            return Failure(written=True, why=describe(error))
        except BaseException:
            self.close()
            raise
        was_reused, self.reused = self.reused, True
        if not answer.keeps_alive:
            self.close()
        if answer.reply.status == UNREAD and was_reused:
            return Failure(written=False, why=READ_NOTHING)
        return answer.reply

    def release(self) -> None:
        """Watch it no more; its keeper takes it back by itself."""
        self.unwatch()

    def watch(self, dropped: Callable[[], None]) -> None:
        """Call ``dropped`` in the loop when the socket shows that the server gave the connection up."""
        self._loop.add_reader(self._socket.fileno(), dropped)

    def unwatch(self) -> None:
        """Watch it no more."""
        if self.is_open_to_us:
            self._loop.remove_reader(self._socket.fileno())

    def close(self) -> None:
        """Close it, without a word to the server: TLS would have to wait for it."""
        if self.is_open_to_us:
            self.unwatch()
            self.is_open_to_us = False
            self._socket.close()
            self._on_close(self)

    async def _read(self) -> AnswerParser:
        answer = AnswerParser()
        while not answer.is_complete:
            try:
                answer.feed(self._socket.recv(CHUNK))
            except WANTS:
                await _ready(self._loop.add_reader, self._loop.remove_reader, self._socket.fileno())
        return answer


class Dialer:
    """Opens connections to one address."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._tls: ssl.SSLContext | None = None
        self._open: set[OwnConnection] = set()

    async def __call__(self, timeout_s: float) -> OwnConnection:
        """Open a connection, with TLS.

        Raises:
            OSError: none could be opened in that time.

        """
        async with asyncio.timeout(timeout_s):
            connected = await self._connect()
            try:
                if self._url.scheme == "https":
                    connected = await self._with_tls(connected)
            except BaseException:
                connected.close()
                raise
        connection = OwnConnection(connected, self._open.discard)
        self._open.add(connection)
        return connection

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._open):
            connection.close()

    async def _connect(self) -> socket.socket:
        """Connect to the first address that accepts."""
        loop, error = asyncio.get_running_loop(), OSError("the exchange's name has no address")
        found = await loop.getaddrinfo(self._url.raw_host, self._url.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            connected = socket.socket(family, kind, protocol)
            try:
                connected.setblocking(False)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                await loop.sock_connect(connected, address)
            except OSError as failed:
                connected.close()
                error = failed
            except BaseException:
                connected.close()
                raise
            else:
                return connected
        raise error

    async def _with_tls(self, connected: socket.socket) -> ssl.SSLSocket:
        loop = asyncio.get_running_loop()
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        tls = self._tls.wrap_socket(
            connected, server_hostname=self._url.raw_host, do_handshake_on_connect=False, suppress_ragged_eofs=True
        )
        try:
            while True:
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    await _ready(loop.add_reader, loop.remove_reader, tls.fileno())
                except ssl.SSLWantWriteError:
                    await _ready(loop.add_writer, loop.remove_writer, tls.fileno())
                else:
                    return tls
        except BaseException:
            tls.close()
            raise


@asynccontextmanager
async def open_dialer(base_url: str) -> AsyncIterator[Dialer]:
    """Open connections to an address while the context lasts."""
    dialer = Dialer(URL(base_url))
    try:
        yield dialer
    finally:
        dialer.close()


async def _ready(add: Callable[..., object], remove: Callable[[int], object], descriptor: int) -> None:
    """Wait until a descriptor can be read, or written."""
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def set_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    add(descriptor, set_ready)
    try:
        await ready
    finally:
        with suppress(OSError, ValueError):
            remove(descriptor)
