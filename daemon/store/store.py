"""The store: what the rest of the daemon sees of the database."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiosqlite
import anyio
import anyio.to_thread

from daemon.clock import stopwatch_s
from daemon.core.state.changes import ChangeSet
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.recovery import Remembered
from daemon.errors import CommitFailed
from daemon.store import queries
from daemon.store.bot_tables import BotTables, Filter, reader
from daemon.store.check import Check
from daemon.store.cleaning import Cleaned, Cleaning
from daemon.store.connection import ConnectionRunner, EmitName, InlineOrThread, LockWait, Runner
from daemon.store.files import InstanceLock, instance_lock, make_file, real, watching
from daemon.store.opening import BROKEN, LOCKED, LOG_BYTES, open_for_reading, open_for_writing, prepare, primary
from daemon.store.rescue import rescue
from daemon.store.writer import Commit, Writer

WATCH_S = 1.0
"""How often the database's files are looked at while nothing is committed."""

PAUSES = 9
"""Between two slices of a clean-up commits have the database for so many times as long as a slice took."""

_T = TypeVar("_T")
_Key = TypeVar("_Key")


class Store:
    """One writing connection behind a task, and three that read.

    One reads what an urgent answer waits for; one reads lists and histories, which may take long, so that nothing
    urgent waits behind them; and one looks up the key of a signal on the spot.
    """

    def __init__(
        self,
        *,
        write: ConnectionRunner,
        read: Runner,
        lists: Runner,
        keys: sqlite3.Connection,
        look: Callable[[], str | None] = lambda: None,
        lock_wait: LockWait | None = None,
        check: Check | None = None,
        stopwatch: Callable[[], float] = stopwatch_s,
    ) -> None:
        """Take the connections; without the rest nobody looks after the files, and the database counts as whole.

        By the stopwatch, in seconds, the pauses between the slices of a clean-up are measured.
        """
        self._write = write
        self._reading = read
        self._listing = lists
        self._keys = keys
        self._lock_wait = lock_wait or LockWait()
        self._check = check
        self._stopwatch = stopwatch
        self.writer = Writer(write, look)

    @property
    def locked_s(self) -> float:
        """How long a commit has waited for another program's lock on the database, 0 if none does."""
        return self._lock_wait.locked_s

    async def trusted(self) -> None:
        """Return when what decides about orders was found whole; if it is not, the process ends instead."""
        if self._check is not None:
            await self._check.trusted.wait()

    def commit(self, changes: ChangeSet) -> Commit:
        """Let a decision's changes be written with whatever else waits; see :class:`~daemon.store.writer.Writer`."""
        return self.writer.commit(changes)

    async def flush(self) -> None:
        """Wait until everything that was committed before is on disk.

        Raises:
            CommitFailed: the disk did not take it.

        """
        await self.commit(ChangeSet()).durable()

    def recall(self, key: str) -> Order | None:
        """Find the order that a key is bound to.

        Read on the spot: an index look-up in SQLite's page cache takes a hundredth of what a hop to a thread does,
        and nothing may come between the look-up and the decision.
        """
        return self._at_once(queries.by_key, key)

    def recall_lease(self, key: str) -> Lock | None:
        """Find the latest lease that a caller's key was granted; read on the spot, like :meth:`recall`."""
        return self._at_once(queries.lease_by_key, key)

    async def turn(self) -> None:
        """Return when all that was joined before is on disk, and the writing connection's thread answers.

        A lock of another process is waited for far longer than a turn may take: that it is waited for is a turn, too.

        Raises:
            CommitFailed: the disk did not take it.

        """
        async with anyio.create_task_group() as either:
            either.start_soon(self._turned, either.cancel_scope)
            await self._lock_wait.retried()
            either.cancel_scope.cancel()

    async def _turned(self, scope: anyio.CancelScope) -> None:
        await self.flush()
        await self._write.in_thread(_nothing)
        scope.cancel()

    async def remembered(self) -> Remembered:
        """Read what recovery needs."""
        return await self._read(queries.remembered)

    async def order(self, order_id: str) -> Order | None:
        """Read an order as it stands on disk."""
        return await self._read(partial(queries.by_id, order_id=order_id))

    async def lock(self, lock_id: str) -> Lock | None:
        """Read a lock as it stands on disk."""
        return await self._read(partial(queries.lock_by_id, lock_id=lock_id))

    async def bot_tables(self, wanted: Filter) -> BotTables:
        """Read the bot's two tables."""
        return await self._read(reader(wanted), self._listing)

    async def history(self, order_id: str) -> queries.History | None:
        """Read everything on record about an order."""
        return await self._read(partial(queries.history, order_id=order_id), self._listing)

    async def bought_targets(self) -> dict[str, str]:
        """Read which targets were ever to be bought, by which order; by their ids."""
        return await self._read(queries.bought_targets)

    async def dead_letters(self) -> int:
        """Count the orders that wait for a person."""
        return await self._read(queries.dead_letters)

    async def page(self, *, state: State | None, symbol: str | None, before_seq: int | None, limit: int) -> list[Order]:
        """Read a page of orders, newest first."""
        return await self._read(
            queries.page(state=state, symbol=symbol, before_seq=before_seq, limit=limit), self._listing
        )

    async def clean(self, before_ms: int, history_before_ms: int | None = None) -> Cleaned:
        """Remove what ended before an instant, and history from before another one, in slices between commits.

        Where another program has the database locked, or the disk is full, the rest waits for the next time.
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
                reason = f"the database let no rows be removed: {error}; check the disk's health"
                raise self.writer.fail(CommitFailed(reason)) from error
            self.writer.wrote_elsewhere(cleaning.done.rows - removed)
            await anyio.sleep(PAUSES * (self._stopwatch() - began_s))
        return cleaning.done

    async def watch(self, lock: InstanceLock, tell: EmitName) -> None:
        """Look after the database's files, until cancelled.

        Raises:
            DatabaseGone: one was deleted, replaced or cut off.

        """
        while True:
            await anyio.sleep(WATCH_S)
            self.writer.look()
            if lock.renew():
                tell("store.lock_file_renewed")

    async def _read(self, work: Callable[[sqlite3.Connection], _T], runner: Runner | None = None) -> _T:
        try:
            return await (runner or self._reading)(work)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _at_once(self, find: Callable[[sqlite3.Connection, _Key], _T], key: _Key) -> _T:
        try:
            return find(self._keys, key)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> Exception:
        """End the process where the disk does not give back what was written: nothing could be decided from then on."""
        if primary(error) not in BROKEN:
            return error
        reason = f"the database cannot be read: {error}; check the disk's health, then start again"
        return self.writer.fail(CommitFailed(reason))


def _nothing(_connection: sqlite3.Connection) -> None:
    """Take the thread's turn."""


