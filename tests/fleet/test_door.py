"""A call: handed over at a door, answered by the owner, once or more, or withdrawn."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from itertools import count

import anyio
import pytest
from anyio.abc import TaskGroup

from daemon.errors import BackendFailed, NotReady, Unanswered
from daemon.fleet.calls import AT_ONCE, LONGEST_ANSWER, Calls, NotServed
from daemon.fleet.door import Door, HandedRequest, HandedResponse
from daemon.fleet.memory import Link, MemoryBackend, MemoryDatabase
from daemon.fleet.port import Backend, Call, Change, Notice
from tests.exchange.mexc.clocks import ManualClock

DONE = HandedResponse(status=202, headers={"Location": "/v1/orders/1"}, body=b'{"id":"1"}')


def request(body: bytes = b"{}", *, wait_s: float = 0) -> HandedRequest:
    """Make a signal's request."""
    return HandedRequest(
        route="POST /v1/signals",
        method="POST",
        path="/v1/signals",
        body=body,
        actor="uid:1000@tokyo",
        administrator=False,
        wait_s=wait_s,
    )


class Fleet:
    """A database, a member with a door, and as many owners as a test lets follow one another."""

    def __init__(self, tasks: TaskGroup) -> None:
        self.clock = ManualClock()
        self.database = MemoryDatabase(self.clock.now_ms)
        self.tasks = tasks
        self.has_owner = True
        self.epoch = 1
        ids = count(1)
        backend = self.database.backend()
        self.door = Door(
            backend,
            "member-1",
            clock=self.clock,
            new_id=lambda: f"call-{next(ids)}",
            has_owner=lambda: self.has_owner,
            epoch=lambda: self.epoch,
            without_owner_s=0.2,
            after_takeover_s=0.2,
        )
        tasks.start_soon(self.door.run)
        tasks.start_soon(self._listen, backend, self.door)

    async def _listen(self, backend: Backend, to: "Door | Calls") -> None:
        async for notice in backend.notices():
            to.on_notice(notice)

    def owner(
        self, serve: Callable[[HandedRequest, bool], Awaitable[HandedResponse]], link: Link | None = None
    ) -> Calls:
        """Begin to own the account."""
        backend = self.database.backend(link)
        calls = Calls(backend, serve)
        self.tasks.start_soon(calls.run)
        self.tasks.start_soon(self._listen, backend, calls)
        return calls


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    """A fleet without an owner."""
    async with anyio.create_task_group() as tasks:
        yield Fleet(tasks)
        tasks.cancel_scope.cancel()


class Handler:
    """Answers requests, and records them."""

    def __init__(self, answer: HandedResponse = DONE) -> None:
        self.seen: list[HandedRequest] = []
        self.begun = anyio.Event()
        self.lets_go = anyio.Event()
        self.lets_go.set()
        self.ended = anyio.Event()
        self._answer = answer

    async def serve(self, asked: HandedRequest, _may_be_left: bool) -> HandedResponse:
        """Answer, when the test lets go."""
        self.seen.append(asked)
        self.begun.set()
        try:
            await self.lets_go.wait()
            return self._answer
        finally:
            self.ended.set()


@asynccontextmanager
async def caller(fleet: Fleet, *, is_repeatable: bool = True) -> AsyncIterator[list[HandedResponse]]:
    """Hand a request over in a task; leave the context to wait for the answer."""
    answers: list[HandedResponse] = []

    async def ask() -> None:
        answers.append(await fleet.door.hand_over(request(), is_repeatable=is_repeatable))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await anyio.wait_all_tasks_blocked()
        yield answers


async def test_the_owner_gets_the_whole_request_and_the_door_its_whole_answer(fleet: Fleet) -> None:
    handler = Handler()
    await fleet.owner(handler.serve).backlog()
    assert await fleet.door.hand_over(request(b'{"symbol":"BTCUSDT"}'), is_repeatable=True) == DONE
    assert handler.seen == [request(b'{"symbol":"BTCUSDT"}')]
    assert (fleet.database.calls, fleet.database.answers) == ({}, {})


