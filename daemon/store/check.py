"""The check of the database, beside the start: what decides about orders first, then the whole file.

The first part must end before anything is taken or sent: one flipped bit in the index of keys would make a known signal
a new one. It compares the decisive tables with their indices, while the daemon connects to the exchange and looks for
what was in flight, so that a start waits for it only where there are very many orders. The second part reads the whole
file, which takes some five times as long, and ends the process when it finds something.
"""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread

from daemon.store.opening import check, open_for_reading


class Check:
    """Checks a database once."""

    def __init__(self, path: Path) -> None:
        self.trusted = anyio.Event()
        self._path = path

    async def run(self) -> None:
        """Check it, on a thread and a connection of its own; SQLite lets go of the interpreter meanwhile.

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


async def _interrupt_when_cancelled(connection: sqlite3.Connection) -> None:
    """Let nobody wait for the rest of a check."""
    try:
        await anyio.sleep_forever()
    finally:
        connection.interrupt()
