"""A long batch beside others: they have their turns in between, and nobody ever sees a part of it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.api.read_scheduler import PIECE as VIEWED
from daemon.core.verbs.intake import AT_ONCE as QUEUED_AT_ONCE
from daemon.core.verbs.intake import PIECE as LOOKED_UP
from daemon.engine.order_commands import AT_ONCE as CHECKED
from daemon.errors import KeyConflict
from tests.api.api_in_process import Api, running, value_of
from tests.support import wall_ms
from tests.support.signals import market_buy

MANY = QUEUED_AT_ONCE + 64


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    async with running(tmp_path / "x.db") as made:
        yield made


def buys(count: int = MANY) -> list[Any]:
    return [market_buy(allowRepeat=True, executeAt=wall_ms() + 3_600_000) for _ in range(count)]


async def test_others_have_their_turn_between_the_pieces_of_a_batch_and_see_none_of_it_or_all(api: Api) -> None:
    orders = api.context.engine.state.orders
    seen: list[int] = []  # on disk, at each turn
    known: list[int] = []  # in memory

    async def look_at_each_turn() -> None:
        with closing(sqlite3.connect(api.database)) as connection:
            while True:
                seen.extend(connection.execute("SELECT count(*) FROM orders").fetchone())
                known.append(len(orders))
                await asyncio.sleep(0)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look_at_each_turn)
        await asyncio.sleep(0)
        response = await api.ask("POST", "/v1/signals/batch", buys())
        tasks.cancel_scope.cancel()
    assert response.status == 202
    assert known.count(0) >= MANY // CHECKED + 2 * (MANY // LOOKED_UP), "checked, looked up, guarded"
    assert seen.count(MANY) >= MANY // VIEWED, "shown"
    assert set(known) == {0, MANY}
    assert set(seen) == {0, MANY}


async def test_of_two_equal_batches_at_once_each_signal_becomes_one_order(api: Api) -> None:
    signals, answers = buys(), []

    async def send() -> None:
        answers.append(value_of(await api.ask("POST", "/v1/signals/batch", signals)))

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(send)
    first, second = answers
    assert [order["id"] for order in first] == [order["id"] for order in second]
    assert sorted({order["replayed"] for order in answer} for answer in answers) == [{False}, {True}]
    assert api.count("SELECT count(*) FROM orders") == MANY


async def test_a_signal_that_takes_a_key_of_a_batch_meanwhile_refuses_the_whole_batch(api: Api) -> None:
    signals = buys()
    signals[-1]["idempotencyKey"] = "k"
    async with anyio.create_task_group() as tasks:

        async def send_a_single_one() -> None:
            await api.ask("POST", "/v1/signals", market_buy(idempotencyKey="k", executeAt=wall_ms() + 3_600_000))

        tasks.start_soon(send_a_single_one)
        with pytest.raises(KeyConflict):
            await api.ask("POST", "/v1/signals/batch", signals)
    assert api.count("SELECT count(*) FROM orders") == 1


async def test_the_dispatcher_queues_the_orders_of_a_large_batch(api: Api) -> None:
    await api.ask("POST", "/v1/signals/batch", buys())
    with anyio.fail_after(10):
        while len(api.context.engine.state.orders.later) < MANY:  # noqa: ASYNC110  # no event says so
            await asyncio.sleep(0)
