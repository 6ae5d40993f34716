"""Urgent requests first, and a bounded number of them in one iteration of the event loop.

In a burst every order's request is to leave before the daemon looks at answers and writes log lines. These wait for a
bounded time.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import anyio

AT_ONCE = 32
"""Urgent requests that are answered in one iteration. More would delay the commit of the first; the others are answered
in the next iterations, in order of arrival."""

LONGEST_WAIT_S = 0.05
"""How long an answer or a log line waits for urgent requests at most."""


class Turns:
    """Runs work at once, but at most :data:`AT_ONCE` pieces per iteration of the event loop."""

    def __init__(self) -> None:
        self._left = AT_ONCE
        self._is_scheduled = False
        self._waiting: deque[Callable[[], None]] = deque()
        self._none_waits = asyncio.Event()

    def run(self, work: Callable[[], None]) -> None:
        """Run work now, or in a later iteration."""
        if not self._left or self._waiting:
            self._waiting.append(work)
            self._none_waits.clear()
            return
        self._left -= 1
        try:
            work()
        finally:
            self._schedule()  # after the commit that the work caused

    async def after_urgent(self) -> None:
        """Return when no urgent request waits for its turn, or after :data:`LONGEST_WAIT_S`."""
        if self._waiting:
            with anyio.move_on_after(LONGEST_WAIT_S):
                await self._none_waits.wait()

    def _next(self) -> None:
        self._is_scheduled = False
        self._left = AT_ONCE
        try:
            while self._waiting and self._left:
                self._left -= 1
                self._waiting.popleft()()
        finally:
            if not self._waiting:
                self._none_waits.set()
            if self._left < AT_ONCE:
                self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._next)
