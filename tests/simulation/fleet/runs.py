"""Runs schedules one after the other, and shows what they were and what broke."""

import gc
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import msgspec

from daemon.core.values.events import Event
from tests.simulation.fleet.member import Fences
from tests.simulation.fleet.verdict import KINDS, Verdict
from tests.simulation.fleet.world import FleetWorld

PROGRESS = 100
"""After so many schedules a line is printed."""


class Total:
    """The sum of the verdicts."""

    def __init__(self) -> None:
        self.broken: Counter[str] = Counter()  # schedules, by the promise that did not hold
        self.figures: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> None:
        """Add a schedule."""
        self.broken.update(verdict.broken.keys())
        self.figures.update(
            {
                "schedules": 1,
                "owners": verdict.owners,
                "takeovers before the lease ended": verdict.forced,
                "signals acknowledged": verdict.acknowledged,
                "orders in the book": verdict.placed,
                "orders refused, later than their window": verdict.late,
                "orders in doubt at the end": verdict.doubts,
                "members of an older release": verdict.older,
                "copies that stopped at a newer entry": verdict.stopped,
            }
        )
        self.figures.update({f"blow: {kind}": count for kind, count in verdict.blows.items()})

    def table(self) -> Iterable[str]:
        """Yield the lines of a table."""
        yield "schedules in which a promise did not hold"
        yield from (f"  {kind:<44}{self.broken[kind]:>10,}" for kind in KINDS)
        yield "figures"
        yield from (f"  {name:<44}{count:>10,}" for name, count in self.figures.items())


def run(seeds: Iterable[int], *, members: int, fences: Fences, tell: Callable[[int, Event], None]) -> Total:
    """Run the schedules of some seeds; print what broke, and how far it is."""
    total, began_s = Total(), time.perf_counter()
    for number, seed in enumerate(seeds, 1):
        with tempfile.TemporaryDirectory() as directory:
            verdict = FleetWorld(seed, Path(directory), tell, members=members, fences=fences).run()
        total.add(verdict)
        for kind, found in verdict.broken.items():
            click.echo(f"seed {seed}: {kind}: {'; '.join(found)}")
        if number % PROGRESS == 0:
            gc.collect()  # the tasks of dead processes are cycles
            took_s = time.perf_counter() - began_s
            click.echo(f"{number:,} schedules in {took_s:,.0f} s, {sum(total.broken.values())} broken promises")
    return total


def show(number: int, event: Event) -> None:
    """Print an event of a member."""
    click.echo(f"member-{number} {msgspec.json.encode(event).decode()}")
