"""The sockets: ``signals.sock`` trades and administers, ``status.sock`` only reads; and the loopback listener."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon.api.admin import Admin
from daemon.api.board import Board
from daemon.api.bot.locks import BotLocks
from daemon.api.bot.trade import BotTrade
from daemon.api.context import Context
from daemon.api.dashboard_page import Page
from daemon.api.http.body import BATCH_LIMIT
from daemon.api.http.connection import Connections, tell_connections
from daemon.api.http.connection_limits import bounds, descriptors
from daemon.api.http.fast_path import Lane
from daemon.api.http.loopback import Loopback, guard
from daemon.api.http.responses import errors_become_answers
from daemon.api.http.routes import Route
from daemon.api.http.sockets import given_listener, tcp_listener, unix_listener
from daemon.api.locks import Locks
from daemon.api.monitoring import Monitoring
from daemon.api.openapi import described
from daemon.api.orders import Orders
from daemon.api.signals import Signals
from daemon.api.status import Status
from daemon.api.stream import Events
from daemon.api.stream_feed import Feed
from daemon.clock import Clock
from daemon.core.values.events import Detail, Event
from daemon.engine.engine import Engine
from daemon.errors import AlreadyRunning, CannotCreate

BACKLOG = 4_096
"""So many callers may wait in a socket until they are accepted."""

ACCEPTED_AT_ONCE = 16
"""So many are accepted before anything else is done: each has a descriptor before it can be refused."""

KEEPALIVE_S = 75
"""An idle connection is closed after so long."""

TOLD_EVERY_S = 10.0
"""How often it is told at most that a listener refuses connections."""

LINGER_S = 0.5
"""So long the rest of a refused body is read, so that the caller gets the answer."""


GRACE_S = 1.0
"""So long requests may still be answered at the end."""

NONE_GIVEN: Mapping[str, socket.socket] = MappingProxyType({})


@asynccontextmanager
async def serve(
    context: Context,
    feed: Feed,
    *,
    signals: Path,
    status: Path,
    loopback: Loopback | None,
    emit: Callable[[Event], None],
    given: Mapping[str, socket.socket] = NONE_GIVEN,
) -> AsyncIterator[str | None]:
    """Serve both sockets, and the loopback listener where it is wanted; yield the latter's address.

    ``given`` are sockets, by the names ``signals`` and ``status``, that the service manager keeps; they take the places
    of the paths.

    Raises:
        AlreadyRunning: another process answers on one of them.
        CannotCreate: one of them cannot be made.

    """
    orders, locks, bot_locks, monitoring = Orders(context), Locks(context), BotLocks(context), Monitoring(context)
    reads = [
        *orders.reads(),
        *locks.reads(),
        *bot_locks.reads(),
        *Status(context).routes(),
        *Board(context).routes(),
        *monitoring.reads(),
        *Events(feed).routes(),
    ]
    changes = [
        *Signals(context).routes(),
        *orders.changes(),
        *locks.changes(),
        *Admin(context).routes(),
        *BotTrade(context).routes(),
        *bot_locks.changes(),
        *monitoring.changes(),
    ]
    routes, page = [*reads, *changes], Page().routes()
    errors = errors_become_answers(context.engine.clock, emit)
    shares = bounds(descriptors())
    make = partial(_Listening, context, errors, emit)
    async with AsyncExitStack() as stack:
        for listening, path in (
            (make("signals", routes, shares.signals, quick=True), signals),
            (make("status", reads, shares.status, page=page), status),
        ):
            is_given = listening.name in given
            opened = given_listener(given[listening.name]) if is_given else unix_listener(path)
            listener = stack.enter_context(opened)
            await stack.enter_async_context(listening.on(listener, given=is_given))
        over_tcp = _loopback_listener(stack, loopback, context.engine.clock, emit)
        if loopback is None or over_tcp is None:
            yield None
            return
        port = over_tcp.getsockname()[1]
        http = make("http", routes, shares.http, page=page, guards=[guard(loopback, port)])
        await stack.enter_async_context(http.on(over_tcp, given=False))
        yield f"http://{loopback.host if ':' not in loopback.host else f'[{loopback.host}]'}:{port}"


def _loopback_listener(
    stack: AsyncExitStack, loopback: Loopback | None, clock: Clock, emit: Callable[[Event], None]
) -> socket.socket | None:
    """Listen where it is wanted. A default that nobody asked for may be had at another port, or not at all."""
    if loopback is None:
        return None
    if not loopback.is_default:
        return stack.enter_context(tcp_listener(loopback.host, loopback.port))
    for port in (loopback.port, 0):
        try:
            return stack.enter_context(tcp_listener(loopback.host, port))
        except (AlreadyRunning, CannotCreate) as error:
            emit(Event(name="daemon.no_dashboard", at_ms=clock.now_ms(), detail={"error": str(error)}))
    return None


class _Listening:
    """What one listener serves, and to how many at once."""

    def __init__(
        self,
        context: Context,
        errors: Middleware,
        emit: Callable[[Event], None],
        name: str,
        routes: Sequence[Route],
        limit: int,
        *,
        page: Sequence[web.RouteDef] = (),
        guards: Sequence[Middleware] = (),
        quick: bool = False,
    ) -> None:
        self.name = name
        self._context = context
        self._errors = errors
        self._emit = emit
        self._routes = routes
        self._limit = limit
        self._page = page
        self._guards = guards
        self._quick = quick
        self._refused = 0
        self._tell_at_s = 0.0

    @asynccontextmanager
    async def on(self, listener: socket.socket, *, given: bool) -> AsyncIterator[None]:
        """Serve on a socket; on one for signals that the service manager keeps, only while the engine takes them."""
        application = web.Application(client_max_size=BATCH_LIMIT)
        application.middlewares.extend([tell_connections(application), self._errors, *self._guards])
        application.add_routes([*described(self._routes), *self._page])
        runner = web.AppRunner(
            application,
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            lingering_time=LINGER_S,
            shutdown_timeout=GRACE_S,
            handler_cancellation=True,  # a caller that went away waits for no lock any more
        )
        await runner.setup()
        assert runner.server is not None
        connections = Connections(
            runner.server,
            Lane(self._routes, self._errors) if self._quick else None,
            limit=self._limit,
            idle_s=KEEPALIVE_S,
            head_s=lambda: self._context.limits.timeout_s,
            until_gone={route.path for route in self._routes if route.until_gone},
            refused=self._tell_of_refused,
        )
        while_open = self._context.engine if given and self._quick else None
        server = await _listen(connections, listener, given=given)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(connections.sweep)
                if while_open is not None:
                    tasks.start_soon(_accept_while_open, server, listener, while_open)
                else:
                    await _accept(server, listener)
                yield
                tasks.cancel_scope.cancel()
        finally:
            server.close()
            await connections.close(GRACE_S)
            await runner.cleanup()

    def _tell_of_refused(self) -> None:
        """Tell that connections are refused, now and then: a flood of them must not be one of lines."""
        self._refused += 1
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._tell_at_s:
            detail: dict[str, Detail] = {"listener": self.name, "limit": self._limit, "refused": self._refused}
            self._emit(Event(name="daemon.crowded", at_ms=self._context.engine.clock.now_ms(), detail=detail))
            self._refused, self._tell_at_s = 0, now_s + TOLD_EVERY_S


async def _listen(
    server: Callable[[], asyncio.BaseProtocol], listener: socket.socket, *, given: bool
) -> asyncio.AbstractServer:
    """Make a server that does not accept yet."""
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {"start_serving": False, "backlog": ACCEPTED_AT_ONCE}
    if listener.family != socket.AF_UNIX:
        return await loop.create_server(server, sock=listener, **options)
    if given and sys.version_info >= (3, 13):
        options["cleanup_socket"] = False  # the file is the service manager's
    return await loop.create_unix_server(server, sock=listener, **options)


async def _accept(server: asyncio.AbstractServer, listener: socket.socket) -> None:
    """Accept callers. asyncio takes one number for how many wait in the socket and how many it accepts at once."""
    await server.start_serving()
    listener.listen(BACKLOG)


async def _accept_while_open(server: asyncio.AbstractServer, listener: socket.socket, engine: Engine) -> None:
    """Leave callers before and after in the socket, for this process or the next."""
    await engine.ready.wait()
    await _accept(server, listener)
    await engine.until_stopped()
    server.close()
