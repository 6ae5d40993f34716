"""The lease: it and the entry of its takeover change together, and by comparison with what was seen."""

import anyio
import pytest
from msgspec.structs import replace

from daemon.errors import Deposed
from daemon.fleet.port import Backend, Entry, Lease
from tests.fleet.contract.making import FIRST, NOBODY, SECOND, entries, owned, takeover
from tests.fleet.contract.places import Join


async def test_a_new_ledger_has_no_owner(join: Join) -> None:
    async with join() as backend:
        assert await backend.lease() == NOBODY


async def test_a_takeover_is_a_lease_and_an_entry(join: Join) -> None:
    async with join() as owner, join() as other:
        written = await owned(owner)
        assert await other.lease() == FIRST
        assert list(await other.read(0, 10)) == written


async def test_a_renewal_that_comes_late_does_not_move_the_end_back(join: Join) -> None:
    """A packet that was lost is sent again later: the owner may have signed requests until the later end by then."""
    async with join() as owner, join() as other:
        await owned(owner)
        for until_ms in (9_000, 6_000):
            assert await owner.renew(replace(FIRST, until_ms=until_ms))
            assert await other.lease() == replace(FIRST, until_ms=9_000)


async def test_a_hand_over_moves_the_end_back(join: Join) -> None:
    async with join() as owner, join() as other:
        await owned(owner)
        for until_ms in (4_000, 0):
            assert await owner.renew(replace(FIRST, until_ms=until_ms), hands_over=True)
            assert await other.lease() == replace(FIRST, until_ms=until_ms)


async def test_only_owner_and_epoch_renew(join: Join) -> None:
    async with join() as owner, join() as other:
        *_, last = await owned(owner, 1)
        assert not await other.renew(replace(FIRST, owner="tokyo-2", until_ms=60_000))
        assert not await other.renew(replace(FIRST, epoch=2, until_ms=60_000))
        assert await other.take(FIRST, SECOND, takeover(last.position, epoch=2))
        assert not await owner.renew(replace(FIRST, until_ms=60_000))
        assert await other.lease() == SECOND


@pytest.mark.parametrize(
    "seen", [NOBODY, replace(FIRST, until_ms=4_999), replace(FIRST, epoch=0), replace(FIRST, owner="osaka")]
)
async def test_a_takeover_fails_if_the_lease_is_not_the_one_that_was_seen(join: Join, seen: Lease) -> None:
    async with join() as owner, join() as other:
        *_, last = written = await owned(owner, 1)
        assert not await other.take(seen, SECOND, takeover(last.position, epoch=2))
        assert await other.lease() == FIRST
        assert list(await other.read(0, 10)) == written


async def test_a_takeover_fails_if_the_owner_wrote_meanwhile(join: Join) -> None:
    async with join() as owner, join() as other:
        *_, before, last = written = await owned(owner, 2)
        assert not await other.take(FIRST, SECOND, takeover(before.position, epoch=2))
        assert await other.lease() == FIRST
        assert list(await other.read(0, 10)) == written
        await owner.append(*entries(1, last.position))


async def test_a_takeover_fails_after_another_history(join: Join) -> None:
    async with join() as owner, join() as other:
        *_, last = written = await owned(owner, 1)
        (lost,) = entries(1, last.position)
        assert not await other.take(FIRST, SECOND, takeover(lost.position, epoch=2))
        (instead,) = entries(1, last.position, word=b"instead of the lost")
        await owner.append(instead)
        assert not await other.take(FIRST, SECOND, takeover(lost.position, epoch=2))
        assert await other.lease() == FIRST
        assert list(await other.read(0, 10)) == [*written, instead]


async def test_the_same_takeover_again_succeeds_and_is_there_once(join: Join) -> None:
    """An outcome that is unknown is asked again."""
    async with join() as owner, join() as reconnected:
        written = await owned(owner)
        assert await reconnected.take(NOBODY, FIRST, written[0])
        await owner.append(written[0])
        assert list(await owner.read(0, 10)) == written
        (more,) = entries(1, written[0].position)
        await owner.append(more)
        assert await owner.renew(replace(FIRST, until_ms=7_000))
        assert await reconnected.lease() == replace(FIRST, until_ms=7_000)


async def test_of_members_that_take_over_at_once_one_does(join: Join) -> None:
    async with join() as one, join() as two, join() as three:
        *_, last = await owned(one, 1)
        seen = FIRST
        for epoch in range(2, 12):
            leases = [replace(SECOND, owner=name, epoch=epoch) for name in ("osaka", "kyoto", "kobe")]
            rivals = zip((one, two, three), leases, strict=True)
            won: list[Lease] = []
            async with anyio.create_task_group() as tasks:
                for member, lease in rivals:
                    entry = takeover(last.position, epoch=epoch)
                    tasks.start_soon(_take, member, seen, lease, replace(entry, body=entry.body), won)
            assert [await one.lease()] == won
            (last,) = await two.read(last.n, 10)
            seen = won[0]


async def test_an_append_and_a_takeover_at_once_are_never_both_done(join: Join) -> None:
    async with join() as owner, join() as rival:
        *_, last = await owned(owner, 1)
        seen = FIRST
        for epoch in range(2, 12):
            lease = replace(SECOND, epoch=epoch)
            (late,) = entries(1, last.position, epoch=epoch - 1)
            won: list[Lease] = []
            refused: list[Entry] = []
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_append, owner, late, refused)
                tasks.start_soon(_take, rival, seen, lease, takeover(last.position, epoch=epoch), won)
            assert bool(won) == bool(refused)
            (last,) = await owner.read(last.n, 10)
            seen = await owner.lease()
            assert (seen, last.epoch) == ((lease, epoch) if won else (seen, epoch - 1))
            if not won:
                assert await rival.take(seen, lease, takeover(last.position, epoch=epoch))
                (last,) = await owner.read(last.n, 10)
                seen = lease


async def _take(member: Backend, seen: Lease, lease: Lease, entry: Entry, won: list[Lease]) -> None:
    if await member.take(seen, lease, entry):
        won.append(lease)


async def _append(member: Backend, entry: Entry, refused: list[Entry]) -> None:
    try:
        await member.append(entry)
    except Deposed:
        refused.append(entry)
