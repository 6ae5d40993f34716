"""What /proc says: the CPU time and context switches of a process, and what the rest of the machine uses."""

import os
import time
from pathlib import Path
from typing import Self

import click

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

CALM_CORES = 0.15
"""Other processes may use this much of a core. The kernel's own work for the disk takes up to 0.1."""

LOOK_S = 0.02
LOOKS = 4
QUIET_NS = 1_000_000
"""A process is quiet when it used less than this in each of LOOKS successive looks and is not about to run."""


def cpu_ns(pid: int) -> int:
    """Return the CPU time of a process so far, user and system, of all its threads, also of those that ended.

    It is the clock that ``clock_getcpuclockid(3)`` returns; Python has no name for it. Zero when the process has ended.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return 0


def switches(pid: int) -> int:
    """Return the context switches of a process so far, voluntary or not, of its present threads."""
    return sum(
        int(line.split()[1])
        for status in PROC.glob(f"{pid}/task/*/status")
        for line in status.read_text().splitlines()
        if "ctxt_switches" in line
    )


def resident_bytes(pid: int) -> int:
    """Return the memory of a process that is in RAM."""
    return int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_bytes(pid: int) -> int:
    """Return the most memory of a process that was in RAM at any moment."""
    status = (PROC / str(pid) / "status").read_text()
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) * 1_024


def settle(pid: int, *, within_s: float = 30.0) -> None:
    """Wait until a process has done what it still had to do, for at most this time."""
    quiet, end_s, before_ns = 0, time.perf_counter() + within_s, cpu_ns(pid)
    while quiet < LOOKS and time.perf_counter() < end_s:
        time.sleep(LOOK_S)  # between two looks
        now_ns = cpu_ns(pid)
        quiet = quiet + 1 if now_ns - before_ns < QUIET_NS and _fields(pid)[:1] != ["R"] else 0
        before_ns = now_ns


class Effort:
    """A context manager: the CPU time and context switches of a process within it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.cpu_ns = 0
        self.switches = 0

    def __enter__(self) -> Self:
        self.cpu_ns, self.switches = -cpu_ns(self._pid), -switches(self._pid)
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu_ns += cpu_ns(self._pid)
        self.switches += switches(self._pid)


class Watch:
    """Compares the busy time of all cores with what this process and its descendants used, from now on."""

    def __init__(self) -> None:
        self._began_s, self._busy_s, self._ours_s = time.perf_counter(), _busy_s(), _ours_s()

    def others_cores(self) -> float:
        """Return how many cores other processes, the kernel's threads and the hypervisor used."""
        used_s = (_busy_s() - self._busy_s) - (_ours_s() - self._ours_s)
        return max(0.0, used_s / (time.perf_counter() - self._began_s))


def warn_unless_idle() -> None:
    """Watch the machine for a second, and say on standard error if other processes use it."""
    watch = Watch()
    time.sleep(1)
    others = watch.others_cores()
    if others > CALM_CORES:
        click.echo(
            f"warning: other processes use {others:.2f} of {os.cpu_count()} cores; the figures will say little",
            err=True,
        )


def _busy_s() -> float:
    """Return the time for which all cores were not idle, steal included."""
    words = (PROC / "stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(word) for word in words[:8])
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_S


def _ours_s() -> float:
    """Return the CPU time of this process and its descendants; of those that ended, what their parents inherited."""
    parents = {pid: int(found[1]) for pid in _pids() if (found := _fields(pid))}
    ours = {os.getpid()}
    while grown := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= grown
    inherited = sum(int(word) for pid in ours if (found := _fields(pid)) for word in found[13:15])
    return sum(cpu_ns(pid) for pid in ours) / 1e9 + inherited / TICKS_PER_S


def _pids() -> list[int]:
    return [int(each.name) for each in PROC.iterdir() if each.name.isdigit()]


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (state, parent, …); empty when the process has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
