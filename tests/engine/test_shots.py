"""Shots: what may have left is never taken back."""

from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import anyio
import anyio.to_thread

from daemon.clock import NS_PER_MS
from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.values.states import State
from daemon.engine.firing_thread import FiringThread
from daemon.engine.shots import Shots
from tests.core.bench import Bench
from tests.exchange.mexc.clocks import ManualClock
from tests.support.waiting import PATIENCE_S

AHEAD_MS = 100


class Request:
    """A request whose write takes as long as the test says."""

    fresh_s = 5.0

    def __init__(self) -> None:
        self.writes, self.goes_on = Event(), Event()

    def write(self) -> bool:
        self.writes.set()
        return self.goes_on.wait(PATIENCE_S)

    def watch(self, _: object) -> None:
        pass


async def test_an_order_whose_task_is_cancelled_while_its_request_leaves_is_not_taken_back() -> None:
    """A caller who withdraws it then must not be told that it was never sent, nor may it be sent again."""
    bench, request = Bench(), Request()
    order = bench.submit(execute_at=bench.now_ms + AHEAD_MS)
    ((send, _),) = bench.sends.values()
    assert bench.order(order).state is State.ARMED
    firing = FiringThread(lambda: (bench.now_ms + AHEAD_MS) * NS_PER_MS)
    shots = Shots(
        cast("Any", SimpleNamespace(state=bench.state, guard=lambda effect: effect())),
        cast("Any", SimpleNamespace(clock=ExchangeClock())),
        ManualClock(bench.now_ms),
        firing,
        begin=lambda: None,
        end=lambda: None,
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(shots.shoot, send, cast("Any", request))
        assert await anyio.to_thread.run_sync(request.writes.wait, PATIENCE_S)
        tasks.cancel_scope.cancel()
    assert not shots.recall(send.attempt.client_order_id)
    request.goes_on.set()
    firing.close()
