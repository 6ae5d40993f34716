"""An alarm clock for a task that sleeps until the next thing is due, and may have to wake sooner."""

import asyncio
import math

import anyio

from daemon.clock import Clock


class Alarm:
    """Sleeps until an instant, or until something sooner comes up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()
        self._set_for: float = math.inf
        self._turned: asyncio.Event | None = None

    def bring_forward(self, due_ms: int | None) -> None:
        """Wake the sleeper if something is due before it would wake."""
        if due_ms is not None and due_ms < self._set_for:
            self._rung.set()

    def ring(self) -> None:
        """Wake the sleeper."""
        self._rung.set()

    async def turn(self) -> None:
        """Wake the sleeper, and wait until it has been round and sleeps again."""
        if self._turned is None:
            self._turned = asyncio.Event()
        turned = self._turned
        self.ring()
        await turned.wait()

    async def sleep_until(self, due_ms: int | None) -> None:
        """Sleep; ``None`` is until woken."""
        if self._turned is not None:
            self._turned.set()
            self._turned = None
        self._set_for = math.inf if due_ms is None else due_ms
        delay_s = None if due_ms is None else max(0, due_ms - self._clock.now_ms()) / 1_000
        with anyio.move_on_after(delay_s):
            await self._rung.wait()
        self._rung.clear()
        self._set_for = -math.inf
