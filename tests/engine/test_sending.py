"""Sending: the steps of a request run in their order, and nothing is written after an objection."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import Answer, NotSent, Placed
from daemon.engine.executor import Executor, _Prepared
from daemon.engine.observer import NULL_OBSERVER, Timing
from daemon.engine.turns import Turns
from daemon.errors import CommitFailed
from daemon.exchange.port import NotConnected
from tests.core.bench import Bench
from tests.core.making import placed
from tests.exchange.mexc.clocks import ManualClock, in_virtual_time

STEPS = ["connect", "durable", "rate slot"]
"""What must be done before an order is written."""

Meanwhile = Callable[[], Awaitable[None]]


class Wire:
    """A request, a connection and a commit that record what is done with them."""

    timeout_s = 5.0
    fresh_s = 0.5

    def __init__(self, *, given_up: int = 0) -> None:
        self.happened: list[str] = []
        self.meanwhile: dict[str, Meanwhile] = {}  # what else happens during a step
        self._given_up = given_up

    async def _step(self, name: str) -> None:
        self.happened.append(name)
        if name in self.meanwhile:
            await self.meanwhile[name]()

    async def connect(self) -> None:
        """Get a connection."""
        await self._step("connect")

    async def durable(self) -> None:
        """Wait for the disk."""
        await self._step("durable")

    async def rate_slot(self) -> None:
        """Wait for a rate slot."""
        await self._step("rate slot")

    def write(self) -> bool:
        """Write, unless the server has closed the connection."""
        self._given_up -= 1
        self.happened.append("given up" if self._given_up >= 0 else "write")
        return self._given_up < 0

    async def answer(self) -> Answer:
        """Read the answer."""
        await self._step("answer")
        return placed()

    def not_written(self, why: str) -> Answer:
        """Return why nothing was written."""
        return NotSent(f"nothing was written: {why}")

    def release(self) -> None:
        """Return the connection."""
        self.happened.append("release")

    def prepare(self, *_: object) -> "Wire":
        """Sign and build."""
        self.happened.append("prepare")
        return self


class Sending:
    """An executor with one order to send."""

    def __init__(self, wire: Wire) -> None:
        self.bench = Bench()
        self.bench.submit()
        ((self.send, _),) = self.bench.sends.values()
        clock = ManualClock(self.bench.now_ms)
        effects = cast("Any", SimpleNamespace(state=self.bench.state))
        self._executor = Executor(
            effects, cast("Any", wire), cast("Any", None), clock, Turns(), NULL_OBSERVER, cast("Any", None)
        )
        self._wire = wire

    async def __call__(self, send: Send | None = None, prepared: _Prepared | None = None) -> Answer:
        """Send the order."""
        return await self._executor._send(send or self.send, cast("Any", self._wire), Timing(0), prepared)


async def test_an_order_is_sent_in_these_steps() -> None:
    wire = Wire()
    assert isinstance(await Sending(wire)(), Placed)
    assert wire.happened == ["prepare", "connect", "durable", "rate slot", "write", "release", "answer"]


@pytest.mark.parametrize("waited_s", [0, 0.4, 0.5, 1])
@in_virtual_time
async def test_a_request_that_was_just_prepared_is_not_prepared_again(waited_s: float) -> None:
    wire = Wire()
    prepared = _Prepared(cast("Any", wire), None, 0, anyio.current_time())
    await anyio.sleep(waited_s)
    assert isinstance(await Sending(wire)(prepared=prepared), Placed)
    again = ["prepare"] if waited_s >= Wire.fresh_s else []
    assert wire.happened == [*again, "connect", "durable", "rate slot", "write", "release", "answer"]


@pytest.mark.parametrize("during", STEPS)
async def test_nothing_is_written_when_trading_is_halted_during_a_step(during: str) -> None:
    wire = Wire()
    sending = Sending(wire)

    async def halt() -> None:
        await checkpoint()
        sending.bench.halt("too hot")

    wire.meanwhile[during] = halt
    assert await sending() == NotSent("trading was halted (too hot)")
    assert wire.happened == ["prepare", *STEPS, "release"]


async def test_nothing_runs_between_the_last_check_and_the_first_byte() -> None:
    wire = Wire()

    async def another() -> None:
        asyncio.get_running_loop().call_soon(wire.happened.append, "another task")

    wire.meanwhile = {"rate slot": another, "answer": checkpoint}
    await Sending(wire)()
    assert wire.happened.index("another task") > wire.happened.index("write")


async def test_a_closed_connection_is_replaced_and_everything_is_checked_again() -> None:
    wire = Wire(given_up=1)
    assert isinstance(await Sending(wire)(), Placed)
    assert wire.happened == ["prepare", *STEPS, "given up", *STEPS, "write", "release", "answer"]


async def test_an_order_that_got_no_connection_is_not_counted_and_not_written() -> None:
    wire = Wire()

    async def refuse() -> None:
        raise NotConnected("nobody listens")

    wire.meanwhile["connect"] = refuse
    assert await Sending(wire)() == NotSent("nothing was written: nobody listens")
    assert wire.happened == ["prepare", "connect", "release"]


@pytest.mark.parametrize("never", STEPS)
@in_virtual_time
async def test_a_step_that_does_not_end_in_time_ends_the_attempt_with_nothing_written(never: str) -> None:
    wire = Wire()
    wire.meanwhile[never] = anyio.sleep_forever
    before_s = anyio.current_time()
    assert await Sending(wire)() == NotSent("nothing was written: TimeoutError: no answer in time")
    assert anyio.current_time() - before_s == pytest.approx(Wire.timeout_s)
    assert "write" not in wire.happened
    assert wire.happened[-1] == "release"


@in_virtual_time
async def test_the_wait_for_the_answer_does_not_count_as_time_before_sending() -> None:
    wire = Wire()

    async def most_of_it() -> None:
        await anyio.sleep(0.9 * Wire.timeout_s)

    wire.meanwhile = {"durable": most_of_it, "answer": most_of_it}
    assert isinstance(await Sending(wire)(), Placed)


async def test_a_failed_commit_ends_the_attempt_and_is_not_taken_for_an_answer() -> None:
    wire = Wire()

    async def fail() -> None:
        raise CommitFailed("disk full")

    wire.meanwhile["durable"] = fail
    with pytest.raises(CommitFailed, match="disk full"):
        await Sending(wire)()
    assert wire.happened == ["prepare", "connect", "durable", "release"]


@pytest.mark.parametrize("during", STEPS)
async def test_an_attempt_cancelled_before_it_is_sent_returns_its_connection(during: str) -> None:
    wire = Wire()
    with anyio.CancelScope() as scope:

        async def cancel() -> None:
            scope.cancel()
            await checkpoint()

        wire.meanwhile[during] = cancel
        await Sending(wire)()
    assert scope.cancelled_caught
    assert "write" not in wire.happened
    assert wire.happened[-1] == "release"
