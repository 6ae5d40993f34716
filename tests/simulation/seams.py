"""Clock, disk and network under virtual time. Each run of the daemon has its own; the world outlives them."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol, TypeVar

import anyio
import looptime

from daemon.clock import NS_PER_MS
from daemon.engine.trigger import FIRED, HELD, RECALLED, Fired, Shot
from daemon.exchange.mexc.idle_limit import IdleLimit
from daemon.exchange.mexc.own_connection import Dial
from daemon.exchange.mexc.transport import BeforeWrite, Failure, Reply
from daemon.simulator import messages
from daemon.simulator.exchange import DelayedRequest
from daemon.store.opening import open_for_reading, prepare
from daemon.store.store import Store

EPOCH_MS = 1_800_000_000_000
OPENING_S = 1.2
"""How long a new connection takes to open at most; most requests reuse an open one."""

T = TypeVar("T")


class VirtualLoop(looptime.LoopTimeEventLoop, asyncio.SelectorEventLoop):
    """An event loop whose time passes only when no task can run."""


class Milliseconds(Protocol):
    """A clock that can be read."""

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        ...


class Nanoseconds(Protocol):
    """A clock that can be read exactly."""

    def now_ns(self) -> int:
        """Return Unix nanoseconds."""
        ...


class VirtualClock:
    """Unix milliseconds of the loop's time."""

    def now_ms(self) -> int:
        """Return the time."""
        return EPOCH_MS + round(asyncio.get_running_loop().time() * 1_000)

    def now_ns(self) -> int:
        """Return it in nanoseconds."""
        return EPOCH_MS * NS_PER_MS + round(asyncio.get_running_loop().time() * 1_000_000_000)

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant."""
        await anyio.sleep(max(0, at_ms - self.now_ms()) / 1_000)


class Dead(Exception):
    """The process of this run has been killed: whatever it still tries has no effect."""


class Mortal(Protocol):
    """One run of the daemon's process, as the seams see it."""

    killed: bool
    is_fragile: bool  # it may be killed between a commit and what depends on it

    def kill(self) -> None:
        """End it at once, at whatever point it is."""
        ...

    def check(self) -> None:
        """Raise if the process is dead, so that it has no effect."""
        ...


class Life:
    """One run of the daemon's process; after :meth:`kill` it has no further effect."""

    def __init__(self, *, is_fragile: bool) -> None:
        self.killed = False
        self.is_fragile = is_fragile  # it may be killed between a commit and what depends on it
        self.ended = anyio.Event()

    def kill(self) -> None:
        """End it at once, at whatever point it is."""
        self.killed = True
        self.ended.set()

    def check(self) -> None:
        """Raise if the process is dead, so that it has no effect."""
        if self.killed:
            raise Dead


class Disk:
    """SQLite on a real file, without a thread: a commit takes virtual time, before and after it happens."""

    def __init__(
        self,
        path: Path,
        life: Mortal,
        dice: Random,
        stalls: float = 0.01,
        *,
        is_copy: bool = False,
        prepare: Callable[..., None] = prepare,
    ) -> None:
        """Open it.

        Args:
            path: the file.
            life: the process.
            dice: for the times that it takes.
            stalls: the share of steps that take up to a second and a half.
            is_copy: it is a copy of a fleet's log.
            prepare: makes it ready for writing.

        """
        self._life = life
        self._dice = dice
        self._stalls = stalls
        self._write = sqlite3.connect(path, isolation_level=None)
        prepare(self._write, path, is_copy=is_copy)
        self._write.execute("PRAGMA synchronous = OFF")  # only processes are killed here, never the machine
        self._read = open_for_reading(path)
        self._keys = open_for_reading(path)

    def store(self) -> Store:
        """Return a store on this disk."""
        read = VirtualHand(self._read, self._life, anyio.lowlevel.checkpoint)
        return Store(
            write=VirtualWriter(self._write, self._life, self._take_time, self._dice),
            read=read,
            lists=read,
            keys=self._keys,
            stopwatch=asyncio.get_running_loop().time,
        )

    def close(self) -> None:
        """Close the file, as the kernel does for a process that is gone."""
        for connection in (self._write, self._read, self._keys):
            connection.close()

    def view(self) -> sqlite3.Connection:
        """Return a connection that sees what is durable."""
        return self._read

    async def _take_time(self) -> None:
        stalls = self._dice.random() < self._stalls
        await anyio.sleep(self._dice.uniform(0.2, 1.5) if stalls else self._dice.uniform(0.0001, 0.003))


