"""ccxt's websocket client listens on the simulated exchange."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import ccxt.pro
import pytest

from daemon.simulator.book import Book
from tests.simulator.packages import package
from tests.simulator.test_ccxt import BTC, LEVELS, ccxt_on, offer
from tests.simulator.trader import new_exchange

package("google.protobuf")  # with which ccxt decodes
WAIT_S = 10


@pytest.fixture
async def mexc() -> AsyncIterator[Any]:
    """A ccxt client of an exchange whose bitcoin market offers LEVELS."""
    book = Book()
    exchange = new_exchange(book)
    async with ccxt_on(exchange, kind=ccxt.pro.mexc) as client:
        client.exchange = exchange
        client.urls["api"]["ws"]["spot"] = f"{client.simulator_url.replace('http', 'ws')}/ws"
        await client.load_markets()
        await offer(client, **LEVELS)
        yield client
    book.close()


async def subscribed(client: Any, *watching: Coroutine[Any, Any, Any]) -> list["asyncio.Task[Any]"]:
    """Start to watch, and wait until the exchange has as many subscriptions."""
    expected = [asyncio.create_task(each) for each in watching]  # noqa: TID251 - the test awaits each of them
    async with asyncio.timeout(WAIT_S):
        while sum(len(each.channels) for each in client.exchange.connections()) < len(expected):  # noqa: ASYNC110
            await asyncio.sleep(0)
    return expected


async def pushed(expected: "asyncio.Task[Any]") -> Any:
    return await asyncio.wait_for(expected, WAIT_S)


async def test_orders_trades_and_balances_are_pushed(mexc: Any) -> None:
    orders, trades, balance = await subscribed(
        mexc, mexc.watch_orders(BTC), mexc.watch_my_trades(BTC), mexc.watch_balance()
    )
    placed = await mexc.create_order(BTC, "limit", "buy", 0.004, 95_000, {"clientOrderId": "mine"})
    (order,) = await pushed(orders)
    assert (order["id"], order["clientOrderId"], order["status"]) == (placed["id"], "mine", "closed")
    (trade,) = await pushed(trades)
    assert (trade["order"], trade["price"], trade["amount"]) == (placed["id"], 95_000, 0.004)
    assert (await pushed(balance))["BTC"]["free"] == 2.003998


async def test_public_trades_and_best_prices_are_pushed(mexc: Any) -> None:
    ticker, trades = await subscribed(mexc, mexc.watch_ticker(BTC), mexc.watch_trades(BTC))
    shown = await pushed(ticker)
    assert (shown["bid"], shown["ask"], shown["askVolume"]) == (94_000, 95_000, 0.004)
    await mexc.create_order(BTC, "limit", "buy", 0.003, 95_000)
    (trade,) = await pushed(trades)
    assert (trade["price"], trade["amount"], trade["side"]) == (95_000, 0.003, "buy")


async def test_the_order_book_is_kept_from_a_snapshot_and_its_changes(mexc: Any) -> None:
    mexc.options["watchOrderBook"]["snapshotDelay"] = 0
    (book,) = await subscribed(mexc, mexc.watch_order_book(BTC))
    await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000)
    shown = await pushed(book)
    assert dict(shown["bids"]) == {94_000: 1, 90_000: 0.01}
    (book,) = await subscribed(mexc, mexc.watch_order_book(BTC))
    await mexc.create_order(BTC, "limit", "buy", 0.004, 95_000)
    assert dict((await pushed(book))["asks"]) == {95_500: 1}
