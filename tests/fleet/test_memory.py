"""The database in memory: what the network may do to an operation, and what its log refuses."""

import pytest

from daemon.errors import BackendFailed, Deposed, LogWentBack
from daemon.fleet.memory import Link, MemoryDatabase
from daemon.fleet.port import Entry, Lease, Position, next_entry


class BrokenLink(Link):
    """Loses the operations, or the answers, that a test names."""

    def __init__(self) -> None:
        self.loses: set[str] = set()
        self.loses_answers: set[str] = set()

    async def to_database(self, operation: str) -> None:
        if operation in self.loses:
            raise BackendFailed("lost")

    async def from_database(self, operation: str) -> None:
        if operation in self.loses_answers:
            raise BackendFailed("answer lost")


def database(*, fences_the_log: bool = True) -> MemoryDatabase:
    return MemoryDatabase(lambda: 1_000, fences_the_log=fences_the_log)


def entry_after(before: Position, body: bytes, epoch: int = 1) -> Entry:
    return next_entry(before, epoch=epoch, at_ms=1, body=body)


async def test_a_lost_operation_has_no_effect_and_a_lost_answer_has_it() -> None:
    shared, link = database(), BrokenLink()
    backend, first = shared.backend(link), entry_after(Position(), b"first")
    link.loses = {"append"}
    with pytest.raises(BackendFailed):
        await backend.append(first)
    assert await backend.read(0, 10) == []
    link.loses, link.loses_answers = set(), {"append"}
    with pytest.raises(BackendFailed):
        await backend.append(first)
    assert await backend.read(0, 10) == [first]
    link.loses_answers = set()
    await backend.append(first)  # asked again: it is there
    assert await backend.read(0, 10) == [first]


async def test_without_the_fence_a_second_owner_writes_on() -> None:
    for fences in (True, False):
        shared = database(fences_the_log=fences)
        backend = shared.backend()
        await backend.append(entry_after(Position(), b"first"))
        late = entry_after(Position(), b"late", epoch=2)
        if fences:
            with pytest.raises(Deposed):
                await backend.append(late)
        else:
            await backend.append(late)
        assert [entry.body for entry in shared.log] == ([b"first"] if fences else [b"first", b"late"])
        assert shared.log[-1].follows(shared.log[-2].position if len(shared.log) > 1 else Position())


async def test_a_log_that_lost_entries_takes_none_after_them() -> None:
    shared = database()
    backend, position = shared.backend(), Position()
    for body in (b"1", b"2", b"3"):
        entry = entry_after(position, body)
        await backend.append(entry)
        position = entry.position
    shared.cut(1)
    with pytest.raises(LogWentBack, match="ends at entry 1, and this member has seen 3"):
        await backend.append(entry_after(position, b"4"))


async def test_two_takeovers_of_one_lease_have_one_winner() -> None:
    shared = database()
    one, two = shared.backend(), shared.backend()
    first = entry_after(Position(), b"takeover of one")
    assert await one.take(Lease(), Lease("one", 1, 5_000), first)
    assert not await two.take(Lease(), Lease("two", 1, 5_000), entry_after(Position(), b"takeover of two"))
    assert not await two.take(await two.lease(), Lease("two", 2, 5_000), entry_after(Position(), b"another", epoch=2))
    assert (shared.lease, shared.log) == (Lease("one", 1, 5_000), [first])
