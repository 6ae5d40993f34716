"""The sockets: ``signals.sock`` trades and administers, ``status.sock`` only reads; and the loopback listener."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon.api.admin import Admin
from daemon.api.answers import errors_become_answers
from daemon.api.bot.locks import BotLocks
from daemon.api.bot.trade import BotTrade
from daemon.api.context import Context
from daemon.api.listening import tcp_listener, unix_listener
from daemon.api.locks import Locks
from daemon.api.loopback import Loopback, guard
from daemon.api.openapi import described
from daemon.api.orders import Orders
from daemon.api.reading import BATCH_LIMIT
from daemon.api.signals import Signals
from daemon.api.status import Status
from daemon.core.events import Event

BACKLOG = 4_096
KEEPALIVE_S = 75
"""An idle or half-written request's connection is closed after so long."""

LINGER_S = 0.5
"""So long the rest of a refused body is read, so that the caller gets the answer."""


@asynccontextmanager
async def serve(
    context: Context, *, signals: Path, status: Path, loopback: Loopback | None, emit: Callable[[Event], None]
) -> AsyncIterator[str | None]:
    """Serve both sockets, and the loopback listener where it is wanted; yield the latter's address.

    Raises:
        AlreadyRunning: another process answers on one of them.
        CannotCreate: one of them cannot be made.

    """
    orders, locks, bot_locks = Orders(context), Locks(context), BotLocks(context)
    reads = [*orders.reads(), *locks.reads(), *bot_locks.reads(), *Status(context).routes()]
    changes = [
        *Signals(context).routes(),
        *orders.changes(),
        *locks.changes(),
        *Admin(context).routes(),
        *BotTrade(context).routes(),
        *bot_locks.changes(),
    ]
    everything = described([*reads, *changes])
    errors = errors_become_answers(context.engine.clock, emit)
    async with AsyncExitStack() as stack:
        for path, routes in ((signals, everything), (status, described(reads))):
            listener = stack.enter_context(unix_listener(path))
            await stack.enter_async_context(_serving(listener, routes, [errors]))
        if loopback is None:
            yield None
            return
        listener = stack.enter_context(tcp_listener(loopback.host, loopback.port))
        port = listener.getsockname()[1]
        await stack.enter_async_context(_serving(listener, everything, [errors, guard(loopback, port)]))
        yield f"http://{loopback.host if ':' not in loopback.host else f'[{loopback.host}]'}:{port}"


@asynccontextmanager
async def _serving(
    listener: socket.socket, routes: list[web.RouteDef], middlewares: list[Middleware]
) -> AsyncIterator[None]:
    """Serve routes on one socket."""
    application = web.Application(middlewares=middlewares, client_max_size=BATCH_LIMIT)
    application.add_routes(routes)
    runner = web.AppRunner(
        application,
        access_log=None,
        keepalive_timeout=KEEPALIVE_S,
        lingering_time=LINGER_S,
        shutdown_timeout=1.0,
        handler_cancellation=True,  # a caller that went away waits for no lock any more
    )
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    listen = loop.create_unix_server if listener.family == socket.AF_UNIX else loop.create_server
    server = await listen(runner.server, sock=listener, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()
        await runner.cleanup()
