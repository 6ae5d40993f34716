"""``python -m tests.launches``: run launches, one per seed, and print what was bought in time."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import click
import msgspec

from daemon.core.values.events import Event
from tests.launches.cases import CASES, draw
from tests.launches.verdict import ENOUGH, NOT_YET, by_case
from tests.launches.world import Outcome, World

SHOWN = 4
"""How many seeds of a case that missed something are named."""


@click.command()
@click.option("--first", default=1, show_default=True, help="First seed.")
@click.option("--seeds", default=100, show_default=True, help="How many.")
@click.option("--seed", type=int, help="This seed alone.")
@click.option("--trace", is_flag=True, help="Print every event.")
def main(first: int, seeds: int, seed: int | None, trace: bool) -> None:
    """Run launches. A seed that fails fails again: give it with --seed and --trace."""
    began = time.perf_counter()

    def tell(event: Event) -> None:
        if trace:
            click.echo(msgspec.json.encode(event))

    wanted = range(first, first + seeds) if seed is None else [seed]
    outcomes = []
    for each in wanted:
        with tempfile.TemporaryDirectory() as directory:
            outcomes.append(World(draw(each), Path(directory), tell).run())
        if seed is not None:
            click.echo(_described(outcomes[-1]))
        for promise in outcomes[-1].broken:
            click.echo(f"seed {each}: FAILED, {promise}")
    click.echo(table(outcomes))
    broken = sum(bool(outcome.broken) for outcome in outcomes)
    short = [case for case, total in by_case(each.daemon for each in outcomes).items() if _is_short(case, total.share)]
    twice = sum(len(outcome.naive.twice) for outcome in outcomes)
    click.echo(
        f"{len(outcomes)} launches in {time.perf_counter() - began:.1f} s; {broken} bought something twice, "
        f"and the naive bot bought {twice} signals twice; below {ENOUGH:.0%} where it must hold: {short or 'nothing'}"
    )
    sys.exit(1 if broken or short else 0)


def table(outcomes: list[Outcome]) -> str:
    """Write a line for each case: what the daemon and the naive bot bought in time, and twice."""
    daemon = by_case(outcome.daemon for outcome in outcomes)
    naive = by_case(outcome.naive for outcome in outcomes)
    lines = [
        f"{'':22}{'':9}{'':8}{'in time':^27}{'ms after':>16}{'bought':>8}{'own':>5} | {'naive bot':^24}",
        (
            f"{'case':22}{'launches':>9}{'orders':>8}{'permitted':>10}{'bought':>7}{'share':>10}"
            f"{'p50':>8}{'p99':>8}{'ever':>8}{'429':>5} | {'in time':>8}{'ever':>7}{'twice':>7}  seeds that missed"
        ),
    ]
    for case in CASES:
        if case not in daemon:
            continue
        ours, theirs = daemon[case], naive[case]
        after = sorted(
            ms for outcome in outcomes if outcome.daemon.launch.case == case for ms in outcome.daemon.after_ms
        )
        p50 = f"{statistics.median(after):.0f}" if after else "-"
        p99 = str(after[min(len(after) - 1, len(after) * 99 // 100)]) if after else "-"
        missed = [str(o.daemon.launch.seed) for o in outcomes if o.daemon.launch.case == case and o.daemon.missed]
        named = ", ".join(missed[:SHOWN]) + (f" and {len(missed) - SHOWN} more" if len(missed) > SHOWN else "")
        mark = "*" if case in NOT_YET else ""
        lines.append(
            f"{case:22}{ours.launches:9}{ours.orders:8}{ours.permitted:10}{ours.in_time:7}"
            f"{f'{mark}{ours.share:.1%}':>10}{p50:>8}{p99:>8}{ours.bought:8}{ours.too_many:5}"
            f" | {theirs.in_time:8}{theirs.bought:7}{theirs.twice:7}  {named}"
        )
    return "\n".join([*lines, "* not required yet"])


def _is_short(case: str, share: float) -> bool:
    return case not in NOT_YET and share < ENOUGH


def _described(outcome: Outcome) -> str:
    """Describe one launch."""
    ours, theirs = outcome.daemon, outcome.naive
    lines = [f"{ours.launch}", *outcome.refused]
    lines.append(
        f"bought {ours.in_time} of {ours.permitted} permitted in time; ms after the reference: {ours.after_ms}"
    )
    lines.append(f"the naive bot: ms after the reference {theirs.after_ms}; twice: {theirs.twice}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
