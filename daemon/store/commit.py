"""A group of changes that are written in one transaction, and what waits for it."""

import asyncio
from collections.abc import Callable

from daemon.core.state.changes import ChangeSet
from daemon.core.values.attempts import Attempt
from daemon.core.values.events import Event
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.waiters import Waiter
from daemon.errors import CommitFailed


class Commit:
    """A group of changes that are written together."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.attempts: dict[str, Attempt] = {}
        self.locks: dict[str, Lock] = {}
        self.waiters: dict[str, Waiter] = {}
        self.facts: dict[str, str] = {}
        self.fills: list[Fill] = []
        self.events: list[Event] = []
        self.joined = 0
        self.took_s = 0.0  # by the stopwatch: simulated event-loop time does not advance during a commit
        self._wrote = 0
        self._is_ended = False
        self._failure: CommitFailed | None = None
        self._writes: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self._then: list[Callable[[], None]] = []
        self._waiting: asyncio.Event | None = None

    def __bool__(self) -> bool:
        return self.rows > 0

    @property
    def rows(self) -> int:
        """The number of rows that it writes, or wrote."""
        return self._wrote + count_rows(self)

    def join(self, changes: ChangeSet) -> None:
        """Add a decision's rows. A later snapshot of a row replaces an earlier one."""
        self.joined += 1
        self.orders.update(changes.orders)
        self.attempts.update(changes.attempts)
        self.locks.update(changes.locks)
        self.waiters.update(changes.waiters)
        self.facts.update(changes.facts)
        self.fills.extend(changes.fills)
        self.events.extend(changes.events)

    def write_when_durable(self, write: Callable[[], None], *, give_up: Callable[[], None]) -> None:
        """Call ``write``, which writes a request, as soon as the group is on disk; ``give_up`` if the commit fails."""
        if self._is_ended:
            (write if self._failure is None else give_up)()
        else:
            self._writes.append((write, give_up))

    def then(self, work: Callable[[], None]) -> None:
        """Call ``work`` when the commit has ended and its requests are written; :meth:`check` says how it ended."""
        if self._is_ended:
            asyncio.get_running_loop().call_soon(work)
        else:
            self._then.append(work)

    def end(self, failure: CommitFailed | None = None) -> None:
        """Write the requests, then wake what waits; ``failure`` is why the commit failed."""
        self._failure = failure
        self._is_ended = True
        for write, give_up in self._writes:
            (write if failure is None else give_up)()
        if self._waiting is not None:
            self._waiting.set()
        for work in self._then:
            asyncio.get_running_loop().call_soon(work)
        self._writes, self._then = [], []
        self._forget()

    def check(self) -> None:
        """Return if the group is on disk; it must have ended.

        Raises:
            CommitFailed: the commit failed.

        """
        assert self._is_ended
        if self._failure is not None:
            raise again(self._failure)

    async def durable(self) -> None:
        """Wait until the group is on disk.

        Raises:
            CommitFailed: the commit failed.

        """
        if not self._is_ended:
            if self._waiting is None:
                self._waiting = asyncio.Event()
            await self._waiting.wait()
        self.check()

    def _forget(self) -> None:
        """Forget the rows: those of a batch are large, and the last commit is kept until the next one."""
        self._wrote = self.rows
        for written in (self.orders, self.attempts, self.locks, self.waiters, self.facts, self.fills, self.events):
            written.clear()


def count_rows(group: Commit | ChangeSet) -> int:
    """Return the number of rows of a group."""
    others = len(group.waiters) + len(group.facts) + len(group.fills)
    return len(group.orders) + len(group.attempts) + len(group.locks) + len(group.events) + others


def again(failed: CommitFailed) -> CommitFailed:
    """Return an error of the same kind, to be raised in another task."""
    return type(failed)(str(failed))
