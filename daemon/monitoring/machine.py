"""Measures the event loop's delay and the disk's free space."""

import os
from collections import deque
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from daemon.clock import stopwatch_s

LAG_EVERY_S = 0.1
LAG_SAMPLES = 600
"""A minute of samples, so that a scrape every 15 s still sees a stall."""

DISK_EVERY_S = 10.0


class Disk(msgspec.Struct, frozen=True):
    """Sizes in bytes; ``None`` if unknown."""

    free: int | None = None
    size: int | None = None
    database: int | None = None


class Machine:
    """Measures the machine periodically."""

    def __init__(self, database: Path) -> None:
        self.disk = Disk()
        self._database = database
        self._lags: deque[float] = deque(maxlen=LAG_SAMPLES)

    @property
    def lag_s(self) -> float:
        """The largest delay of the event loop in the last minute, in seconds."""
        return max(self._lags, default=0.0)

    async def watch_loop(self) -> None:
        """Measure the delay of a timer, until cancelled."""
        while True:
            due_s = stopwatch_s() + LAG_EVERY_S
            await anyio.sleep(LAG_EVERY_S)
            self._lags.append(max(0.0, stopwatch_s() - due_s))

    async def watch_disk(self) -> None:
        """Query the file system, until cancelled; in a thread, because a failing disk may block."""
        while True:
            self.disk = await anyio.to_thread.run_sync(_measure, self._database)
            await anyio.sleep(DISK_EVERY_S)


def _measure(database: Path) -> Disk:
    try:
        found = os.statvfs(database.parent)
        size = database.stat().st_size
    except OSError:
        return Disk()
    return Disk(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, size)
