"""A copy of the log is read in pieces of a size that arrives in time, however large or small the entries are."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.errors import BackendFailed
from daemon.fleet.copying import MOST, PIECE_BYTES, Copy, body_of
from daemon.fleet.entries import encode
from daemon.fleet.memory import MemoryBackend, MemoryDatabase
from daemon.fleet.port import Entry, Position, next_entry
from tests.exchange.mexc.clocks import in_virtual_time
from tests.fleet.machines import Cable, database
from tests.simulation.seams import Disk, Life
from tests.support import making


class Narrow(MemoryBackend):
    """A database behind a way on which a large answer arrives too late."""

    def __init__(self, shared: MemoryDatabase, most_bytes: int) -> None:
        super().__init__(shared, Cable())
        self.reads = 0
        self._most_bytes = most_bytes

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        self.reads += 1
        found = await super().read(after, limit)
        if sum(len(entry.body) for entry in found) > self._most_bytes:
            raise BackendFailed("no answer in time")
        return found


def log_of(entries: int, size: int) -> MemoryDatabase:
    """Return a log of entries of a size in bytes."""
    shared, position = database(), Position()
    for number in range(entries):
        event = Event(name="order.accepted", at_ms=making.NOW_MS + number, detail={"text": "x" * size})
        entry = next_entry(position, epoch=1, at_ms=event.at_ms, body=encode(body_of(ChangeSet(events=[event]))))
        shared.append(entry)
        position = entry.position
    return shared


@contextmanager
def copy_of(backend: MemoryBackend, directory: Path) -> Iterator[Copy]:
    with closing(Disk(directory / "copy.db", Life(is_fragile=False), Random(1), stalls=0.0, is_copy=True)) as disk:  # noqa: S311  # for times of the disk
        yield Copy(backend, disk.store(), lambda _events: None)


@in_virtual_time
async def test_entries_too_large_for_one_answer_are_copied_in_smaller_pieces(tmp_path: Path) -> None:
    backend = Narrow(log_of(40, size=100_000), most_bytes=PIECE_BYTES + 200_000)
    with copy_of(backend, tmp_path) as copy:
        with pytest.raises(BackendFailed):
            await copy.catch_up()
        await copy.catch_up()
        assert copy.knows_end
        assert copy.position.n == 40


@in_virtual_time
async def test_small_entries_are_copied_in_large_pieces(tmp_path: Path) -> None:
    entries = 3_000
    backend = Narrow(log_of(entries, size=10), most_bytes=PIECE_BYTES)
    with copy_of(backend, tmp_path) as copy:
        await copy.catch_up()
        assert copy.position.n == entries
    assert backend.reads <= 2 + entries // (MOST - 1)
