"""``python -m tests.chaos``: run one day, and judge it."""

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from daemon.simulator.symbols import default_symbols
from tests.chaos.day import Day, Outcome, kept
from tests.chaos.plan import plan
from tests.support.stage import GROUP_MAY_PASS, Stage

PAIRS = len(default_symbols())


@click.command()
@click.option("--seed", default=1, show_default=True, help="Of the day.")
@click.option("--signals", default=200, show_default=True, type=click.IntRange(1), help="Things the bot wants.")
@click.option("--symbols", default=40, show_default=True, type=click.IntRange(1, PAIRS), help="Pairs they are about.")
@click.option("--kills", default=10, show_default=True, type=click.IntRange(0), help="Times the daemon is killed.")
@click.option("--trace", is_flag=True, help="Print every line of the daemon's log at the end.")
@click.option("--keep", is_flag=True, help="Keep the directory of a day that held, too.")
def main(seed: int, signals: int, symbols: int, kills: int, trace: bool, keep: bool) -> None:
    """Run a day of kills and faults, and judge it by the exchange's book.

    Exit status: 0 if every promise held, else 1.
    """
    directory = Path(tempfile.mkdtemp(prefix="sniperd-chaos-"))
    directory.chmod(GROUP_MAY_PASS)
    with ExitStack() as ends:
        day = Day(Stage(directory, ends), plan(seed, signals=signals, symbols=symbols, kills=kills), click.echo)
        outcome = day.live()
    if trace:
        for log in sorted(directory.glob("life-*.log")):
            click.echo(f"--- {log.name}\n{log.read_text(encoding='utf-8')}")
    _tell(outcome)
    if outcome.broken:
        again = f"--seed {seed} --signals {signals} --symbols {symbols} --kills {kills}"
        click.echo(f"the same day again: python -m tests.chaos {again}")
    if outcome.broken or keep:
        click.echo(kept(directory))
    else:
        shutil.rmtree(directory)
    sys.exit(1 if outcome.broken else 0)


def _tell(outcome: Outcome) -> None:
    for name, figure in outcome.figures.items():
        shown = ", ".join(f"{key} {value}" for key, value in figure.items()) if isinstance(figure, dict) else figure
        click.echo(f"{name + ':':<24} {shown}")
    for promise in outcome.broken:
        click.echo(f"BROKEN: {promise}")
    click.echo(f"{len(outcome.broken)} promises broken" if outcome.broken else "every promise held")


if __name__ == "__main__":
    main()
