"""Notices: what wakes the other members."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from msgspec.structs import replace

from daemon.fleet.port import Backend, Change, Notice
from tests.fleet.contract.making import FIRST, call, entries, owned
from tests.fleet.contract.places import Join
from tests.support.waiting import PATIENCE_S


async def test_others_are_told_of_entries_leases_calls_and_answers(join: Join) -> None:
    async with join() as owner, join() as door:
        *_, last = await owned(owner)
        (entry,) = entries(1, last.position)
        async with _listening(door, owner) as heard_by_door, _listening(owner, door) as heard_by_owner:
            await owner.append(entry)
            await heard_by_door(Notice(Change.LOG))
            assert await owner.renew(replace(FIRST, until_ms=9_000))
            await heard_by_door(Notice(Change.LEASE))
            await door.call(call("a"))
            await heard_by_owner(Notice(Change.CALL, "a"))
            await owner.answer("a", b"200")
            await heard_by_door(Notice(Change.ANSWER, "a"))


async def test_others_are_told_of_a_hand_over_though_its_process_ends_at_once(join: Join) -> None:
    async with join() as other, join() as third, _listening(other, third) as heard:
        async with join() as owner:
            await owned(owner)
            await heard(Notice(Change.LEASE))
            assert await owner.renew(replace(FIRST, until_ms=1), hands_over=True)
        await heard(Notice(Change.LEASE))


@asynccontextmanager
async def _listening(listener: Backend, speaker: Backend) -> AsyncIterator[Callable[[Notice], Awaitable[None]]]:
    """Listen, and return what waits for a notice, once the listener hears."""
    notices: list[Notice] = []
    changed = anyio.Event()

    async def listen() -> None:
        nonlocal changed
        async for notice in listener.notices():
            notices.append(notice)
            changed.set()
            changed = anyio.Event()

    async def wait_for(notice: Notice) -> None:
        with anyio.fail_after(PATIENCE_S):
            while notice not in notices:
                await changed.wait()
        notices.clear()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        with anyio.fail_after(PATIENCE_S):
            while not notices:  # nobody says when a subscription is in force: speak until it is heard
                await speaker.call(call("hello"))
                await speaker.withdraw("hello")
                with anyio.move_on_after(0.05):
                    await changed.wait()
        notices.clear()
        yield wait_for
        tasks.cancel_scope.cancel()
