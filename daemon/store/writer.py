"""Group commit: all waiting changes are written in one transaction with one fsync.

A decision's changes join the open group, and the caller gets the group's :class:`~daemon.store.commit.Commit`. At the
end of the event loop's iteration the group is closed and written in the loop's thread. The requests that wait for it
are written at once: there is no task switch between the commit and an order's first byte. While the disk is slow or the
database locked, and for a large group, a task writes the group in a worker thread instead
(:mod:`daemon.store.connection`).
Groups are written in the order in which they were opened, and changes in the order in which they joined. So when a
change is durable, every earlier one is durable.

In a fleet the task writes every group, and appends it to the fleet's log first (:meth:`Writer.append_first`). The next
group fills meanwhile. A group that is not in the log is not on this disk either.

Cancelling a waiter has no effect on the group. A failed commit is final: the content of the disk is then unknown, so
the group's waiters and all later ones get :class:`~daemon.errors.CommitFailed`, and the task raises it, which ends the
process.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial

import anyio

from daemon.clock import stopwatch_s
from daemon.core.state.changes import ChangeSet
from daemon.core.values.states import State
from daemon.errors import CommitFailed, DatabaseGone, Locked, SniperdError
from daemon.store import rows
from daemon.store.commit import Commit, again
from daemon.store.connection import ConnectionRunner
from daemon.store.joined_groups import joined
from daemon.store.opening import AUTOCHECKPOINT_PAGES, LOCKED, primary, transaction

IDLE_S = 0.25
"""The time without a commit after which the WAL is copied back into the database."""

COMMITS_WORTH_A_CHECKPOINT = 20

PAGES_UNTIL_A_CHECKPOINT = 2_000
"""Pages written without an idle moment after which the WAL is copied back anyway. This many fit into the WAL as it was
grown at the start; a commit that extends it takes twice as long."""

LARGE = 300
"""A group of more rows is written in the worker thread: it would block the event loop for too long."""

RETRY_CHECKPOINT_S = 5.0
"""The wait before the next checkpoint, after a reader prevented a complete one."""

NOT_URGENT_S = 0.005
"""The longest delay of changes that are not urgent, if no urgent ones are written before."""


class Writer:
    """Owns the writing connection."""

    def __init__(
        self,
        runner: ConnectionRunner,
        find_problem: Callable[[], str | None],
        stopwatch: Callable[[], float] = stopwatch_s,
    ) -> None:
        """Build it.

        Args:
            runner: runs functions on the writing connection.
            find_problem: returns what is wrong with the database's files, or ``None``.
            stopwatch: returns seconds; it times commits.

        """
        self._runner = runner
        self._stopwatch = stopwatch
        self._find_problem = find_problem
        self._append: Callable[[Commit], Awaitable[None]] | None = None
        self._group = Commit()
        self._last = Commit()
        self._last.end()
        self._wanted = asyncio.Event()  # the task has something to do
        self._due = False  # the open group is to be written now
        self._is_written_aside = False  # the task is writing a group
        self._not_urgent_timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._failed: CommitFailed | None = None
        self._commits = self._pages = 0  # since the last checkpoint
        self._wrote_s = 0.0
        self._is_idle = False
        self._idle_timer: asyncio.TimerHandle | None = None

    def commit(self, changes: ChangeSet) -> Commit:
        """Join the open group and return it. For an empty change set, return the latest group, and write it now.

        Changes that are not urgent are written with the next urgent ones, or after ``NOT_URGENT_S``.
        """
        if self._failed is not None:
            raise again(self._failed)
        if changes:
            self._group.join(changes)
        elif not self._group:
            return self._last
        if changes.is_urgent:
            self._write_now()
        elif not self._due and self._not_urgent_timer is None:
            self._not_urgent_timer = asyncio.get_running_loop().call_later(NOT_URGENT_S, self._write_now)
        return self._group

    def append_first(self, append: Callable[[Commit], Awaitable[None]]) -> None:
        """From now on, write a group only after ``append`` has returned. It may add facts to the group.

        An error of it fails the group, and ends :meth:`run`.
        """
        self._append = append

    def check_files(self) -> None:
        """Check that the database's files are still in place.

        Raises:
            DatabaseGone: they are not. No more changes are accepted.

        """
        if self._failed is None and (found := self._find_problem()) is not None:
            raise self.fail(DatabaseGone(found))

    def fail(self, failed: CommitFailed) -> CommitFailed:
        """Accept no more changes, fail the open group, end :meth:`run` with the first error; return that error."""
        if self._failed is None:
            self._failed = failed
            self._group.end(failed)
            self._wanted.set()
        return self._failed

    def wrote_elsewhere(self, rows: int) -> None:
        """Count rows that were written outside the group commit towards the next checkpoint."""
        if rows:
            self._count_pages(2 * rows)

    def close(self) -> None:
        """End :meth:`run` when all groups are written."""
        self._closing = True
        self._wanted.set()

    def _write_now(self) -> None:
        """Let the group be written at the end of this iteration; what else is decided in it joins the group."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._write_here)

    def _write_here(self) -> None:
        """Write the open group in this thread, or leave it to the task."""
        if self._failed is not None or self._is_written_aside or not self._due:
            return
        if self._append is not None or self._pages >= PAGES_UNTIL_A_CHECKPOINT or not self._fits_here(self._group):
            self._wanted.set()
            return
        group, began_s = self._close_group(), self._stopwatch()
        try:
            self.check_files()
            self._runner.here(partial(write, group=group))
        except Locked:
            self._reopen(group)
        except Exception as error:  # noqa: BLE001  # memory is ahead of the disk, and no task would raise it
            self._fail_group(group, error)
        else:
            self._written(group, began_s)

    async def run(self) -> None:
        """Write until closed what :meth:`commit` leaves to this task, and checkpoint.

        Raises:
            CommitFailed: a commit failed.

        """
        with anyio.CancelScope(shield=True):  # ends by close(): what has joined is written even after an error
            while True:
                await self._wait()
                if self._failed is not None:
                    raise self._failed
                if not self._group:
                    self._failed = CommitFailed("the store is closed")
                    return
                await self._write_aside()

    async def _wait(self) -> None:
        """Wait for a group that this task has to write. Checkpoint in an idle moment, or after many pages."""
        self._is_written_aside = False
        self._write_here()  # what has joined meanwhile
        while not self._due and not self._closing and self._failed is None:
            self._wanted.clear()
            await self._wanted.wait()
            if (self._is_idle or self._pages >= PAGES_UNTIL_A_CHECKPOINT) and not self._due:
                await self._checkpoint()
        self._is_written_aside = True
        if self._pages >= PAGES_UNTIL_A_CHECKPOINT:
            await self._checkpoint()

    async def _checkpoint(self) -> None:
        """Copy the WAL back. If the disk is full, everything stays in the WAL, and the next checkpoint tries again.

        The next commit restarts the WAL file, and SQLite truncates it to its limit. A long read prevents both, and the
        file grows; a retry after ``RETRY_CHECKPOINT_S`` makes up for that.
        """
        self._is_idle, self._commits, self._pages = False, 0, 0
        try:
            if not await self._runner.in_thread(_checkpoint):
                asyncio.get_running_loop().call_later(RETRY_CHECKPOINT_S, self._try_again)
        except sqlite3.Error as error:
            if primary(error) not in {sqlite3.SQLITE_FULL, *LOCKED}:
                raise self._failure_of("checkpoint", error) from error

    def _try_again(self) -> None:
        self._is_idle = True
        self._wanted.set()

    def _check_idle_later(self, after_s: float) -> None:
        """Check after ``after_s`` whether the writer is idle: one timer, not one per commit."""
        self._idle_timer = asyncio.get_running_loop().call_later(after_s, self._check_idle)

    def _check_idle(self) -> None:
        self._idle_timer = None
        left_s = self._wrote_s + IDLE_S - asyncio.get_running_loop().time()
        if left_s > 0:
            self._check_idle_later(left_s)
        else:
            self._is_idle = True
            self._wanted.set()

    def _fits_here(self, group: Commit) -> bool:
        """Return whether a group may be written in this thread."""
        return group.rows <= LARGE and self._runner.is_free

    async def _write_aside(self) -> None:
        """Write the open group in the worker thread, which waits while another process has the database locked.

        In a fleet, append it to the log first. Then it is written in this thread if that is short: it was closed long
        before, and its requests wait.
        """
        group, began_s = self._close_group(), self._stopwatch()
        try:
            self.check_files()
            if self._append is None or not await self._is_appended_and_written(group, self._append):
                await self._runner.waiting_for_lock(partial(write, group=group))
        except (sqlite3.Error, SniperdError) as error:
            raise self._fail_group(group, error) from error
        self._written(group, began_s)

    async def _is_appended_and_written(self, group: Commit, append: Callable[[Commit], Awaitable[None]]) -> bool:
        """Append a group to the log; return whether it could be written in this thread as well."""
        await append(group)
        if not self._fits_here(group):
            return False
        try:
            self._runner.here(partial(write, group=group))
        except Locked:
            return False
        return True

    def _close_group(self) -> Commit:
        group, self._group = self._group, Commit()
        self._last, self._due, self._is_idle = group, False, False
        if self._not_urgent_timer is not None:
            self._not_urgent_timer.cancel()
            self._not_urgent_timer = None
        return group

    def _reopen(self, group: Commit) -> None:
        """Leave a group that was not written to the task."""
        self._group, self._due = group, True
        self._wanted.set()

    def _written(self, group: Commit, began_s: float) -> None:
        group.took_s = self._stopwatch() - began_s
        self._wrote_s = asyncio.get_running_loop().time()
        group.end()  # first: its requests wait
        self._count_pages(6 + 2 * group.rows)  # at most

    def _fail_group(self, group: Commit, error: Exception) -> CommitFailed:
        failed = self.fail(error) if isinstance(error, CommitFailed) else self._failure_of("commit", error)
        group.end(failed)
        return failed

    def _count_pages(self, pages: int) -> None:
        """Count a commit towards the next checkpoint, which comes in an idle moment, or now if it is due."""
        self._commits += 1
        self._pages += pages
        if self._pages >= PAGES_UNTIL_A_CHECKPOINT:
            self._wanted.set()
        elif self._commits >= COMMITS_WORTH_A_CHECKPOINT and self._idle_timer is None:
            self._check_idle_later(IDLE_S)

    def _failure_of(self, what: str, error: Exception) -> CommitFailed:
        remedy = "; check the disk's space and health, then start again" if isinstance(error, sqlite3.Error) else ""
        reason = f"{what} failed: {error}{remedy}"
        return self.fail(CommitFailed(reason))


