"""The API's listeners: ``signals.sock`` trades and administers, ``status.sock`` reads, the loopback does both."""

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

from daemon.api.admin_routes import Admin
from daemon.api.board_routes import Board
from daemon.api.bot.bot_lock_routes import BotLocks
from daemon.api.bot.trade_routes import BotTrade
from daemon.api.context import Context
from daemon.api.dashboard_routes import Page
from daemon.api.event_routes import Events
from daemon.api.event_stream import EventStream
from daemon.api.fleet_routes import Fleet
from daemon.api.http.aiohttp_adapter import application
from daemon.api.http.body import BodyLimits
from daemon.api.http.connection import Connections
from daemon.api.http.connection_limits import bounds, descriptors
from daemon.api.http.error_responses import ErrorResponses
from daemon.api.http.fast_path import FastPath
from daemon.api.http.loopback import AccessCheck, Loopback, access_check
from daemon.api.http.routes import Endpoint, endpoints_of
from daemon.api.http.sockets import given_listener, tcp_listener, unix_listener
from daemon.api.lock_routes import Locks
from daemon.api.monitoring_routes import Monitoring
from daemon.api.openapi import Description
from daemon.api.order_routes import Orders
from daemon.api.report_routes import Reports
from daemon.api.signal_routes import Signals
from daemon.api.status_routes import Status
from daemon.clock import Clock
from daemon.core.values.events import Detail, Event
from daemon.engine.engine import Engine
from daemon.errors import AlreadyRunning, CannotCreate

BACKLOG = 4_096
"""The number of connections that may wait in a socket to be accepted."""

ACCEPTED_AT_ONCE = 16
"""The number of connections that are accepted before other tasks run: each takes a descriptor before it is refused."""

KEEPALIVE_S = 75
"""An idle connection is closed after this time."""

CROWDED_EVENT_EVERY_S = 10.0
"""The shortest time between two events about connections that a listener refuses."""

LINGER_S = 0.5
"""How long the rest of a refused body is read, so that the caller gets the answer."""

GRACE_S = 1.0
"""How long requests may still be answered at the end."""

NONE_GIVEN: Mapping[str, socket.socket] = MappingProxyType({})


def endpoints(context: Context, events: EventStream) -> list[Endpoint]:
    """List every endpoint of the API, those that only read first."""
    owners = (
        Signals(context),
        Orders(context),
        Reports(context),
        Locks(context),
        Admin(context),
        BotTrade(context),
        BotLocks(context),
        Status(context),
        Fleet(context),
        Board(context),
        Monitoring(context),
        Events(events),
    )
    found = [endpoint for owner in owners for endpoint in endpoints_of(owner)]
    return sorted(found, key=lambda endpoint: not endpoint.route.is_read)


