"""The machine around the daemon: how late the event loop is, and how much room the disk has."""

import os
from collections import deque
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from daemon.clock import stopwatch_s

LAG_EVERY_S = 0.1
LAG_SAMPLES = 600
"""A minute of them: a stall must still be seen by whoever asks four times a minute."""

DISK_EVERY_S = 10.0


class Disk(msgspec.Struct, frozen=True):
    """Bytes; ``None`` where the file system does not tell."""

    free: int | None = None
    size: int | None = None
    database: int | None = None


class Machine:
    """Looks at the machine, again and again."""

    def __init__(self, database: Path) -> None:
        self.disk = Disk()
        self._database = database
        self._lags: deque[float] = deque(maxlen=LAG_SAMPLES)

    @property
    def lag_s(self) -> float:
        """How late the event loop was at its latest, in the last minute."""
        return max(self._lags, default=0.0)

    async def watch_loop(self) -> None:
        """Measure how late a timer comes, until cancelled."""
        while True:
            due_s = stopwatch_s() + LAG_EVERY_S
            await anyio.sleep(LAG_EVERY_S)
            self._lags.append(max(0.0, stopwatch_s() - due_s))

    async def watch_disk(self) -> None:
        """Ask the file system, on a thread, because a sick disk may take its time; until cancelled."""
        while True:
            self.disk = await anyio.to_thread.run_sync(_look, self._database)
            await anyio.sleep(DISK_EVERY_S)


def _look(database: Path) -> Disk:
    try:
        found = os.statvfs(database.parent)
        size = database.stat().st_size
    except OSError:
        return Disk()
    return Disk(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, size)
