"""Long passes in pieces, between which the event loop runs other tasks.

A pass over everything in memory takes some milliseconds when there is much. It works on a copy, because others change
the original meanwhile: what it finds may have changed or gone when it is looked at.
"""

import asyncio
from collections.abc import AsyncIterator, Generator, Iterable, Sequence
from typing import TypeVar

SIZE = 500
"""Items that are counted or compared before other tasks run: about a tenth of a millisecond's work."""

_T = TypeVar("_T")


async def pieces(items: Iterable[_T], size: int = SIZE) -> AsyncIterator[Sequence[_T]]:
    """Yield the items in pieces; other tasks run before each piece but the first."""
    copied = list(items)
    for start in range(0, len(copied), size):
        if start:
            await asyncio.sleep(0)
        yield copied[start : start + size]


async def stepwise(steps: Generator[None, None, _T]) -> _T:
    """Run a pass of the core to its end, and return its result; other tasks run where it yields."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _T = end.value
            return result
        await asyncio.sleep(0)
