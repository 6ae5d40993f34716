"""Shots: what may have left is never taken back."""

from collections.abc import Sequence
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.to_thread

from daemon.clock import NS_PER_MS
from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.values.attempts import Attempt
from daemon.core.values.exchange_replies import Answer
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.operator import withdraw
from daemon.engine.executor import Executor
from daemon.engine.firing_thread import FiringThread
from daemon.engine.observer import NULL_OBSERVER
from daemon.engine.shared_requests import SharedRequest
from daemon.engine.shots import Shots
from daemon.engine.turns import Turns
from daemon.store.commit import Commit
from tests.core.bench import Bench
from tests.core.making import placed
from tests.exchange.mexc.clocks import ManualClock
from tests.support.waiting import PATIENCE_S

AHEAD_MS = 100


class Request:
    """A request whose write takes as long as the test says."""

    fresh_s = timeout_s = PATIENCE_S

    def __init__(self, *, is_open: bool = True) -> None:
        self.is_open, self.is_answered = is_open, False
        self.unwatched, self.writes, self.goes_on = Event(), Event(), Event()
        self.signed: list[str] = []

    async def connect(self) -> None:
        pass

    def reserve_rate_slot(self, _: int) -> bool:
        return True

    async def rate_slot(self) -> None:
        pass

    def write(self) -> bool:
        self.writes.set()
        return self.goes_on.wait(PATIENCE_S) and self.is_open

    def sign(self, attempts: Sequence[tuple[Order, Attempt]]) -> None:
        self.signed = [attempt.client_order_id for _, attempt in attempts]

    def watch(self, _: object) -> None:
        pass

    def unwatch(self) -> None:
        self.unwatched.set()

    def release(self) -> None:
        pass

    async def answers(self) -> dict[str, Answer]:
        return dict.fromkeys(self.signed, await self.answer())

    async def answer(self) -> Answer:
        await anyio.wait_all_tasks_blocked()
        self.is_answered = True
        return placed()


def _shots(bench: Bench, trigger: FiringThread) -> Shots:
    return Shots(
        cast("Any", SimpleNamespace(state=bench.state, guard=lambda effect: effect())),
        cast("Any", SimpleNamespace(clock=ExchangeClock())),
        ManualClock(bench.now_ms),
        trigger,
        begin=lambda: None,
        end=lambda: None,
    )


async def test_an_order_whose_task_is_cancelled_while_its_request_leaves_is_not_taken_back() -> None:
    """A caller who withdraws it then must not be told that it was never sent, nor may it be sent again."""
    bench, request = Bench(), Request()
    order = bench.submit(execute_at=bench.now_ms + AHEAD_MS)
    ((send, _),) = bench.sends.values()
    assert bench.order(order).state is State.ARMED
    firing = FiringThread(lambda: (bench.now_ms + AHEAD_MS) * NS_PER_MS)
    shots = _shots(bench, firing)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shots.shoot, send, SharedRequest(cast("Any", request)))
        assert await anyio.to_thread.run_sync(request.writes.wait, PATIENCE_S)
        tasks.cancel_scope.cancel()
    assert not shots.recall(send.attempt.client_order_id)
    request.goes_on.set()
    firing.close()


async def test_when_an_order_leaves_no_answer_wakes_the_loop() -> None:
    """The loop would keep the interpreter from the other orders of the instant."""
    bench, request = Bench(), Request()
    bench.submit(execute_at=bench.now_ms + AHEAD_MS)
    ((send, _),) = bench.sends.values()
    now_ns = [bench.now_ms * NS_PER_MS]
    firing = FiringThread(lambda: now_ns[0])
    shots = _shots(bench, firing)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shots.shoot, send, SharedRequest(cast("Any", request)))
        assert await anyio.to_thread.run_sync(request.unwatched.wait, PATIENCE_S)
        assert not request.writes.is_set()
        now_ns[0] += AHEAD_MS * NS_PER_MS
        assert await anyio.to_thread.run_sync(request.writes.wait, PATIENCE_S)
        request.goes_on.set()
        tasks.cancel_scope.cancel()
    firing.close()


async def test_a_drain_waits_for_an_order_that_could_be_neither_taken_back_nor_written_at_its_instant() -> None:
    """It counts as sent, so the executor sends it on another connection."""
    bench, commit, shot, other = Bench(), Commit(), Request(is_open=False), Request()
    order = bench.submit(execute_at=bench.now_ms + AHEAD_MS)
    ((send, _),) = bench.sends.values()
    exchange = SimpleNamespace(clock=ExchangeClock(), prepare_shot=lambda *_: shot, prepare=lambda *_: other)
    executor = Executor(
        cast(
            "Any",
            SimpleNamespace(
                state=bench.state, guard=lambda effect: effect(), decide=lambda *a, **k: (bench.decide(*a, **k), commit)
            ),
        ),
        cast("Any", exchange),
        cast("Any", SimpleNamespace(changed=lambda _: anyio.sleep_forever())),
        ManualClock(bench.now_ms),
        Turns(),
        NULL_OBSERVER,
        FiringThread(lambda: (bench.now_ms + AHEAD_MS) * NS_PER_MS),
    )
    bench.state.recall_shot = executor.shots.recall
    commit.end()
    other.goes_on.set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(executor.run)
        await anyio.wait_all_tasks_blocked()
        executor.start(send, commit)
        assert await anyio.to_thread.run_sync(shot.writes.wait, PATIENCE_S)
        assert bench.decide(withdraw, order, reason="race", actor="anna").state is State.IN_FLIGHT
        shot.goes_on.set()
        await executor.idle()
        assert other.is_answered
        tasks.cancel_scope.cancel()
