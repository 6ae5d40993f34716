"""The reader of fills, on a simulated exchange and a real database."""

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from daemon.config.tables import Config, ExchangeTable
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.engine import fill_reader
from daemon.engine.order_commands import Caller
from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.faults import Fault
from tests.api.api_in_process import Api, running, value_of
from tests.api.test_handing_over import until
from tests.core.making import request
from tests.support.waiting import PATIENCE_S, wall_ms

BOT = Caller(actor="bot", administrator=False)
TRADES = "/api/v3/myTrades"
AMPLE = Config(exchange=ExchangeTable(weight_per_10s=1_000_000))
"""What a start asks for leaves ample weight, so no read waits for that."""

NO_TRADES = Fault("error_before", endpoint=f"GET {TRADES}")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill_reader, "START_S", 0.0)


@pytest.fixture
def simulated() -> Any:
    with closing(Book()) as book:
        yield SimulatedExchange(book, rng=Random(1))  # noqa: S311  # a simulation


def trade_id(shown: dict[str, Any]) -> str:
    """Return what identifies a fill of an answer."""
    return str(shown["tradeId"])


async def filled(api: Api, symbol: str = "BTCUSDT", **changes: Any) -> Order:
    """Buy, and wait until it is filled."""
    orders = api.context.order_commands
    accepted = await orders.submit(request(symbol=symbol, quote_order_qty=Decimal(25), **changes), BOT)
    order = await orders.outcome(accepted.order, wait_s=10)
    assert order.state is State.FILLED
    return order


async def stored(api: Api, order: Order, count: int = 1) -> list[Fill]:
    """Wait until an order has fills on disk; return them."""
    with anyio.fail_after(PATIENCE_S):
        while True:
            history = await api.context.engine.store.history(order.order_id)
            assert history is not None
            if len(history.fills) >= count:
                return history.fills
            await anyio.sleep(0.01)


def asked(simulated: SimulatedExchange) -> list[int]:
    """Return when trades were asked for."""
    return [each.received_ms for each in simulated.requests() if each.path == TRADES]


async def test_the_fills_of_an_order_are_stored_as_the_exchange_has_them_and_explained(
    tmp_path: Path, simulated: SimulatedExchange
) -> None:
    async with running(tmp_path / "x.db", simulated=simulated, config=AMPLE) as api:
        order = await filled(api)
        fills = await stored(api, order)
        explained = value_of(await api.ask("GET", "/v1/orders/{id}/explain", name=order.order_id))
    [entry] = simulated.orders()
    shown = [
        {
            "tradeId": each["id"],
            "price": each["price"],
            "quantity": each["qty"],
            "quote": each["quoteQty"],
            "fee": each["commission"],
            "feeAsset": each["commissionAsset"],
            "isMaker": each["isMaker"],
            "at": each["time"] // 1_000 * 1_000,
        }
        for each in entry["fills"]  # type: ignore[attr-defined]  # JSON
    ]
    assert sorted(explained["fills"], key=trade_id) == sorted(shown, key=trade_id)
    assert sum(fill.quantity for fill in fills) == order.executed_quantity
    assert all(fill.fee > 0 for fill in fills)


async def test_fills_that_could_not_be_read_are_read_after_the_next_start_in_one_request(
    tmp_path: Path, simulated: SimulatedExchange
) -> None:
    simulated.set_faults([NO_TRADES])
    async with running(tmp_path / "x.db", simulated=simulated, config=AMPLE) as api:
        orders = [await filled(api, owner_id=f"bot {number}") for number in range(5)]
        await until(lambda: bool(asked(simulated)))
        assert api.count("SELECT count(*) FROM fills") == 0
    simulated.set_faults([])
    before = len(asked(simulated))
    async with running(tmp_path / "x.db", simulated=simulated, config=AMPLE) as api:
        for order in orders:
            fills = await stored(api, order)
            assert sum(fill.quantity for fill in fills) == order.executed_quantity
    assert len(asked(simulated)) - before == 1
    async with running(tmp_path / "x.db", simulated=simulated, config=AMPLE) as api:
        await stored(api, await filled(api, "ETHUSDT"))
    assert len(asked(simulated)) - before == 2, "what is complete is not read again"


async def test_nothing_is_read_around_an_instant(tmp_path: Path, simulated: SimulatedExchange) -> None:
    async with running(tmp_path / "x.db", simulated=simulated, config=AMPLE) as api:
        instant_ms = wall_ms() + 2_000
        later = await api.context.order_commands.submit(
            request(symbol="ETHUSDT", quote_order_qty=Decimal(25), execute_at=instant_ms), BOT
        )
        order = await filled(api)
        await stored(api, order)
        assert (await api.context.order_commands.outcome(later.order, wait_s=10)).state is State.FILLED
    assert all(not instant_ms - 1_400 < at_ms < instant_ms + 200 for at_ms in asked(simulated))
