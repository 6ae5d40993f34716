"""The two sockets: ``signals.sock`` may trade and administer, ``status.sock`` only reads."""

import asyncio
import os
import socket
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Middleware

from daemon.api.admin import Admin
from daemon.api.answers import errors_become_answers
from daemon.api.bot.locks import BotLocks
from daemon.api.bot.trade import BotTrade
from daemon.api.context import Context
from daemon.api.locks import Locks
from daemon.api.openapi import described
from daemon.api.orders import Orders
from daemon.api.reading import BATCH_LIMIT
from daemon.api.signals import Signals
from daemon.api.status import Status
from daemon.core.events import Event
from daemon.errors import AlreadyRunning, CannotCreate

MODE = 0o660
BACKLOG = 4_096
KEEPALIVE_S = 75
"""An idle or half-written request's connection is closed after so long."""

LINGER_S = 0.5
"""So long the rest of a refused body is read, so that the caller gets the answer."""

MAX_PATH = 107
"""Bytes of a Unix socket's path (Linux)."""


@asynccontextmanager
async def serve(context: Context, *, signals: Path, status: Path, emit: Callable[[Event], None]) -> AsyncIterator[None]:
    """Serve both sockets.

    Raises:
        AlreadyRunning: another process answers on one of them.
        CannotCreate: one of them cannot be made.

    """
    orders, locks = Orders(context), Locks(context)
    bot_locks = BotLocks(context)
    reads = [*orders.reads(), *locks.reads(), *bot_locks.reads(), *Status(context).routes()]
    changes = [
        *Signals(context).routes(),
        *orders.changes(),
        *locks.changes(),
        *Admin(context).routes(),
        *BotTrade(context).routes(),
        *bot_locks.changes(),
    ]
    middleware = errors_become_answers(context.engine.clock, emit)
    everything = described([*reads, *changes])
    async with _serving(signals, everything, middleware), _serving(status, described(reads), middleware):
        yield


@asynccontextmanager
async def _serving(path: Path, routes: list[web.RouteDef], middleware: Middleware) -> AsyncIterator[None]:
    """Serve routes on one socket."""
    application = web.Application(middlewares=[middleware], client_max_size=BATCH_LIMIT)
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
    with _listening(path) as listener:
        server = await asyncio.get_running_loop().create_unix_server(runner.server, sock=listener, backlog=BACKLOG)
        try:
            yield
        finally:
            server.close()
            await runner.cleanup()


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """Bind a socket that only its owner and group can open, and remove it at the end."""
    if len(os.fsencode(path)) > MAX_PATH:
        raise CannotCreate(f"the socket's path is longer than {MAX_PATH} bytes: {path}; set [sockets] to a shorter one")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _clear(path)
        mask = os.umask(0o777 & ~MODE)
        try:
            listener.bind(os.fspath(path))
        finally:
            os.umask(mask)
    except OSError as error:
        listener.close()
        raise CannotCreate(
            f"cannot make the socket {path}: {error.strerror}; make its directory writable, or set [sockets]"
        ) from error
    except BaseException:
        listener.close()
        raise
    listener.setblocking(False)
    inode = path.stat().st_ino
    try:
        yield listener
    finally:
        listener.close()
        if path.exists() and path.stat().st_ino == inode:
            path.unlink()


def _clear(path: Path) -> None:
    """Remove a socket that a process left behind; leave one that answers."""
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise CannotCreate(f"{path} exists and is no socket; move it away, or set [sockets] to another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex(os.fspath(path)) == 0:
            raise AlreadyRunning(f"another process answers on {path}; stop it first, or set [sockets] to another path")
    path.unlink()
