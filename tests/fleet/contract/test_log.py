"""The log: one entry for a number, each chained to the one before."""

from itertools import pairwise

import anyio
import pytest

from daemon.errors import Deposed, LogWentBack
from daemon.fleet.port import GENESIS, Backend, Entry, Position, next_entry
from tests.fleet.contract.making import BEGINNING, FIRST, SECOND, entries, owned, takeover
from tests.fleet.contract.places import Join


async def test_a_new_log_is_empty(join: Join) -> None:
    async with join() as backend:
        assert await backend.read(0, 10) == []


async def test_what_one_member_appends_another_reads_byte_by_byte(join: Join) -> None:
    async with join() as owner, join() as other:
        written = await owned(owner, 3)
        assert list(await other.read(0, 10)) == written
        assert written[0].follows(BEGINNING)
        assert all(after.follows(before.position) for before, after in pairwise(written))


async def test_a_reader_goes_on_from_its_place_in_pieces(join: Join) -> None:
    async with join() as owner, join() as other:
        written = await owned(owner, 9)
        assert list(await other.read(0, 4)) == written[:4]
        assert list(await other.read(4, 4)) == written[4:8]
        assert list(await other.read(8, 4)) == written[8:]
        assert list(await other.read(10, 4)) == []


async def test_a_large_entry_and_an_empty_one_are_kept(join: Join) -> None:
    async with join() as backend:
        (first,) = await owned(backend)
        large = next_entry(first.position, epoch=1, at_ms=1, body=bytes(range(256)) * 8_000)
        empty = next_entry(large.position, epoch=1, at_ms=1, body=b"")
        await backend.append(large)
        await backend.append(empty)
        assert list(await backend.read(1, 2)) == [large, empty]


async def test_the_same_entry_again_succeeds_and_is_there_once(join: Join) -> None:
    async with join() as backend, join() as reconnected:
        *_, last = written = await owned(backend, 2)
        await backend.append(last)
        await reconnected.append(last)
        assert list(await backend.read(0, 10)) == written


async def test_another_entry_of_the_same_number_is_refused_and_changes_nothing(join: Join) -> None:
    async with join() as backend:
        written = await owned(backend, 2)
        (other,) = entries(1, written[-2].position, word=b"other rows")
        with pytest.raises(Deposed):
            await backend.append(other)
        assert list(await backend.read(0, 10)) == written


async def test_an_owner_that_was_replaced_cannot_append(join: Join) -> None:
    async with join() as former, join() as successor:
        *_, last = await owned(former, 1)
        taken = takeover(last.position, epoch=2)
        assert await successor.take(FIRST, SECOND, taken)
        (late,) = entries(1, last.position)
        with pytest.raises(Deposed):
            await former.append(late)
        assert list(await former.read(0, 10))[-1] == taken


async def test_an_entry_after_a_gap_is_refused(join: Join) -> None:
    """The log lost the latest entries, as a restored copy of it has."""
    async with join() as backend:
        *_, last = written = await owned(backend, 1)
        lost, late = entries(2, last.position)
        with pytest.raises(LogWentBack):
            await backend.append(late)
        assert list(await backend.read(0, 10)) == written
        await backend.append(lost)
        await backend.append(late)


async def test_an_entry_that_follows_another_history_is_refused(join: Join) -> None:
    """The log lost the latest entries, and others took their numbers."""
    async with join() as backend, join() as owner_of_the_lost:
        *_, last = await owned(backend, 1)
        lost, late = entries(2, last.position)
        (instead,) = entries(1, last.position, word=b"instead of the lost")
        await backend.append(instead)
        with pytest.raises(LogWentBack):
            await owner_of_the_lost.append(late)
        assert list(await backend.read(2, 10)) == [instead]
        assert not instead.follows(Position(lost.n - 1, 1, GENESIS))


async def test_of_two_entries_for_one_number_at_once_one_is_written(join: Join) -> None:
    async with join() as one, join() as other:
        *_, last = await owned(one, 1)
        for _ in range(20):
            rivals = {member: entries(1, last.position, word=name)[0] for member, name in ((one, b"1"), (other, b"2"))}
            refused: list[Entry] = []
            async with anyio.create_task_group() as tasks:
                for member, entry in rivals.items():
                    tasks.start_soon(_append, member, entry, refused)
            (written,) = await one.read(last.n, 10)
            assert sorted([*refused, written], key=str) == sorted(rivals.values(), key=str)
            last = written


async def _append(member: Backend, entry: Entry, refused: list[Entry]) -> None:
    try:
        await member.append(entry)
    except Deposed:
        refused.append(entry)
