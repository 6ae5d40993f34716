"""The sockets: ``signals.sock`` trades and administers, ``status.sock`` only reads; and the loopback listener."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import anyio
from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon.api.admin import Admin
from daemon.api.answers import errors_become_answers
from daemon.api.board import Board
from daemon.api.bot.locks import BotLocks
from daemon.api.bot.trade import BotTrade
from daemon.api.context import Context
from daemon.api.events import Events
from daemon.api.feed import Feed
from daemon.api.lane import Lane
from daemon.api.listening import given_listener, tcp_listener, unix_listener
from daemon.api.locks import Locks
from daemon.api.loopback import Loopback, guard
from daemon.api.monitoring import Monitoring
from daemon.api.openapi import described
from daemon.api.orders import Orders
from daemon.api.page import Page
from daemon.api.reading import BATCH_LIMIT
from daemon.api.routes import Route
from daemon.api.signals import Signals
from daemon.api.status import Status
from daemon.clock import Clock
from daemon.core.events import Event
from daemon.engine.engine import Engine
from daemon.errors import AlreadyRunning, CannotCreate

BACKLOG = 4_096
KEEPALIVE_S = 75
"""An idle or half-written request's connection is closed after so long."""

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
    async with AsyncExitStack() as stack:
        for name, path, served, shown in (("signals", signals, routes, ()), ("status", status, reads, page)):
            trades = name == "signals"
            if name not in given:
                listener = stack.enter_context(unix_listener(path))
                await stack.enter_async_context(_serving(listener, served, errors, page=shown, quick=trades))
                continue
            listener = stack.enter_context(given_listener(given[name]))
            engine = context.engine if trades else None
            await stack.enter_async_context(
                _serving(listener, served, errors, page=shown, quick=trades, given=True, while_open=engine)
            )
        over_tcp = _loopback_listener(stack, loopback, context.engine.clock, emit)
        if loopback is None or over_tcp is None:
            yield None
            return
        port = over_tcp.getsockname()[1]
        await stack.enter_async_context(_serving(over_tcp, routes, errors, [guard(loopback, port)], page=page))
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


async def _listen(
    server: Callable[[], asyncio.BaseProtocol], listener: socket.socket, *, at_once: bool, given: bool
) -> asyncio.AbstractServer:
    loop = asyncio.get_running_loop()
    if listener.family != socket.AF_UNIX:
        return await loop.create_server(server, sock=listener, backlog=BACKLOG)
    options: dict[str, Any] = {"start_serving": at_once}
    if given and sys.version_info >= (3, 13):
        options["cleanup_socket"] = False  # the file is the service manager's
    return await loop.create_unix_server(server, sock=listener, backlog=BACKLOG, **options)


async def _accept_while_open(server: asyncio.AbstractServer, engine: Engine) -> None:
    """Leave callers before and after in the socket, for this process or the next."""
    await engine.ready.wait()
    await server.start_serving()
    await engine.until_stopped()
    server.close()


@asynccontextmanager
async def _serving(
    listener: socket.socket,
    routes: Sequence[Route],
    errors: Middleware,
    guards: Sequence[Middleware] = (),
    *,
    page: Sequence[web.RouteDef] = (),
    quick: bool = False,
    given: bool = False,
    while_open: Engine | None = None,
) -> AsyncIterator[None]:
    """Serve routes on one socket; with an engine, accept only while it takes signals."""
    application = web.Application(middlewares=[errors, *guards], client_max_size=BATCH_LIMIT)
    application.add_routes([*described(routes), *page])
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
    lane = Lane(routes, errors, runner.server, idle_s=KEEPALIVE_S) if quick else None
    server = await _listen(lane or runner.server, listener, at_once=while_open is None, given=given)
    try:
        async with anyio.create_task_group() as tasks:
            if lane is not None:
                tasks.start_soon(lane.sweep)
            if while_open is not None:
                tasks.start_soon(_accept_while_open, server, while_open)
            yield
            tasks.cancel_scope.cancel()
    finally:
        server.close()
        if lane is not None:
            await lane.close(GRACE_S)
        await runner.cleanup()
