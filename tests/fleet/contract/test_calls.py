"""Calls: what a door hands to the owner, and the answers."""

import anyio

from daemon.fleet.port import Backend
from tests.fleet.contract.making import call
from tests.fleet.contract.places import Join
from tests.support.waiting import wall_ms


async def test_calls_reach_the_owner_in_the_order_of_their_arrival(join: Join) -> None:
    async with join() as door, join() as owner:
        made = [call(name, is_repeatable=name != "m", request=name.encode()) for name in ("z", "m", "a")]
        for one in made:
            await door.call(one)
        assert list(await owner.calls()) == made


async def test_calls_that_are_known_come_without_their_requests(join: Join) -> None:
    """An owner looks at each notice, and has the requests of those that it answers already."""
    async with join() as door, join() as owner:
        for name in ("a", "b", "c"):
            await door.call(call(name, request=name.encode() * 1_000))
        found = await owner.calls({"a", "c", "of another time"})
        assert [(each.call_id, each.request) for each in found] == [("a", b""), ("b", b"b" * 1_000), ("c", b"")]
        assert found[0] == call("a", request=b"")


async def test_a_call_again_is_the_same_call(join: Join) -> None:
    """An outcome that is unknown is asked again."""
    async with join() as door, join() as owner:
        await door.call(call("a"))
        await door.call(call("a"))
        assert list(await owner.calls()) == [call("a")]


async def test_an_answer_is_returned_once_and_ends_the_call(join: Join) -> None:
    async with join() as door, join() as owner:
        await door.call(call("a"))
        assert await door.answer_to("a") is None
        await owner.answer("a", b"\0 201 \xff")
        assert list(await owner.calls()) == []
        assert await door.answer_to("a") == b"\0 201 \xff"
        assert await door.answer_to("a") is None


async def test_an_answer_without_its_call_is_dropped(join: Join) -> None:
    async with join() as door, join() as owner:
        await owner.answer("never made", b"200")
        assert await door.answer_to("never made") is None
        await door.call(call("a"))
        await door.withdraw("a")
        await owner.answer("a", b"200")
        assert await door.answer_to("a") is None
        assert list(await owner.calls()) == []


async def test_the_first_answer_counts(join: Join) -> None:
    async with join() as door, join() as owner, join() as next_owner:
        await door.call(call("a"))
        await owner.answer("a", b"first")
        await next_owner.answer("a", b"second")
        assert await door.answer_to("a") == b"first"


async def test_a_repeatable_call_stays_for_the_next_owner(join: Join) -> None:
    async with join() as door, join() as owner, join() as next_owner:
        await door.call(call("a"))
        assert list(await owner.calls()) == list(await next_owner.calls()) == [call("a")]


async def test_a_call_that_is_not_repeatable_is_given_to_one_owner(join: Join) -> None:
    async with join() as door, join() as one, join() as other:
        for number in range(10):
            call_id = f"call {number}"
            await door.call(call(call_id, is_repeatable=False))
            claimed: list[Backend] = []
            async with anyio.create_task_group() as tasks:
                for owner in (one, other):
                    tasks.start_soon(_claim, owner, call_id, claimed)
            assert len(claimed) == 1
            assert list(await other.calls()) == []
            await claimed[0].answer(call_id, b"200")
            assert await door.answer_to(call_id) == b"200"


async def test_what_was_withdrawn_or_expired_is_not_claimed(join: Join) -> None:
    async with join() as door, join() as owner:
        await door.call(call("withdrawn", is_repeatable=False))
        await door.withdraw("withdrawn")
        await door.call(call("expired", is_repeatable=False, expires_ms=wall_ms() - 10_000))
        assert list(await owner.calls()) == []
        assert not await owner.claim("withdrawn")
        assert not await owner.claim("expired")


async def _claim(owner: Backend, call_id: str, claimed: list[Backend]) -> None:
    if await owner.claim(call_id):
        claimed.append(owner)
