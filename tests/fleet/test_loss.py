"""The log lost entries, and the operator goes on with the copy of the member that has the most."""

from pathlib import Path

import anyio
import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.verbs.restored import COPIED_FACT
from daemon.errors import BadDatabase, LogWentBack
from daemon.fleet.copying import body_of
from daemon.fleet.entries import encode
from daemon.fleet.loss import Accepted, accept_loss
from daemon.fleet.memory import MemoryDatabase
from daemon.fleet.port import next_entry
from tests.exchange.mexc.clocks import in_virtual_time
from tests.fleet.machines import Machine, database, owns
from tests.support import making

pytestmark = in_virtual_time


async def accept(shared: MemoryDatabase, machine: Machine) -> Accepted:
    """Accept the loss with a member's copy."""
    return await accept_loss(shared.backend(), machine.path, reason="compared with the exchange", actor="uid 0")


async def lost_after(shared: MemoryDatabase, tmp_path: Path, kept: int) -> Machine:
    """Let a member decide three orders, and the log forget what came after some entries; return the member."""
    machine = Machine(shared, tmp_path, "a")
    async with machine.running() as owner:
        await owns(owner)
        for number in (1, 2, 3):
            await owner.commit(number)
    shared.cut(kept)
    return machine


async def test_the_fleet_goes_on_halted_with_everything_that_the_member_had(tmp_path: Path) -> None:
    shared = database()
    machine = await lost_after(shared, tmp_path, 2)
    accepted = await accept(shared, machine)
    assert (accepted.left, accepted.known) == (2, 4)
    assert len(shared.log) == 2 + accepted.entries
    async with machine.running() as owner:
        await owns(owner)
        async with Machine(shared, tmp_path, "b").running() as standby:
            await anyio.sleep(0.2)
            for process in (owner, standby):
                assert [await process.has(number) for number in (1, 2, 3)] == [True] * 3
                assert await process.store.fact(COPIED_FACT)
            accepted_orders = [event.order_id for event in standby.copied if event.name == "order.accepted"]
            assert accepted_orders == [making.order(number).order_id for number in (1, 2, 3)]


async def test_the_clock_goes_on_from_the_latest_instant_that_the_log_or_the_copy_has(tmp_path: Path) -> None:
    """Not from this machine's clock, which may be wrong by hours: the owner's would then be wrong for ever."""
    shared = database()
    machine = await lost_after(shared, tmp_path, 2)
    await accept(shared, machine)
    latest_ms = max(making.NOW_MS + 3, shared.log[1].at_ms)  # of the last event in the copy, or what the log has
    assert {entry.at_ms for entry in shared.log[2:]} == {latest_ms}
    shared.cut(2)
    body = encode(body_of(ChangeSet(facts={"later": "yes"})))
    shared.append(next_entry(shared.log[-1].position, epoch=1, at_ms=latest_ms + 10**9, body=body))
    await accept(shared, machine)
    assert {entry.at_ms for entry in shared.log[3:]} == {latest_ms + 10**9}


async def test_a_member_that_saw_less_starts_only_with_an_empty_database(tmp_path: Path) -> None:
    shared = database()
    other = Machine(shared, tmp_path, "b")
    machine = await lost_after(shared, tmp_path, 4)
    async with other.running():
        await anyio.sleep(0.2)
    shared.cut(2)
    await accept(shared, machine)
    async with other.running() as process:
        await process.ended.wait()
        assert isinstance(process.failure, LogWentBack)


async def test_the_reports_of_what_was_lost_are_lost_with_it(tmp_path: Path) -> None:
    """The new log may have fewer entries than the lost one. A member that began anew has another id, too."""
    shared = database()
    machine, former = Machine(shared, tmp_path, "a"), Machine(shared, tmp_path, "former-b")
    async with machine.running() as owner, former.running():
        await owns(owner)
        for number in range(1, 30):
            await owner.commit(number)
        await anyio.sleep(4.5)
    shared.cut(2)
    await accept(shared, machine)
    assert len(shared.log) < 30
    async with machine.running() as owner, Machine(shared, tmp_path, "b").running():
        await owns(owner)
        await anyio.sleep(4.5)
        health = owner.member.health()
        assert (health.entries_missing, sorted(each.name for each in health.members)) == (0, ["a", "b"])


async def test_nothing_is_accepted_while_nothing_is_lost(tmp_path: Path) -> None:
    shared = database()
    machine = await lost_after(shared, tmp_path, 4)
    entries = [*shared.log]
    with pytest.raises(BadDatabase, match="has everything"):
        await accept(shared, machine)
    assert shared.log == entries


async def test_a_log_that_went_on_with_other_orders_is_not_mixed_with_the_copy(tmp_path: Path) -> None:
    shared = database()
    machine = await lost_after(shared, tmp_path, 2)
    another = making.order(2, order_id=f"{99:026d}", key="another")
    body = encode(body_of(ChangeSet(orders={another.order_id: another})))
    shared.append(next_entry(shared.log[-1].position, epoch=1, at_ms=1, body=body))
    with pytest.raises(BadDatabase, match=f"went on with order {another.order_id}"):
        await accept(shared, machine)
    assert len(shared.log) == 3


async def test_a_log_that_went_on_with_a_takeover_alone_is_completed(tmp_path: Path) -> None:
    shared = database()
    machine = await lost_after(shared, tmp_path, 2)
    async with Machine(shared, tmp_path, "b").running() as other:
        await owns(other)
    await accept(shared, machine)
    async with Machine(shared, tmp_path, "c").running() as process:
        await owns(process)
        assert [await process.has(number) for number in (1, 2, 3)] == [True] * 3
