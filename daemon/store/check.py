"""The integrity check of the database, which runs during the start: the decisive tables first, then the whole file.

The first part must end before a signal is decided, an order sent or a lease granted: one flipped bit in the index of
keys would make a known signal a new order. It compares the decisive tables with their indices while the daemon connects
to the exchange and searches for orders that were in flight. With very many orders it takes seconds; a signal that
arrives meanwhile waits for its answer. If it finds damage, the process ends. The second part reads the whole file,
takes about five times as long, and ends the process if it finds damage.
"""

import ctypes
import sqlite3
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from daemon.store.opening import check, open_for_reading


class Check:
    """Checks a database once. ``trusted`` is set after the first part."""

    def __init__(self, path: Path) -> None:
        self.trusted = anyio.Event()
        self._path = path

    async def run(self) -> None:
        """Check it in a thread, on a separate connection. SQLite releases the interpreter lock meanwhile.

        Raises:
            BadDatabase: it is damaged.

        """
        with closing(open_for_reading(self._path)) as connection:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_interrupt_when_cancelled, connection)
                await anyio.to_thread.run_sync(partial(check, connection, self._path, decisive=True))
                self.trusted.set()
                await anyio.to_thread.run_sync(partial(check, connection, self._path, decisive=False))
                tasks.cancel_scope.cancel()
        _give_memory_back()


async def _interrupt_when_cancelled(connection: sqlite3.Connection) -> None:
    """Interrupt the check when its task is cancelled, so that the shutdown does not wait for it."""
    try:
        await anyio.sleep_forever()
    finally:
        connection.interrupt()


def _give_memory_back() -> None:
    """Return freed memory to the system: glibc keeps what the check's and the first reads' threads used, some MB.

    Other C libraries than glibc have no such function, and keep less.
    """
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
