"""The pool: a request without an idle connection gets one that is given back, or a new one, whichever comes first."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import aiohttp
import anyio
import pytest
from aiohttp.client_proto import ResponseHandler
from anyio.lowlevel import checkpoint
from yarl import URL

from daemon.exchange.mexc.idle_limit import IdleLimit
from daemon.exchange.mexc.pool import BEGUN_AT_ONCE, Pool
from daemon.without_waiting import without_waiting
from tests.support.steps import calls_in

from .clocks import in_virtual_time
from .posting import PATIENCE_S
from .wire import Peer, serve, settle, silence

Taken = aiohttp.connector.Connection
Waiting = asyncio.Task[Taken | Exception]


async def taken(waiting: Waiting) -> Taken:
    """Return the connection that a request got."""
    found = await waiting
    assert isinstance(found, Taken)
    return found


class Connector(aiohttp.TCPConnector):
    """Opens connections when the test says so."""

    def __init__(self) -> None:
        super().__init__(limit=0)
        self.asked: list[asyncio.Future[None]] = []  # one per connection that is being opened, in that order

    async def _create_connection(self, *args: Any) -> ResponseHandler:
        self.asked.append(asyncio.get_running_loop().create_future())
        await self.asked[-1]
        return await super()._create_connection(*args)


class Stage(NamedTuple):
    """A pool, its connector, and the server."""

    pool: Pool
    connector: Connector
    peer: Peer
    tasks: asyncio.TaskGroup
    taken: list[Taken]

    def wait(self, number: int = 1) -> list[Waiting]:
        """Begin a number of requests; each waits for a connection, and returns it, or why there is none."""
        return [self.tasks.create_task(self._connect()) for _ in range(number)]

    async def _connect(self) -> Taken | Exception:
        try:
            self.taken.append(await self.pool.connect(PATIENCE_S))
        except aiohttp.ClientError as error:
            return error
        return self.taken[-1]

    async def a_connection(self) -> Taken:
        """Open a connection and take it."""
        (waiting,) = await self.waiting(1)
        self.connector.asked[-1].set_result(None)
        return await taken(waiting)

    async def idle(self) -> Taken:
        """Take an idle connection as soon as there is one."""
        with anyio.fail_after(PATIENCE_S):
            while (found := self.pool.idle()) is None:
                await checkpoint()
        self.taken.append(found)
        return found

    async def waiting(self, number: int) -> list[Waiting]:
        """Let a number of requests wait for a connection."""
        tasks = self.wait(number)
        await settle()
        return tasks


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with opened() as made:
        yield made


@asynccontextmanager
async def opened() -> AsyncIterator[Stage]:
    connector = Connector()
    async with (
        asyncio.TaskGroup() as tasks,
        serve(silence) as peer,
        connector,
        Pool(connector, aiohttp.ClientRequest("GET", URL(peer.url)), IdleLimit()) as pool,
    ):
        stage = Stage(pool, connector, peer, tasks, [])
        yield stage
        for each in stage.taken:
            each.close()


async def test_a_burst_does_not_look_through_all_idle_connections_for_each_order(stage: Stage) -> None:
    connections, orders = 100, 50
    requests = await stage.waiting(connections)
    for asked in stage.connector.asked:
        asked.set_result(None)
    for each in requests:
        stage.pool.give_back(await taken(each))

    def burst() -> None:
        for _ in range(orders):
            found = stage.pool.idle()
            assert found is not None
            stage.taken.append(found)

    assert calls_in(burst) < orders * connections


async def test_the_end_of_a_wait_for_closed_connections_is_no_error(stage: Stage) -> None:
    """When aiohttp is closed, it waits for them, and a cancelled wait cancels what it waits for."""
    errors: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: errors.append(context))
    protocol = (await stage.a_connection()).protocol
    assert protocol is not None
    assert protocol.closed is not None
    protocol.closed.cancel()
    await settle()
    assert errors == []


async def test_a_connection_that_is_given_back_serves_the_request_that_waits_longest(stage: Stage) -> None:
    first = await stage.a_connection()
    protocol = first.protocol
    earlier, later = await stage.waiting(2)
    stage.pool.give_back(first)
    assert (await taken(earlier)).protocol is protocol
    await settle()
    assert not later.done()
    stage.pool.give_back(await taken(earlier))
    assert (await taken(later)).protocol is protocol
    await settle()
    assert len(stage.peer.connections) == 1


async def test_a_new_connection_serves_the_request_that_waits_longest(stage: Stage) -> None:
    earlier, later = await stage.waiting(2)
    stage.connector.asked[1].set_result(None)
    await earlier
    assert not later.done()
    stage.connector.asked[0].set_result(None)
    await later


async def test_a_new_connection_that_nobody_needs_any_more_is_kept(stage: Stage) -> None:
    first = await stage.a_connection()
    (waiting,) = await stage.waiting(1)
    stage.pool.give_back(first)
    got = await taken(waiting)
    stage.connector.asked[-1].set_result(None)
    assert (await stage.idle()).protocol is not got.protocol
    assert len(stage.connector.asked) == 2


async def test_no_connection_is_begun_for_a_request_that_was_served_before(stage: Stage) -> None:
    kept = [await stage.a_connection() for _ in range(3 * BEGUN_AT_ONCE)]
    begun = len(stage.connector.asked)
    tasks = stage.wait(len(kept))
    await asyncio.sleep(0)
    for each in kept:
        stage.pool.give_back(each)
    await asyncio.gather(*tasks)
    await settle()
    assert len(stage.connector.asked) - begun <= 2 * BEGUN_AT_ONCE


async def test_connections_are_begun_a_few_per_turn_and_all_without_waiting_for_the_network(stage: Stage) -> None:
    many = 50
    tasks = stage.wait(many)
    begun, turns = [0], 0
    while begun[-1] < many:
        await asyncio.sleep(0)
        begun.append(len(stage.connector.asked))
        turns += 1
        assert turns < many
    assert max(after - before for before, after in pairwise(begun)) <= BEGUN_AT_ONCE
    for each in stage.connector.asked:
        each.set_result(None)
    assert len({(await taken(task)).protocol for task in tasks}) == many


async def test_fewer_connections_are_begun_in_a_turn_that_brings_others_back(stage: Stage) -> None:
    kept = [await stage.a_connection() for _ in range(2 * BEGUN_AT_ONCE)]
    begun = [len(stage.connector.asked)]
    stage.wait(20 * BEGUN_AT_ONCE)
    for _ in range(10):
        await asyncio.sleep(0)
        if kept and len(begun) > 3:
            for _ in range(BEGUN_AT_ONCE):
                stage.pool.give_back(kept.pop())
        begun.append(len(stage.connector.asked))
    few = BEGUN_AT_ONCE
    assert [after - before for before, after in pairwise(begun)] == [0, 1, few, few, few, 0, 0, few, few, few]


async def test_each_request_whose_connection_cannot_be_opened_gets_an_error(stage: Stage) -> None:
    tasks = await stage.waiting(3)
    for number, each in enumerate(stage.connector.asked):
        each.set_exception(aiohttp.ClientConnectionError(str(number)))
    outcomes = await asyncio.gather(*tasks)
    assert [str(error) for error in outcomes] == ["0", "1", "2"]


async def test_a_failure_of_a_connection_that_nobody_needs_any_more_ends_no_wait(stage: Stage) -> None:
    first = await stage.a_connection()
    (served,) = await stage.waiting(1)
    stage.pool.give_back(first)
    await served
    (waiting,) = await stage.waiting(1)
    stage.connector.asked[1].set_exception(aiohttp.ClientConnectionError("too late"))
    await settle()
    assert not waiting.done()
    stage.connector.asked[2].set_result(None)
    await waiting


@in_virtual_time
async def test_a_connection_that_opens_too_slowly_is_an_error() -> None:
    async with opened() as stage:
        before_s = anyio.current_time()
        with pytest.raises(aiohttp.ConnectionTimeoutError):
            await stage.pool.connect(5)
        assert anyio.current_time() - before_s == pytest.approx(5)


async def test_what_a_cancelled_request_would_have_got_is_kept(stage: Stage) -> None:
    (cancelled,) = await stage.waiting(1)
    cancelled.cancel()
    await settle()
    stage.connector.asked[0].set_result(None)
    await stage.idle()
    assert stage.peer.bytes_received == 0


async def test_a_connection_given_to_a_request_that_is_cancelled_goes_to_the_next(stage: Stage) -> None:
    first = await stage.a_connection()
    protocol = first.protocol
    cancelled, following = await stage.waiting(2)
    stage.pool.give_back(first)
    cancelled.cancel()  # after it was given the connection, and before it runs
    assert (await taken(following)).protocol is protocol
    assert cancelled.cancelled()


async def test_a_cancelled_request_does_not_get_what_the_next_one_needs(stage: Stage) -> None:
    first = await stage.a_connection()
    protocol = first.protocol
    cancelled, following = await stage.waiting(2)
    cancelled.cancel()
    stage.pool.give_back(first)  # before the cancelled request runs
    assert (await taken(following)).protocol is protocol
    assert cancelled.cancelled()


async def test_no_connection_is_begun_for_a_cancelled_request(stage: Stage) -> None:
    tasks = stage.wait(5 * BEGUN_AT_ONCE)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await settle()
    assert len(stage.connector.asked) <= 2 * BEGUN_AT_ONCE


@pytest.mark.parametrize("seed", range(40))
async def test_no_request_is_forgotten_whatever_happens_meanwhile(stage: Stage, seed: int) -> None:
    chance, requests = Random(seed), list[Waiting]()  # noqa: S311  # a test's dice
    for _ in range(60):
        opening = [each for each in stage.connector.asked if not each.done()]
        match chance.choice(["wait", "wait", "cancel", "opened", "failed", "answered", "turn"]):
            case "wait":
                requests += stage.wait(chance.randrange(1, 8))
            case "cancel" if requests:
                chance.choice(requests).cancel()
            case "opened" if opening:
                chance.choice(opening).set_result(None)
            case "failed" if opening:
                chance.choice(opening).set_exception(aiohttp.ClientConnectionError("refused"))
            case "answered" if stage.taken:
                stage.pool.give_back(stage.taken.pop(chance.randrange(len(stage.taken))))
            case _:
                await asyncio.sleep(0)
    while not all(request.done() for request in requests):
        await settle()
        for each in stage.connector.asked:
            if not each.done():
                each.set_result(None)
        await asyncio.sleep(0)
    assert {each.protocol for each in stage.taken} == stage.connector._acquired, "a connection was lost"
    assert len(stage.taken) == len(stage.connector._acquired), "two requests have the same connection"


async def test_a_connection_that_cannot_carry_another_request_is_closed_and_not_given_away(stage: Stage) -> None:
    first = await stage.a_connection()
    (waiting,) = await stage.waiting(1)
    assert first.protocol is not None
    first.protocol.force_close()
    stage.pool.give_back(first)
    await settle()
    assert not waiting.done()
    stage.connector.asked[-1].set_result(None)
    await waiting


async def test_a_closing_pool_refuses_the_requests_that_wait_and_opens_nothing_more() -> None:
    async with opened() as stage:
        tasks = stage.wait(5 * BEGUN_AT_ONCE)
        await settle()
    assert {type(task.result()) for task in tasks} == {aiohttp.ClientConnectionError}
    assert all(each.cancelled() for each in stage.connector.asked)
    with pytest.raises(aiohttp.ClientConnectionError):
        await stage.pool.connect(PATIENCE_S)


# --- what aiohttp does not promise


async def test_aiohttp_returns_an_idle_connection_without_waiting(stage: Stage) -> None:
    key = aiohttp.ClientRequest("GET", URL(stage.peer.url)).connection_key
    assert without_waiting(stage.connector._get(key, [])) is None
    made = await stage.a_connection()
    protocol = made.protocol
    made.release()
    found = without_waiting(stage.connector._get(key, []))
    assert found is not None
    assert found.protocol is protocol
    found.release()


async def test_aiohttp_parses_answers_only_once_it_is_told_how(stage: Stage) -> None:
    """Until then what arrives shows in ``should_close``; afterwards ``read`` returns the answer's head and its body."""
    made = await stage.a_connection()
    protocol = made.protocol
    assert protocol is not None
    assert not protocol.should_close
    protocol.data_received(b"HTTP/1.1 ")
    assert protocol.should_close
    protocol.set_response_params(read_until_eof=True, max_line_size=1_000)
    protocol.data_received(b"200 OK\r\nContent-Length: 3\r\nRetry-After: 1\r\n\r\nabc")
    message, content = await protocol.read()
    assert (message.code, message.headers.get("Retry-After")) == (200, "1")
    assert b"".join([chunk async for chunk in content.iter_any()]) == b"abc"
    assert not protocol.should_close
    made.close()


def test_aiohttp_takes_what_is_passed_to_it() -> None:
    assert inspect.iscoroutinefunction(aiohttp.BaseConnector._get)
    assert inspect.iscoroutinefunction(ResponseHandler.read)
    assert {"read_until_eof", "max_line_size"} <= set(inspect.signature(ResponseHandler.set_response_params).parameters)