class Traffic(MemoryBackend):
    """The way of an owner to the database; it counts the requests that come over it."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database, Link())
        self.came: list[str] = []

    async def calls(self, known: Collection[str] = ()) -> Sequence[Call]:
        """Return the calls, and note those whose requests came along."""
        found = await super().calls(known)
        self.came += [each.call_id for each in found if each.request]
        return found


async def test_the_request_of_a_call_that_is_being_answered_is_not_read_again(fleet: Fleet) -> None:
    handler, traffic = Handler(), Traffic(fleet.database)
    handler.lets_go = anyio.Event()
    calls = Calls(traffic, handler.serve)
    fleet.tasks.start_soon(calls.run)
    async with caller(fleet), caller(fleet):
        fleet.tasks.start_soon(calls.backlog)
        await handler.begun.wait()
        for _ in range(3):  # as by a notice for each of many others
            calls.on_notice(Notice(Change.CALL, "another"))
            await anyio.wait_all_tasks_blocked()
        handler.lets_go.set()
    assert sorted(traffic.came) == ["call-1", "call-2"]


async def test_without_an_owner_the_caller_is_told_to_send_again_and_nobody_answers_it_later(fleet: Fleet) -> None:
    fleet.has_owner = False
    with pytest.raises(NotReady, match="no member owns the account; repeat it, a signal with the same key"):
        await fleet.door.hand_over(request(), is_repeatable=True)
    await anyio.wait_all_tasks_blocked()
    assert fleet.database.calls == {}


async def test_without_an_owner_any_more_what_became_of_a_call_is_not_known(fleet: Fleet) -> None:
    """The owner may have accepted the signal, and ended before it answered."""

    async def is_lost() -> None:
        await anyio.wait_all_tasks_blocked()
        fleet.has_owner = False

    fleet.tasks.start_soon(is_lost)
    with pytest.raises(Unanswered, match="no member owns the account any more; what became of it is not known"):
        await fleet.door.hand_over(request(), is_repeatable=True)


async def test_an_owner_that_was_never_there_has_done_nothing(fleet: Fleet) -> None:
    fleet.has_owner = False
    with pytest.raises(NotReady) as refused:
        await fleet.door.hand_over(request(), is_repeatable=True)
    assert not isinstance(refused.value, Unanswered)


async def test_a_call_waits_for_the_next_owner(fleet: Fleet) -> None:
    handler = Handler()
    async with caller(fleet) as answers:
        await fleet.owner(handler.serve).backlog()
    assert answers == [DONE]


async def test_what_waited_for_an_owner_is_decided_before_the_backlog_is_over(fleet: Fleet) -> None:
    handler = Handler()
    async with caller(fleet), caller(fleet), caller(fleet, is_repeatable=False):
        await fleet.owner(handler.serve).backlog()
        assert len(handler.seen) == 3


async def test_an_owner_that_ends_leaves_what_may_be_made_twice_to_the_next(fleet: Fleet) -> None:
    async def ends(_asked: HandedRequest, may_be_left: bool) -> HandedResponse:
        assert may_be_left
        raise NotServed

    handler = Handler()
    async with caller(fleet) as answers:
        first = fleet.owner(ends)
        await first.backlog()
        first.stop()
        await fleet.owner(handler.serve).backlog()
    assert answers == [DONE]


async def test_a_call_that_may_not_be_made_twice_is_made_by_one_owner(fleet: Fleet) -> None:
    """Two members both believe that they own the account."""
    handler = Handler()
    handler.lets_go = anyio.Event()
    async with caller(fleet, is_repeatable=False) as answers:
        await fleet.owner(handler.serve).backlog()
        await fleet.owner(handler.serve).backlog()
        handler.lets_go.set()
    assert answers == [DONE]
    assert len(handler.seen) == 1


async def test_a_caller_that_is_gone_withdraws_its_call_and_the_owner_stops_answering_it(fleet: Fleet) -> None:
    handler = Handler()
    handler.lets_go = anyio.Event()
    await fleet.owner(handler.serve).backlog()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: fleet.door.hand_over(request(wait_s=60), is_repeatable=True))
        await handler.begun.wait()
        tasks.cancel_scope.cancel()
    with anyio.fail_after(5):
        await handler.ended.wait()
    assert fleet.database.calls == {}
    assert len(fleet.door) == 0


async def test_an_owner_that_stops_takes_no_more_calls_and_finishes_those_that_it_took(fleet: Fleet) -> None:
    handler = Handler()
    handler.lets_go = anyio.Event()
    calls = fleet.owner(handler.serve)
    async with caller(fleet) as first:
        await calls.backlog()
        calls.stop()
        async with caller(fleet) as second:
            await anyio.sleep(0.6)
            assert len(handler.seen) == 1
            handler.lets_go.set()
            await fleet.owner(Handler().serve).backlog()
    assert (first, second) == ([DONE], [DONE])


async def test_an_answer_is_found_though_its_notice_is_lost(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    async with caller(fleet) as answers:
        monkeypatch.setattr(fleet.database, "notify", lambda _: None)
        await fleet.owner(Handler().serve).backlog()
    assert answers == [DONE]


async def test_an_answer_is_written_again_if_the_database_fails(fleet: Fleet) -> None:
    class FailsOnce(Link):
        failures = 1

        async def to_database(self, operation: str) -> None:
            if operation == "answer" and self.failures:
                self.failures -= 1
                raise BackendFailed("no answer")

    handler = Handler()
    async with caller(fleet, is_repeatable=False) as answers:
        await fleet.owner(handler.serve, FailsOnce()).backlog()
    assert answers == [DONE]
    assert len(handler.seen) == 1


async def test_a_call_that_a_replaced_owner_has_claimed_is_soon_given_up(fleet: Fleet) -> None:
    """A signal without a key that is sent again after a minute would be a second trade."""
    former = Handler()
    former.lets_go = anyio.Event()
    await fleet.owner(former.serve).backlog()
    async with anyio.create_task_group() as tasks:

        async def takeover() -> None:
            await former.begun.wait()
            fleet.epoch += 1

        tasks.start_soon(takeover)
        with anyio.fail_after(10), pytest.raises(Unanswered, match="what became of it is not known"):
            await fleet.door.hand_over(request(wait_s=60), is_repeatable=False)


async def test_a_database_that_fails_is_a_reason_to_send_again(fleet: Fleet) -> None:
    class Fails(Link):
        async def to_database(self, operation: str) -> None:
            raise BackendFailed(f"{operation}: connection refused")

    door = Door(
        fleet.database.backend(Fails()),
        "m",
        clock=fleet.clock,
        new_id=lambda: "call-1",
        has_owner=lambda: True,
        epoch=lambda: 1,
    )
    with pytest.raises(Unanswered, match="connection refused"):
        await door.hand_over(request(), is_repeatable=True)


async def test_an_owner_answers_a_bounded_number_of_calls_at_once_and_the_others_after_them(fleet: Fleet) -> None:
    handler = Handler()
    handler.lets_go = anyio.Event()
    await fleet.owner(handler.serve).backlog()
    async with anyio.create_task_group() as tasks:
        for _ in range(AT_ONCE + 10):
            tasks.start_soon(lambda: fleet.door.hand_over(request(), is_repeatable=True))
        await anyio.wait_all_tasks_blocked()
        assert len(handler.seen) == AT_ONCE
        handler.lets_go.set()
    assert len(handler.seen) == AT_ONCE + 10


async def test_an_answer_that_is_too_long_is_replaced_by_a_refusal(fleet: Fleet) -> None:
    await fleet.owner(Handler(HandedResponse(status=200, body=bytes(LONGEST_ANSWER))).serve).backlog()
    assert (await fleet.door.hand_over(request(), is_repeatable=True)).status == 507


async def test_a_request_of_a_newer_version_is_refused(fleet: Fleet) -> None:
    await fleet.owner(Handler().serve).backlog()
    backend = fleet.database.backend()
    await backend.call(Call("call-9", "member-2", fleet.clock.now_ms() + 1_000, True, b"\xc1"))
    await anyio.wait_all_tasks_blocked()
    answer = await backend.answer_to("call-9")
    assert answer is not None
    assert b"same version" in answer
