"""What happens after a decision is durable: waiting callers wake, finished orders leave memory, events are emitted.

Nothing is published before it is durable. Events are emitted last and in batches, because a log line takes as long as a
signature and no caller waits for it.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import count

import anyio

from daemon.clock import Clock
from daemon.core.state.changes import ChangeSet
from daemon.core.state.trading_state import TradingState
from daemon.core.values.events import Detail, Event
from daemon.engine.observer import NULL_OBSERVER, Observer
from daemon.engine.turns import Turns
from daemon.pieces import stepwise
from daemon.store.commit import Commit

SLOW_COMMIT_MS = 100
"""A commit that takes longer delays every order, so it is logged. A healthy disk takes one or two."""

LINGER_S = 0.005
"""Events are collected for this time before they are emitted, so that the requests of a burst leave first."""

PIECE = 32
"""Events that are emitted, or decisions that are published, before other tasks run: about a millisecond's work."""


class Publisher:
    """Publishes decisions, in the order of their commits."""

    def __init__(
        self,
        state: TradingState,
        clock: Clock,
        emit: Callable[[Event], None],
        turns: Turns,
        observer: Observer = NULL_OBSERVER,
    ) -> None:
        self._observer = observer
        self._state = state
        self._clock = clock
        self._emit = emit
        self._turns = turns
        self._last: Commit | None = None
        self._pending: deque[tuple[ChangeSet, Commit]] = deque()
        self._not_emitted: deque[Event] = deque()
        self._wanted = asyncio.Event()
        self._published = asyncio.Event()
        self._is_through = asyncio.Event()
        self._waiting: dict[str, asyncio.Event] = {}

    def publish_after(self, changes: ChangeSet, commit: Commit) -> None:
        """Publish a decision's changes when their commit is durable."""
        self._pending.append((changes, commit))
        self._wanted.set()

    async def changed(self, subject_id: str) -> None:
        """Wait until a change of an order or of its lock is on disk."""
        event = self._waiting.get(subject_id)
        if event is None:
            event = self._waiting[subject_id] = asyncio.Event()
        await event.wait()

    def wake_all(self) -> None:
        """Wake every caller of :meth:`changed`."""
        waiting, self._waiting = self._waiting, {}
        for event in waiting.values():
            event.set()

    async def turn(self) -> None:
        """Return when the task has published a commit, or found none to publish."""
        self._is_through.clear()
        self._wanted.set()
        await self._is_through.wait()

    async def run(self) -> None:
        """Publish commits until cancelled, then emit the remaining events."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._log)
                while True:
                    await self._wanted.wait()
                    self._wanted.clear()
                    await self._publish_pending()
                    self._is_through.set()
        finally:
            self.flush()

    async def _publish_pending(self) -> None:
        for number in count(1):
            if not self._pending:
                return
            changes, commit = self._pending[0]
            await commit.durable()
            self._pending.popleft()
            await self._publish(changes)
            self._measure(commit)
            del changes, commit  # a batch's are large, and the next commit may come late
            self._is_through.set()
            if number % PIECE == 0:
                await asyncio.sleep(0)

    def flush(self) -> None:
        """Emit the collected events."""
        while self._not_emitted:
            self._emit_piece()

    def _emit_piece(self) -> None:
        for _ in range(min(PIECE, len(self._not_emitted))):
            self._emit(self._not_emitted.popleft())

    async def _publish(self, changes: ChangeSet) -> None:
        self._not_emitted += changes.events  # first, so that an end in between loses none
        self._not_emitted += changes.notes
        await stepwise(self._state.committed(changes))
        holders = (lock.order_id for lock in changes.locks.values() if lock.order_id is not None)
        for subject_id in (*changes.orders, *holders):
            event = self._waiting.pop(subject_id, None)
            if event is not None:
                event.set()
        self._published.set()

    def _measure(self, commit: Commit) -> None:
        """Measure a commit, once for all of its decisions; record one that took long."""
        if commit is self._last:
            return
        self._last = commit
        self._observer.committed(commit.took_s)
        took_ms = round(commit.took_s * 1_000)
        if took_ms > SLOW_COMMIT_MS:
            detail: dict[str, Detail] = {"took_ms": took_ms, "rows": commit.rows}
            self._not_emitted.append(Event(name="store.slow_commit", at_ms=self._clock.now_ms(), detail=detail))

    async def _log(self) -> None:
        while True:
            await self._published.wait()
            self._published.clear()
            await anyio.sleep(LINGER_S)
            while self._not_emitted:
                await self._turns.after_urgent()
                self._emit_piece()
                await asyncio.sleep(0)
