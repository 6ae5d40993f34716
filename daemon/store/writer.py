"""Group commit: all that waits goes into one transaction, one fsync.

One task owns the writing connection. Whoever has a step to write joins the group that is open at that moment and gets
its :class:`Commit` to wait on; the task closes the group, writes it whole (:mod:`daemon.store.connection`), and opens
the next. Groups are written in the order in which they were opened, steps in the order in which they joined, so a
step that is durable makes every earlier one durable.

Cancelling whoever waits touches nothing: the step stays in its group. A commit that fails is final. Nobody can know
what the disk holds then, so the group's waiters and all later ones get :class:`~daemon.errors.CommitFailed`, and the
task raises it, which ends the process.
"""

import asyncio
import sqlite3
from collections.abc import Callable

import anyio

from daemon.clock import stopwatch_s
from daemon.core.state.changes import ChangeSet
from daemon.core.values.attempts import Attempt
from daemon.core.values.events import Event
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.values.waiters import Waiter
from daemon.errors import CommitFailed, DatabaseGone
from daemon.store import rows
from daemon.store.connection import ConnectionRunner
from daemon.store.opening import AUTOCHECKPOINT_PAGES, LOCKED, primary, transaction

IDLE_S = 0.25
"""After so long without a commit the WAL is copied back into the database."""

COMMITS_WORTH_A_CHECKPOINT = 20

PAGES_UNTIL_A_CHECKPOINT = 2_000
"""Written without an idle moment, before the WAL is copied back all the same: so many fit into the file as it was grown
at the start, and a commit that makes it longer takes twice as long."""

LARGE = 300
"""Rows of a group that is written on the connection's thread: a batch of hundreds would hold the loop for too long."""

TURNS = 8
"""Of the loop, for which a group stays open at most."""

AGAIN_S = 5.0
"""After so long a WAL is copied back again that a reader was in the way of."""

LATE_S = 0.005
"""What nobody waits for is written after so long, if nothing else took it along."""