class VirtualHand:
    """Runs functions on a connection; before and after each, the disk takes time."""

    def __init__(self, connection: sqlite3.Connection, life: Mortal, take_time: Callable[[], Awaitable[None]]) -> None:
        self._connection = connection
        self._life = life
        self._take_time = take_time

    async def __call__(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        """Run a function."""
        await self._take_time()
        self._life.check()
        done = work(self._connection)
        await self._take_time()
        self._life.check()
        return done


class VirtualWriter(VirtualHand):
    """Runs functions on the writing connection: at once while the disk is fast, which it is half of the time."""

    def __init__(
        self, connection: sqlite3.Connection, life: Mortal, take_time: Callable[[], Awaitable[None]], dice: Random
    ) -> None:
        super().__init__(connection, life, take_time)
        self._dice = dice
        self._mutex = asyncio.Lock()

    @property
    def is_free(self) -> bool:
        """Whether work may be done at once."""
        return not self._life.killed and not self._mutex.locked() and self._dice.random() < 0.5

    def here(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        """Run a function at once; the process may be killed before what depends on it."""
        done = work(self._connection)
        if self._life.is_fragile and self._dice.random() < 0.002:
            self._life.kill()
        return done

    async def in_thread(self, work: Callable[[sqlite3.Connection], T], /) -> T:
        """Run a function that takes time."""
        async with self._mutex:
            return await self(work)

    waiting_for_lock = in_thread


class Weather:
    """The state of the network."""

    def __init__(self) -> None:
        self.refuses = False  # the exchange's address refuses connections
        self.loses = 0.0  # share of requests and answers that are lost
        self.cuts = 0.0  # share of connections that break after the request was written

    def clear_up(self) -> None:
        """Remove every disturbance."""
        self.refuses, self.loses, self.cuts = False, 0.0, 0.0


class Distance(NamedTuple):
    """How far away the exchange is."""

    way_s: tuple[float, float] = (0.001, 0.05)  # shortest and longest time of a message
    crowding: int = 1  # above 1, most messages take little more than the shortest time, as on a real network
    pooled: float = 0.75  # share of requests that find an open connection
    opening_s: float = OPENING_S  # longest time until a new connection is open
    drops: float = 0.1  # share of idle connections that the server has closed

    def draw_s(self, dice: Random) -> float:
        """Draw the time of a message."""
        shortest_s, longest_s = self.way_s
        return shortest_s + (longest_s - shortest_s) * dice.random() ** self.crowding


FAR = Distance()


class Gateway(Protocol):
    """What answers requests: the simulated exchange, or what watches it."""

    def handle(self, request: messages.Request, now_ms: int) -> messages.Reply | DelayedRequest:
        """Answer a request."""
        ...

    def resume(self, later: DelayedRequest, now_ms: int) -> messages.Reply:
        """Execute a delayed request."""
        ...


class Network:
    """Carries requests to the simulated exchange and answers back; a written request arrives in any case."""

    def __init__(
        self,
        exchange: Gateway,
        clock: Milliseconds,
        weather: Weather,
        dice: Random,
        start_soon: Callable[..., object],
        on_first_byte: Callable[[str, str], None],
        distance: Distance = FAR,
    ) -> None:
        self._exchange = exchange
        self._clock = clock
        self._weather = weather
        self._dice = dice
        self._distance = distance
        self._start_soon = start_soon  # runs what carries a request
        self._on_first_byte = on_first_byte  # is called for every request at the moment its first byte is sent

    def dialer(self, life: Mortal) -> Dial:
        """Return what opens connections for the shots of one run."""
        return partial(self.dial, life)

    def transport(self, life: Mortal) -> "VirtualTransport":
        """Return the transport of one run."""
        return VirtualTransport(self, life)

    def pooled(self, life: Mortal) -> "VirtualConnection | None":
        """Return an open connection of the pool, if there is one."""
        return VirtualConnection(self, life) if self._dice.random() < self._distance.pooled else None

    async def dial(self, life: Mortal, timeout_s: float) -> "VirtualWarmConnection":
        """Open a connection for a shot."""
        async with asyncio.timeout(timeout_s):
            await anyio.sleep(self._dice.uniform(0.001, 0.3))
        if self._weather.refuses:
            raise ConnectionRefusedError
        return VirtualWarmConnection(self, life)

    def drops(self) -> bool:
        """Whether the server has just closed an idle connection."""
        return self._weather.refuses or self._dice.random() < self._distance.drops

    async def connect(self, life: Mortal) -> "VirtualConnection":
        """Open a connection, or reuse an open one."""
        await anyio.sleep(self._dice.choice((0.0, 0.0, 0.0, self._dice.uniform(0, self._distance.opening_s))))
        return VirtualConnection(self, life)

    def write(self, life: Mortal, request: bytes) -> "asyncio.Future[Reply | None] | None":
        """Accept a request; ``None`` if connections are refused."""
        life.check()
        if self._weather.refuses:
            return None
        line, *headers = request.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        method, target, _ = line.split(" ")
        self._on_first_byte(method, target)
        answer: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        fields = dict(header.split(": ", 1) for header in headers)
        self._start_soon(self._carry, method, target, fields, answer)
        return answer

    async def reply(
        self, life: Mortal, answer: "asyncio.Future[Reply | None] | None", timeout_s: float
    ) -> Reply | Failure:
        """Wait for the outcome of a request."""
        if answer is None:
            await anyio.sleep(self._dice.uniform(0.0001, 0.01))
            return Failure(written=False, why="connection refused")
        if self._dice.random() < self._weather.cuts:
            await anyio.sleep(self._dice.uniform(0, 0.05))
            return Failure(written=True, why="connection reset")
        try:
            async with asyncio.timeout(timeout_s):
                reply = await answer
        except TimeoutError:
            return Failure(written=True, why="no answer in time")
        life.check()
        return Failure(written=True, why="connection closed") if reply is None else reply

    async def _carry(
        self, method: str, target: str, headers: Mapping[str, str], answer: "asyncio.Future[Reply | None]"
    ) -> None:
        await anyio.sleep(self._distance.draw_s(self._dice))
        if self._dice.random() < self._weather.loses:
            return
        path, _, query = target.partition("?")
        reply = self._exchange.handle(messages.Request(method, path, query, headers), self._clock.now_ms())
        if isinstance(reply, DelayedRequest):
            await anyio.sleep(reply.delay_ms / 1_000)
            reply = self._exchange.resume(reply, self._clock.now_ms())
        await anyio.sleep(reply.delay_ms / 1_000 + self._distance.draw_s(self._dice))
        if answer.done() or self._dice.random() < self._weather.loses:
            return
        retry_after = reply.headers.get("Retry-After")
        answer.set_result(
            None
            if reply.drop_reply
            else Reply(reply.status, reply.body, None if retry_after is None else int(retry_after) * 1_000)
        )


class VirtualConnection:
    """An open connection of one run."""

    reused = True

    def __init__(self, network: Network, life: Mortal) -> None:
        self._network = network
        self._life = life
        self._answer: asyncio.Future[Reply | None] | None = None

    def write(self, request: bytes) -> bool:
        """Write a request."""
        self._answer = self._network.write(self._life, request)
        return True

    async def reply(self, timeout_s: float) -> Reply | Failure:
        """Read the answer."""
        return await self._network.reply(self._life, self._answer, timeout_s)

    def release(self) -> None:
        """Do nothing: there is no pool."""


class VirtualWarmConnection(VirtualConnection):
    """A connection for shots. The server closes some of them while they are idle."""

    is_open = True

    def write(self, request: bytes) -> bool:
        """Write a request, unless the server has closed the connection."""
        self.is_open = self.is_open and not self._network.drops()
        return self.is_open and super().write(request) and self._answer is not None

    async def reply(self, timeout_s: float) -> Reply | Failure:
        """Read the answer."""
        reply = await super().reply(timeout_s)
        self.is_open = isinstance(reply, Reply)
        return reply

    def watch(self, dropped: Callable[[], None]) -> None:
        """Drop the connection soon, or not."""
        if self._network.drops():
            asyncio.get_running_loop().call_later(0.1, self._drop, dropped)

    def unwatch(self) -> None:
        """Do nothing: a drop that is called later finds a shot that has ended."""

    def close(self) -> None:
        """Close it."""
        self.is_open = False

    def _drop(self, dropped: Callable[[], None]) -> None:
        self.is_open = False
        dropped()


class VirtualTrigger:
    """Fires shots in virtual time. The process may be killed between a shot and what depends on it."""

    def __init__(
        self, life: Mortal, clock: Nanoseconds, dice: Random, late_s: Sequence[float] = (0, 0, 0.0005, 0.003)
    ) -> None:
        """``late_s``: how late a shot may leave, each as probable as the others."""
        self._life = life
        self._clock = clock
        self._dice = dice
        self._late_s = late_s
        self._is_closed = False

    def hold(self, shot: Shot) -> None:
        """Fire a shot at its instant."""
        left_s = max(0, shot.at_ns() - self._clock.now_ns()) / 1e9
        late_s = self._dice.choice(self._late_s)
        asyncio.get_running_loop().call_later(left_s + late_s, self._fire, shot)

    def recall(self, shot: Shot) -> bool:
        """Take a shot back."""
        if shot.state is HELD:
            shot.state = RECALLED
        return shot.state is RECALLED

    def ask(self, runs: Callable[[], object]) -> None:
        """Answer at once: there is no thread."""
        runs()

    def close(self) -> None:
        """Fire nothing any more."""
        self._is_closed = True

    def _fire(self, shot: Shot) -> None:
        if self._is_closed or self._life.killed or shot.state is not HELD:
            return
        at_ns, now_ns = shot.at_ns(), self._clock.now_ns()
        if at_ns > now_ns:
            self.hold(shot)
            return
        shot.state = FIRED
        fired = Fired(shot.may_leave(at_ns, now_ns) and shot.write(), at_ns, now_ns)
        if self._life.is_fragile and self._dice.random() < 0.05:
            self._life.kill()
        asyncio.get_running_loop().call_later(self._dice.choice((0, 0.0005, 0.004)), self._tell, shot, fired)

    def _tell(self, shot: Shot, fired: Fired) -> None:
        if not self._life.killed and not self._is_closed:
            shot.done(fired)


class VirtualTransport:
    """The transport port of one run."""

    def __init__(self, network: Network, life: Mortal) -> None:
        self.idle_limit = IdleLimit()
        self._network = network
        self._life = life

    def build(self, method: str, target: str, header_lines: str) -> bytes:
        """Return a request as it is written."""
        return f"{method} {target} HTTP/1.1\r\n{header_lines}\r\n".encode("ascii")

    def pooled(self) -> VirtualConnection | None:
        """Return an open connection of the pool."""
        return self._network.pooled(self._life)

    def is_warm(self) -> bool:
        """Whether there is an open connection in the pool; this network's are opened at no cost."""
        return True

    async def connect(self, timeout_s: float) -> VirtualConnection:
        """Return an open connection."""
        async with asyncio.timeout(timeout_s):
            return await self._network.connect(self._life)

    async def request(
        self,
        request: bytes,
        timeout_s: float,
        *,
        repeatable: bool,  # noqa: ARG002
        before_write: BeforeWrite = lambda _: None,
    ) -> Reply | Failure:
        """Make one request."""
        try:
            connection = await self.connect(timeout_s)
        except TimeoutError:
            return Failure(written=False, why="no connection in time")
        before_write(connection)
        connection.write(request)
        return await connection.reply(timeout_s)
