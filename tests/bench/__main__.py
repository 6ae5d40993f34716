"""``python -m tests.bench``."""

import tempfile
from pathlib import Path

import click
import msgspec

from tests.bench import boards, events, locks, memory, wire


@click.command()
@click.argument("what", type=click.Choice(["all", "wire", "memory", "locks", "events", "boards"]), default="all")
@click.option("--quick", is_flag=True, help="Few rounds: shows that it runs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(what: str, quick: bool, as_json: bool) -> None:
    """Measure, and print the figures beside their floor."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as name:  # a disk, not memory
        places = {each: Path(name) / each for each in ("wire", "memory", "locks", "events", "boards")}
        for place in places.values():  # each measurement has databases of its own
            place.mkdir()
        if what in {"all", "wire"}:
            wires = wire.measure(
                places["wire"], signals=50 if quick else 400, burst=100 if quick else 1_000, rounds=1 if quick else 3
            )
            click.echo(msgspec.json.encode(wires) if as_json else wire.table(wires))
        if what in {"all", "memory"}:
            found = memory.measure(
                places["memory"], queued=1_000 if quick else 10_000, traded=2_000 if quick else 20_000
            )
            click.echo(msgspec.json.encode(found) if as_json else memory.table(found))
        if what in {"all", "events"}:
            followed = events.measure(places["events"], signals=50 if quick else 200, rounds=2 if quick else 20)
            click.echo(msgspec.json.encode(followed) if as_json else events.table(followed))
        if what in {"all", "boards"}:
            read = boards.measure(places["boards"], queued=1_000 if quick else 60_000, signals=30 if quick else 200)
            click.echo(msgspec.json.encode(read) if as_json else boards.table(read))
        if what in {"all", "locks"}:
            contests = locks.measure(places["locks"], seconds=0.5 if quick else 5)
            click.echo(msgspec.json.encode(contests) if as_json else locks.table(contests))


if __name__ == "__main__":
    main()
