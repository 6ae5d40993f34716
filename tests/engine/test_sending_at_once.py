"""Sending without a task: what has nothing to wait for is written by the commit that makes it durable."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from daemon.core.values.exchange_replies import Answer, NotSent, Placed
from daemon.engine.executor import Executor
from daemon.engine.observer import NULL_OBSERVER
from daemon.engine.turns import AT_ONCE, Turns
from daemon.errors import CommitFailed
from daemon.exchange.port import NotConnected
from daemon.store.commit import Commit
from tests.core.bench import Bench
from tests.core.making import placed
from tests.exchange.mexc.clocks import ManualClock, in_virtual_time


class Exchange:
    """Requests that record what is done with them. What is not in ``free`` must be waited for."""

    timeout_s = 5.0
    fresh_s = 0.5

    def __init__(self, *free: str) -> None:
        self.free = set(free)
        self.happened: list[str] = []
        self.is_locked: Callable[[], bool] = bool

    def _take(self, name: str) -> bool:
        self.happened.append(name if name in self.free else f"no {name}")
        return name in self.free

    def prepare(self, *_: object) -> "Exchange":
        self.happened.append("prepare")
        return self

    def connect_now(self) -> bool:
        return self._take("connection")

    async def connect(self) -> None:
        self.happened.append("connect")
        if "network" not in self.free:
            raise NotConnected("nobody listens")

    def rate_slot_now(self) -> bool:
        return self._take("rate slot")

    async def rate_slot(self) -> None:
        self.happened.append("wait for a rate slot")

    def write(self) -> bool:
        return self._take("write")

    async def answer(self) -> Answer:
        await anyio.lowlevel.checkpoint()
        self.happened.append("answer inside the lock" if self.is_locked() else "answer")
        return placed()

    def not_written(self, why: str) -> Answer:
        return NotSent(why)

    def release(self) -> None:
        self.happened.append("release")


ALL = ("connection", "rate slot", "write", "network")


class Sending:
    """An executor with one order to send, whose commit ends when the test says so."""

    def __init__(self, exchange: Exchange, tasks: Any) -> None:
        self.bench, self.commit, self.turns, self.exchange = Bench(), Commit(), Turns(), exchange
        self.bench.submit()
        ((self.send, _),) = self.bench.sends.values()
        self.clock = ManualClock(self.bench.now_ms)
        self.answers: list[Answer] = []
        self.served_when_decided: list[int] = []
        self.decided: Callable[[], int] = int
        self.broken: list[Exception] = []
        effects = SimpleNamespace(state=self.bench.state, guard=self._guard, decide=self._decide)
        publisher = SimpleNamespace(changed=lambda _: anyio.sleep_forever())
        self.executor = Executor(
            cast("Any", effects),
            cast("Any", exchange),
            cast("Any", publisher),
            self.clock,
            self.turns,
            NULL_OBSERVER,
            cast("Any", SimpleNamespace(close=lambda: None)),
        )
        exchange.is_locked = lambda: self.executor._locks.of(self.send.order.resource).locked()
        self.scope = anyio.CancelScope()
        tasks.start_soon(self._run)

    async def _run(self) -> None:
        with self.scope:
            await self.executor.run()

    def _guard(self, effect: Callable[[], None]) -> None:
        try:
            effect()
        except Exception as error:  # noqa: BLE001  # as the effects do
            self.broken.append(error)

    def _decide(self, _verb: object, _attempt: object, answer: Answer, **_: object) -> tuple[None, None]:
        self.answers.append(answer)
        self.served_when_decided.append(self.decided())
        return None, None


@asynccontextmanager
async def sending(*free: str) -> AsyncIterator[Sending]:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            made = Sending(Exchange(*free), tasks)
            await anyio.wait_all_tasks_blocked()
            yield made
            tasks.cancel_scope.cancel()


async def test_an_order_is_written_when_its_commit_ends_without_a_task_switch() -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        await anyio.wait_all_tasks_blocked()
        assert made.exchange.happened == ["prepare", "connection"]
        assert made.exchange.is_locked()
        made.commit.end()
        assert made.exchange.happened == ["prepare", "connection", "rate slot", "write"]
        await anyio.wait_all_tasks_blocked()
        assert [type(answer) for answer in made.answers] == [Placed]
        assert made.exchange.happened[4:] == ["answer inside the lock"]
        assert not made.exchange.is_locked()


async def test_nothing_is_written_if_the_commit_fails() -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        made.commit.end(CommitFailed("disk full"))
        await anyio.wait_all_tasks_blocked()
        assert made.exchange.happened == ["prepare", "connection", "release"]
        assert not made.exchange.is_locked()


async def test_nothing_is_written_if_the_commit_has_failed_already() -> None:
    async with sending(*ALL) as made:
        made.commit.end(CommitFailed("disk full"))
        made.executor.start(made.send, made.commit)
        assert made.exchange.happened == ["prepare", "connection", "release"]


def halt(made: Sending) -> None:
    made.bench.halt("too hot")


def miss_the_deadline(made: Sending) -> None:
    made.clock.advance(made.send.order.deadline_ms - made.clock.now_ms() + 1)


@pytest.mark.parametrize("happens", [halt, miss_the_deadline])
async def test_nothing_is_written_after_an_objection_during_the_commit(happens: Callable[[Sending], None]) -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        happens(made)
        made.commit.end()
        await anyio.wait_all_tasks_blocked()
        assert "write" not in made.exchange.happened
        assert [type(answer) for answer in made.answers] == [NotSent]


@pytest.mark.parametrize("missing", ["connection", "rate slot"])
async def test_what_must_be_waited_for_is_waited_for_in_a_task(missing: str) -> None:
    async with sending(*(set(ALL) - {missing})) as made:
        made.executor.start(made.send, made.commit)
        await anyio.wait_all_tasks_blocked()
        assert "write" not in made.exchange.happened
        made.commit.end()
        await anyio.wait_all_tasks_blocked()
        assert made.exchange.happened.count("write") == 1
        assert made.exchange.happened.index("wait for a rate slot") < made.exchange.happened.index("write")
        assert [type(answer) for answer in made.answers] == [Placed]
        assert made.exchange.happened[-1] == "answer inside the lock"


async def test_a_connection_that_was_closed_during_the_commit_is_replaced() -> None:
    async with sending("connection", "rate slot") as made:
        made.executor.start(made.send, made.commit)
        made.commit.end()
        made.exchange.free.add("write")
        made.exchange.free.add("network")
        await anyio.wait_all_tasks_blocked()
        assert made.exchange.happened.count("no write") == 1
        assert made.exchange.happened.count("write") == 1
        assert [type(answer) for answer in made.answers] == [Placed]


@in_virtual_time
async def test_after_a_slow_commit_the_order_is_prepared_again() -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        await anyio.sleep(1)
        made.commit.end()
        await anyio.wait_all_tasks_blocked()
        assert made.exchange.happened.count("prepare") == 2
        assert made.exchange.happened.index("release") < made.exchange.happened.index("write")
        assert [type(answer) for answer in made.answers] == [Placed]


async def test_an_order_waits_while_the_last_holders_task_has_the_lock() -> None:
    async with sending(*ALL) as made:
        lock = made.executor._locks.of(made.send.order.resource)
        await lock.acquire()
        made.executor.start(made.send, made.commit)
        made.commit.end()
        await anyio.wait_all_tasks_blocked()
        assert made.exchange.happened == []
        lock.release()
        await anyio.wait_all_tasks_blocked()
        assert "write" in made.exchange.happened


async def test_nothing_is_written_when_the_executor_has_ended() -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        made.scope.cancel()
        await anyio.wait_all_tasks_blocked()
        made.commit.end()
        assert made.exchange.happened == ["prepare", "connection", "release"]


async def test_a_drain_waits_for_an_order_whose_commit_is_open() -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        with anyio.move_on_after(0) as scope:
            await made.executor.idle()
        assert scope.cancelled_caught
        made.commit.end()
        await made.executor.idle()
        assert [type(answer) for answer in made.answers] == [Placed]


async def test_a_drain_waits_for_an_attempt_that_goes_on_in_a_task() -> None:
    async with sending("connection", "rate slot", "network") as made:
        made.executor.start(made.send, made.commit)

        def end() -> None:
            made.commit.end()
            made.exchange.free.add("write")

        asyncio.get_running_loop().call_soon(end)
        await made.executor.idle()
        assert [type(answer) for answer in made.answers] == [Placed]


async def test_a_drain_waits_for_an_attempt_whose_task_waits_for_the_lock() -> None:
    async with sending(*ALL) as made:
        lock = made.executor._locks.of(made.send.order.resource)
        await lock.acquire()
        made.executor.start(made.send, made.commit)
        made.commit.end()
        await anyio.wait_all_tasks_blocked()
        asyncio.get_running_loop().call_soon(lock.release)
        await made.executor.idle()
        assert [type(answer) for answer in made.answers] == [Placed]


async def test_an_error_of_the_write_is_not_swallowed() -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        made.exchange.write = lambda: asyncio.get_running_loop().no_such_thing()  # type: ignore[attr-defined, method-assign]
        made.commit.end()
        assert [type(error) for error in made.broken] == [AttributeError]


def occupy(turns: Turns, iterations: int) -> list[int]:
    """Let urgent requests wait for their turns; return how many have been served."""
    served: list[int] = []
    for number in range(iterations * AT_ONCE):
        turns.run(lambda number=number: served.append(number))  # type: ignore[misc]
    return served


async def test_an_answer_is_decided_after_the_urgent_requests_that_wait() -> None:
    async with sending(*ALL) as made:
        made.executor.start(made.send, made.commit)
        made.commit.end()
        served = occupy(made.turns, 20)
        made.decided = lambda: len(served)
        await anyio.wait_all_tasks_blocked()
        assert made.served_when_decided == [20 * AT_ONCE]
