"""What happens after a decision is on disk: the log and those who wait hear of it, and finished orders leave memory.

Nothing is told before it is durable. The log comes last and in batches, because a line takes as long as a signature
and nobody is waiting for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import anyio

from daemon.clock import Clock
from daemon.core.state.changes import ChangeSet
from daemon.core.state.trading_state import TradingState
from daemon.core.values.events import Detail, Event
from daemon.engine.observer import NULL_OBSERVER, Observer
from daemon.store.writer import Commit

SLOW_COMMIT_MS = 100
"""A commit that takes longer delays every order: worth a line. A disk that is well takes one or two."""

LINGER_S = 0.005
"""Log lines are gathered for so long, so that the requests of a burst leave first."""


class Publisher:
    """Follows commits, in order."""

    def __init__(
        self, state: TradingState, clock: Clock, emit: Callable[[Event], None], observer: Observer = NULL_OBSERVER
    ) -> None:
        self._observer = observer
        self._state = state
        self._clock = clock
        self._emit = emit
        self._last: Commit | None = None
        self._pending: deque[tuple[ChangeSet, Commit]] = deque()
        self._untold: list[Event] = []
        self._wanted = asyncio.Event()
        self._told = asyncio.Event()
        self._turned = asyncio.Event()
        self._waiting: dict[str, asyncio.Event] = {}

    def publish_after(self, changes: ChangeSet, commit: Commit) -> None:
        """Tell of a decision's changes when their commit is durable."""
        self._pending.append((changes, commit))
        self._wanted.set()

    async def changed(self, subject_id: str) -> None:
        """Wait until a change of an order or of its lock is on disk."""
        event = self._waiting.get(subject_id)
        if event is None:
            event = self._waiting[subject_id] = asyncio.Event()
        await event.wait()

    def wake_all(self) -> None:
        """Let everybody who waits look again."""
        waiting, self._waiting = self._waiting, {}
        for event in waiting.values():
            event.set()

    async def turn(self) -> None:
        """Return when the task has told of a commit, or found none to tell of."""
        self._turned.clear()
        self._wanted.set()
        await self._turned.wait()

    async def run(self) -> None:
        """Follow commits until cancelled, then tell what is left."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._log)
                while True:
                    await self._wanted.wait()
                    self._wanted.clear()
                    while self._pending:
                        changes, commit = self._pending[0]
                        await commit.durable()
                        self._pending.popleft()
                        self._publish(changes)
                        self._judge(commit)
                        self._turned.set()
                    self._turned.set()
        finally:
            self.flush()

    def flush(self) -> None:
        """Tell the log what it has not been told."""
        untold, self._untold = self._untold, []
        for event in untold:
            self._emit(event)

    def _publish(self, changes: ChangeSet) -> None:
        self._state.committed(changes)
        holders = (lock.order_id for lock in changes.locks.values() if lock.order_id is not None)
        for subject_id in (*changes.orders, *holders):
            event = self._waiting.pop(subject_id, None)
            if event is not None:
                event.set()
        self._untold += changes.events
        self._untold += changes.notes
        self._told.set()

    def _judge(self, commit: Commit) -> None:
        """Tell of a commit that took long, once for all of its decisions."""
        if commit is self._last:
            return
        self._last = commit
        self._observer.committed(commit.took_s)
        took_ms = round(commit.took_s * 1_000)
        if took_ms > SLOW_COMMIT_MS:
            detail: dict[str, Detail] = {"took_ms": took_ms, "rows": commit.rows}
            self._untold.append(Event(name="store.slow_commit", at_ms=self._clock.now_ms(), detail=detail))

    async def _log(self) -> None:
        while True:
            await self._told.wait()
            self._told.clear()
            await anyio.sleep(LINGER_S)
            self.flush()
