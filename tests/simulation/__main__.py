"""``python -m tests.simulation``: run simulated days, one per seed; with ``--fleet``, schedules of a fleet."""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
import msgspec

from daemon.core.values.events import Event
from tests.simulation.fleet import runs
from tests.simulation.fleet.member import Fences
from tests.simulation.world import World


@click.command()
@click.option("--first", default=1, show_default=True, help="First seed.")
@click.option("--seeds", default=20, show_default=True, help="How many.")
@click.option("--trace", is_flag=True, help="Print every event.")
@click.option("--fleet", type=click.IntRange(2), help="Run schedules of a fleet with so many members.")
@click.option(
    "--without", type=click.Choice(["log", "lease", "format"]), help="Switch off a fence, to see what it prevents."
)
def main(first: int, seeds: int, trace: bool, fleet: int | None, without: str | None) -> None:
    """Run simulated days. A seed that fails fails again: give it with --first and --trace."""
    wanted = range(first, first + seeds)
    sys.exit(_run_days(wanted, trace) if fleet is None else _run_fleet(wanted, trace, fleet, without))


def _run_fleet(seeds: range, trace: bool, members: int, without: str | None) -> bool:
    """Run schedules of a fleet; return whether any failed."""
    fences = Fences(log=without != "log", lease=without != "lease", format=without != "format")
    total = runs.run(seeds, members=members, fences=fences, tell=runs.show if trace else lambda *_: None)
    for line in total.table():
        click.echo(line)
    return bool(total.broken)


def _run_days(seeds: range, trace: bool) -> bool:
    """Run days of one daemon; return whether any failed."""
    total: Counter[str] = Counter()
    failed = batched = 0
    began = time.perf_counter()

    def tell(event: Event) -> None:
        if trace:
            click.echo(msgspec.json.encode(event))

    with tempfile.TemporaryDirectory() as directory:
        for seed in seeds:
            verdict = World(seed, Path(directory), tell).run()
            total.update(verdict.states)
            failed += bool(verdict.broken)
            batched += verdict.batched
            mark = "FAILED" if verdict.broken else "held"
            click.echo(f"seed {seed}: {mark}, {verdict.placed} placed, {verdict.states}, trades {verdict.trades}")
            for promise in verdict.broken:
                click.echo(f"    {promise}")
    took_s = time.perf_counter() - began
    click.echo(
        f"{len(seeds)} days in {took_s:.1f} s, {failed} failed; {batched} orders left in another one's request; "
        f"orders by state: {dict(total)}"
    )
    return bool(failed)


if __name__ == "__main__":
    main()
