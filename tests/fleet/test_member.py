"""A member: it copies the log, takes over when the lease has ended for certain, and stops when it is replaced."""

from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import msgspec
import pytest

from daemon.core.rules.lease_fence import CLOCKS_DIFFER_MS
from daemon.errors import BadConfig, BadDatabase, CommitFailed, Deposed, LogLost, LogWentBack, NotDurable, WrongState
from daemon.fleet.entries import FORMAT
from daemon.fleet.port import Lease, Role, next_entry
from daemon.fleet.takeover import ANY
from daemon.store.commit import Commit
from tests.exchange.mexc.clocks import in_virtual_time
from tests.fleet.machines import LEASE_MS, RENEW_MS, Cable, Machine, database, exchange_ms, owns
from tests.store.test_append_first import step

pytestmark = in_virtual_time

LEASE_S = LEASE_MS / 1_000


async def test_a_standby_has_what_the_owner_decided(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await owner.commit(1)
        await owner.commit(2)
        await anyio.sleep(0.1)
        assert await standby.has(1)
        assert await standby.has(2)
        assert [event.name for event in standby.copied] == ["fleet.took_over", "order.accepted", "order.accepted"]
        assert (standby.member.position, standby.member.is_owner) == (3, False)
        assert not standby.member.lease.owner


async def test_the_owner_renews_and_nobody_takes_over(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        first = await owns(owner)
        await anyio.sleep(4 * LEASE_S)
        assert owner.member.is_owner
        assert not standby.member.is_owner
        assert (shared.lease.owner, shared.lease.epoch) == (first.owner, 1)
        assert shared.lease == owner.member.lease
        assert LEASE_MS - RENEW_MS - 200 <= owner.member.lease.until_ms - exchange_ms() <= LEASE_MS + 1


async def test_a_standby_takes_over_after_the_lease_has_ended_at_the_exchange_and_not_before(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await owner.commit(1)
        await anyio.sleep(2 * LEASE_S)
        until_ms = shared.lease.until_ms
        owner.kill()
        lease = await owns(standby)
        assert lease.epoch == 2
        assert until_ms + CLOCKS_DIFFER_MS < exchange_ms() < until_ms + CLOCKS_DIFFER_MS + 300
        owned = await standby.member.stand_by()
        assert (owned.former_until_ms, owned.last_ms) == (until_ms, shared.log[-1].at_ms)
        await standby.commit(2)
        assert await standby.has(1)
        assert [entry.epoch for entry in shared.log] == [1, 1, 2, 2]


async def test_an_owner_goes_on_with_the_exchanges_time_and_not_with_its_machines(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        owned = await owner.member.stand_by()
        assert exchange_ms() - 100 <= owned.last_ms <= exchange_ms() + 1


async def test_an_owner_that_was_replaced_writes_nothing_more_and_ends(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        owner.cable.loses_answers_of = {"notices"}  # it does not know yet
        standby.member.take("the operator wants it there")
        await owns(standby)
        with pytest.raises(Deposed):
            await owner.commit(1)
        with anyio.fail_after(RENEW_MS / 1_000):
            await owner.ended.wait()
        assert isinstance(owner.failure, Deposed)
        assert (owner.member.is_owner, owner.member.lease.until_ms) == (False, 0)
        assert not await standby.has(1)
        assert owner.names().count("fleet.deposed") == 1


async def test_an_order_to_take_over_that_was_withdrawn_has_no_effect_later(tmp_path: Path) -> None:
    """The member could not reach the database, and its operator was told so."""
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await anyio.sleep(1)
        standby.cable.is_cut = True
        order = standby.member.take("the operator wants it there")
        await anyio.sleep(1)
        standby.member.take_no_more(order)
        standby.cable.is_cut = False
        await anyio.sleep(2)
        await owner.commit(1)
        assert (owner.member.is_owner, standby.member.is_owner) == (True, False)


async def test_of_two_members_that_are_ordered_to_take_over_at_once_one_does(tmp_path: Path) -> None:
    shared = database()
    async with AsyncExitStack() as stack:
        owner, *others = [
            await stack.enter_async_context(Machine(shared, tmp_path, name).running()) for name in ("a", "b", "c")
        ]
        owner.member.take("first")
        await owns(owner)
        await anyio.sleep(1)
        orders = [other.member.take("the operator wants it there") for other in others]
        with anyio.fail_after(1):
            for order in orders:
                await order.over()
        assert sorted(other.member.is_owner for other in others) == [False, True]
        assert [order.is_overtaken for order in orders] == [not other.member.is_owner for other in others]
        [late] = [other for other in others if not other.member.is_owner]
        late.member.take("the operator wants it there all the same")
        await owns(late)


async def test_a_member_takes_one_order_at_a_time(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        standby.cable.is_cut = True
        order = standby.member.take("the operator wants it there")
        with pytest.raises(WrongState, match="is taking the account already"):
            standby.member.take("and so does another one")
        standby.member.take_no_more(order)
        another = standby.member.take("and so does another one")
        standby.member.take_no_more(order)  # which has ended
        standby.cable.is_cut = False
        with anyio.fail_after(2):
            await another.over()
        assert standby.member.is_owner


async def test_an_owner_that_lost_its_lease_does_not_even_try_to_append(tmp_path: Path) -> None:
    """A lease that was changed in the database by hand has no entry."""
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        shared.lease = Lease("by hand", 2, 0)
        with anyio.fail_after(2 * RENEW_MS / 1_000):
            await owner.ended.wait()
        assert isinstance(owner.failure, Deposed)
        with pytest.raises(Deposed):
            await owner.member.owning.append(Commit())
        assert len(shared.log) == 1


async def test_an_owner_learns_without_a_commit_that_it_was_replaced(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        owner.cable.is_cut = True
        await owns(standby)
        owner.cable.is_cut = False
        with anyio.fail_after(RENEW_MS / 1_000):
            await owner.ended.wait()
        assert isinstance(owner.failure, Deposed)
        assert {"fleet.database_unreachable", "fleet.lease_short", "fleet.deposed"} <= {*owner.names()}


async def test_an_append_whose_answer_is_lost_is_asked_again_and_written_once(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        owner.cable.loses_answers_of = {"append"}
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(owner.commit, 1)
            await anyio.sleep(0.5)
            owner.cable.loses_answers_of = set()
        assert len(shared.log) == owner.member.position == 2
        assert await owner.has(1)
        assert owner.names()[-2:] == ["fleet.database_unreachable", "fleet.database_reachable"]


async def test_an_append_is_given_up_when_the_lease_ends(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        owner.cable.is_cut = True
        with pytest.raises(CommitFailed, match="the fleet's database did not take a commit: append: the cable is cut"):
            await owner.commit(1)
        assert shared.lease.until_ms < exchange_ms() < shared.lease.until_ms + 300
        await owner.ended.wait()
        assert isinstance(owner.failure, CommitFailed)
        assert not await owner.has(1)


async def test_an_owner_that_cannot_reach_the_exchange_lets_its_lease_end(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        owner.reaches_exchange = False
        await owns(standby, within_s=2 * LEASE_S)
        await owner.ended.wait()
        assert isinstance(owner.failure, Deposed)


async def test_a_standby_that_cannot_reach_the_exchange_now_does_not_take_over(tmp_path: Path) -> None:
    """It knows the exchange's clock well enough, but it could not renew the lease."""
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await anyio.sleep(1)
        standby.reaches_exchange = False
        owner.kill()
        await anyio.sleep(3 * LEASE_S)
        assert (standby.member.is_owner, standby.member.cannot_own) == (False, "it does not reach the exchange")
        [seen] = [each for each in standby.member.health().members if each.name == "b"]
        assert seen.cannot_own == "it does not reach the exchange"
        standby.reaches_exchange = True
        await owns(standby, within_s=1.2)


async def test_an_owner_alone_goes_on_when_the_exchange_answers_again(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        owner.reaches_exchange = False
        await anyio.sleep(2 * LEASE_S)
        assert owner.member.lease.until_ms < exchange_ms()
        owner.reaches_exchange = True
        await anyio.sleep(2 * RENEW_MS / 1_000)
        assert owner.member.lease.until_ms > exchange_ms() + LEASE_MS // 2
        assert owner.names()[-2:] == ["fleet.lease_short", "fleet.lease_renewed"]
        await owner.commit(1)


async def test_a_standby_that_never_heard_from_the_exchange_does_not_take_over(tmp_path: Path) -> None:
    shared = database()
    machine = Machine(shared, tmp_path, "a")
    machine.reaches_exchange = False
    async with machine.running() as process:
        await anyio.sleep(3 * LEASE_S)
        assert (process.member.is_owner, process.member.cannot_own) == (False, "it has not heard from the exchange yet")


async def test_a_takeover_whose_answer_is_lost_is_a_takeover(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as process:
        process.cable.loses_answers_of = {"take"}
        await anyio.sleep(1)
        assert not process.member.is_owner
        process.cable.loses_answers_of = set()
        lease = await owns(process, within_s=1)
        assert (lease.epoch, len(shared.log)) == (1, 1)
        await process.commit(1)
        assert [entry.epoch for entry in shared.log] == [1, 1]


async def test_of_two_that_want_the_account_one_gets_it(tmp_path: Path) -> None:
    shared = database()
    async with AsyncExitStack() as stack:
        all_of_them = [
            await stack.enter_async_context(Machine(shared, tmp_path, name).running()) for name in ("a", "b", "c")
        ]
        await anyio.sleep(LEASE_S)
        assert [process.member.is_owner for process in all_of_them].count(True) == 1
        assert len(shared.log) == shared.lease.epoch == 1


async def test_a_door_copies_and_never_owns(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "d", Role.DOOR).running() as door:
        async with Machine(shared, tmp_path, "a").running() as owner:
            await owns(owner)
            await owner.commit(1)
            owner.kill()
        await anyio.sleep(3 * LEASE_S)
        assert await door.has(1)
        assert (door.member.is_owner, door.member.cannot_own) == (False, "it is a door")


async def test_a_hand_over_lets_any_member_take_over_at_once(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await anyio.sleep(1)
        await owner.member.hand_over(last_window_ms=0, reason="upgrade")
        await owns(standby, within_s=0.2)
        assert owner.member.lease.until_ms == 0


async def test_a_hand_over_waits_for_the_window_of_the_last_request_without_an_answer(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        window_ms = exchange_ms() + 800
        await owner.member.hand_over(last_window_ms=window_ms, reason="upgrade")
        assert owner.member.lease.until_ms == window_ms
        await owns(standby)
        assert window_ms + CLOCKS_DIFFER_MS < exchange_ms() < window_ms + CLOCKS_DIFFER_MS + 300


async def test_a_hand_over_to_one_member_is_left_to_it_for_a_while(tmp_path: Path) -> None:
    for is_alive in (True, False):
        directory = tmp_path / str(is_alive)
        directory.mkdir()
        shared = database()
        async with AsyncExitStack() as stack:
            owner, other, successor = [
                await stack.enter_async_context(Machine(shared, directory, name).running()) for name in ("a", "b", "c")
            ]
            owner.member.take("first")
            await owns(owner)
            await anyio.sleep(0.1)
            if not is_alive:
                successor.kill()
            now_ms = exchange_ms()
            await owner.member.hand_over(last_window_ms=now_ms, to=successor.member.terms.member, reason="upgrade")
            await owns(successor if is_alive else other)
            waited_ms = exchange_ms() - now_ms - CLOCKS_DIFFER_MS
            assert 0 < waited_ms < 200 if is_alive else LEASE_MS < waited_ms < LEASE_MS + 200


async def test_who_handed_it_over_and_starts_again_leaves_it_to_the_others_for_a_while(tmp_path: Path) -> None:
    """The other one is busy elsewhere, so the former owner's new process looks first."""
    shared = database()
    machine, other = Machine(shared, tmp_path, "a"), Machine(shared, tmp_path, "b")
    async with machine.running() as owner:
        await owns(owner)
        now_ms = exchange_ms()
        await owner.member.hand_over(last_window_ms=0, to=ANY, reason="upgrade")
    async with machine.running() as again:
        await anyio.sleep(0.3)  # it looks several times
        assert not again.member.is_owner
        async with other.running() as standby:
            await owns(standby, within_s=0.3)
        await owns(again)
    assert exchange_ms() - now_ms > LEASE_MS / 2


async def test_an_owner_that_none_could_follow_goes_on_at_once_when_it_starts_again(tmp_path: Path) -> None:
    machine = Machine(database(), tmp_path, "a")
    async with machine.running() as owner:
        await owns(owner)
        await owner.member.hand_over(last_window_ms=exchange_ms() + 800, reason="a restart")
    async with machine.running() as again:
        await owns(again, within_s=0.3)


async def test_an_idle_owner_leaves_the_account_to_the_named_member_too(tmp_path: Path) -> None:
    """No request of it is unanswered, so its lease ends at once."""
    shared = database()
    async with AsyncExitStack() as stack:
        owner, other, successor = [
            await stack.enter_async_context(Machine(shared, tmp_path, name).running()) for name in ("a", "b", "c")
        ]
        owner.member.take("first")
        await owns(owner)
        await anyio.sleep(0.1)
        successor.kill()
        now_ms = exchange_ms()
        await owner.member.hand_over(last_window_ms=0, to=successor.member.terms.member, reason="upgrade")
        await owns(other)
        assert LEASE_MS / 2 <= exchange_ms() - now_ms <= LEASE_MS


async def test_the_named_member_has_time_to_measure_the_exchanges_clock(tmp_path: Path) -> None:
    """It starts again at that moment, and the exchange answers it only after a second; another one is ready."""
    shared = database()
    machine = Machine(shared, tmp_path, "c")
    machine.reaches_exchange = False
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as other:
        owner.member.take("first")
        await owns(owner)
        await anyio.sleep(0.1)
        await owner.member.hand_over(last_window_ms=0, to=machine.terms.member, reason="upgrade")
        async with machine.running() as successor:
            await anyio.sleep(1)
            assert successor.member.contact.known is None
            successor.reaches_exchange = True
            await owns(successor, within_s=LEASE_MS / 2_000 - 1)
            assert not other.member.is_owner


async def test_a_process_that_starts_again_on_the_same_machine_goes_on_at_once(tmp_path: Path) -> None:
    shared = database()
    machine = Machine(shared, tmp_path, "a")
    async with Machine(shared, tmp_path, "b").running():
        async with machine.running() as owner:
            owner.member.take("first")
            await owns(owner)
            await owner.commit(1)
            until_ms = shared.lease.until_ms
            owner.kill()
        async with machine.running() as again:
            lease = await owns(again, within_s=0.2)
            assert exchange_ms() < until_ms
            assert (lease.owner, lease.epoch) == (machine.terms.member, shared.lease.epoch)
            assert (await again.member.stand_by()).former_until_ms == until_ms
            assert await again.has(1)


async def test_a_machine_that_was_booted_or_copied_waits_for_the_lease_to_end(tmp_path: Path) -> None:
    shared = database()
    machine = Machine(shared, tmp_path, "a")
    async with machine.running() as owner:
        await owns(owner)
        until_ms = shared.lease.until_ms
        owner.kill()
    machine.boots("boot-2")
    async with machine.running() as again:
        await owns(again)
        assert exchange_ms() > until_ms + CLOCKS_DIFFER_MS


async def test_an_earlier_owner_counts_until_its_own_lease_ends(tmp_path: Path) -> None:
    """A is replaced before its lease ends, by B, which hands over at once: A's requests may still be admitted."""
    shared = database()
    async with AsyncExitStack() as stack:
        one, two, three = [
            await stack.enter_async_context(Machine(shared, tmp_path, name).running()) for name in ("a", "b", "c")
        ]
        one.member.take("first")
        await owns(one)
        until_ms = shared.lease.until_ms
        two.member.take("the operator wants it there")
        await owns(two)
        await two.member.hand_over(last_window_ms=0, to=three.member.terms.member, reason="and there")
        await owns(three)
        assert (await three.member.stand_by()).former_until_ms >= until_ms
        assert exchange_ms() > until_ms + CLOCKS_DIFFER_MS


@pytest.mark.parametrize("grows_again", [False, True])
async def test_a_log_that_lost_entries_stops_those_who_have_seen_them(tmp_path: Path, grows_again: bool) -> None:
    shared = database()
    machine = Machine(shared, tmp_path, "b")
    async with Machine(shared, tmp_path, "a").running() as owner, machine.running() as standby:
        owner.member.take("first")
        await owns(owner)
        for number in (1, 2, 3):
            await owner.commit(number)
        await anyio.sleep(0.1)
        shared.cut(2)
        if grows_again:
            for _ in range(5):
                shared.append(next_entry(shared.log[-1].position, epoch=1, at_ms=1, body=b"another"))
        with anyio.fail_after(5):
            await standby.ended.wait()
        assert isinstance(standby.failure, LogWentBack)
        [told] = [event for event in standby.emitted if event.name == "fleet.log_went_back"]
        assert told.detail == {"known": 4, "error": str(standby.failure)}
    async with machine.running() as again:
        with anyio.fail_after(1):
            await again.ended.wait()
        assert isinstance(again.failure, LogWentBack)
        assert again.names() == ["fleet.log_went_back"]


async def test_an_owner_does_not_write_onto_a_log_that_lost_entries(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        await owner.commit(1)
        shared.cut(1)
        with pytest.raises(LogLost, match=r"the fleet's log ends at entry 1.*; compare the latest orders") as lost:
            await owner.commit(2)
        assert lost.value.exit_code == 65, "a restart does not help"
        assert len(shared.log) == 1
        [told] = [event for event in owner.emitted if event.name == "fleet.log_went_back"]
        assert told.detail["known"] == 2
        assert str(told.detail["error"]).startswith("the fleet's log ends at entry 1")


async def test_a_member_that_cannot_read_the_log_stops_copying_and_never_owns(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        await owner.commit(1)
    newer = msgspec.msgpack.encode({"format": FORMAT + 1})
    shared.append(next_entry(shared.log[-1].position, epoch=1, at_ms=1, body=newer))
    async with Machine(shared, tmp_path, "b").running() as old:
        await anyio.sleep(3 * LEASE_S)
        assert (old.member.is_owner, old.member.position) == (False, 2)
        assert await old.has(1)
        assert old.member.cannot_own is not None
        assert "upgrade this sniperd" in old.member.cannot_own


async def test_a_member_with_another_accounts_key_is_refused_before_it_copies_anything(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        await owner.commit(1)
        async with Machine(shared, tmp_path, "b", account="another").running() as process:
            with anyio.fail_after(LEASE_S):
                await process.ended.wait()
            assert isinstance(process.failure, BadConfig)
            for words in ("ledger main", "another API key", "sniperd fleet init --replace-key", "[fleet] ledger"):
                assert words in str(process.failure)
            assert process.member.position == 0
        await anyio.sleep(LEASE_S)
        assert [*shared.members] == ["id-of-a"]
        assert owner.member.is_owner


async def test_a_member_with_another_accounts_key_is_refused_when_the_database_answers_at_last(tmp_path: Path) -> None:
    async with Machine(database(), tmp_path, "a", account="another").running() as process:
        process.cable.is_cut = True
        await anyio.sleep(LEASE_S)
        assert process.failure is None
        process.cable.is_cut = False
        with anyio.fail_after(LEASE_S):
            await process.ended.wait()
        assert isinstance(process.failure, BadConfig)


async def test_a_door_needs_no_key_of_the_account(tmp_path: Path) -> None:
    shared = database()
    door = Machine(shared, tmp_path, "d", Role.DOOR, account="another")
    async with Machine(shared, tmp_path, "a").running() as owner, door.running() as process:
        await owns(owner)
        await owner.commit(1)
        await anyio.sleep(1)
        assert process.failure is None
        assert await process.has(1)


async def test_a_replaced_key_is_the_accounts(tmp_path: Path) -> None:
    """Members that run go on with the former one; a member that starts needs the new one."""
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        shared.account = "replaced"
        async with Machine(shared, tmp_path, "b", account="replaced").running() as standby:
            await anyio.sleep(LEASE_S)
            assert owner.member.is_owner
            owner.kill()
            await owns(standby)


async def test_a_database_that_may_lose_what_it_acknowledged_is_not_used(tmp_path: Path) -> None:
    shared = database()
    shared.doubts = ["fsync is off"]
    async with Machine(shared, tmp_path, "a").running() as process:
        await process.ended.wait()
        assert isinstance(process.failure, NotDurable)
        assert "fsync is off" in str(process.failure)
    async with Machine(shared, tmp_path, "d", Role.DOOR).running() as door:
        await anyio.sleep(LEASE_S)
        assert door.failure is None


async def test_a_database_that_became_less_durable_makes_nobody_an_owner(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        owner.member.take("first")
        await owns(owner)
        shared.doubts = ["fsync is off"]
        owner.kill()
        await anyio.sleep(3 * LEASE_S)
        assert (standby.member.is_owner, standby.member.cannot_own) == (False, "fsync is off")
        assert standby.names().count("fleet.database_doubted") == 1


async def test_a_database_of_a_single_machine_is_not_mixed_with_a_log(tmp_path: Path) -> None:
    machine = Machine(database(), tmp_path, "a")
    async with machine.running() as process:
        process.store.writer._append = None
        await process.store.apply([step(1)])
        process.kill()
    async with machine.running() as process:
        await process.ended.wait()
        assert isinstance(process.failure, BadDatabase)
        assert "sniperd fleet init" in str(process.failure)


async def test_an_empty_member_copies_a_long_log(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner:
        await owns(owner)
        for number in range(1, 301):
            await owner.commit(number)
        async with Machine(shared, tmp_path, "b").running() as standby:
            await anyio.sleep(2)
            assert standby.member.position == owner.member.position == 301
            assert await standby.has(300)
            assert 0 < len(standby.copied) < 300  # those of the last piece


async def test_members_see_each_other(tmp_path: Path) -> None:
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as owner, Machine(shared, tmp_path, "b").running() as standby:
        await owns(owner)
        await anyio.sleep(5)
        assert {(each.name, each.n, each.reaches_exchange) for each in standby.member.seen.members} == {
            ("a", 1, True),
            ("b", 1, True),
        }
        await shared.backend(Cable()).forget(standby.member.terms.member)
        assert [*shared.members] == [owner.member.terms.member]
