"""Long readings take turns, and rest in between: however many readers there are, trading has most of the loop.

A list of orders or the board takes some milliseconds of the interpreter, whichever thread does it. So one of them is
made at a time, in pieces between which the loop does what else is due; and after each one none is made for some time
that grows with what it took. Readers wait for that; trading does not.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio
import anyio.lowlevel

REST = 3
"""After a reading none is made for so many times as long as it took."""

PIECE = 32
"""So many items are written before the loop is left to others: less than half a millisecond's work."""

_T = TypeVar("_T")
_V = TypeVar("_V")


class Turns:
    """One reading at a time, with rests."""

    def __init__(self, now_s: Callable[[], float] | None = None) -> None:
        """``now_s`` is the clock by which a reading's time is taken, the loop's where it is not given."""
        self._now_s = now_s or asyncio.get_running_loop().time
        self._lock = asyncio.Lock()
        self._rests_until_s = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it while the context lasts."""
        async with self._lock:
            await anyio.sleep(max(0.0, self._rests_until_s - self._now_s()))
            began_s = self._now_s()
            try:
                yield
            finally:
                ended_s = self._now_s()
                self._rests_until_s = ended_s + REST * (ended_s - began_s)


class Shared:
    """A reading whose answer is the same for all who ask: made once for everybody who asked before it began."""

    def __init__(self, turns: Turns, make: Callable[[], Awaitable[bytes]]) -> None:
        self._turns = turns
        self._make = make
        self._next: asyncio.Task[bytes] | None = None

    async def get(self) -> bytes:
        """Return an answer that is no older than the question."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._take_turn())
        return await asyncio.shield(self._next)  # whoever goes away leaves the others theirs

    async def _take_turn(self) -> bytes:
        async with self._turns.turn():
            self._next = None
            return await self._make()


async def in_pieces(items: Iterable[_T], view: Callable[[_T], _V]) -> list[_V]:
    """View items, and leave the loop to others in between."""
    return [each async for each in _piece_by_piece(iter(items), view)]


async def _piece_by_piece(items: Iterator[_T], view: Callable[[_T], _V]) -> AsyncIterator[_V]:
    for number, item in enumerate(items, start=1):
        yield view(item)
        if number % PIECE == 0:
            await anyio.lowlevel.checkpoint()
