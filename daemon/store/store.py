"""The store: the interface of the database for the rest of the daemon."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite
import anyio
import anyio.to_thread
import msgspec

from daemon.clock import stopwatch_s
from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.verbs.recovery import Remembered
from daemon.core.views.results import Period
from daemon.errors import CommitFailed
from daemon.store import fill_queries, queries
from daemon.store.bot_tables import BotTables, Filter, reader
from daemon.store.check import Check
from daemon.store.cleaning import Cleaned, Cleaning
from daemon.store.commit import Commit
from daemon.store.connection import ConnectionRunner, EmitName, InlineOrThread, LockWait, Runner
from daemon.store.files import InstanceLock, file_check, instance_lock, make_file, real
from daemon.store.opening import BROKEN, LOCKED, LOG_BYTES, open_for_reading, open_for_writing, prepare, primary
from daemon.store.order_pages import OrderRow, order_page
from daemon.store.rescue import rescue
from daemon.store.traded_orders import traded_orders
from daemon.store.writer import Writer, write_groups

WATCH_S = 1.0
"""Interval of the checks of the database's files while nothing is committed."""

PAUSES = 9
"""The pause after a slice of a clean-up, in multiples of the slice's duration: commits run meanwhile."""

_T = TypeVar("_T")
_Key = TypeVar("_Key")


