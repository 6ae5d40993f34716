"""The HTTP server around the exchange: reads requests, applies the replies' delays and cuts, serves the streams.

It owns the clock, the sockets and the waiting, which the exchange must not have. A request is handled without an await,
so that two requests never interleave. A request is executed even if its client disconnects.

Limits: 64 KiB for a request line, a header or a stream's message (a batch of 20 orders is one long line), 1 MiB for a
body.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from aiohttp import WSMsgType, web

from daemon.simulator.exchange import DelayedRequest, SimulatedExchange
from daemon.simulator.market import TICK_MS
from daemon.simulator.messages import Reply, Request
from daemon.simulator.streams import Stream

STREAM_PATH = "/ws"
_MAX_BYTES = 65_536
_GRACE_S = 0.2  # for unfinished replies when the server ends, so that a slow fault does not delay the end

Clock = Callable[[], int]
"""Returns Unix milliseconds."""


class Follower(Protocol):
    """Reads a real market before the exchange handles a request that needs its data."""

    async def refresh(self, request: Request) -> Reply | None:
        """Read the market data that a request needs; return a refusal if that fails, otherwise None."""
        ...


def wall_clock_ms() -> int:
    """Return Unix milliseconds. The exchange is a separate program, so it does not use the daemon's clock."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - daemon.clock belongs to the daemon; no code is shared


@asynccontextmanager
async def serving(
    exchange: SimulatedExchange,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    clock: Clock = wall_clock_ms,
    follower: Follower | None = None,
) -> AsyncIterator[str]:
    """Serve an exchange until the context ends, and yield its URL.

    Raises:
        OSError: the server cannot listen on the address.
    """
    shell = _Shell(exchange, clock, follower)
    server = web.Server(shell.answer, max_line_size=_MAX_BYTES, max_field_size=_MAX_BYTES, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        shell.start_ticking()
        yield _url(*runner.addresses[0][:2])
    finally:
        shell.stop_ticking()
        await runner.cleanup()


class _Shell:
    """Passes requests to one exchange, and sends its replies and streams."""

    def __init__(self, exchange: SimulatedExchange, clock: Clock, follower: Follower | None) -> None:
        self._exchange = exchange
        self._follower = follower
        self._clock = clock
        self._next_tick: asyncio.TimerHandle | None = None
        self._wakers: set[asyncio.Event] = set()

    async def answer(self, received: web.BaseRequest) -> web.StreamResponse:
        if received.path == STREAM_PATH:
            return await self._carry_stream(received)
        body = await received.read()
        request = _request(received, body)
        if self._follower is not None and (refused := await self._follower.refresh(request)) is not None:
            return await _carry_out(refused, received)
        answer = self._exchange.handle(request, self._clock())
        self._wake_streams()
        if isinstance(answer, DelayedRequest):
            await asyncio.sleep(answer.delay_ms / 1_000)
            answer = self._exchange.resume(answer, self._clock())
            self._wake_streams()
        return await _carry_out(answer, received)

    def start_ticking(self) -> None:
        """Move the markets that have open orders, and end streams, without waiting for a request."""
        self._next_tick = asyncio.get_running_loop().call_later(TICK_MS / 1_000, self.start_ticking)
        self._exchange.advance(self._clock())
        self._wake_streams()

    def stop_ticking(self) -> None:
        if self._next_tick is not None:
            self._next_tick.cancel()

    async def _carry_stream(self, received: web.BaseRequest) -> web.StreamResponse:
        """Serve a connection to the streams until one side ends it."""
        connection = web.WebSocketResponse(max_msg_size=_MAX_BYTES)
        await connection.prepare(received)
        stream = self._exchange.open_stream(received.query.get("listenKey", ""), self._clock())
        waker = asyncio.Event()
        self._wakers.add(waker)
        try:
            async with asyncio.TaskGroup() as tasks:
                sending = tasks.create_task(self._send(stream, connection, received, waker))
                async for message in connection:
                    if message.type is WSMsgType.TEXT:
                        self._exchange.receive(stream, message.data, self._clock())
                        self._wake_streams()
                sending.cancel()
        finally:
            self._wakers.discard(waker)
            self._exchange.close_stream(stream)
        return connection

    async def _send(
        self, stream: Stream, connection: web.WebSocketResponse, received: web.BaseRequest, waker: asyncio.Event
    ) -> None:
        """Send the outbox after every wake-up, and close or cut the connection when the stream is over."""
        with suppress(ConnectionError):  # the client has disconnected: the reading task ends too
            while not stream.is_over(self._clock()):
                await waker.wait()
                waker.clear()
                while stream.outbox:
                    message = stream.outbox.popleft()
                    await (connection.send_str(message) if isinstance(message, str) else connection.send_bytes(message))
            if not stream.is_cut:
                await connection.close()
            elif received.transport is not None:
                received.transport.abort()

    def _wake_streams(self) -> None:
        for waker in self._wakers:
            waker.set()


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _request(received: web.BaseRequest, body: bytes) -> Request:
    """Return the request with the query as received: the signature covers these bytes."""
    target = received.raw_path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    path, _, query = target.partition("?")
    return Request(received.method, path, query, received.headers, body, received.remote or "")


async def _carry_out(reply: Reply, received: web.BaseRequest) -> web.StreamResponse:
    """Apply the reply's delay, and cut the connection if it is dropped: aiohttp then cannot send the response."""
    if reply.delay_ms:
        await asyncio.sleep(reply.delay_ms / 1_000)
    if reply.drop_reply and received.transport is not None:
        received.transport.abort()
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
