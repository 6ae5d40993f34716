"""What a member shows of its fleet."""

from pathlib import Path
from timeit import repeat

import anyio
import msgspec

from daemon.core.values.fleet_health import Standing
from daemon.errors import Deposed
from daemon.fleet.health import GONE_MS, has_owner, standing_of
from daemon.fleet.member import Member
from daemon.fleet.port import Role
from daemon.fleet.takeover import ANY
from tests.exchange.mexc.clocks import in_virtual_time
from tests.fleet.machines import LEASE_MS, Machine, database, owns

pytestmark = in_virtual_time


async def test_every_member_shows_who_owns_the_account_and_how_far_the_others_are(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        for number in (1, 2, 3):
            await owner.commit(number)
        await anyio.sleep(4.5)
        mine, theirs = owner.member.health(), standby.member.health()
        assert (mine.standing, theirs.standing) == (Standing.OWNER, Standing.STANDBY)
        for each in (mine, theirs):
            assert (each.owner, each.epoch, each.n, each.lag, each.cannot_own) == ("a", 1, 4, 0, None)
            assert [(seen.name, seen.standing, seen.behind) for seen in each.members] == [
                ("a", Standing.OWNER, 0),
                ("b", Standing.STANDBY, 0),
            ]
            assert each.lease_left_ms is not None
            assert 0 < each.lease_left_ms <= LEASE_MS
            assert (each.is_owned, each.standbys, each.backend, each.backend_error) == (True, 1, "memory", None)
            assert each.owned_since_ms == shared.log[0].at_ms
        assert mine.append_ms is not None
        assert mine.append_p99_ms is not None
        assert theirs.append_ms is None


async def test_a_takeover_is_shown_with_its_reason(tmp_path: Path) -> None:
    shared = database()
    machine = Machine(shared, tmp_path, "b")
    async with Machine(shared, tmp_path, "a").running() as owner, machine.running() as standby:
        await owns(owner)
        await anyio.sleep(3)
        before = standby.member.health().takeovers
        owner.kill()
        await owns(standby)
        health = standby.member.health()
        assert health.last_takeover is not None
        assert (health.last_takeover.owner, health.last_takeover.former) == ("b", "a")
        assert health.last_takeover.reason == "the former owner's lease had ended"
        assert health.takeovers == before + 1
        await anyio.sleep(15)
        [gone] = [each for each in standby.member.health().members if each.name == "a"]
        assert (gone.cannot_own, gone.seen_ago_ms > 10_000) == ("it does not report itself", True)
    async with machine.running() as again:
        await owns(again)
        assert again.member.health().epoch == 3


async def test_entries_that_a_member_has_seen_and_the_log_lacks_are_missing_for_those_that_lack_them(
    tmp_path: Path,
) -> None:
    """The member itself has ended. One that has copied less sees what it had reported."""
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "d").running() as door:
        await owns(owner)
        for number in (1, 2, 3):
            await owner.commit(number)
        await anyio.sleep(4.5)
        assert [process.member.health().entries_missing for process in (owner, door)] == [0, 0]
    shared.cut(2)
    async with Machine(shared, tmp_path, "new").running() as new:
        await anyio.sleep(4.5)
        health = new.member.health()
        assert (health.n, health.log_n, health.entries_missing) == (2, 2, 2)
        new.cable.loses.add("read")
        await anyio.sleep(3)
        assert new.member.health().entries_missing == 0, "it does not know the log's end"


async def test_an_unreachable_database_is_shown(tmp_path: Path) -> None:
    async with Machine(database(), tmp_path, "a").running() as owner:
        await owns(owner)
        owner.cable.is_cut = True
        await anyio.sleep(2 * LEASE_MS / 1_000)
        health = owner.member.health()
        assert health.backend_error is not None
        assert not health.is_owned


async def test_a_standby_without_the_database_is_not_ready_to_take_over(tmp_path: Path) -> None:
    async with Machine(database(), tmp_path, "b").running() as standby:
        standby.cable.is_cut = True
        await anyio.sleep(3)
        health = standby.member.health()
        assert (health.owner, health.cannot_own) == (None, "the fleet's database does not answer")
        standby.cable.is_cut = False
        await owns(standby)