class Store:
    """One writing connection, owned by a task, and three reading connections.

    One serves urgent reads. One serves lists and histories, which may take long, so that urgent reads do not wait for
    them. One looks up keys in the event-loop thread.
    """

    def __init__(
        self,
        *,
        write: ConnectionRunner,
        read: Runner,
        lists: Runner,
        keys: sqlite3.Connection,
        find_problem: Callable[[], str | None] = lambda: None,
        lock_wait: LockWait | None = None,
        check: Check | None = None,
        stopwatch: Callable[[], float] = stopwatch_s,
    ) -> None:
        """Without ``find_problem`` the files are not checked; without ``check`` the database is trusted.

        ``stopwatch`` returns seconds; it times commits and the slices of a clean-up.
        """
        self._write = write
        self._reading = read
        self._listing = lists
        self._keys = keys
        self._lock_wait = lock_wait or LockWait()
        self._check = check
        self._stopwatch = stopwatch
        self.writer = Writer(write, find_problem, stopwatch)

    @property
    def locked_s(self) -> float:
        """Seconds that a commit has waited for another program's lock on the database; 0 if none waits."""
        return self._lock_wait.locked_s

    @property
    def is_trusted(self) -> bool:
        """Whether the decisive tables have passed their check."""
        return self._check is None or self._check.trusted.is_set()

    async def trusted(self) -> None:
        """Wait until the decisive tables have passed their check. If they fail it, the process ends."""
        if self._check is not None:
            await self._check.trusted.wait()

    def commit(self, changes: ChangeSet) -> Commit:
        """Add a decision's changes to the open group; see :class:`~daemon.store.writer.Writer`."""
        return self.writer.commit(changes)

    async def apply(self, groups: Sequence[ChangeSet]) -> list[Event]:
        """Write groups that the owner of a fleet committed, in its order and in one transaction; return their events.

        A row that several of them hold is written once, as the last one has it (:mod:`daemon.store.joined_groups`).

        Raises:
            CommitFailed: the disk failed, or the groups contradict what is on it.
            DatabaseGone: the database's files were deleted or replaced.

        """
        self.writer.check_files()
        try:
            written = await self._write.waiting_for_lock(partial(write_groups, groups=groups))
        except sqlite3.Error as error:
            reason = f"cannot copy the fleet's log: {error}; check the disk's space and health, then start again"
            raise self.writer.fail(CommitFailed(reason)) from error
        self.writer.wrote_elsewhere(written)
        return [event for group in groups for event in group.events]

    async def fact(self, name: str) -> str | None:
        """Read a fact."""
        return await self._read(partial(queries.fact, name=name))

    async def flush(self) -> None:
        """Wait until everything that was committed before is on disk.

        Raises:
            CommitFailed: a commit failed.

        """
        await self.commit(ChangeSet()).durable()

    def recall(self, keys: Sequence[str]) -> list[Order]:
        """Return the orders that keys are bound to.

        They are read in the event-loop thread: an index lookup in SQLite's page cache takes a hundredth of the time of
        a switch to another thread, and nothing may run between the lookup and the decision.
        """
        return self._read_inline(queries.by_keys, keys)

    def recall_lease(self, key: str) -> Lock | None:
        """Return the latest lease that was granted under a caller's key; read like :meth:`recall`."""
        return self._read_inline(queries.lease_by_key, key)

    async def turn(self) -> None:
        """Heartbeat: return when all earlier changes are on disk and the writing connection's thread answers.

        A wait for another process's lock may take far longer than a heartbeat, so a retry of that wait also counts.

        Raises:
            CommitFailed: a commit failed.

        """
        async with anyio.create_task_group() as either:
            either.start_soon(self._answer, either.cancel_scope)
            await self._lock_wait.retried()
            either.cancel_scope.cancel()

    async def _answer(self, scope: anyio.CancelScope) -> None:
        await self.flush()
        await self._write.in_thread(_nothing)
        scope.cancel()

    async def remembered(self) -> Remembered:
        """Read what recovery needs."""
        return await self._read(queries.remembered)

    async def order(self, order_id: str) -> Order | None:
        """Read an order from disk."""
        return await self._read(partial(queries.by_id, order_id=order_id))

    async def lock(self, lock_id: str) -> Lock | None:
        """Read a lock from disk."""
        return await self._read(partial(queries.lock_by_id, lock_id=lock_id))

    async def bot_tables(self, wanted: Filter) -> BotTables:
        """Read the bot's two tables."""
        return await self._read(reader(wanted), self._listing)

    async def history(self, order_id: str) -> queries.History | None:
        """Read all records of an order."""
        return await self._read(partial(queries.history, order_id=order_id), self._listing)

    async def orders_lacking_fills(
        self, before_seq: int, since_ms: int, limit: int
    ) -> tuple[list[tuple[Order, list[Fill]]], int | None]:
        """Find orders whose fills do not add up to what was executed (:mod:`daemon.store.fill_queries`).

        If another program has the database locked, nothing is found, and it goes on where it was.
        """
        find = partial(fill_queries.orders_lacking_fills, before_seq=before_seq, since_ms=since_ms, limit=limit)
        try:
            return await self._read(find, self._listing)
        except sqlite3.Error:
            return [], before_seq

    async def unfinished(self, limit: int) -> queries.OnDisk:
        """Read the first unfinished orders and active locks."""
        return await self._read(partial(queries.unfinished, limit=limit), self._listing)

    async def bought_targets(self) -> dict[str, str]:
        """Read the id of the order of every target with a BUY, by target id."""
        return await self._read(queries.bought_targets)

    async def dead_letters(self) -> int:
        """Count the dead letters."""
        return await self._read(queries.dead_letters)

    async def page(self, wanted: queries.OrderFilter, limit: int) -> list[Order]:
        """Read a page of orders, newest first."""
        return await self._read(queries.page(wanted, limit), self._listing)

    async def order_page(self, wanted: queries.OrderFilter, limit: int) -> Sequence[OrderRow]:
        """Read a page of orders as the API shows them, newest first."""
        return await self._read(order_page(wanted, limit), self._listing)

    async def traded_orders(self, period: Period, before_seq: int | None, limit: int) -> Sequence[msgspec.Raw]:
        """Read orders that a period may count, newest first, each as the JSON of a ``Traded``."""
        return await self._read(traded_orders(period, before_seq, limit), self._listing)

    async def clean(self, before_ms: int, history_before_ms: int | None = None) -> Cleaned:
        """Remove what ended before ``before_ms``, and history from before ``history_before_ms``, between commits.

        If another program has the database locked, or the disk is full, the rest is left for the next clean-up.
        """
        cleaning = Cleaning(before_ms, history_before_ms)
        more = True
        while more:
            began_s, removed = self._stopwatch(), cleaning.done.rows
            try:
                more = await self._write.in_thread(cleaning.slice)
            except sqlite3.Error as error:
                if primary(error) in {sqlite3.SQLITE_FULL, *LOCKED}:
                    break
                reason = f"clean-up failed: {error}; check the disk's health"
                raise self.writer.fail(CommitFailed(reason)) from error
            self.writer.wrote_elsewhere(cleaning.done.rows - removed)
            await anyio.sleep(PAUSES * (self._stopwatch() - began_s))
        return cleaning.done

    async def watch(self, lock: InstanceLock, emit: EmitName) -> None:
        """Check the database's files periodically, until cancelled.

        Raises:
            DatabaseGone: one was deleted, replaced or truncated.

        """
        while True:
            await anyio.sleep(WATCH_S)
            self.writer.check_files()
            if lock.renew():
                emit("store.lock_file_renewed")

    async def _read(self, work: Callable[[sqlite3.Connection], _T], runner: Runner | None = None) -> _T:
        try:
            return await (runner or self._reading)(work)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _read_inline(self, find: Callable[[sqlite3.Connection, _Key], _T], key: _Key) -> _T:
        try:
            return find(self._keys, key)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> Exception:
        """Return the error to raise. A read error ends the process, because no decision is safe after it."""
        if primary(error) not in BROKEN:
            return error
        reason = f"the database cannot be read: {error}; check the disk's health, then start again"
        return self.writer.fail(CommitFailed(reason))