def _to_nobody(_name: str) -> None:
    """Tell nobody."""


@asynccontextmanager
async def open_store(path: Path, *, tell: EmitName = _to_nobody) -> AsyncIterator[Store]:
    """Open the database for this process alone, and close it with everything written.

    ``tell`` is called with the names of events of the catalogue that somebody should hear of.

    Raises:
        AlreadyRunning: another process holds it.
        BadDatabase: corrupt, not ours, newer than this program, or gone.
        CannotCreate: it cannot be made or written.
        NotNow: the disk is full, or another program keeps the database locked.
        DatabaseGone: at the end, if its files were taken away.

    """
    path = real(path)
    async with AsyncExitStack() as stack:
        lock = stack.enter_context(instance_lock(path))
        make_file(path, lock)
        connection, thread = await stack.enter_async_context(_connection(partial(open_for_writing, path)))
        lock_wait = LockWait()
        write = InlineOrThread(connection, thread, lock_wait, tell)
        await write.waiting_for_lock(partial(prepare, path=path))
        lock.sign()
        stack.push_async_exit(partial(rescue, write, path, tell))
        _, read = await stack.enter_async_context(_connection(partial(open_for_reading, path)))
        _, lists = await stack.enter_async_context(_connection(partial(open_for_reading, path)))
        keys = stack.enter_context(closing(open_for_reading(path)))
        check, look = Check(path), watching(path, LOG_BYTES)
        store = Store(write=write, read=read, lists=lists, keys=keys, look=look, lock_wait=lock_wait, check=check)
        tasks = await stack.enter_async_context(anyio.create_task_group())
        tasks.start_soon(store.writer.run)
        tasks.start_soon(check.run)
        tasks.start_soon(store.watch, lock, tell)
        stack.callback(tasks.cancel_scope.cancel)  # what is joined is written all the same
        stack.callback(store.writer.close)
        yield store


@asynccontextmanager
async def _connection(connect: Callable[[], sqlite3.Connection]) -> AsyncIterator[tuple[sqlite3.Connection, Runner]]:
    """Open a connection with a thread of its own; yield it, and what runs a function there.

    ``connect`` must not fail: a thread of aiosqlite's whose first call fails ends after the loop may have gone. SQLite
    opens the file only with the first statement, so there is nothing to fail yet.
    """
    connection = aiosqlite.Connection(connect, iter_chunk_size=64)
    async with connection:

        def runner(work: Callable[[sqlite3.Connection], _T], /) -> Awaitable[_T]:
            # aiosqlite has no public verb for "run this on the thread", and a verb a statement would be a hop a
            # statement. A test pins that this one works as it does.
            done: Awaitable[_T] = connection._execute(work, connection._conn)  # type: ignore[no-untyped-call]  # noqa: SLF001
            return done

        assert connection._conn is not None  # noqa: SLF001  # open now
        yield connection._conn, runner  # noqa: SLF001
