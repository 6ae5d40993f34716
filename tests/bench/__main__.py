"""``python -m tests.bench``."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from tests.bench import boards, events, locks, machine, memory, report, wire
from tests.bench.contestants import python_of

Shown = tuple[object, str]
"""A result, and the same as a table."""


def _wire(place: Path, quick: bool, against: Path | None) -> Shown:
    sizes = {"signals": 30, "burst": 100, "rounds": 2} if quick else {"signals": 100, "burst": 1_000, "rounds": 20}
    found = wire.measure(place, **sizes, against=against)
    return found, report.table(found, wire.METRICS)


def _memory(place: Path, quick: bool, _: Path | None) -> Shown:
    found = memory.measure(place, queued=1_000 if quick else 10_000, traded=2_000 if quick else 20_000)
    return found, memory.table(found)


def _events(place: Path, quick: bool, _: Path | None) -> Shown:
    found = events.measure(place, signals=50 if quick else 200, rounds=2 if quick else 20)
    return found, events.table(found)


def _boards(place: Path, quick: bool, _: Path | None) -> Shown:
    found = boards.measure(place, queued=1_000 if quick else 60_000, signals=30 if quick else 200)
    return found, boards.table(found)


def _locks(place: Path, quick: bool, against: Path | None) -> Shown:
    found = locks.measure(place, seconds=0.2 if quick else 1.5, rounds=1 if quick else 6, against=against)
    return found, report.table(found, locks.METRICS)


MEASUREMENTS: dict[str, Callable[[Path, bool, Path | None], Shown]] = {
    "wire": _wire,
    "locks": _locks,
    "events": _events,
    "boards": _boards,
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
                found, text = measure(place, quick, against)
                click.echo(msgspec.json.encode(found) if as_json else text)


if __name__ == "__main__":
    main()
