"""The clock and the dice: the two seams through which the outside world's chance enters.

Everything that decides takes the time as an argument; everything that waits waits by the event loop. So the whole
engine runs under virtual time and from one seed when these two, and the loop, are exchanged.

The daemon's time is Unix milliseconds that never go back: the wall clock, carried on by the boot clock, which only
grows. A step back of the wall clock is ignored: no deadline may be stretched because somebody set the machine's clock
back. A step forward is followed, by :meth:`SteadyClock.follow`: the machine's clock was behind, as before its first
synchronisation or after a pause of a virtual machine, and an ``executeAt`` would be missed by as much. Forward makes
orders expire rather than fire late. Over a restart the boot clock bridges the gap in the same way.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import anyio
import msgspec

CLOCK_FACT = "clock"
"""Name under which the anchor of the last run is stored."""

SPIN_MS = 2

LEAST_STEP_MS = 5
"""A smaller difference to the wall clock is none: two readings that follow one another differ by a millisecond."""

READINGS = 5
"""Of both clocks, one after the other, to learn the difference between them."""

NS_PER_MS = 1_000_000

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
    ahead_ns = _wall_ahead_ns()
    boot_ns = _boot_ns()
    return Anchor(boot_id, boot_ns // NS_PER_MS, (boot_ns + ahead_ns) // NS_PER_MS)


class SteadyClock:
    """Unix time carried on from an anchor by the boot clock; it follows the wall clock forward, and never goes back."""

    def __init__(self, anchor: Anchor) -> None:
        """Begin at an anchor; where that is the wall clock's time, to the nanosecond instead of the millisecond."""
        wall_ahead_ns = _wall_ahead_ns()
        ahead_ns = (anchor.unix_ms - anchor.boot_ms) * NS_PER_MS
        is_wall_time = abs(wall_ahead_ns - ahead_ns) < LEAST_STEP_MS * NS_PER_MS
        self._ahead_ns = wall_ahead_ns if is_wall_time else ahead_ns  # of the boot clock
        self._stepped = asyncio.Event()

    def now_ms(self) -> int:
        """Return Unix milliseconds that never go back."""
        return (_boot_ns() + self._ahead_ns) // NS_PER_MS

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant.

        The last milliseconds are waited for by looking at the clock, because a timer may be late by as many. A step
        of this clock wakes the sleeper: the instant is nearer than it was.
        """
        while (left_ms := at_ms - SPIN_MS - self.now_ms()) > 0:
            with anyio.move_on_after(left_ms / 1_000):
                await self._stepped.wait()
        while self.now_ms() < at_ms:
            await anyio.lowlevel.checkpoint()

    def drift_ms(self) -> int:
        """Tell how far the machine's wall clock is ahead of this one."""
        return round((_wall_ahead_ns() - self._ahead_ns) / NS_PER_MS)

    def follow(self) -> int:
        """Catch up with the wall clock where it is ahead; return by how many milliseconds this clock stepped."""
        step_ms = self.drift_ms()
        if step_ms < LEAST_STEP_MS:
            return 0
        self._ahead_ns += step_ms * NS_PER_MS
        self._stepped.set()
        self._stepped = asyncio.Event()
        return step_ms

    def anchor(self) -> Anchor:
        """Return where this clock stands."""
        return msgspec.structs.replace(read_anchor(), unix_ms=self.now_ms())


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _wall_ahead_ns() -> int:
    """Tell how far the wall clock is ahead of the boot clock, and never more.

    The wall clock is read first, so a pause of this process between the two readings makes the difference smaller. The
    largest of a few readings is the best one. A clock that is built on it is never early, and an order neither.
    """
    return max(time.time_ns() - _boot_ns() for _ in range(READINGS))  # noqa: TID251  # the one place


def wall_ms() -> int:
    """Read the machine's wall clock, in Unix milliseconds: to name or to compare with, never to decide by."""
    return time.time_ns() // NS_PER_MS  # noqa: TID251  # the one place


def monotonic_us() -> int:
    """Read the clock by which the service manager orders what it is told, in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000


def stopwatch_s() -> float:
    """Read the clock that measures durations, in seconds: to tell how long something took, not to trade by."""
    return time.perf_counter()