def write(connection: sqlite3.Connection, group: Commit) -> None:
    """Write a group in one transaction."""
    with transaction(connection):
        _write_rows(connection, group)


def write_groups(connection: sqlite3.Connection, groups: Sequence[ChangeSet]) -> int:
    """Write groups of another database, in its order, in one transaction; return how many rows that took.

    That database may have removed an order whose key had expired, and have given the key to another order. So a key is
    taken from any order that still has it here.
    """
    written = 0
    with transaction(connection):
        for each in joined(groups):
            bound = [(order.key, order.seq) for order in each.rows.orders.values() if order.key_bound]
            connection.executemany(rows.TAKE_KEY, bound)
            _write_rows(connection, each.rows, each.waited)
            written += each.rows.rows
    return written


def _write_rows(connection: sqlite3.Connection, group: Commit, waited: Collection[str] = ()) -> None:
    """Write a group's rows; ``waited`` are the ids of orders that were in the queue, though they no longer are."""
    orders = list(group.orders.values())
    connection.executemany(rows.UPSERT_ORDER, map(rows.order_row, orders))
    for order in orders:
        if order.state is State.QUEUED or order.order_id in waited:
            connection.execute(rows.UPSERT_QUEUE, rows.queue_row(order))
        elif connection.execute(rows.HAS_QUEUE_ROW, (order.order_id,)).fetchone():
            connection.execute(rows.UPDATE_QUEUE, (*rows.queue_row(order), order.order_id))
    connection.executemany(rows.UPSERT_ATTEMPT, map(rows.attempt_row, group.attempts.values()))
    connection.executemany(rows.UPSERT_LOCK, map(rows.lock_row, group.locks.values()))
    connection.executemany(rows.UPSERT_QUEUE, map(rows.waiter_row, group.waiters.values()))
    connection.executemany(rows.UPSERT_FACT, group.facts.items())
    if group.fills:
        connection.executemany(rows.INSERT_FILL, map(rows.fill_row, group.fills))
    connection.executemany(rows.INSERT_EVENT, map(rows.event_row, group.events))


def _checkpoint(connection: sqlite3.Connection) -> bool:
    """Copy the WAL back without waiting for readers; return whether all of it was copied.

    If the WAL is too long, an empty commit restarts it, so that SQLite truncates it.
    """
    _busy, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if copied < pages:
        return False
    if pages > AUTOCHECKPOINT_PAGES:
        with transaction(connection):
            connection.execute("INSERT INTO retention VALUES (0)")
            connection.execute("DELETE FROM retention")
    return True