@asynccontextmanager
async def serve(
    context: Context,
    everything: Sequence[Endpoint],
    *,
    signals: Path,
    status: Path,
    loopback: Loopback | None,
    emit: Callable[[Event], None],
    given: Mapping[str, socket.socket] = NONE_GIVEN,
    in_fleet: bool = False,
) -> AsyncIterator[str | None]:
    """Serve both sockets, and the loopback listener where it is wanted; yield the latter's address.

    Args:
        context: what every route needs.
        everything: all endpoints, those that only read first.
        signals: the path of the socket with write access.
        status: the path of the socket that only reads.
        loopback: the listener over TCP, if there is one.
        emit: emits an event.
        given: the service manager's sockets, by the names ``signals`` and ``status``; they replace the paths.
        in_fleet: signals are taken at any time: this member hands them over while it does not own the account.

    Raises:
        AlreadyRunning: another process answers on one of them.
        CannotCreate: one of them cannot be made.

    """
    reads = [endpoint for endpoint in everything if endpoint.route.is_read]
    page = endpoints_of(Page())
    errors = ErrorResponses(context.engine.clock, emit)
    shares = bounds(descriptors())
    make = partial(_Listening, context, errors, emit, in_fleet=in_fleet)
    async with AsyncExitStack() as stack:
        for listening, path in (
            (make("signals", everything, shares.signals, has_fast_path=True), signals),
            (make("status", [*reads, *page], shares.status), status),
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
        check = access_check(loopback, port, {(each.route.method, each.route.path) for each in reads})
        http = make("http", [*everything, *page], shares.http, check=check)
        await stack.enter_async_context(http.on(over_tcp, given=False))
        yield f"http://{loopback.host if ':' not in loopback.host else f'[{loopback.host}]'}:{port}"


def _loopback_listener(
    stack: AsyncExitStack, loopback: Loopback | None, clock: Clock, emit: Callable[[Event], None]
) -> socket.socket | None:
    """Listen where that is configured. The default listener takes another port if its own is taken, or is left out."""
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
    """One listener: its endpoints and its limit of connections."""

    def __init__(
        self,
        context: Context,
        errors: ErrorResponses,
        emit: Callable[[Event], None],
        name: str,
        endpoints: Sequence[Endpoint],
        limit: int,
        *,
        check: AccessCheck | None = None,
        has_fast_path: bool = False,
        in_fleet: bool,
    ) -> None:
        self.name = name
        self._context = context
        self._errors = errors
        self._emit = emit
        self._endpoints = Description(endpoints).endpoints
        self._limit = limit
        self._check = check
        self._has_fast_path = has_fast_path
        self._in_fleet = in_fleet
        self._refused = 0
        self._next_event_s = 0.0

    @asynccontextmanager
    async def on(self, listener: socket.socket, *, given: bool) -> AsyncIterator[None]:
        """Serve on a socket.

        One for signals that the service manager keeps is served only while the engine is open, except in a fleet.
        """
        runner = web.AppRunner(
            application(self._endpoints, self._errors, self._limits, self._check),
            access_log=None,
            keepalive_timeout=KEEPALIVE_S,
            lingering_time=LINGER_S,
            shutdown_timeout=GRACE_S,
            handler_cancellation=True,  # a client that disconnects leaves the lease queue
        )
        await runner.setup()
        assert runner.server is not None
        connections = Connections(
            runner.server,
            FastPath(self._endpoints, self._errors, self._limits) if self._has_fast_path else None,
            turns=self._context.engine.turns,
            limit=self._limit,
            idle_s=KEEPALIVE_S,
            head_s=lambda: self._context.limits.timeout_s,
            until_gone={endpoint.route.path for endpoint in self._endpoints if endpoint.route.until_gone},
            refused=self._count_refused,
        )
        while_open = self._context.engine if given and self._has_fast_path and not self._in_fleet else None
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

    def _limits(self) -> BodyLimits:
        return self._context.limits  # which a reload replaces

    def _count_refused(self) -> None:
        """Count a refused connection; its events are rate-limited, so that a flood does not fill the log."""
        self._refused += 1
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._next_event_s:
            detail: dict[str, Detail] = {"listener": self.name, "limit": self._limit, "refused": self._refused}
            self._emit(Event(name="daemon.crowded", at_ms=self._context.engine.clock.now_ms(), detail=detail))
            self._refused, self._next_event_s = 0, now_s + CROWDED_EVENT_EVERY_S


async def _listen(
    server: Callable[[], asyncio.BaseProtocol], listener: socket.socket, *, given: bool
) -> asyncio.AbstractServer:
    """Make a server that does not accept connections yet."""
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {"start_serving": False, "backlog": ACCEPTED_AT_ONCE}
    if listener.family != socket.AF_UNIX:
        return await loop.create_server(server, sock=listener, **options)
    if given and sys.version_info >= (3, 13):
        options["cleanup_socket"] = False  # the file is the service manager's
    return await loop.create_unix_server(server, sock=listener, **options)


async def _accept(server: asyncio.AbstractServer, listener: socket.socket) -> None:
    """Accept connections. asyncio has one number for how many wait in the socket and how many it accepts at once."""
    await server.start_serving()
    listener.listen(BACKLOG)


async def _accept_while_open(server: asyncio.AbstractServer, listener: socket.socket, engine: Engine) -> None:
    """Accept while the engine is open; other clients wait in the socket, for this process or the next."""
    await engine.ready.wait()
    await _accept(server, listener)
    await engine.until_stopped()
    server.close()
