"""typed-mexc, an independent client that validates every answer, trades and listens on the simulated exchange.

Its batches are not tested: version 2.3 does not send them as JSON.
"""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from daemon.simulator.book import Book
from daemon.simulator.control import MarketChange
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.server import serving, wall_clock_ms
from tests.simulator.packages import package
from tests.simulator.trader import ACCESS_KEY, SECRET_KEY, new_exchange

MEXC = package("typed_mexc").MEXC
ApiError = package("typed_core.exceptions").ApiError

BTC = "BTCUSDT"
UNREACHABLE = "http://127.0.0.1:9"
WAIT_S = 10


def json_client() -> Any:
    """Return a transport with the content type that MEXC demands (observed), which typed-mexc 2.3 leaves out."""
    client = package("typed_core.http").HttpClient()
    send = client.request

    async def request(method: str, url: str, *, headers: Any = None, **rest: Any) -> Any:
        return await send(method, url, headers={"Content-Type": "application/json", **(headers or {})}, **rest)

    client.request = request
    return client


@pytest.fixture
async def exchange() -> AsyncIterator[SimulatedExchange]:
    book = Book()
    exchange = new_exchange(book)
    levels = {"bids": [(Decimal(94_000), Decimal(1))], "asks": [(Decimal(95_000), Decimal("0.004"))]}
    exchange.change_market(MarketChange(BTC, **levels), wall_clock_ms())  # type: ignore[arg-type]
    yield exchange
    book.close()


@pytest.fixture
async def mexc(exchange: SimulatedExchange) -> AsyncIterator[Any]:
    async with serving(exchange) as url:
        addresses: dict[str, Any] = {
            "spot_base_url": url,
            "spot_ws_url": f"{url.replace('http', 'ws')}/ws",
            "futures_base_url": UNREACHABLE,
            "futures_ws_url": UNREACHABLE,
        }
        async with MEXC.new(ACCESS_KEY, SECRET_KEY, http=json_client(), **addresses) as client:
            yield client.spot


async def first(stream: Any) -> Any:
    """Return the next message of a stream."""
    async with asyncio.timeout(WAIT_S):
        return await anext(aiter(stream))


async def place(mexc: Any, **parameters: object) -> Any:
    order = {"symbol": BTC, "side": "BUY", "type": "LIMIT", "quantity": "0.01", "price": "90000"} | parameters
    return await mexc.http.trade.place_order(order)


async def test_market_data_are_valid(mexc: Any) -> None:
    market = mexc.http.market
    assert len((await market.exchange_info())["symbols"]) == 43
    assert BTC in (await market.default_symbols())["data"]
    assert (await market.depth(BTC))["asks"][0][0] == "95000"
    assert (await market.trades(BTC))[0]["price"] == Decimal(95_000)
    assert (await market.historical_trades(symbol=BTC))[0]["isBestMatch"] is True
    assert (await market.agg_trades(BTC))[0]["p"] == Decimal(95_000)
    assert (await market.avg_price(BTC))["price"] == Decimal(95_000)
    assert (await market.ticker_price(symbol=BTC))["price"] == Decimal(95_000)
    assert (await market.book_ticker(symbol=BTC))["bidPrice"] == Decimal(94_000)


async def test_an_order_is_placed_queried_and_cancelled(mexc: Any) -> None:
    placed = await place(mexc, newClientOrderId="mine")
    found = await mexc.http.account.order(symbol=BTC, order_id=placed["orderId"])
    assert (found["status"], found["clientOrderId"], found["price"]) == ("NEW", "mine", Decimal(90_000))
    assert [row["orderId"] for row in await mexc.http.account.open_orders(BTC)] == [placed["orderId"]]
    cancelled = await mexc.http.trade.cancel_order(symbol=BTC, orig_client_order_id="mine")
    assert (cancelled["status"], cancelled["timeInForce"]) == ("CANCELED", "GTC")
    assert (await mexc.http.account.order(symbol=BTC, orig_client_order_id="mine"))["status"] == "CANCELED"


async def test_the_account_and_its_trades_are_valid(mexc: Any) -> None:
    await place(mexc, price="95000", quantity="0.004")
    balances = {row["asset"]: row["free"] for row in (await mexc.http.account.info())["balances"]}
    assert balances["USDT"] == Decimal(999_620)
    assert [trade["qty"] for trade in await mexc.http.account.trades(symbol=BTC)] == [Decimal("0.004")]
    assert BTC in (await mexc.http.account.self_symbols())["data"]


async def test_a_refusal_is_raised_with_its_code(mexc: Any) -> None:
    with pytest.raises(ApiError, match="30087"):
        await place(mexc, price="200000")


async def test_orders_trades_and_balances_are_pushed(mexc: Any) -> None:
    user = mexc.streams.user
    async with user.orders() as orders, user.trades() as trades, user.account() as account:
        placed = await place(mexc, price="95000", quantity="0.004", newClientOrderId="mine")
        order, trade, balance = await first(orders), await first(trades), await first(account)
    assert (order.id, order.client_id, order.price, order.status) == (placed["orderId"], "mine", "95000", 1)
    assert (trade.order_id, trade.price, trade.quantity, trade.trade_type) == (placed["orderId"], "95000", "0.004", 1)
    assert balance.vcoin_name == "BTC"


async def test_public_streams_are_pushed(mexc: Any) -> None:
    market = mexc.streams.market
    async with (
        market.trades("100ms", BTC) as trades,
        market.depth(BTC, 5) as depth,
        market.depth_updates("10ms", BTC) as updates,
        market.book_ticker("100ms", BTC) as ticker,
    ):
        await place(mexc, price="95000", quantity="0.003")
        trade, levels, update, best = [await first(each) for each in (trades, depth, updates, ticker)]
    assert [(deal.price, deal.quantity, deal.trade_type) for deal in trade.deals] == [("95000", "0.003", 1)]
    assert [(level.price, level.quantity) for level in levels.asks] == [("95000", "0.004")]
    assert [(level.price, level.quantity) for level in update.asks] == [("95000", "0.001")]
    assert (best.bid_price, best.ask_price, best.ask_quantity) == ("94000", "95000", "0.004")
