"""``python -m tests.bench``."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import msgspec

from tests.bench import events, locks, machine, memory, readers, report, wire
from tests.bench.contestants import python_of

Measured = tuple[report.Report, Mapping[str, report.Metric]]


def _wire(place: Path, quick: bool, against: Path | None) -> Measured:
    sizes = {"signals": 30, "burst": 100, "rounds": 2} if quick else {"signals": 100, "burst": 1_000, "rounds": 20}
    return wire.measure(place, **sizes, against=against), wire.METRICS


def _locks(place: Path, quick: bool, against: Path | None) -> Measured:
    seconds, rounds = (0.2, 1) if quick else (1.5, 6)
    return locks.measure(place, seconds=seconds, rounds=rounds, against=against), locks.METRICS


def _events(place: Path, quick: bool, _: Path | None) -> Measured:
    return events.measure(place, signals=50 if quick else 200, rounds=2 if quick else 15), events.METRICS


def _readers(place: Path, quick: bool, _: Path | None) -> Measured:
    if quick:
        found = readers.measure(place, queued=1_000, finished=2_000, signals=20, batch=100, batches=1, rounds=1)
    else:
        found = readers.measure(place, queued=60_000, finished=150_000, signals=100, batch=1_000, batches=4, rounds=6)
    return found, readers.METRICS


def _memory(place: Path, quick: bool, _: Path | None) -> Measured:
    if quick:
        found = memory.measure(place, queued=1_000, finished=5_000, traded=2_000, rounds=1)
    else:
        found = memory.measure(place, queued=10_000, finished=1_000_000, traded=20_000, rounds=5)
    return found, memory.METRICS


MEASUREMENTS: dict[str, Callable[[Path, bool, Path | None], Measured]] = {
    "wire": _wire,
    "locks": _locks,
    "events": _events,
    "readers": _readers,
    "memory": _memory,
}

DISK = Path("/var/tmp")  # noqa: S108  # a directory of a random name is made in it


@click.command()
@click.argument("what", type=click.Choice(["all", *MEASUREMENTS]), default="all")
@click.option("--quick", is_flag=True, help="Few rounds: shows that it runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each measurement.")
@click.option(
    "--against",
    type=click.Path(exists=True, file_okay=False, resolve_path=True, path_type=Path),
    help="Another checkout with its own .venv, whose daemon is measured in the same rounds (wire, locks).",
)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=DISK,
    show_default=True,
    help="Where the databases are: a disk, not memory.",
)
def main(what: str, quick: bool, as_json: bool, against: Path | None, directory: Path) -> None:
    """Measure, and print the figures beside their floor and their peers."""
    if against is not None and not python_of(against).exists():
        raise click.BadParameter(f"{against} has no .venv; run there: sh .ci/setup test", param_hint="--against")
    machine.warn_unless_idle()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=directory) as name:
        for measurement, measure in MEASUREMENTS.items():
            if what in {"all", measurement}:
                place = Path(name) / measurement  # each measurement has databases of its own
                place.mkdir()
                found, metrics = measure(place, quick, against)
                click.echo(msgspec.json.encode(found) if as_json else report.table(found, metrics))


if __name__ == "__main__":
    main()
