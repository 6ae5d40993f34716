"""Servers that a test controls: they record every received byte, and treat each connection as the test specifies."""

import socket
import ssl
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl

import anyio
import msgspec
from anyio.abc import ByteStream, SocketAttribute, SocketListener
from anyio.lowlevel import checkpoint
from anyio.streams.tls import TLSListener

END_OF_HEAD = b"\r\n\r\n"


class Request(msgspec.Struct, frozen=True):
    """One request as received: the head without its empty line, and the body."""

    head: bytes
    body: bytes

    @property
    def method(self) -> str:
        """GET, POST or DELETE."""
        return self._line[0].decode("ascii")

    @property
    def target(self) -> bytes:
        """Path and query, byte for byte."""
        return self._line[1]

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition(b"?")[0].decode("ascii")

    @property
    def query(self) -> bytes:
        """The bytes after the question mark."""
        return self.target.partition(b"?")[2]

    @property
    def parameters(self) -> dict[str, str]:
        """The query's parameters, unescaped; a duplicate fails the test."""
        pairs = parse_qsl(self.query.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        assert len(dict(pairs)) == len(pairs), "the query has a parameter twice"
        return dict(pairs)

    @property
    def headers(self) -> dict[str, str]:
        """By lower-case name; a duplicate header fails the test."""
        lines = [line.split(b": ", 1) for line in self.head.split(b"\r\n")[1:]]
        headers = {name.decode("ascii").lower(): value.decode("ascii") for name, value in lines}
        assert len(headers) == len(lines), "a header is present twice"
        return headers

    @property
    def _line(self) -> list[bytes]:
        return self.head.split(b"\r\n", 1)[0].split(b" ")


class Connection:
    """The server's end of one connection."""

    def __init__(self, stream: ByteStream) -> None:
        self.received = bytearray()  # every byte of it
        self._stream = stream
        self._read = 0  # the number of parsed bytes

    async def request(self) -> Request:
        """Read the next request; raises an error of anyio, which ends the conversation, if the client disconnects."""
        while (end := self.received.find(END_OF_HEAD, self._read)) < 0:
            self.received += await self._stream.receive()
        head = bytes(self.received[self._read : end])
        length = int(Request(head, b"").headers.get("content-length", "0"))
        begin = end + len(END_OF_HEAD)
        while len(self.received) < begin + length:
            self.received += await self._stream.receive()
        self._read = begin + length
        return Request(head, bytes(self.received[begin : self._read]))

    async def read(self) -> bytes:
        """Read the next bytes."""
        data = await self._stream.receive()
        self.received += data
        return data

    async def send(self, data: bytes) -> None:
        """Send bytes unchanged."""
        await self._stream.send(data)

    async def close(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def reset(self) -> None:
        """Close the connection with RST instead of FIN."""
        raw = self._stream.extra(SocketAttribute.raw_socket)  # noqa: S610  # anyio's, not Django's
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await self._stream.aclose()

    async def wait_for_end(self) -> None:
        """Read until the client closes the connection."""
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                self.received += await self._stream.receive()


Behaviour = Callable[["Peer", Connection], Awaitable[None]]


class Peer:
    """A server with its connections and the received requests."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connections: list[Connection] = []
        self.requests: list[Request] = []

    @property
    def bytes_received(self) -> int:
        """The number of received bytes."""
        return sum(len(connection.received) for connection in self.connections)

    @property
    def counts(self) -> Counter[str]:
        """The number of received requests by method."""
        return Counter(request.method for request in self.requests)

    async def next_request(self, connection: Connection) -> Request:
        """Read and record a request."""
        request = await connection.request()
        self.requests.append(request)
        return request


@asynccontextmanager
async def serve(behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Listen on the loopback, and run the behaviour for each connection in a task."""
    listening = socket.create_server(("127.0.0.1", 0))  # not anyio's function, which resolves the address in a thread
    listener = await SocketListener.from_socket(listening)
    peer = Peer(f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}")

    async def converse(stream: ByteStream) -> None:
        connection = Connection(stream)
        peer.connections.append(connection)
        async with stream:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                await behaviour(peer, connection)

    failure: Exception | None = None
    async with listener, anyio.create_task_group() as tasks:
        served: Any = TLSListener(listener, tls) if tls else listener
        tasks.start_soon(served.serve, converse)
        try:
            yield peer
        except Exception as error:  # noqa: BLE001  # raised below, outside the group, so that it is not wrapped
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure


def http(status: int, body: bytes | str = b"", **headers: str) -> bytes:
    """Return an HTTP reply; ``Retry_After="2"`` becomes a header."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Any", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + END_OF_HEAD + body


def answering(*replies: bytes) -> Behaviour:
    """Send these replies in order, to any requests; the last one is repeated."""
    waiting = list(replies)

    async def answer(peer: Peer, connection: Connection) -> None:
        while True:
            await peer.next_request(connection)
            await connection.send(waiting.pop(0) if len(waiting) > 1 else waiting[0])

    return answer


async def silence(peer: Peer, connection: Connection) -> None:
    """Read requests without replying."""
    while True:
        await peer.next_request(connection)


@contextmanager
def full_backlog() -> Iterator[str]:
    """Listen at an address that establishes no further connection: its backlog is full, and nothing accepts."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiter = stack.enter_context(socket.socket())
            waiter.setblocking(False)
            waiter.connect_ex(listening.getsockname())
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


async def settle() -> None:
    """Let all tasks run that can run without advancing the time."""
    for _ in range(100):
        await checkpoint()


def unused_url() -> str:
    """Return the URL of a port without a listener."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
