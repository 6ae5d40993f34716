"""``python -m tests.simulation``: run simulated days, one per seed."""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click
import msgspec

from daemon.core.values.events import Event
from tests.simulation.world import World


@click.command()
@click.option("--first", default=1, show_default=True, help="First seed.")
@click.option("--seeds", default=20, show_default=True, help="How many.")
@click.option("--trace", is_flag=True, help="Print every event.")
def main(first: int, seeds: int, trace: bool) -> None:
    """Run simulated days. A seed that fails fails again: give it with --first and --trace."""
    total: Counter[str] = Counter()
    failed = 0
    began = time.perf_counter()

    def tell(event: Event) -> None:
        if trace:
            click.echo(msgspec.json.encode(event))

    with tempfile.TemporaryDirectory() as directory:
        for seed in range(first, first + seeds):
            verdict = World(seed, Path(directory), tell).run()
            total.update(verdict.states)
            failed += bool(verdict.broken)
            mark = "FAILED" if verdict.broken else "held"
            click.echo(f"seed {seed}: {mark}, {verdict.placed} placed, {verdict.states}, trades {verdict.trades}")
            for promise in verdict.broken:
                click.echo(f"    {promise}")
    took_s = time.perf_counter() - began
    click.echo(f"{seeds} days in {took_s:.1f} s, {failed} failed; orders by state: {dict(total)}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
