"""Clocks for tests: one that a test moves, one that shows the event loop's (virtual) time."""

import asyncio
from collections.abc import Callable

import looptime
import pytest

from daemon.clock import NS_PER_MS

BEGIN_MS = 1_760_000_000_000


class ManualClock:
    """Moves only when a test moves it."""

    def __init__(self, now_ms: int = BEGIN_MS) -> None:
        self._now_ns = now_ms * NS_PER_MS

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return self._now_ns // NS_PER_MS

    def now_ns(self) -> int:
        """Return the same in nanoseconds."""
        return self._now_ns

    async def reach(self, at_ms: int) -> None:
        """Advance to a time, unless it has passed."""
        self._now_ns = max(self._now_ns, at_ms * NS_PER_MS)

    def advance(self, ms: int) -> None:
        """Advance by a duration."""
        self._now_ns += ms * NS_PER_MS


class LoopClock:
    """Shows the running loop's time, so that it agrees with the loop's timers."""

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return BEGIN_MS + round(asyncio.get_running_loop().time() * 1_000)

    def now_ns(self) -> int:
        """Return the same in nanoseconds."""
        return BEGIN_MS * NS_PER_MS + round(asyncio.get_running_loop().time() * 1_000_000_000)

    async def reach(self, at_ms: int) -> None:
        """Wait until a time."""
        await asyncio.sleep((at_ms - self.now_ms()) / 1_000)


VIRTUAL_TIME: tuple[str, dict[str, Callable[[], asyncio.AbstractEventLoop]]] = (
    "asyncio",
    {"loop_factory": looptime.new_event_loop},
)
"""For an ``anyio_backend`` fixture: a loop whose time jumps to the next timer when no task can run."""

in_virtual_time = pytest.mark.parametrize("anyio_backend", [pytest.param(VIRTUAL_TIME, id="virtual time")])
"""Marks a test that waits for a timer: it waits in virtual time."""
