"""Long reads run one at a time, with pauses between them: any number of readers leaves most of the loop to trading.

A list of orders, a history or the board takes some milliseconds. So one of them is made at a time, in the order in
which they were asked for, in pieces between which the loop runs other tasks. A pause in proportion to its duration
follows each read. An answer that is the same for every caller is made once for all who wait for it, and not again at
once: each caller's answer has to be written as well. Readers wait for that; trading does not.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.lowlevel

REST = 9
"""The pause after a read, as a multiple of the time that the read took: reads take a tenth of the time."""

LONGEST_REST_S = 0.5
"""A read that takes long does so in SQLite, beside the event loop: its duration says little about the work here."""

AGAIN_S = 0.05
"""The time between two answers that are shared: a display does not notice it."""

PIECE = 32
"""Items that are encoded before the loop runs other tasks: less than half a millisecond's work."""

_T = TypeVar("_T")
_V = TypeVar("_V")


class ReadScheduler:
    """One long read at a time, with a pause after each."""

    def __init__(self, now_s: Callable[[], float] | None = None) -> None:
        """``now_s`` is the clock that measures a read, the loop's where it is not given."""
        self._now_s = now_s or asyncio.get_running_loop().time
        self._lock = asyncio.Lock()
        self._rests_until_s = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait until a read may run; it runs while the context lasts."""
        async with self._lock:
            await anyio.sleep(max(0.0, self._rests_until_s - self._now_s()))
            began_s = self._now_s()
            try:
                yield
            finally:
                ended_s = self._now_s()
                self._rests_until_s = ended_s + min(LONGEST_REST_S, REST * (ended_s - began_s))


class SharedRead:
    """A read whose answer is the same for every caller: made once for all callers that asked before it began."""

    def __init__(self, scheduler: ReadScheduler, make: Callable[[], Awaitable[bytes]]) -> None:
        self._scheduler = scheduler
        self._make = make
        self._next: asyncio.Task[bytes] | None = None
        self._again_s = 0.0  # when the next one may begin

    async def get(self) -> bytes:
        """Return an answer that is no older than the question."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._read())
        return await asyncio.shield(self._next)  # a caller that goes away leaves the others their answer

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        await anyio.sleep(max(0.0, self._again_s - loop.time()))
        async with self._scheduler.slot():
            self._next = None
            self._again_s = loop.time() + AGAIN_S
            return await self._make()


async def in_pieces(items: Iterable[_T], view: Callable[[_T], _V]) -> list[_V]:
    """View items; the loop runs other tasks in between."""
    return [each async for each in _piece_by_piece(iter(items), view)]


async def _piece_by_piece(items: Iterator[_T], view: Callable[[_T], _V]) -> AsyncIterator[_V]:
    for number, item in enumerate(items, start=1):
        yield view(item)
        if number % PIECE == 0:
            await anyio.lowlevel.checkpoint()
