"""The list of members."""

from msgspec.structs import replace

from daemon.fleet.port import Role
from tests.fleet.contract.making import report
from tests.fleet.contract.places import Join
from tests.support.waiting import wall_ms


async def test_what_a_member_says_others_read_with_the_time(join: Join) -> None:
    async with join() as one, join() as other:
        assert list(await other.members()) == []
        began_ms = wall_ms()
        said = [report("a", name="tokyo-1"), report("b", name="tokyo-2", role=Role.DOOR, clock_error_ms=None)]
        for member in said:
            await one.report(member)
        found = list(await other.members())
        assert [replace(member, seen_ms=0) for member in found] == said
        assert all(began_ms - 1_000 <= member.seen_ms <= wall_ms() + 1_000 for member in found)


async def test_a_member_has_one_place_where_its_latest_report_is(join: Join) -> None:
    async with join() as backend:
        latest = report("a", name="osaka", version="1.2.0", n=8, reaches_exchange=False, format=2, configuration="new")
        await backend.report(report("a"))
        await backend.report(latest)
        assert [replace(member, seen_ms=0) for member in await backend.members()] == [latest]


async def test_a_member_that_left_is_forgotten(join: Join) -> None:
    async with join() as backend:
        await backend.report(report("a"))
        await backend.report(report("b"))
        await backend.forget("a")
        await backend.forget("a")
        assert [member.member for member in await backend.members()] == ["b"]
