"""The hand on the writing connection: commits are made here, whatever may take long on the connection's thread.

A commit on a disk that is well takes a few tenths of a millisecond. On a thread it takes two wake-ups more, and the
thread waits for the interpreter lock after every statement; beside a busy loop that comes to milliseconds. So it is
made in the loop's own thread. The loop stands still meanwhile, and whatever arrives goes into the next group.

A disk that is slow must not hold up the loop again and again: after a commit that took long, commits are made on the
thread for a while. What another process has locked is waited for there, too: nothing is acknowledged or sent meanwhile,
and whoever asks learns how long it has been going on.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import anyio

from daemon.clock import stopwatch_s
from daemon.errors import Locked
from daemon.store.opening import LOCKED, primary

LONG_S = 0.1
"""A commit that takes longer sends the next ones to the thread."""

ASIDE_S = 1.0
"""For so long."""

TRY_MS = 500
"""So long the thread waits for a lock of another process before it tells, and tries again."""

PATIENCE_S = 60.0
"""So long a commit is tried: a copy or a check by another program ends within that. After that the process ends, and
the next one waits again."""

Tell = Callable[[str], None]
"""Takes the name of an event that somebody should hear of."""

_T = TypeVar("_T")


class Hand(Protocol):
    """Runs a function on a connection's own thread and returns what it returned: one hop."""

    def __call__(self, work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
        """Run it there."""
        ...


class WritingHand(Hand, Protocol):
    """Runs functions on the writing connection, one at a time, wherever it is done soonest."""

    def aside(self, work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
        """Run one that may take long, where it holds up nothing but this connection."""
        ...

    def patiently(self, work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
        """Run one there that leaves nothing behind when it fails; another process's lock is waited for."""
        ...


class Patience:
    """What is known of waiting for another process's lock."""

    def __init__(self) -> None:
        self._since_s: float | None = None
        self._tried = asyncio.Event()

    @property
    def locked_s(self) -> float:
        """How long a lock has been waited for, 0 if none is."""
        return 0.0 if self._since_s is None else stopwatch_s() - self._since_s

    async def tried(self) -> None:
        """Return when a lock was met once more: whoever waits for it is alive."""
        await self._tried.wait()

    def note(self, since_s: float) -> None:
        """Take in that a lock was met again, and since when it is waited for."""
        self._since_s = since_s
        self._tried.set()
        self._tried = asyncio.Event()

    def end(self) -> None:
        """Take in that none is waited for any more."""
        self._since_s = None


class HereOrAside:
    """The writing connection's hand: here, in the loop's thread, or aside, in the connection's own."""

    def __init__(self, connection: sqlite3.Connection, thread: Hand, patience: Patience, tell: Tell) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        self._patience = patience
        self._tell = tell
        self._connection = connection
        self._thread = thread
        self._turn = asyncio.Lock()
        self._aside_until_s = 0.0

    async def __call__(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run what is short and leaves nothing behind when it fails: here, or aside if the disk is slow or locked."""
        if stopwatch_s() >= self._aside_until_s:
            try:
                async with self._turn:
                    return self._here(work)
            except sqlite3.OperationalError as error:
                if not _is_locked(error):
                    raise
        return await self.patiently(work)

    async def patiently(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run it on the thread, again and again while another process has the database locked."""
        began_s = stopwatch_s()
        try:
            while True:
                try:
                    return await self.aside(work)
                except (sqlite3.OperationalError, Locked) as error:
                    if not _is_locked(error) or stopwatch_s() - began_s > PATIENCE_S:
                        raise
                if not self._patience.locked_s:
                    self._tell("store.locked")
                self._patience.note(began_s)
        finally:
            self._patience.end()

    async def aside(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run it on the thread; to its end, though whoever asked is gone: two threads must never use the connection."""

        def patient(connection: sqlite3.Connection) -> _T:
            connection.execute(f"PRAGMA busy_timeout = {TRY_MS}")
            try:
                return work(connection)
            finally:
                connection.execute("PRAGMA busy_timeout = 0")

        with anyio.CancelScope(shield=True):
            async with self._turn:
                done = await self._thread(patient)
        return done

    def _here(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        began_s = stopwatch_s()
        try:
            return work(self._connection)
        finally:
            ended_s = stopwatch_s()
            if ended_s - began_s > LONG_S:
                self._aside_until_s = ended_s + ASIDE_S


def _is_locked(error: Exception) -> bool:
    return isinstance(error, Locked) or primary(error) in LOCKED
