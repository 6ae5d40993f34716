"""An alarm clock for a task that sleeps until something is due, and may have to wake sooner."""

import asyncio
import math

import anyio

from daemon.clock import Clock


class Alarm:
    """Sleeps until an instant, or until it is woken."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()
        self._set_for: float = math.inf
        self._ran: asyncio.Event | None = None

    def bring_forward(self, due_ms: int | None) -> None:
        """Wake the task if something is due before it would wake."""
        if due_ms is not None and due_ms < self._set_for:
            self._rung.set()

    def ring(self) -> None:
        """Wake the task."""
        self._rung.set()

    async def turn(self) -> None:
        """Wake the task, and wait until it has run once and sleeps again."""
        if self._ran is None:
            self._ran = asyncio.Event()
        ran = self._ran
        self.ring()
        await ran.wait()

    async def sleep_until(self, due_ms: int | None) -> None:
        """Sleep until an instant (Unix ms); ``None``: until woken."""
        if self._ran is not None:
            self._ran.set()
            self._ran = None
        self._set_for = math.inf if due_ms is None else due_ms
        delay_s = None if due_ms is None else max(0, due_ms - self._clock.now_ms()) / 1_000
        with anyio.move_on_after(delay_s):
            await self._rung.wait()
        self._rung.clear()
        self._set_for = -math.inf
