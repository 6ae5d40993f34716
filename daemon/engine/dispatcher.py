"""The dispatcher: a task that runs when something in the trading state is due.

Every decision dispatches at once (:mod:`daemon.engine.effects`). This task is for what becomes due by time alone:
deadlines, retries, armed instants, the ends of leases, room in the rate budget; and for what is more than a decision
does at once. It goes on when the requests of a slice have left: so there are never many to be written together.
"""

import anyio
import anyio.lowlevel

from daemon.core.verbs.dispatch import tick
from daemon.engine.effects import Effects
from daemon.engine.timers import Alarm

SLOW_S = 0.1
"""A slow or locked disk keeps the next slice waiting for this long at most, because other tasks wait for it as well."""


class Dispatcher:
    """Does what is due."""

    def __init__(self, effects: Effects) -> None:
        self._effects = effects
        self._alarm = Alarm(effects.clock)

    def look_again(self) -> None:
        """Wake the task if something is due sooner than it knows."""
        self._alarm.bring_forward(self._due_ms())

    def wake(self) -> None:
        """Run at once: the clock stepped after the next instant was computed."""
        self._alarm.ring()

    async def turn(self) -> None:
        """Return when the task has run once."""
        await self._alarm.turn()

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        while True:
            ended, commit = self._effects.decide(tick)
            if not ended and self._effects.state.timers.are_behind:
                await anyio.lowlevel.checkpoint()  # orders joined the queue, and none was sent
                continue
            due_ms = self._due_ms()
            if due_ms is not None and due_ms <= self._effects.clock.now_ms():
                with anyio.move_on_after(SLOW_S):
                    await commit.durable()
            await self._alarm.sleep_until(self._due_ms())

    def _due_ms(self) -> int | None:
        known = (self._effects.state.timers.next_ms(), self._effects.next_dispatch_ms)
        return min((due_ms for due_ms in known if due_ms is not None), default=None)