async def test_events_name_members_and_not_their_ids(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await anyio.sleep(4.5)
        standby.member.take("a rehearsal")
        await owns(standby)
        await anyio.sleep(1)
        said = {
            event.name: event.detail for event in [*owner.emitted, *owner.copied, *standby.emitted, *standby.copied]
        }
        assert said["fleet.deposed"]["owner"] == "b"
        assert said["fleet.took_over"]["former"] == "a"
        assert isinstance(owner.failure, Deposed)
        async with Machine(shared, tmp_path, "a").running() as again:
            await anyio.sleep(3)
            [standing] = [event.detail for event in again.emitted if event.name == "fleet.standing_by"]
            assert standing["owner"] == "b"
            await standby.member.hand_over(last_window_ms=0, to=ANY, reason="a rehearsal")
            [given] = [event.detail for event in standby.emitted if event.name == "fleet.handed_over"]
            assert given["to"] == "any other member"


async def test_a_member_that_restarts_without_the_database_names_both_owners_of_the_latest_takeover(
    tmp_path: Path,
) -> None:
    shared = database()
    third = Machine(shared, tmp_path, "c")
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        async with third.running():
            await anyio.sleep(4.5)
            owner.kill()
            standby.member.take("a rehearsal")
            await owns(standby)
            await anyio.sleep(1)
        async with third.running() as again:
            again.cable.is_cut = True
            await anyio.sleep(3)
            health = again.member.health()
            assert health.members == []
            assert health.last_takeover is not None
            assert (health.last_takeover.owner, health.last_takeover.former) == ("b", "a")


async def test_a_standby_with_another_configuration_than_the_owners_is_shown_at_every_member(tmp_path: Path) -> None:
    shared = database()
    other, door = Machine(shared, tmp_path, "b"), Machine(shared, tmp_path, "d", Role.DOOR)
    for machine in (other, door):
        machine.terms = msgspec.structs.replace(machine.terms, configuration="another")
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        async with other.running() as standby, Machine(shared, tmp_path, "c").running(), door.running():
            await anyio.sleep(4.5)
            for process in (owner, standby):
                assert process.member.health().differing == ["b"], "a door decides nothing"
            standby.member.configuration = "same"  # as after a reload
            await anyio.sleep(4.5)
            assert owner.member.health().differing == []
            owner.member.configuration = "new"
            await anyio.sleep(4.5)
            assert standby.member.health().differing == ["b", "c"]


async def test_without_an_owner_no_configuration_differs_from_its_own(tmp_path: Path) -> None:
    async with Machine(database(), tmp_path, "d", Role.DOOR).running() as door:
        await anyio.sleep(3)
        assert door.member.health().differing == []


async def test_an_owner_is_never_shown_behind_the_log(tmp_path: Path) -> None:
    """Its latest report is some seconds old, and its entries are not."""
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await anyio.sleep(4.5)
        for number in (1, 2, 3):
            await owner.commit(number)
        await anyio.sleep(0.1)
        for health in (owner.member.health(), standby.member.health()):
            [shown] = [each.n for each in health.members if each.name == "a"]
            assert (shown, health.log_n) == (4, 4)


async def test_a_fleet_without_an_owner_shows_none(tmp_path: Path) -> None:
    async with Machine(database(), tmp_path, "d", Role.DOOR).running() as door:
        await anyio.sleep(3)
        health = door.member.health()
        assert (health.standing, health.owner, health.cannot_own) == (Standing.DOOR, None, "it is a door")
        assert [each.cannot_own for each in health.members] == ["it is a door"]


async def test_doubts_about_the_database_are_shown_while_the_owner_trades(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        shared.doubts = ["fsync is off"]
        await anyio.sleep(15)
        assert owner.member.health().doubts == ["fsync is off"]
        assert owner.member.is_owner


async def test_a_lease_that_was_given_up_has_nothing_left(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        await owner.member.hand_over(last_window_ms=0, reason="a rehearsal")
        health = owner.member.health()
        assert (health.owner, health.lease_left_ms, health.is_owned) == ("a", 0.0, False)
        owner.member.owning.note_length()  # as after a renewal that was under way meanwhile
        assert "fleet.lease_short" not in [event.name for event in owner.emitted]


async def test_whether_there_is_an_owner_and_what_this_member_is_need_no_list(tmp_path: Path) -> None:
    """A door asks it for each request; it says what the whole view says, at every moment."""
    shared = database()
    said = set[tuple[bool, Standing]]()

    def compare(member: Member) -> None:
        health = member.health()
        found = (
            has_owner(member.contact, member.owning, member.seen),
            standing_of(member.terms, member.owning, member.seen),
        )
        assert found == (health.is_owned, health.standing)
        said.add(found)

    async with (
        Machine(shared, tmp_path, "a").running() as owner,
        Machine(shared, tmp_path, "d", Role.DOOR).running() as door,
    ):
        for process in (owner, door):
            compare(process.member)
        await owns(owner)
        await anyio.sleep(3)
        for process in (owner, door):
            compare(process.member)
        await owner.member.hand_over(last_window_ms=0, reason="a rehearsal")
        await anyio.sleep(0.5)
        for process in (owner, door):
            compare(process.member)
    assert said == {
        (False, Standing.STANDBY), (False, Standing.DOOR), (True, Standing.OWNER), (True, Standing.DOOR),
        (False, Standing.OWNER),
    }  # fmt: skip


async def test_it_costs_the_same_however_many_members_there_are(tmp_path: Path) -> None:
    async with Machine(database(), tmp_path, "a").running() as owner:
        await owns(owner)
        await anyio.sleep(3)
        member = owner.member
        member.seen.members = [
            msgspec.structs.replace(member.seen.members[0], member=f"id-{number}") for number in range(500)
        ]
        whole = min(repeat(member.health, number=5, repeat=5))
        asked = min(repeat(lambda: has_owner(member.contact, member.owning, member.seen), number=5, repeat=5))
        assert asked < whole / 20


async def test_a_member_that_is_unseen_for_a_day_is_shown_no_more(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "b").running():
        await anyio.sleep(3)
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        await anyio.sleep(3)
        lost = shared.members["id-of-b"]
        shared.members["id-of-b"] = msgspec.structs.replace(lost, seen_ms=lost.seen_ms - GONE_MS + 60_000)
        await anyio.sleep(3)
        assert [each.name for each in owner.member.health().members] == ["b", "a"]
        shared.members["id-of-b"] = msgspec.structs.replace(lost, seen_ms=lost.seen_ms - GONE_MS)
        await anyio.sleep(3)
        assert [each.name for each in owner.member.health().members] == ["a"]
        owner.cable.is_cut = True
        owner.member.seen.members_ms -= 2 * GONE_MS  # what it read is two days old
        assert [each.name for each in owner.member.health().members] == ["a"], "the others may be there"
