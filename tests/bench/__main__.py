"""``python -m tests.bench``."""

import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from tests.bench import appends, events, far, fleet, instant, locks, machine, memory, readers, report, takeover, wire
from tests.bench.contestants import ROOT, python_of
from tests.bench.rounds import progress

Measured = tuple[report.Report, Mapping[str, report.Metric]]


class Wanted(NamedTuple):
    """What the command line asks for."""

    place: Path
    quick: bool
    against: Path | None
    rounds: int | None
    clock_ahead_ms: int

    def rounds_or(self, quick: int, full: int) -> int:
        """Return how many rounds are to count."""
        return self.rounds or (quick if self.quick else full)


def _wire(wanted: Wanted) -> Measured:
    signals, burst = (30, 100) if wanted.quick else (100, 1_000)
    rounds = wanted.rounds_or(2, 20)
    found = wire.measure(wanted.place, signals=signals, burst=burst, rounds=rounds, against=wanted.against)
    return found, wire.METRICS


def _instant(wanted: Wanted) -> Measured:
    plan = instant.Plan(*(instant.QUICK if wanted.quick else instant.FULL), ahead_ms=wanted.clock_ahead_ms)
    rounds = wanted.rounds_or(1, 4)
    return instant.measure(wanted.place, plan, rounds=rounds, against=wanted.against), instant.METRICS


def _far(wanted: Wanted) -> Measured:
    counts, idle_s = ((1, 20), (5,)) if wanted.quick else (far.COUNTS, far.IDLE_S)
    rounds = wanted.rounds_or(1, 3)
    return far.measure(wanted.place, counts=counts, idle_s=idle_s, rounds=rounds, against=wanted.against), far.METRICS


def _locks(wanted: Wanted) -> Measured:
    seconds = 0.2 if wanted.quick else 1.5
    rounds = wanted.rounds_or(1, 6)
    return locks.measure(wanted.place, seconds=seconds, rounds=rounds, against=wanted.against), locks.METRICS


def _appends(wanted: Wanted) -> Measured:
    groups = 50 if wanted.quick else 300
    return appends.measure(wanted.place, groups=groups, rounds=wanted.rounds_or(2, 15)), appends.METRICS


def _events(wanted: Wanted) -> Measured:
    signals = 50 if wanted.quick else 200
    return events.measure(wanted.place, signals=signals, rounds=wanted.rounds_or(2, 15)), events.METRICS


def _readers(wanted: Wanted) -> Measured:
    sizes = (
        {"queued": 1_000, "finished": 2_000, "signals": 20, "batch": 100, "batches": 1}
        if wanted.quick
        else {"queued": 60_000, "finished": 150_000, "signals": 100, "batch": 1_000, "batches": 4}
    )
    return readers.measure(wanted.place, **sizes, rounds=wanted.rounds_or(1, 6)), readers.METRICS


def _memory(wanted: Wanted) -> Measured:
    sizes = (
        {"queued": 1_000, "finished": 5_000, "traded": 2_000}
        if wanted.quick
        else {"queued": 10_000, "finished": 1_000_000, "traded": 20_000}
    )
    return memory.measure(wanted.place, **sizes, rounds=wanted.rounds_or(1, 5)), memory.METRICS


def _fleet(wanted: Wanted) -> Measured:
    signals, burst = (30, 100) if wanted.quick else (100, 1_000)
    rounds = wanted.rounds_or(2, 12)
    servers = wanted.place.parents[1]
    return fleet.measure(wanted.place, signals=signals, burst=burst, rounds=rounds, servers=servers), wire.METRICS


def _takeover(wanted: Wanted) -> Measured:
    sizes = (
        {"burst": 100, "orders": 200, "recorded": 20}
        if wanted.quick
        else {"burst": 1_000, "orders": 100_000, "recorded": 100}
    )
    rounds, servers = wanted.rounds_or(1, 5), wanted.place.parents[1]
    found = takeover.measure(wanted.place, **sizes, rounds=rounds, servers=servers, usual=not wanted.quick)
    return found, takeover.METRICS


MEASUREMENTS: dict[str, Callable[[Wanted], Measured]] = {
    "wire": _wire,
    "instant": _instant,
    "far": _far,
    "locks": _locks,
    "appends": _appends,
    "events": _events,
    "readers": _readers,
    "memory": _memory,
    "fleet": _fleet,
    "takeover": _takeover,
}

DISK = Path("/var/tmp")  # noqa: S108  # a directory of a random name is made in it


@click.command()
@click.argument("what", type=click.Choice(["all", *MEASUREMENTS]), default="all")
@click.option("--quick", is_flag=True, help="Few rounds: shows that it runs.")
@click.option("--rounds", type=click.IntRange(min=1), help="How many rounds are to count, in place of the default.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each measurement.")
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Another checkout with its own .venv; its daemon is measured in the same rounds (wire, instant, far, locks).",
)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=DISK,
    show_default=True,
    help="Where the databases are: a disk, not memory.",
)
@click.option(
    "--clock-ahead-ms",
    type=int,
    default=300,
    show_default=True,
    help="By how much the exchange's clock is ahead of the machine's (instant).",
)
def main(
    what: str,
    quick: bool,
    rounds: int | None,
    as_json: bool,
    against: Path | None,
    directory: Path,
    clock_ahead_ms: int,
) -> None:
    """Measure, and print the figures beside their floor and their peers."""
    if against is not None and not python_of(against).exists():
        raise click.BadParameter(f"{against} has no .venv; run there: sh .ci/setup test", param_hint="--against")
    progress(f"sniperd is {ROOT} at {_commit(ROOT)}")
    if against is not None:
        progress(f"against is {against} at {_commit(against)}")
    machine.warn_unless_idle()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=directory) as name:
        Path(name).chmod(0o711)  # PostgreSQL runs as another user
        for measurement, measure in MEASUREMENTS.items():
            if what in {"all", measurement}:
                place = Path(name) / measurement  # each measurement has databases of its own
                place.mkdir()
                found, metrics = measure(Wanted(place, quick, against, rounds, clock_ahead_ms))
                click.echo(msgspec.json.encode(found) if as_json else report.table(found, metrics))


def _commit(checkout: Path) -> str:
    """Return the commit of a checkout, marked if files were changed since; "no commit" outside git."""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "no commit"


if __name__ == "__main__":
    main()
