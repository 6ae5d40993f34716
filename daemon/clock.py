"""The clock and the dice: the two seams through which the outside world's chance enters.

Everything that decides takes the time as an argument; everything that waits waits by the event loop. So the whole
engine runs under virtual time and from one seed when these two, and the loop, are exchanged.

The daemon's time is Unix milliseconds that never jump: the wall clock is read once, at start, and carried on by a
clock that only grows. A deadline must not be stretched because somebody set the machine's clock back. Over a restart
the boot clock, which only grows as long as the machine runs, bridges the gap in the same way.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import anyio
import msgspec

CLOCK_FACT = "clock"
"""Name under which the anchor of the last run is stored."""

SPIN_MS = 2

Entropy = Callable[[int], bytes]
"""Returns so many random bytes: ``os.urandom``, or a seeded generator's ``randbytes``."""


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Return Unix milliseconds that never go back."""
        ...

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant, to the millisecond."""
        ...


class Anchor(msgspec.Struct, frozen=True):
    """Ties the boot clock to Unix time: where both stood at one moment of a run."""

    boot_id: str  # of the running kernel
    boot_ms: int
    unix_ms: int


def anchored(now: Anchor, previous: Anchor | None, last_recorded_ms: int) -> Anchor:
    """Choose the Unix time at which a run begins.

    The latest of three: the wall clock; the previous run's time carried on by the boot clock, if the machine has not
    been restarted; and the last instant on record. So a clock that was set back makes nothing younger than it is, and
    one that was set forward makes orders expire rather than fire late.
    """
    candidates = [now.unix_ms, last_recorded_ms]
    if previous is not None and previous.boot_id == now.boot_id:
        candidates.append(previous.unix_ms + now.boot_ms - previous.boot_ms)
    return msgspec.structs.replace(now, unix_ms=max(candidates))


def read_anchor() -> Anchor:
    """Read the machine's clocks."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return Anchor(boot_id, _boot_ms(), time.time_ns() // 1_000_000)  # noqa: TID251  # the one place


class SteadyClock:
    """Unix time carried on from an anchor by the boot clock."""

    def __init__(self, anchor: Anchor) -> None:
        self._offset_ms = anchor.unix_ms - anchor.boot_ms

    def now_ms(self) -> int:
        """Return Unix milliseconds that never go back."""
        return _boot_ms() + self._offset_ms

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant.

        The last milliseconds are waited for by looking at the clock, because a timer may be late by as many.
        """
        await anyio.sleep(max(0, at_ms - SPIN_MS - self.now_ms()) / 1_000)
        while self.now_ms() < at_ms:
            await anyio.lowlevel.checkpoint()

    def drift_ms(self) -> int:
        """Tell how far the machine's wall clock is ahead of this one."""
        return time.time_ns() // 1_000_000 - self.now_ms()  # noqa: TID251  # the one place


def _boot_ms() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def wall_ms() -> int:
    """Read the machine's wall clock, in Unix milliseconds: to name or to compare with, never to decide by."""
    return time.time_ns() // 1_000_000  # noqa: TID251  # the one place


def monotonic_us() -> int:
    """Read the clock by which the service manager orders what it is told, in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000


def stopwatch_s() -> float:
    """Read the clock that measures durations, in seconds: to tell how long something took, not to trade by."""
    return time.perf_counter()
