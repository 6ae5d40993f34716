"""Bounds how much is done in one iteration of the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable

AT_ONCE = 32
"""Urgent requests that are answered in one iteration. More would delay the commit of the first; the others are answered
in the next iterations, in order of arrival."""


class Turns:
    """Runs work at once, but at most :data:`AT_ONCE` pieces per iteration of the event loop."""

    def __init__(self) -> None:
        self._left = AT_ONCE
        self._is_scheduled = False
        self._waiting: deque[Callable[[], None]] = deque()

    def run(self, work: Callable[[], None]) -> None:
        """Run work now, or in a later iteration."""
        if not self._left or self._waiting:
            self._waiting.append(work)
            return
        self._left -= 1
        try:
            work()
        finally:
            self._schedule()  # after the commit that the work caused

    def _next(self) -> None:
        self._is_scheduled = False
        self._left = AT_ONCE
        try:
            while self._waiting and self._left:
                self._left -= 1
                self._waiting.popleft()()
        finally:
            if self._left < AT_ONCE:
                self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._next)
