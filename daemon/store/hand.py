"""The hand on the writing connection: commits are made here, whatever may take long on the connection's thread.

A commit on a disk that is well takes a few tenths of a millisecond. On a thread it takes two wake-ups more, and the
thread waits for the interpreter lock after every statement; beside a busy loop that comes to milliseconds. So it is
made in the loop's own thread. The loop stands still meanwhile, and whatever arrives goes into the next group.

A disk that is slow must not hold up the loop again and again: after a commit that took long, commits are made on the
thread for a while. What another process has locked is waited for there, too.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import anyio

from daemon.clock import stopwatch_s

LONG_S = 0.1
"""A commit that takes longer sends the next ones to the thread."""

ASIDE_S = 1.0
"""For so long."""

PATIENCE_MS = 5_000
"""So long the thread waits for a lock of another process on the database."""

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


class HereOrAside:
    """The writing connection's hand: here, in the loop's thread, or aside, in the connection's own."""

    def __init__(self, connection: sqlite3.Connection, thread: Hand) -> None:
        connection.execute("PRAGMA busy_timeout = 0")
        self._connection = connection
        self._thread = thread
        self._turn = asyncio.Lock()
        self._aside_until_s = 0.0

    async def __call__(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run what is short and leaves nothing behind when it fails: here, or aside if the disk is slow or locked."""
        if stopwatch_s() < self._aside_until_s:
            return await self.aside(work)
        try:
            async with self._turn:
                return self._here(work)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                raise
        return await self.aside(work)

    async def aside(self, work: Callable[[sqlite3.Connection], _T], /) -> _T:
        """Run it on the thread; to its end, though whoever asked is gone: two threads must never use the connection."""

        def patient(connection: sqlite3.Connection) -> _T:
            connection.execute(f"PRAGMA busy_timeout = {PATIENCE_MS}")
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
