"""Warm connections for requests that leave at an instant: opened seconds before it, and each proven alive.

A TLS handshake takes several round trips, and a connection that the server closed costs the request. So the engine says
how many requests are to leave soon (:meth:`ShotConnections.tend`), and that many connections are opened and used once.
That request (weight 1) shows that the way there works, and takes TLS's session tickets off the connection. It is
repeated, so that no connection is idle for long. The pacer spreads these requests.

After a shot its connection is kept for a while, for the next attempt of its order.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from daemon.exchange.mexc.idle_limit import IdleLimit
from daemon.exchange.mexc.own_connection import Dial, WarmConnection
from daemon.exchange.mexc.transport import Failure, Reply

PROOF_S = 4.0
"""A connection that was idle for longer is proven again."""

KEEP_S = 15.0
"""How long connections that no instant needs are kept."""

DIAL_S = 2.0
"""How long a connection for later may take to open. Those that take longer would not be used."""


class KeptConnection:
    """A warm connection that was taken for one request; it returns by itself."""

    def __init__(self, connection: WarmConnection, give_back: Callable[[WarmConnection], None]) -> None:
        self.reused = connection.reused
        self.watch = connection.watch
        self.unwatch = connection.unwatch
        self._connection = connection
        self._give_back = give_back
        self._is_taken = True
        self._is_written = False

    def write(self, request: bytes) -> bool:
        """Write a request at once, in any thread; ``False`` if not one byte was written."""
        self._is_written = self._connection.write(request)
        return self._is_written

    async def reply(self, timeout_s: float) -> Reply | Failure:
        """Read the answer to what was written."""
        try:
            return await self._connection.reply(timeout_s)
        finally:
            self._return()

    def release(self) -> None:
        """Give it back, if nothing was written on it."""
        if not self._is_written:
            self._return()

    def _return(self) -> None:
        if self._is_taken:
            self._is_taken = False
            self._connection.unwatch()
            self._give_back(self._connection)


class _Idle(NamedTuple):
    connection: WarmConnection
    since_s: float  # the loop's time


class ShotConnections:
    """Keeps warm connections."""

    def __init__(self, dial: Dial, ping: Callable[[WarmConnection], Awaitable[bool]], limit: IdleLimit) -> None:
        """Build it without connections.

        Args:
            dial: opens a connection.
            ping: makes a cheap request on one; returns whether it can carry another.
            limit: how long one may be idle.

        """
        self._dial = dial
        self._ping = ping
        self._limit = limit
        self._idle: list[_Idle] = []  # the one that was used last is the last
        self._wanted = 0

    def take(self) -> KeptConnection | None:
        """Take the connection that was used last; ``None`` if there is none that may be used."""
        if not self.is_warm:
            return None
        return KeptConnection(self._idle.pop().connection, self._give_back)

    @property
    def is_warm(self) -> bool:
        """Whether there is a connection that may be used."""
        self._drop_closed()
        return bool(self._idle) and self._idle_s(self._idle[-1]) <= self._limit.usable_s

    def take_spare(self) -> KeptConnection | None:
        """Take a connection that no instant needs."""
        return self.take() if len(self._idle) > self._wanted else None

    async def open(self, timeout_s: float) -> KeptConnection:
        """Open a connection, and prove it.

        Raises:
            OSError: none could be opened in that time.

        """
        async with asyncio.timeout(timeout_s):
            connection = await self._dial(timeout_s)
            try:
                is_proven = await self._ping(connection)
            except BaseException:
                connection.close()
                raise
        if not is_proven:
            connection.close()
            raise ConnectionError("the exchange did not answer on a new connection")
        return KeptConnection(connection, self._give_back)

    async def tend(self, wanted: int, *, sample: bool = False) -> bool:
        """Have ``wanted`` idle connections ready: open what lacks, prove what was idle for long, close what is over.

        One is proven at a time, the one that was idle longest: a proof may have to wait for the rate limit, and no shot
        can take the connection meanwhile. With ``sample`` one is proven in any case, because every proof also samples
        the exchange's clock, and there is one more, so that as many as are wanted are there meanwhile.

        Returns:
            Whether there are idle connections.

        """
        wanted += sample
        self._wanted = wanted
        self._drop_closed()
        missing = wanted - len(self._idle)
        async with asyncio.TaskGroup() as tasks:
            if self._idle and wanted and (sample or self._is_stale(self._idle[0])):
                tasks.create_task(self._ping_again(self._idle.pop(0).connection))
            for _ in range(missing):
                tasks.create_task(self._open_one())
        for each in self._idle[: max(0, len(self._idle) - wanted)]:
            if self._idle_s(each) > KEEP_S:
                self._idle.remove(each)
                each.connection.close()
        return bool(self._idle)

    async def _open_one(self) -> None:
        try:
            opened = await self.open(DIAL_S)
        except OSError:
            return  # the next round tries again, and an order without a connection opens one
        opened.release()

    async def _ping_again(self, connection: WarmConnection) -> None:
        try:
            await self._ping(connection)
        finally:
            self._give_back(connection)

    def _give_back(self, connection: WarmConnection) -> None:
        if connection.is_open:
            self._idle.append(_Idle(connection, asyncio.get_running_loop().time()))
        else:
            connection.close()

    def _drop_closed(self) -> None:
        for each in list(self._idle):
            if not each.connection.is_open:
                self._limit.closed_after(self._idle_s(each), asyncio.get_running_loop().time())
                self._idle.remove(each)
                each.connection.close()

    def _is_stale(self, idle: _Idle) -> bool:
        return self._idle_s(idle) > min(PROOF_S, self._limit.usable_s / 2)

    def _idle_s(self, idle: _Idle) -> float:
        return asyncio.get_running_loop().time() - idle.since_s
