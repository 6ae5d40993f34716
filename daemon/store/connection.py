"""Runs work on the writing connection: in the event-loop thread while the disk is fast, otherwise in a worker thread.

A commit on a healthy disk takes a few tenths of a millisecond. In a worker thread it takes two more wake-ups, and the
thread waits for the interpreter lock after every statement; beside a busy loop that adds milliseconds. So commits run
in the event-loop thread. The loop is blocked meanwhile, and what arrives then joins the next group.

A slow disk must not block the loop repeatedly: after a commit slower than ``SLOW_S``, commits run in the worker thread
for ``IN_THREAD_S``. The worker thread also waits for a lock that another process holds on the database. Nothing is
acknowledged or sent meanwhile, and status and metrics show how long the wait has lasted.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import anyio

from daemon.clock import stopwatch_s
from daemon.errors import Locked
from daemon.store.opening import LOCKED, primary

SLOW_S = 0.1
"""After a commit slower than this, commits run in the worker thread."""

IN_THREAD_S = 1.0
"""How long commits then run in the worker thread."""

RETRY_MS = 500
"""How long one try waits for another process's lock before it reports the wait and tries again."""

LOCK_WAIT_S = 60.0
"""How long a commit waits for another process's lock. A copy or a check by another program ends within that. After it
the process ends, and the next process waits again."""

EmitName = Callable[[str], None]
"""Takes the name of an event to emit."""

_T = TypeVar("_T")


class Runner(Protocol):
    """Runs a function with a connection and returns its result."""

    def __call__(self, work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
        """Run it."""
        ...


class ConnectionRunner(Protocol):
    """Runs functions on the writing connection, one at a time."""

    @property
    def is_free(self) -> bool:
        """Whether :meth:`here` may run work: the disk is fast, and nothing else uses the connection."""
        ...

    def here(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run short work at once, in the event-loop thread. Work that fails must leave nothing behind.

        Raises:
            Locked: another process has the database locked.

        """
        ...

    def in_thread(self, work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
        """Run work that may be slow, where it blocks nothing but this connection."""
        ...

    def waiting_for_lock(self, work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
        """Run work in the thread and wait for another process's lock. Work that fails must leave nothing behind."""
        ...


class LockWait:
    """The present wait for another process's lock, if there is one."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._retried = asyncio.Event()

    @property
    def locked_s(self) -> float:
        """Seconds since the wait began; 0 while there is none."""
        return 0.0 if self._since_s is None else stopwatch_s() - self._since_s

    async def retried(self) -> None:
        """Return after the next retry, which shows that the task that waits is alive."""
        await self._retried.wait()

    def note(self, since_s: float) -> None:
        """Record a retry, and when the wait began."""
        self._since_s = since_s
        self._retried.set()
        self._retried = asyncio.Event()

    def end(self) -> None:
        """Record that the wait is over."""
        self._since_s = None


class InlineOrThread:
    """Runs work in the event-loop thread while the disk is fast, otherwise in the connection's worker thread."""

    def __init__(self, connection: sqlite3.Connection, thread: Runner, lock_wait: LockWait, emit: EmitName) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        self._lock_wait = lock_wait
        self._emit = emit
        self._connection = connection
        self._thread = thread
        self._mutex = asyncio.Lock()
        self._in_thread_until_s = 0.0

    @property
    def is_free(self) -> bool:
        """Whether :meth:`here` may run work: the disk is fast, and nothing else uses the connection."""
        return stopwatch_s() >= self._in_thread_until_s and not self._mutex.locked()

    def here(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run short work at once, in the event-loop thread. Work that fails must leave nothing behind.

        Raises:
            Locked: another process has the database locked.

        """
        assert not self._mutex.locked()
        began_s = stopwatch_s()
        try:
            return work(self._connection)
        except sqlite3.OperationalError as error:
            if not _is_locked(error):
                raise
            raise Locked(str(error)) from error
        finally:
            ended_s = stopwatch_s()
            if ended_s - began_s > SLOW_S:
                self._in_thread_until_s = ended_s + IN_THREAD_S

    async def waiting_for_lock(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run it in the thread, and retry while another process has the database locked."""
        began_s = stopwatch_s()
        try:
            while True:
                try:
                    return await self.in_thread(work)
                except (sqlite3.OperationalError, Locked) as error:
                    if not _is_locked(error) or stopwatch_s() - began_s > LOCK_WAIT_S:
                        raise
                if not self._lock_wait.locked_s:
                    self._emit("store.locked")
                self._lock_wait.note(began_s)
        finally:
            self._lock_wait.end()

    async def in_thread(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run it in the thread, to its end even if the caller is cancelled: two threads must not share a connection."""

        def with_timeout(connection: sqlite3.Connection) -> _T:
            connection.execute(f"PRAGMA busy_timeout = {RETRY_MS}")
            try:
                return work(connection)
            finally:
                connection.execute("PRAGMA busy_timeout = 0")

        with anyio.CancelScope(shield=True):
            async with self._mutex:
                done = await self._thread(with_timeout)
        return done


def _is_locked(error: Exception) -> bool:
    return isinstance(error, Locked) or primary(error) in LOCKED