def _nothing(_connection: sqlite3.Connection) -> None:
    """Do nothing, to see that the thread answers."""


def _discard(_name: str) -> None:
    """Emit nothing."""


@asynccontextmanager
async def open_store(path: Path, *, emit: EmitName = _discard, is_copy: bool = False) -> AsyncIterator[Store]:
    """Open the database for this process alone; write everything before it is closed.

    ``emit`` is called with the name of each event of the store. ``is_copy`` says that a fleet's log has every commit
    before this database.

    Raises:
        AlreadyRunning: another process holds it.
        BadDatabase: corrupt, not ours, newer than this program, or gone.
        CannotCreate: it cannot be created or written.
        NotNow: the disk is full, or another program keeps the database locked.
        DatabaseGone: at the end, if its files were deleted or replaced.

    """
    path = real(path)
    async with AsyncExitStack() as stack:
        lock = stack.enter_context(instance_lock(path))
        make_file(path, lock, is_copy=is_copy)
        connection, thread = await stack.enter_async_context(_connection(partial(open_for_writing, path)))
        lock_wait = LockWait()
        write = InlineOrThread(connection, thread, lock_wait, emit)
        await write.waiting_for_lock(partial(prepare, path=path, is_copy=is_copy))
        lock.write_pid()
        stack.push_async_exit(partial(rescue, write, path, emit))
        _, read = await stack.enter_async_context(_connection(partial(open_for_reading, path)))
        _, lists = await stack.enter_async_context(_connection(partial(open_for_reading, path)))
        keys = stack.enter_context(closing(open_for_reading(path)))
        check = Check(path)
        store = Store(
            write=write, read=read, lists=lists, keys=keys,
            find_problem=file_check(path, LOG_BYTES), lock_wait=lock_wait, check=check,
        )  # fmt: skip
        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(store.writer.run)
        tasks.start_soon(check.run)
        tasks.start_soon(store.watch, lock, emit)
        stack.callback(tasks.cancel_scope.cancel)  # the writer is shielded: what has joined is still written
        stack.callback(store.writer.close)
        yield store


@asynccontextmanager
async def _connection(connect: Callable[[], sqlite3.Connection]) -> AsyncIterator[tuple[sqlite3.Connection, Runner]]:
    """Open a connection with its own thread; yield it and a runner for functions in that thread.

    ``connect`` must not fail: an aiosqlite thread whose first call fails may outlive the event loop. SQLite opens the
    file only at the first statement, so nothing can fail yet.
    """
    connection = aiosqlite.Connection(connect, iter_chunk_size=64)
    async with connection:

        def runner(work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
            # aiosqlite has no public method to run a function in its thread, and its other methods would switch threads
            # for every statement. A test checks this private one.
            done: Awaitable[_T] = connection._execute(work, connection._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001
            return done

        assert connection._conn is not None  # noqa: SLF001  # open now
        yield connection._conn, runner  # noqa: SLF001