class Commit:
    """A group of steps on its way to the disk."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.attempts: dict[str, Attempt] = {}
        self.locks: dict[str, Lock] = {}
        self.waiters: dict[str, Waiter] = {}
        self.facts: dict[str, str] = {}
        self.events: list[Event] = []
        self.steps = 0
        self.took_s = 0.0  # by the stopwatch: the loop's clock may stand still while the loop does
        self._ended = asyncio.Event()
        self._failure: str | None = None

    def __bool__(self) -> bool:
        return self.rows > 0

    @property
    def rows(self) -> int:
        """How many rows it writes."""
        kinds = (self.orders, self.attempts, self.locks, self.waiters, self.facts, self.events)
        return sum(len(kind) for kind in kinds)

    def join(self, changes: ChangeSet) -> None:
        """Add a decision's rows. A later snapshot of a row takes an earlier one's place."""
        self.steps += 1
        self.orders.update(changes.orders)
        self.attempts.update(changes.attempts)
        self.locks.update(changes.locks)
        self.waiters.update(changes.waiters)
        self.facts.update(changes.facts)
        self.events.extend(changes.events)

    def end(self, failure: str | None = None) -> None:
        """Tell those who wait."""
        self._failure = failure
        self._ended.set()

    async def durable(self) -> None:
        """Wait until the group is on disk.

        Raises:
            CommitFailed: the disk did not take it.

        """
        if not self._ended.is_set():
            await self._ended.wait()
        if self._failure is not None:
            raise CommitFailed(self._failure)


class Writer:
    """The task that owns the writing connection."""

    def __init__(self, runner: ConnectionRunner, look: Callable[[], str | None]) -> None:
        """Args: ``look`` returns what is wrong with the database's files, or ``None``."""
        self._runner = runner
        self._look = look
        self._group = Commit()
        self._last = Commit()
        self._last.end()
        self._wanted = asyncio.Event()
        self._due = False  # the open group is to be written now
        self._late: asyncio.TimerHandle | None = None
        self._closing = False
        self._failed: CommitFailed | None = None
        self._commits = self._pages = 0  # since the last checkpoint
        self._wrote_s = 0.0
        self._is_idle = False
        self._idle_timer: asyncio.TimerHandle | None = None

    def commit(self, changes: ChangeSet) -> Commit:
        """Join the open group; with an empty change set, wait for all that was joined before.

        What is not urgent is written together with the next that is, or a moment later.
        """
        if self._failed is not None:
            raise CommitFailed(str(self._failed))
        if changes:
            self._group.join(changes)
        elif not self._group:
            return self._last
        if changes.is_urgent:
            self._write_now()
        elif not self._due and self._late is None:
            self._late = asyncio.get_running_loop().call_later(LATE_S, self._write_now)
        return self._group

    def look(self) -> None:
        """Look whether the database's files are still there.

        Raises:
            DatabaseGone: they are not. Nothing is taken any more.

        """
        if self._failed is None and (found := self._look()) is not None:
            raise self.fail(DatabaseGone(found))

    def fail(self, failed: CommitFailed) -> CommitFailed:
        """Let nothing join any more, tell whoever joined already, and let :meth:`run` end with the first such error."""
        if self._failed is None:
            self._failed = failed
            self._group.end(str(failed))
            self._write_now()
        return self._failed

    def wrote_elsewhere(self, rows: int) -> None:
        """Take in that others wrote so many rows: the WAL is copied back as if they had been commits."""
        if rows:
            self._commits += 1
            self._pages += 2 * rows
            self._wanted.set()

    def close(self) -> None:
        """Let :meth:`run` end when all that was joined is written."""
        self._closing = True
        self._wanted.set()

    def _write_now(self) -> None:
        self._due = True
        self._wanted.set()

    async def run(self) -> None:
        """Write group after group until closed.

        Raises:
            CommitFailed: the disk did not take one.

        """
        with anyio.CancelScope(shield=True):  # ends by close(): what was joined is written even in a fall
            while True:
                await self._wait()
                if self._failed is not None:
                    raise self._failed
                if not self._group:
                    self._failed = CommitFailed("the store is closed")
                    return
                await self._write()

    async def _wait(self) -> None:
        """Wait for a group to write; checkpoint in an idle moment, or when there was none for long."""
        while not self._due and not self._closing:
            self._wanted.clear()
            if self._commits >= COMMITS_WORTH_A_CHECKPOINT and self._idle_timer is None:
                self._watch_for_idleness(IDLE_S)
            await self._wanted.wait()
            if (self._is_idle or self._pages >= PAGES_UNTIL_A_CHECKPOINT) and not self._due:
                await self._checkpoint()
        if self._pages >= PAGES_UNTIL_A_CHECKPOINT:
            await self._checkpoint()
        await self._let_others_join()

    async def _let_others_join(self) -> None:
        """Keep a group open while others join it; one who comes alone does not wait."""
        steps = 1
        for _ in range(TURNS):
            if self._group.steps <= steps:
                return
            steps = self._group.steps
            await asyncio.sleep(0)

    async def _checkpoint(self) -> None:
        """Copy the WAL back; where there is no room for that all stays in the WAL, and the next one tries again.

        The next commit begins the file anew, and SQLite cuts it then to the size that it was given. A reader that stays
        is in the way of both, so that the file grows; once the reader has gone, the first try is made up for.
        """
        self._is_idle, self._commits, self._pages = False, 0, 0
        try:
            if not await self._runner.in_thread(_checkpoint):
                asyncio.get_running_loop().call_later(AGAIN_S, self._try_again)
        except sqlite3.Error as error:
            if primary(error) not in {sqlite3.SQLITE_FULL, *LOCKED}:
                raise self._refused("checkpoint", error) from error

    def _try_again(self) -> None:
        self._is_idle = True
        self._wanted.set()

    def _watch_for_idleness(self, after_s: float) -> None:
        """Look then whether the last commit is long enough ago: one timer, not one for each commit."""
        self._idle_timer = asyncio.get_running_loop().call_later(after_s, self._look_for_idleness)

    def _look_for_idleness(self) -> None:
        self._idle_timer = None
        left_s = self._wrote_s + IDLE_S - asyncio.get_running_loop().time()
        if left_s > 0:
            self._watch_for_idleness(left_s)
        else:
            self._is_idle = True
            self._wanted.set()

    async def _write(self) -> None:
        group, self._group = self._group, Commit()
        self._last, self._due = group, False
        if self._late is not None:
            self._late.cancel()
            self._late = None
        began_s = stopwatch_s()
        self._is_idle = False
        try:
            self.look()
            runner = self._runner if group.rows <= LARGE else self._runner.waiting_for_lock
            await runner(lambda connection: write(connection, group))
        except sqlite3.Error as error:
            failed = self._refused("commit", error)
            group.end(str(failed))
            raise failed from error
        except DatabaseGone as failed:
            group.end(str(failed))
            raise
        group.took_s = stopwatch_s() - began_s
        self._wrote_s = asyncio.get_running_loop().time()
        self._commits += 1
        self._pages += 6 + 2 * group.rows  # at most
        group.end()

    def _refused(self, what: str, error: sqlite3.Error) -> CommitFailed:
        reason = f"the database took no {what}: {error}; check the disk's space and health, then start again"
        return self.fail(CommitFailed(reason))


def write(connection: sqlite3.Connection, group: Commit) -> None:
    """Write a group in one transaction."""
    with transaction(connection):
        orders = list(group.orders.values())
        connection.executemany(rows.UPSERT_ORDER, map(rows.order_row, orders))
        for order in orders:
            row = rows.queue_row(order)
            if order.state is State.QUEUED:
                connection.execute(rows.UPSERT_QUEUE, row)
            else:
                connection.execute(rows.UPDATE_QUEUE, (*row, order.order_id))
        connection.executemany(rows.UPSERT_ATTEMPT, map(rows.attempt_row, group.attempts.values()))
        connection.executemany(rows.UPSERT_LOCK, map(rows.lock_row, group.locks.values()))
        connection.executemany(rows.UPSERT_QUEUE, map(rows.waiter_row, group.waiters.values()))
        connection.executemany(rows.UPSERT_FACT, group.facts.items())
        connection.executemany(rows.INSERT_EVENT, map(rows.event_row, group.events))


def _checkpoint(connection: sqlite3.Connection) -> bool:
    """Copy the WAL back without waiting for readers; tell whether all of it was.

    When it was longer than it should be, an empty commit begins it anew, so that it is cut.
    """
    _busy, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if copied < pages:
        return False
    if pages > AUTOCHECKPOINT_PAGES:
        with transaction(connection):
            connection.execute("INSERT INTO retention VALUES (0)")
            connection.execute("DELETE FROM retention")
    return True
