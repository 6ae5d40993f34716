"""The API without sockets: an engine with a real database in this process, and handlers that are called with values."""

import json
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

import anyio
from multidict import CIMultiDict

from daemon.api.context import Context
from daemon.api.event_stream import EventStream
from daemon.api.http.body import BodyLimits
from daemon.api.http.peer import Peer
from daemon.api.http.request import Request
from daemon.api.http.response import Response, completed
from daemon.api.http.routes import Endpoint
from daemon.api.server import endpoints
from daemon.clock import NS_PER_MS
from daemon.config.credentials import PAPER
from daemon.config.tables import Config
from daemon.core.rules.trading_rules import Rules
from daemon.engine.engine import Engine
from daemon.engine.lease_commands import LeaseCommands
from daemon.engine.order_commands import OrderCommands
from daemon.exchange.mexc.client import MexcExchange
from daemon.exchange.mexc.transport import open_transport
from daemon.monitoring.monitor import Monitor
from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.server import serving
from daemon.store.store import open_store
from tests.exchange.mexc.clocks import LoopClock
from tests.support import wall_ms

STRANGER = Peer(uid=12_345)


class WallClock(LoopClock):
    """The machine's clock, which the simulated exchange uses too."""

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return wall_ms()

    def now_ns(self) -> int:
        """Return the same in nanoseconds."""
        return wall_ms() * NS_PER_MS


class Api:
    """Calls handlers by method and path, as an adapter does, but with values."""

    def __init__(self, context: Context, events: EventStream, database: Path) -> None:
        self.context = context
        self.events = events
        self.database = database
        self.use(endpoints(context, events))

    def use(self, endpoints: Sequence[Endpoint]) -> None:
        """Call these handlers from now on."""
        self._handlers = {f"{each.route.method} {each.route.path}": each.handler for each in endpoints}

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        peer: Peer = STRANGER,
    ) -> Response:
        """Send a request to a route; ``name`` replaces ``{id}``."""
        request = Request(
            method=method,
            path=path if name is None else path.replace("{id}", name),
            peer=peer,
            headers=CIMultiDict(headers or {}),
            query=query or {},
            path_parameters={} if name is None else {"id": name},
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        )
        with anyio.fail_after(10):
            return await completed(self._handlers[f"{method} {path}"](request))

    def count(self, sql: str, *values: str) -> int:
        """Count rows on disk, over a connection of its own."""
        with closing(sqlite3.connect(self.database)) as connection:
            found: int = connection.execute(sql, values).fetchone()[0]
            return found


def value_of(response: Response) -> Any:
    """Decode a response's JSON."""
    return json.loads(response.body)


@asynccontextmanager
async def running(
    database: Path,
    backlog: Callable[[Api], Awaitable[None]] | None = None,
    simulated: SimulatedExchange | None = None,
    config: Config | None = None,
) -> AsyncIterator[Api]:
    """Run an engine on a database, with a simulated exchange.

    ``backlog`` is what it decides before it dispatches; ``simulated`` is the exchange, in place of a new one, and
    ``config`` the configuration, in place of the defaults.
    """
    clock, config, book = WallClock(), config or Config(), Book()
    with closing(book):
        if simulated is None:
            simulated = SimulatedExchange(book, rng=Random(1))  # noqa: S311  # a simulation
        async with serving(simulated) as url, open_transport(url) as transport, open_store(database) as store:
            exchange = MexcExchange(transport, PAPER, clock, config.exchange)
            stream = EventStream(clock, lambda _: None, lambda line: line)
            engine = Engine(store=store, exchange=exchange, clock=clock, emit=stream.on_event, rules=Rules(config))
            context = Context(
                engine=engine,
                order_commands=OrderCommands(engine, Random(1).randbytes),  # noqa: S311
                lease_commands=LeaseCommands(engine, Random(2).randbytes),  # noqa: S311
                monitor=cast("Monitor", None),
                admin_uids=[],
                limits=BodyLimits(65_536, 5.0),
                mode="paper",
                shadow_of=None,
                exchange_url=url,
                database=str(database),
                started_ms=clock.now_ms(),
            )
            api = Api(context, stream, database)
            engine.backlog = None if backlog is None else partial(backlog, api)
            remembered = await store.remembered()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(engine.run, remembered)
                tasks.start_soon(stream.run)
                await engine.ready.wait()
                yield api
                stream.close()
                engine.stop()
                await engine.until_stopped()
                tasks.cancel_scope.cancel()
