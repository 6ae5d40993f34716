"""What happens after a step is on disk: it is told to the log and to those who wait, and finished orders leave memory.

Nothing is told before it is durable. The log comes last and in batches, because a line takes as long as a signature
and nobody is waiting for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import anyio

from daemon.core.events import Event
from daemon.core.ledger import Ledger
from daemon.core.step import Step
from daemon.store.writer import Commit

LINGER_S = 0.005
"""Log lines are gathered for so long, so that the requests of a burst leave first."""


class Publisher:
    """Follows commits, in order."""

    def __init__(self, ledger: Ledger, emit: Callable[[Event], None]) -> None:
        self._ledger = ledger
        self._emit = emit
        self._pending: deque[tuple[Step, Commit]] = deque()
        self._untold: list[Event] = []
        self._wanted = asyncio.Event()
        self._told = asyncio.Event()
        self._waiting: dict[str, asyncio.Event] = {}

    def follow(self, step: Step, commit: Commit) -> None:
        """Tell of a step when its commit is durable."""
        self._pending.append((step, commit))
        self._wanted.set()

    async def changed(self, order_id: str) -> None:
        """Wait until a change of an order is on disk."""
        event = self._waiting.get(order_id)
        if event is None:
            event = self._waiting[order_id] = asyncio.Event()
        await event.wait()

    def wake_all(self) -> None:
        """Let everybody who waits look again."""
        waiting, self._waiting = self._waiting, {}
        for event in waiting.values():
            event.set()

    async def run(self) -> None:
        """Follow commits until cancelled, then tell what is left."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._log)
                while True:
                    await self._wanted.wait()
                    self._wanted.clear()
                    while self._pending:
                        step, commit = self._pending[0]
                        await commit.durable()
                        self._pending.popleft()
                        self._publish(step)
        finally:
            self.flush()

    def flush(self) -> None:
        """Tell the log what it has not been told."""
        untold, self._untold = self._untold, []
        for event in untold:
            self._emit(event)

    def _publish(self, step: Step) -> None:
        self._ledger.committed(step)
        for order_id in step.orders:
            event = self._waiting.pop(order_id, None)
            if event is not None:
                event.set()
        self._untold += step.events
        self._untold += step.notes
        self._told.set()

    async def _log(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            await anyio.sleep(LINGER_S)
            self.flush()
