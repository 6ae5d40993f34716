"""The clock and the entropy source: the two inputs that make a run nondeterministic.

Decisions take the time as an argument, and waits use the event loop. So the whole engine runs in virtual time and from
one seed when the clock, the entropy source and the loop are replaced.

The daemon's time is Unix milliseconds that never go back: the wall clock at the start, advanced by the boot clock,
which only grows. A step back of the wall clock is ignored, because it must not extend deadlines. A step forward is
followed by :meth:`SteadyClock.follow`: the machine's clock was behind, as before its first synchronisation or after a
pause of a virtual machine, and an ``executeAt`` would be missed by the difference. After a step forward, orders expire
rather than fire late. The boot clock bridges a restart in the same way.

The owner of a fleet goes on with the owners' time instead (:meth:`SteadyClock.begin`), because machines' clocks differ.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import anyio
import msgspec

CLOCK_FACT = "clock_anchor"
"""Name under which the anchor of the last run is stored."""

SPIN_MS = 2

LEAST_STEP_MS = 5
"""A smaller difference to the wall clock is ignored: a pause between readings of two clocks looks like one."""

READINGS = 5
"""The number of readings of both clocks from which their difference is taken."""

NS_PER_MS = 1_000_000

Entropy = Callable[[int], bytes]
"""Returns the given number of random bytes: ``os.urandom``, or a seeded generator's ``randbytes``."""


class Clock(Protocol):
    """The daemon's clock."""

    def now_ms(self) -> int:
        """Return Unix milliseconds that never go back."""
        ...

    def now_ns(self) -> int:
        """Return the same time in nanoseconds; any thread may ask."""
        ...

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant, to the millisecond."""
        ...


class Anchor(msgspec.Struct, frozen=True):
    """A reading of the boot clock and of Unix time at the same moment."""

    boot_id: str  # of the running kernel
    boot_ns: int
    unix_ns: int

    @property
    def unix_ms(self) -> int:
        """Unix milliseconds."""
        return self.unix_ns // NS_PER_MS


def anchored(now: Anchor, previous: Anchor | None, last_recorded_ms: int) -> Anchor:
    """Choose the Unix time at which a run begins.

    It is the latest of three: the wall clock; the previous run's time advanced by the boot clock, if the machine was
    not restarted; and the last recorded instant. So a clock that was set back makes nothing younger than it is, and one
    that was set forward makes orders expire rather than fire late.
    """
    candidates = [now.unix_ns, last_recorded_ms * NS_PER_MS]
    if previous is not None and previous.boot_id == now.boot_id:
        candidates.append(previous.unix_ns + now.boot_ns - previous.boot_ns)
    return msgspec.structs.replace(now, unix_ns=max(candidates))


def read_anchor() -> Anchor:
    """Read the machine's clocks."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    ahead_ns = _wall_ahead_ns()
    boot_ns = _boot_ns()
    return Anchor(boot_id, boot_ns, boot_ns + ahead_ns)


class SteadyClock:
    """Unix time from an anchor, advanced by the boot clock. It follows the wall clock forward, and never goes back."""

    def __init__(self, anchor: Anchor) -> None:
        """Begin at an anchor."""
        self._ahead_ns = anchor.unix_ns - anchor.boot_ns  # of the boot clock
        self._stepped = asyncio.Event()

    def now_ms(self) -> int:
        """Return Unix milliseconds that never go back. Each order asks often, so this calls no other function."""
        return (time.clock_gettime_ns(time.CLOCK_BOOTTIME) + self._ahead_ns) // NS_PER_MS

    def now_ns(self) -> int:
        """Return the same time in nanoseconds; any thread may ask."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + self._ahead_ns

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant.

        The last milliseconds are a busy wait, because a timer may be late by that much. A step of this clock ends the
        sleep early, because the instant is nearer.
        """
        while (left_ms := at_ms - SPIN_MS - self.now_ms()) > 0:
            with anyio.move_on_after(left_ms / 1_000):
                await self._stepped.wait()
        while self.now_ms() < at_ms:
            await anyio.lowlevel.checkpoint()

    def drift_ms(self) -> int:
        """Return by how many milliseconds the machine's wall clock is ahead of this one."""
        return round((_wall_ahead_ns() - self._ahead_ns) / NS_PER_MS)

    def follow(self, before: Callable[[int], None] = lambda _: None) -> int:
        """Step forward to the wall clock if it is ahead; return the step in milliseconds, else 0.

        ``before`` gets the step right before it is made. So a thread that reads this clock, and then an instant in its
        time, never compares the new time with an old instant.
        """
        step_ms = self.drift_ms()
        if step_ms < LEAST_STEP_MS:
            return 0
        self._step(step_ms, before)
        return step_ms

    def begin(self, at_ms: int, before: Callable[[int], None]) -> int:
        """Step to an instant, also back, before anything is decided; return the step in milliseconds.

        A member that takes over an account goes on with the owners' time
        (:func:`daemon.core.rules.lease_fence.owners_ms`).
        """
        step_ms = at_ms - self.now_ms()
        self._step(step_ms, before)
        return step_ms

    def _step(self, step_ms: int, before: Callable[[int], None]) -> None:
        before(step_ms)
        self._ahead_ns += step_ms * NS_PER_MS
        self._stepped.set()
        self._stepped = asyncio.Event()

    def anchor(self) -> Anchor:
        """Return an anchor of this clock."""
        now = read_anchor()
        return msgspec.structs.replace(now, unix_ns=now.boot_ns + self._ahead_ns)


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def _wall_ahead_ns() -> int:
    """Return by how many nanoseconds the wall clock is ahead of the boot clock, or slightly less, never more.

    The wall clock is read first, so a pause of the process between the two readings makes the difference smaller. The
    largest of several is the best. A clock that uses it is never early, so an order is never sent early.
    """
    return max(time.time_ns() - _boot_ns() for _ in range(READINGS))  # noqa: TID251  # the one place


def wall_ms() -> int:
    """Read the machine's wall clock, in Unix milliseconds: for names and comparisons, never for decisions."""
    return time.time_ns() // NS_PER_MS  # noqa: TID251  # the one place


def monotonic_us() -> int:
    """Read the clock by which the service manager orders messages, in microseconds."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000


stopwatch_s: Callable[[], float] = time.perf_counter
"""Reads the clock that measures durations, in seconds: for measurements, not for trading."""
