"""Housekeeping: when the exchange's clock is measured, and by which clock rows are removed."""

import asyncio
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from daemon.config.tables import Config, ExchangeTable
from daemon.config.trading_tables import LocksTable
from daemon.core.state.changes import ChangeSet
from daemon.core.state.instants import Instants
from daemon.core.values.events import Event
from daemon.core.values.locks import LockState
from daemon.engine.housekeeping import DAY_MS, FIRST_S, FIRST_SAMPLES, HOUR_MS, NEAR_MS, NEAR_S, Housekeeping
from daemon.store.store import open_store
from tests.exchange.mexc.clocks import LoopClock, ManualClock, in_virtual_time
from tests.support import making

CHECK_S = 30.0


class Measuring:
    """Housekeeping that measures, from the start on, and when it did."""

    def __init__(self) -> None:
        self.at_s: list[float] = []
        self.clock, self.instants = LoopClock(), Instants()
        self.began_s = anyio.current_time()
        self.exchange = SimpleNamespace(
            measure_clock=self._measure, health=lambda: SimpleNamespace(reachable=None), warm_s=CHECK_S
        )
        self.housekeeping = Housekeeping(
            cast("Any", self.exchange),
            cast("Any", None),
            self.clock,
            lambda _: None,
            Config(exchange=ExchangeTable(clock_check_s=CHECK_S)),
            self.instants.next_ms,
        )

    async def _measure(self) -> bool:
        self.at_s.append(anyio.current_time() - self.began_s)
        return True

    async def run(self, seconds: float) -> list[float]:
        """Let time go by; return when it measured."""
        with anyio.move_on_after(seconds):
            await self.housekeeping.measure()
        return self.at_s


@in_virtual_time
async def test_the_clock_is_measured_several_times_at_the_start_and_rarely_after_that() -> None:
    first = [number * FIRST_S for number in range(FIRST_SAMPLES)]
    after = [first[-1] + CHECK_S, first[-1] + 2 * CHECK_S]
    assert await Measuring().run(2 * CHECK_S + 5) == pytest.approx([*first, *after], abs=0.01)


@in_virtual_time
async def test_the_clock_is_measured_often_before_an_instant() -> None:
    made = Measuring()
    made.instants.add(made.clock.now_ms() + 100_000, "order", made.clock.now_ms())
    at_s = await made.run(99)
    near_s = [each for each in at_s if each > 100 - NEAR_MS / 1_000]
    gaps_s = [later - earlier for earlier, later in pairwise(near_s)]
    assert near_s[0] < 100 - NEAR_MS / 1_000 + NEAR_S + 0.01
    assert gaps_s == pytest.approx([NEAR_S] * len(gaps_s), abs=0.01), "not more often: its weight is bounded"
    assert near_s[-1] >= 99 - NEAR_S - 0.01


@in_virtual_time
async def test_it_is_measured_more_often_where_the_server_closes_idle_connections_sooner() -> None:
    """So a connection is open for the first order of a day."""
    measuring = Measuring()
    measuring.exchange.warm_s = 5.0
    at_s = await measuring.run(30)
    assert [round(later - earlier) for earlier, later in pairwise(at_s[FIRST_SAMPLES - 1 :])] == [5] * 5


async def test_a_copy_is_cleaned_by_the_clock_of_its_log(tmp_path: Path) -> None:
    """A machine that is years ahead would remove what its owner ended an hour ago."""
    cleaned: asyncio.Queue[Event] = asyncio.Queue()
    clock = ManualClock(making.NOW_MS + 10 * 365 * DAY_MS)
    locks = [
        making.lock(number, state=LockState.RELEASED, released_ms=making.NOW_MS - ago_h * HOUR_MS)
        for number, ago_h in enumerate((25, 1, 1), start=1)
    ]
    async with open_store(tmp_path / "copy.db", is_copy=True) as store, anyio.create_task_group() as tasks:
        await store.commit(ChangeSet(locks={lock.lock_id: lock for lock in locks})).durable()
        config = Config(locks=LocksTable(cleanup_interval_s=0.001))
        housekeeping = Housekeeping(cast("Any", None), store, clock, cleaned.put_nowait, config, lambda _: None)
        tasks.start_soon(housekeeping.clean, lambda: making.NOW_MS)
        event = await cleaned.get()
        tasks.cancel_scope.cancel()
    assert (event.name, event.detail["locks"]) == ("store.cleaned", 1)
