"""Open connections to one address: idle ones are taken at once; a request without one waits for whichever comes first.

That is a connection that another request gives back, or a new one. Each request that waits has a connection opened for
it, so the number of connections is not limited. Requests are served in order of arrival, which for orders is the order
of urgency. A new connection that nobody needs any more stays in aiohttp's pool. (Go's ``net/http`` does the same.)

Connections are begun a few per turn of the event loop, less those that were given back since the last turn: in a burst
over a fast network, these serve more requests than new ones, at less cost. A limit of the connections *under way* would
starve a burst over a slow network, where they wait and cost nothing.
"""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Self, cast
from weakref import WeakKeyDictionary, WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection

from daemon.exchange.mexc.idle_limit import LONGEST_S, IdleLimit
from daemon.without_waiting import without_waiting

BEGUN_AT_ONCE = 8
"""Connections that are begun in one turn of the event loop, while more requests wait. Each costs the time of an order.
With 4, a burst of 1,000 orders over a network with 20 ms of delay took longer; with 16, it opened more connections and
was no faster."""


class Pool:
    """The connections to one address. aiohttp opens and keeps them, with TLS."""

    def __init__(self, connector: aiohttp.BaseConnector, destination: aiohttp.ClientRequest, limit: IdleLimit) -> None:
        """Build it without connections.

        Args:
            connector: aiohttp's pool.
            destination: a request to the address; aiohttp knows connections by such a request.
            limit: how long a connection may be idle.

        """
        self.carried: WeakSet[ResponseHandler] = WeakSet()  # what carried a request before
        self.limit = limit
        self._idle_since: dict[ResponseHandler, float] = {}  # by the loop's clock; the longest idle one is the first
        self._were_idle_s: WeakKeyDictionary[ResponseHandler, float] = WeakKeyDictionary()  # before they were taken
        self._connector = connector
        self._destination = destination
        self._key = destination.connection_key
        self._waiting: deque[asyncio.Future[Connection]] = deque()
        self._planned: deque[float] = deque()  # connections to begin, by how many seconds that may take
        self._opening: set[asyncio.Task[None]] = set()
        self._begins = False  # the loop will call _begin
        self._passed_on = 0  # connections that were given back to requests since _begin

    def idle(self) -> Connection | None:
        """Take an idle connection; ``None`` if there is none."""
        self._note_open()
        # aiohttp has no public method for this; the method waits only in traces, of which there are none.
        while (found := without_waiting(self._connector._get(self._key, []))) is not None:  # noqa: SLF001
            if _can_carry(found) and self._taken(found) <= self.limit.usable_s:
                return found
            found.close()
        return None

    def was_closed(self, connection: Connection) -> None:
        """Note that the server had closed a connection that was taken."""
        if connection.protocol is not None:
            idle_s = self._were_idle_s.get(connection.protocol, LONGEST_S)
            self.limit.closed_after(idle_s, asyncio.get_running_loop().time())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def connect(self, timeout_s: float) -> Connection:
        """Take an idle connection, or wait for one.

        Raises:
            aiohttp.ClientError, OSError: none became free, and none could be opened in that time.

        """
        found = self.idle()
        if found is not None:
            return found
        if self._connector.closed:
            raise aiohttp.ClientConnectionError("the connections are closed")
        waiter: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._planned.append(timeout_s)
        if not self._begins:
            self._passed_on = 0
            self._begin()
        try:
            return await waiter
        except asyncio.CancelledError:
            self._withdraw(waiter)
            raise

    def give_back(self, connection: Connection) -> None:
        """Pass a connection on to the request that waits longest, or keep it; close it if it can carry no other."""
        if _can_carry(connection) and self._serve(connection):
            self._passed_on += 1
            self._plan_one_less()
        else:
            self._keep(connection)

    async def close(self) -> None:
        """Stop opening connections, and refuse one to every request that waits."""
        self._planned.clear()
        opening = list(self._opening)
        for task in opening:
            task.cancel()
        await asyncio.gather(*opening, return_exceptions=True)
        while self._waiting:
            self._refuse(aiohttp.ClientConnectionError("the connections were closed"))

    def _begin(self) -> None:
        """Begin some of the planned connections; the next turn of the loop goes on."""
        self._begins = bool(self._planned)
        if not self._begins:
            return
        loop = asyncio.get_running_loop()
        loop.call_soon(self._begin)
        number, self._passed_on = BEGUN_AT_ONCE - self._passed_on, 0
        for _ in range(min(number, len(self._planned))):
            self._opening.add(loop.create_task(self._open(self._planned.popleft())))

    async def _open(self, timeout_s: float) -> None:
        """Open a connection for the request that waits longest."""
        try:
            outcome = await self._opened(timeout_s)
        finally:
            self._opening.discard(cast("asyncio.Task[None]", asyncio.current_task()))
        if isinstance(outcome, Connection):
            if not self._serve(outcome):
                self._keep(outcome)
        elif len(self._planned) + len(self._opening) < len(self._waiting):
            self._refuse(outcome)

    def _keep(self, connection: Connection) -> None:
        """Give a connection to aiohttp, which keeps it if it can carry another request."""
        if connection.protocol is not None and _can_carry(connection):
            self._idle_since[connection.protocol] = asyncio.get_running_loop().time()
        connection.release()

    def _note_open(self) -> None:
        """Learn for how long connections stay open."""
        now_s = asyncio.get_running_loop().time()
        self.limit.stayed_open(now_s - next(iter(self._idle_since.values()), now_s), now_s)

    def _note_closed(self, protocol: ResponseHandler, closed: "asyncio.Future[None]") -> None:
        """Learn after which idle time the server has closed a connection. aiohttp closes the oldest ones itself."""
        since_s, now_s = self._idle_since.pop(protocol, None), asyncio.get_running_loop().time()
        if closed.cancelled():  # with aiohttp's wait for it, when it closes all
            return
        closed.exception()  # one that nobody asks for is logged as an error
        if since_s is not None and now_s - since_s < LONGEST_S:
            self.limit.closed_after(now_s - since_s, now_s)

    def _taken(self, connection: Connection) -> float:
        """Note that an idle connection is taken; return for how long it was idle, in seconds."""
        protocol, now_s = cast("ResponseHandler", connection.protocol), asyncio.get_running_loop().time()
        idle_s = self._were_idle_s[protocol] = now_s - self._idle_since.pop(protocol, now_s)
        return idle_s

    async def _opened(self, timeout_s: float) -> Connection | Exception:
        timeout = aiohttp.ClientTimeout(connect=timeout_s)
        try:
            connection = await self._connector.connect(self._destination, [], timeout)
        except TimeoutError:
            return aiohttp.ConnectionTimeoutError("no connection in time")
        except Exception as error:  # noqa: BLE001 - the request that waits raises it
            return error
        self._taken(connection)  # aiohttp may return an idle one
        protocol = cast("ResponseHandler", connection.protocol)
        if protocol.closed is not None:
            protocol.closed.add_done_callback(partial(self._note_closed, protocol))
        return connection

    def _refuse(self, error: Exception) -> None:
        waiter = self._waiting.popleft()
        if not waiter.done():
            waiter.set_exception(error)

    def _serve(self, connection: Connection) -> bool:
        """Pass a connection to the request that waits longest; return false if none waits."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():  # done: it was cancelled
                waiter.set_result(connection)
                return True
        return False

    def _withdraw(self, waiter: asyncio.Future[Connection]) -> None:
        """End the wait of a request that was cancelled; what it was given meanwhile is given back."""
        if waiter.cancelled():
            with suppress(ValueError):
                self._waiting.remove(waiter)
            self._plan_one_less()
        elif waiter.exception() is None:
            self.give_back(waiter.result())

    def _plan_one_less(self) -> None:
        """Give up a planned connection, if there are more than requests that wait."""
        if self._planned and len(self._planned) + len(self._opening) > len(self._waiting):
            self._planned.pop()


def _can_carry(connection: Connection) -> bool:
    """Return whether a connection can carry a request, as far as aiohttp knows."""
    protocol = connection.protocol
    return protocol is not None and protocol.is_connected() and not protocol.should_close
