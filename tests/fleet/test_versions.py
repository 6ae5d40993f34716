"""Two versions in one fleet: an older member reads what a newer owner writes, or stops before it copies that."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from daemon.api.event_stream import EventStream
from daemon.api.views import event_view
from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.errors import BadDatabase
from daemon.fleet.copying import body_of
from daemon.fleet.entries import FORMAT, encode
from daemon.fleet.loss import accept_loss
from daemon.fleet.memory import MemoryDatabase
from daemon.fleet.port import Lease, Position, next_entry
from daemon.log import Log
from daemon.monitoring.recorder import Recorder
from tests.exchange.mexc.clocks import LoopClock, ManualClock, in_virtual_time
from tests.fleet.machines import ACCOUNT, LEASE_MS, Machine, Process, database, exchange_ms, owns
from tests.support import making

Fields = dict[str, Any]


def written(number: int, change: Callable[[Fields], object] = lambda _: None) -> bytes:
    """Return the body of an entry with an order and its event, as a newer sniperd writes it."""
    order = making.order(number)
    event = Event(name="order.accepted", at_ms=making.NOW_MS + number, order_id=order.order_id)
    lock = making.lock(number)
    group = ChangeSet(orders={order.order_id: order}, locks={lock.lock_id: lock}, events=[event])
    body: Fields = msgspec.msgpack.decode(encode(body_of(group)))
    change(body)
    return msgspec.msgpack.encode(body)


def owned_by_another(*bodies: bytes) -> MemoryDatabase:
    """Return a log that a newer member writes, which owns the account for long."""
    shared, position = database(), Position()
    for body in bodies:
        entry = next_entry(position, epoch=1, at_ms=making.NOW_MS, body=body)
        shared.append(entry)
        position = entry.position
    shared.set_lease(Lease("id-of-new", 1, exchange_ms() + 60_000))
    return shared


def more_of_an_order(body: Fields) -> None:
    body["orders"][0].append("a field that this sniperd does not know")


def more_of_a_lock(body: Fields) -> None:
    body["locks"][0]["shade"] = {"of": ["anything"]}


def more_of_an_event(body: Fields) -> None:
    body["events"][0]["mood"] = "calm"


def a_new_event(body: Fields) -> None:
    body["events"].append({"name": "order.teleported", "at_ms": making.NOW_MS, "detail": {"to": "mars"}})
    body["events"].append({"name": "fleet.sidestepped", "at_ms": making.NOW_MS, "detail": {"n": 3}})


def a_new_table(body: Fields) -> None:
    body["portals"] = [{"portal_id": "p-1", "is_open": True}]


def a_new_fact(body: Fields) -> None:
    body["facts"] = {"fleet_portal": "open"}


READABLE = [more_of_an_order, more_of_a_lock, more_of_an_event, a_new_event, a_new_table, a_new_fact]


async def at_end(process: Process, n: int) -> None:
    """Wait until a copy is so far."""
    with anyio.fail_after(10):
        while process.member.position < n:  # noqa: ASYNC110  # nothing tells of it
            await anyio.sleep(0.1)


@in_virtual_time
@pytest.mark.parametrize("change", READABLE, ids=[change.__name__ for change in READABLE])
async def test_what_a_newer_owner_adds_is_passed_over_and_the_rest_is_copied(
    tmp_path: Path, change: Callable[[Fields], None]
) -> None:
    shared = owned_by_another(written(1), written(2, change), written(3))
    async with Machine(shared, tmp_path, "old").running() as old:
        await at_end(old, 3)
        assert [await old.has(number) for number in (1, 2, 3)] == [True] * 3
        assert old.member.copy.unreadable is None
        copied = [event.name for event in old.copied]
        assert copied.count("order.accepted") == 3
        assert ("order.teleported" in copied) == (change is a_new_event)
        assert old.failure is None


def newer_format(body: Fields) -> None:
    body["format"] = FORMAT + 1


def a_new_state(body: Fields) -> None:
    body["orders"][0][2] = "teleported"


def a_new_kind_of_lock(body: Fields) -> None:
    body["locks"][0]["transaction_type"] = "teleport"


def other_amounts(body: Fields) -> None:
    body["orders"][0][6] = {"mantissa": 1, "exponent": 3}


UNREADABLE = [newer_format, a_new_state, a_new_kind_of_lock, other_amounts]


@in_virtual_time
@pytest.mark.parametrize("change", UNREADABLE, ids=[change.__name__ for change in UNREADABLE])
async def test_what_it_would_misread_it_does_not_copy_and_it_never_owns(
    tmp_path: Path, change: Callable[[Fields], None]
) -> None:
    shared = owned_by_another(written(1), written(2, change), written(3))
    machine = Machine(shared, tmp_path, "old")
    for _ in range(2):  # also after a restart
        async with machine.running() as old:
            await at_end(old, 1)
            shared.set_lease(Lease("id-of-new", 1, exchange_ms() - 1))
            await anyio.sleep(3 * LEASE_MS / 1_000)
            assert [await old.has(number) for number in (1, 2, 3)] == [True, False, False]
            assert (old.member.position, old.member.is_owner, old.failure) == (1, False, None)
            why = old.member.cannot_own or ""
            assert why.startswith("entry 2 of the fleet's log cannot be read")
            assert "upgrade this sniperd" in why
            told = [event for event in old.emitted if event.name == "fleet.newer_log"]
            assert [(event.detail["n"], event.detail["error"]) for event in told] == [(1, why)]
    assert len(shared.log) == 3


class Overtaken(MemoryDatabase):
    """A log in which a newer member takes the account over right after an older one did, before that one reads on."""

    def set_lease(self, lease: Lease) -> None:
        super().set_lease(lease)
        if lease.owner == "id-of-old":
            last, epoch = self.log[-1], lease.epoch + 1
            self.append(next_entry(last.position, epoch=epoch, at_ms=last.at_ms, body=written(9, newer_format)))
            super().set_lease(Lease("id-of-new", epoch, exchange_ms() + 60_000))


@in_virtual_time
async def test_an_older_member_that_a_newer_one_followed_at_once_does_not_believe_that_it_owns(tmp_path: Path) -> None:
    shared = Overtaken(LoopClock().now_ms, account=ACCOUNT)
    async with Machine(shared, tmp_path, "old").running() as old:
        with anyio.move_on_after(3 * LEASE_MS / 1_000):
            await old.member.stand_by()
        assert (old.member.position, old.names(), old.failure) == (1, ["fleet.standing_by", "fleet.newer_log"], None)


@in_virtual_time
async def test_what_a_member_writes_and_reads_is_the_format_of_its_release(tmp_path: Path) -> None:
    shared = database()
    newer = Machine(shared, tmp_path, "new")
    newer.terms = msgspec.structs.replace(newer.terms, format=FORMAT + 1)
    async with newer.running() as new, Machine(shared, tmp_path, "old").running() as old:
        new.member.take("an upgrade")
        await owns(new)
        await new.commit(1)
        assert [msgspec.msgpack.decode(entry.body)["format"] for entry in shared.log] == [FORMAT + 1] * 2
        with anyio.fail_after(10):
            while len(new.member.health().members) < 2 or old.member.copy.unreadable is None:  # noqa: ASYNC110  # nothing tells of it
                await anyio.sleep(0.1)
        [seen] = [each for each in new.member.health().members if each.name == "old"]
        assert (seen.cannot_own, old.member.is_owner) == ("it is too old for the log's entries", False)
    async with newer.running() as again:
        await owns(again)


@in_virtual_time
async def test_the_same_member_goes_on_where_it_stopped_once_it_can_read_the_entry(tmp_path: Path) -> None:
    """As after its upgrade. Nothing of the entry was on its disk."""
    shared = owned_by_another(written(1), written(2, a_new_state))
    machine = Machine(shared, tmp_path, "old")
    async with machine.running() as old:
        await at_end(old, 1)
    shared.cut(1)
    shared.append(next_entry(shared.log[-1].position, epoch=1, at_ms=making.NOW_MS, body=written(2)))
    shared.set_lease(Lease("id-of-new", 1, exchange_ms() - 1))
    async with machine.running() as upgraded:
        await owns(upgraded)
        assert [await upgraded.has(number) for number in (1, 2)] == [True, True]


@in_virtual_time
async def test_a_loss_is_not_accepted_with_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    shared = owned_by_another(written(1), written(2))
    machine = Machine(shared, tmp_path, "old")
    async with machine.running() as old:
        await at_end(old, 2)
    shared.cut(1)
    body = written(3, newer_format)
    shared.append(next_entry(shared.log[-1].position, epoch=1, at_ms=making.NOW_MS, body=body))
    with pytest.raises(BadDatabase, match="entry 2 of the fleet's log cannot be read"):
        await accept_loss(shared.backend(), machine.path, reason="a rehearsal", actor="uid:0")
    assert len(shared.log) == 2


def test_an_event_of_a_newer_sniperd_is_shown_like_any_other() -> None:
    clock, lines, told = ManualClock(), io.BytesIO(), Event(name="fleet.sidestepped", at_ms=5, detail={"n": 3})
    log = Log(lines, level="info", form="json")
    stream = EventStream(clock, lambda _: None, lambda line: line)
    for follow in (log.emit, stream.on_event, Recorder(clock).on_event):
        follow(told)
    log.close()
    line = json.loads(lines.getvalue())
    assert (line["event"], line["level"], line["n"]) == ("fleet.sidestepped", "info", 3)
    assert event_view("1-1", told).level == "info"
