"""pymexc, an independent client with threads and generated protobuf classes, trades and listens on the exchange.

Its stream of the best levels is not tested: version 1.3.0 writes the channel's parts in another order than MEXC.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from decimal import Decimal
from queue import Queue
from typing import Any

import pytest

from daemon.simulator.book import Book
from daemon.simulator.control import MarketChange
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.server import serving, wall_clock_ms
from tests.simulator.packages import package
from tests.simulator.trader import ACCESS_KEY, SECRET_KEY, new_exchange

if sys.version_info >= (3, 14):
    pytest.skip("a package that pymexc needs has no wheel for this Python", allow_module_level=True)

spot, base_websocket = package("pymexc.spot"), package("pymexc.base_websocket")
MexcAPIError = package("pymexc.base").MexcAPIError

BTC = "BTCUSDT"
WAIT_S = 10

Channel = tuple[str, dict[str, Any]]
"""A method that subscribes, and its parameters."""


class Client:
    """Runs pymexc's methods, which block, in threads."""

    def __init__(self, url: str, exchange: SimulatedExchange) -> None:
        self.url = url
        self.exchange = exchange
        self.http = spot.HTTP(ACCESS_KEY, SECRET_KEY)
        self.http.base_url = url

    async def ask(self, method: str, *arguments: Any, **parameters: Any) -> Any:
        return await asyncio.to_thread(getattr(self.http, method), *arguments, **parameters)

    async def listen(self, closing: AsyncExitStack, *channels: Channel, key: str = "") -> "Queue[Any]":
        """Subscribe to channels over one connection, each a method with its parameters; return what is pushed."""
        pushed: Queue[Any] = Queue()
        socket = spot.WebSocket()
        socket.endpoint = f"{self.url.replace('http', 'ws')}/ws{key and '?listenKey='}{key}"
        closing.push_async_callback(asyncio.to_thread, socket.exit)
        for method, parameters in channels:
            await asyncio.to_thread(getattr(socket, method), pushed.put, **parameters)
        while sum(len(each.channels) for each in self.exchange.connections()) < len(channels):  # noqa: ASYNC110
            await asyncio.sleep(0)
        return pushed


async def next_of(pushed: "Queue[Any]", kind: str) -> Any:
    """Return the next pushed body of a message type."""
    while True:
        body = await asyncio.to_thread(pushed.get, timeout=WAIT_S)
        if type(body).__name__ == kind:
            return body


@pytest.fixture
async def mexc(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    book = Book()
    exchange = new_exchange(book)
    levels: dict[str, Any] = {"bids": [(Decimal(94_000), Decimal(1))], "asks": [(Decimal(95_000), Decimal("0.004"))]}
    exchange.change_market(MarketChange(BTC, **levels), wall_clock_ms())
    async with serving(exchange) as url:
        monkeypatch.setattr(base_websocket, "SPOT", f"{url.replace('http', 'ws')}/ws")
        yield Client(url, exchange)
    book.close()


async def test_market_data_are_read(mexc: Client) -> None:
    assert await mexc.ask("ping") == {}
    assert (await mexc.ask("exchange_info", symbol=BTC))["symbols"][0]["symbol"] == BTC
    assert (await mexc.ask("depth", BTC))["asks"] == [["95000", "0.004"]]
    assert (await mexc.ask("trades", BTC))[0]["price"] == "95000"
    assert (await mexc.ask("agg_trades", BTC))[0]["p"] == "95000"
    assert await mexc.ask("avg_price", BTC) == {"mins": 5, "price": "95000"}


async def test_an_order_is_placed_queried_and_cancelled(mexc: Client) -> None:
    placed = await mexc.ask("order", BTC, "BUY", "LIMIT", "0.01", price="90000", new_client_order_id="mine")
    found = await mexc.ask("query_order", BTC, order_id=placed["orderId"])
    assert (found["status"], found["clientOrderId"]) == ("NEW", "mine")
    assert (await mexc.ask("cancel_order", BTC, orig_client_order_id="mine"))["status"] == "CANCELED"
    with pytest.raises(MexcAPIError, match="-2011"):
        await mexc.ask("cancel_order", BTC, orig_client_order_id="mine")


async def test_balances_and_trades_are_read(mexc: Client) -> None:
    await mexc.ask("order", BTC, "BUY", "LIMIT", "0.004", price="95000")
    balances = {row["asset"]: row["free"] for row in (await mexc.ask("account_information"))["balances"]}
    assert balances["USDT"] == "999620"
    assert [row["qty"] for row in await mexc.ask("account_trade_list", BTC)] == ["0.004"]


async def test_orders_trades_and_balances_are_pushed(mexc: Client) -> None:
    key = (await mexc.ask("create_listen_key"))["listenKey"]
    assert await mexc.ask("keep_alive_listen_key", key) == {"listenKey": key}
    async with AsyncExitStack() as closing:
        channels: list[Channel] = [("account_orders", {}), ("account_deals", {}), ("account_update", {})]
        pushed = await mexc.listen(closing, *channels, key=key)
        placed = await mexc.ask("order", BTC, "BUY", "LIMIT", "0.004", price="95000", new_client_order_id="mine")
        order = await next_of(pushed, "PrivateOrdersV3Api")
        deal = await next_of(pushed, "PrivateDealsV3Api")
        balance = await next_of(pushed, "PrivateAccountV3Api")
    assert (order.id, order.clientId, order.price, order.status) == (placed["orderId"], "mine", "95000", 1)
    assert (deal.orderId, deal.price, deal.quantity, deal.tradeType) == (placed["orderId"], "95000", "0.004", 1)
    assert (balance.vcoinName, balance.balanceAmount) == ("BTC", "2.003998")


async def test_public_streams_are_pushed(mexc: Client) -> None:
    channels: list[Channel] = [
        ("deals_stream", {"symbol": BTC, "interval": "100ms"}),
        ("depth_stream", {"symbol": BTC, "interval": "10ms"}),
        ("book_ticker_stream", {"symbol": BTC, "interval": "100ms"}),
    ]
    async with AsyncExitStack() as closing:
        pushed = await mexc.listen(closing, *channels)
        best = await next_of(pushed, "PublicAggreBookTickerV3Api")
        await mexc.ask("order", BTC, "BUY", "LIMIT", "0.003", price="95000")
        deals = await next_of(pushed, "PublicAggreDealsV3Api")
        update = await next_of(pushed, "PublicAggreDepthsV3Api")
    assert (best.bidPrice, best.askPrice, best.askQuantity) == ("94000", "95000", "0.004")
    assert [(deal.price, deal.quantity, deal.tradeType) for deal in deals.deals] == [("95000", "0.003", 1)]
    assert [(level.price, level.quantity) for level in update.asks] == [("95000", "0.001")]
    assert int(update.fromVersion) <= int(update.toVersion)
