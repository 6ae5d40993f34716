"""ccxt, an independent client, trades on the simulated exchange over HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import ccxt.async_support as ccxt
import pytest

from daemon.simulator.book import Book
from daemon.simulator.exchange import SimulatedExchange
from daemon.simulator.faults import Fault
from daemon.simulator.limits import UNLIMITED, Limits
from daemon.simulator.server import serving
from tests.simulator.trader import ACCESS_KEY, SECRET_KEY, new_exchange

BTC = "BTC/USDT"
LEVELS = {"bids": [["94000", "1"]], "asks": [["95000", "0.004"], ["95500", "1"]]}


@asynccontextmanager
async def ccxt_on(
    exchange: SimulatedExchange, secret: str = SECRET_KEY, kind: type[Any] = ccxt.mexc
) -> AsyncIterator[Any]:
    """Connect one of ccxt's MEXC clients to a served exchange."""
    quick = {"enableRateLimit": False, "timeout_on_exit": 0, "verify": False}  # no TLS, no rate limit to wait for
    # ccxt's own session passes enable_cleanup_closed, about which aiohttp warns from Python 3.12.7 on.
    async with serving(exchange) as url, aiohttp.ClientSession() as session:
        client = kind({"apiKey": ACCESS_KEY, "secret": secret, "session": session, **quick})
        for api in ("spot", "contract"):
            addresses = client.urls["api"][api]
            client.urls["api"][api] = {kind: a.replace("https://api.mexc.com", url) for kind, a in addresses.items()}
        client.simulator_url = url
        try:
            yield client
        finally:
            await client.close()


@pytest.fixture
async def mexc() -> AsyncIterator[Any]:
    """A ccxt client of an exchange whose bitcoin market offers LEVELS."""
    book = Book()
    async with ccxt_on(new_exchange(book)) as client:
        await offer(client, **LEVELS)
        yield client
    book.close()


async def control(client: Any, method: str, path: str, content: object) -> None:
    """Use a control route, over the client's own connection."""
    client.open()
    url = f"{client.simulator_url}/simulator/{path}"
    async with client.session.request(method, url, json=content) as reply:
        assert reply.status == 200


async def offer(client: Any, **levels: object) -> None:
    """Replace the levels of the bitcoin market."""
    await control(client, "POST", "market", {"symbol": "BTCUSDT", **levels})


async def test_markets_are_loaded_with_their_rules(mexc: Any) -> None:
    markets = await mexc.load_markets()
    assert len(markets) == 43
    bitcoin = markets[BTC]
    assert (bitcoin["active"], bitcoin["precision"]) == (True, {"amount": 1e-06, "price": 0.01})
    assert bitcoin["limits"]["cost"] == {"min": 1.0, "max": 2_000_000.0}
    assert markets["币安人生/USDT"]["id"] == "币安人生USDT"


async def test_time_status_and_market_data_are_understood(mexc: Any) -> None:
    assert await mexc.fetch_time() > 1_700_000_000_000
    assert (await mexc.fetch_status())["status"] == "ok"
    ticker = await mexc.fetch_ticker(BTC)
    assert (ticker["bid"], ticker["ask"]) == (94_000, 95_000)
    assert len(await mexc.fetch_tickers()) == 43
    assert len(await mexc.fetch_bids_asks()) == 43
    book = await mexc.fetch_order_book(BTC, limit=1)
    assert (book["bids"], book["asks"]) == ([[94_000, 1]], [[95_000, 0.004]])
    (candle,) = await mexc.fetch_ohlcv("ETH/USDT", "1m", limit=1)
    assert candle[4] > 3_000


async def test_balances_are_understood(mexc: Any) -> None:
    balance = await mexc.fetch_balance()
    assert balance["USDT"] == {"free": 1_000_000, "used": 0, "total": 1_000_000}
    await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000)
    assert (await mexc.fetch_balance())["USDT"] == {"free": 999_100, "used": 900, "total": 1_000_000}


async def test_fees_are_understood(mexc: Any) -> None:
    fee = await mexc.fetch_trading_fee(BTC)
    assert (fee["maker"], fee["taker"]) == (0, 0.0005)


async def test_a_limit_order_is_placed_found_by_both_ids_and_cancelled(mexc: Any) -> None:
    placed = await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000, {"clientOrderId": "mine"})
    by_id = await mexc.fetch_order(placed["id"], BTC)
    by_client_id = await mexc.fetch_order(None, BTC, {"clientOrderId": "mine"})
    assert by_id == by_client_id
    assert (by_id["status"], by_id["clientOrderId"], by_id["remaining"]) == ("open", "mine", 0.01)
    assert [order["id"] for order in await mexc.fetch_open_orders(BTC)] == [placed["id"]]
    assert (await mexc.cancel_order(placed["id"], BTC))["status"] == "canceled"
    assert await mexc.fetch_open_orders(BTC) == []
    assert [order["id"] for order in await mexc.fetch_canceled_orders(BTC)] == [placed["id"]]


async def test_an_order_is_cancelled_by_its_client_id(mexc: Any) -> None:
    placed = await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000, {"clientOrderId": "mine"})
    assert (await mexc.cancel_order(None, BTC, {"clientOrderId": "mine"}))["id"] == placed["id"]


async def test_a_market_order_by_cost_spends_at_most_that_cost(mexc: Any) -> None:
    placed = await mexc.create_market_buy_order_with_cost(BTC, 190)
    filled = await mexc.fetch_order(placed["id"], BTC)
    assert (filled["status"], filled["type"], filled["average"]) == ("closed", "market", 95_000)
    assert 180 < filled["cost"] <= 190


async def test_a_market_sale_fills_at_the_best_bid(mexc: Any) -> None:
    placed = await mexc.create_order(BTC, "market", "sell", 0.5)
    assert (await mexc.fetch_order(placed["id"], BTC))["cost"] == 47_000


@pytest.mark.parametrize(
    ("parameters", "price", "amount", "status", "filled"),
    [
        ({"timeInForce": "IOC"}, 95_000, 0.01, "canceled", 0.004),
        ({"timeInForce": "IOC"}, 94_500, 0.01, "canceled", 0),
        ({"timeInForce": "FOK"}, 95_000, 0.01, "canceled", 0),
        ({"timeInForce": "FOK"}, 95_500, 0.01, "closed", 0.01),
        ({"postOnly": True}, 95_000, 0.01, "canceled", 0),
        ({"postOnly": True}, 94_500, 0.01, "open", 0),
    ],
)
async def test_order_types_have_the_usual_outcomes(
    mexc: Any, parameters: dict[str, object], price: float, amount: float, status: str, filled: float
) -> None:
    placed = await mexc.create_order(BTC, "limit", "buy", amount, price, parameters)
    found = await mexc.fetch_order(placed["id"], BTC)
    assert (found["status"], found["filled"]) == (status, filled)


async def test_trades_are_understood(mexc: Any) -> None:
    placed = await mexc.create_order(BTC, "limit", "buy", 0.01, 95_500)
    trades = await mexc.fetch_my_trades(BTC)
    assert sorted((trade["price"], trade["amount"], trade["takerOrMaker"]) for trade in trades) == [
        (95_000, 0.004, "taker"),
        (95_500, 0.006, "taker"),
    ]
    assert {trade["fee"]["currency"] for trade in trades} == {"BTC"}
    assert len(await mexc.fetch_order_trades(placed["id"], BTC)) == 2


async def test_closed_orders_and_all_orders_are_understood(mexc: Any) -> None:
    filled = await mexc.create_order(BTC, "limit", "buy", 0.01, 96_000)
    resting = await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000)
    found = {order["id"]: order["status"] for order in await mexc.fetch_orders(BTC)}
    assert found == {filled["id"]: "closed", resting["id"]: "open"}
    assert filled["id"] in {order["id"] for order in await mexc.fetch_closed_orders(BTC)}


async def test_a_batch_is_placed_with_an_outcome_for_each(mexc: Any) -> None:
    orders = [
        {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": 90_000},
        {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.00001, "price": 90_000},
    ]
    placed, rejected = await mexc.create_orders(orders)
    assert (await mexc.fetch_order(placed["id"], BTC))["status"] == "open"
    assert (rejected["status"], rejected["info"]["code"]) == ("rejected", 30002)


async def test_all_orders_of_a_symbol_are_cancelled(mexc: Any) -> None:
    for price in (90_000, 91_000):
        await mexc.create_order(BTC, "limit", "buy", 0.01, price)
    assert [order["status"] for order in await mexc.cancel_all_orders(BTC)] == ["canceled", "canceled"]
    assert await mexc.fetch_open_orders() == []


async def test_a_test_order_places_nothing(mexc: Any) -> None:
    await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000, {"test": True})
    assert await mexc.fetch_open_orders(BTC) == []


async def test_a_symbol_in_chinese_characters_is_traded(mexc: Any) -> None:
    placed = await mexc.create_order("币安人生/USDT", "limit", "buy", 100, 0.1)
    assert (await mexc.fetch_order(placed["id"], "币安人生/USDT"))["status"] == "open"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((BTC, "limit", "buy", 20, 90_000), ccxt.InsufficientFunds),
        ((BTC, "limit", "sell", 3, 99_000), ccxt.InsufficientFunds),
        ((BTC, "limit", "buy", 0.00001, 90_000), ccxt.InvalidOrder),
        ((BTC, "limit", "buy", 30, 90_000), ccxt.InvalidOrder),
        ((BTC, "limit", "buy", 0.01, 200_000), ccxt.InvalidOrder),
        ((BTC, "limit", "buy", 0.01, 90_000, {"clientOrderId": "not legal"}), ccxt.BadRequest),
        ((BTC, "limit", "buy", 0.01, 90_000, {"symbol": "NOPEUSDT"}), ccxt.BadSymbol),
    ],
    ids=["buys too much", "sells too much", "too small", "too large", "too high", "client id", "symbol"],
)
async def test_a_refused_order_raises_the_right_exception(
    mexc: Any, arguments: tuple[Any, ...], expected: type[Exception]
) -> None:
    with pytest.raises(expected) as caught:
        await mexc.create_order(*arguments)
    assert caught.type is expected
    assert await mexc.fetch_open_orders(BTC) == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"status": "2"}, ccxt.ExchangeError),
        ({"status": "3"}, ccxt.InvalidOrder),
        ({"tradableByApi": False}, ccxt.BadSymbol),
        ({"tradeSideType": 3}, ccxt.InvalidOrder),
        ({"orderTypes": ["MARKET"]}, ccxt.InvalidOrder),
    ],
)
async def test_a_symbol_that_does_not_trade_raises_the_right_exception(
    mexc: Any, rules: dict[str, object], expected: type[Exception]
) -> None:
    await mexc.load_markets()
    await control(mexc, "POST", "market", {"symbol": "BTCUSDT", **rules})
    with pytest.raises(expected) as caught:
        await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000)
    assert caught.type is expected


async def test_an_unknown_order_raises_the_exchanges_error(mexc: Any) -> None:
    """Ccxt does not know -2013, and maps -2011 to a general error."""
    with pytest.raises(ccxt.ExchangeError, match="-2013"):
        await mexc.fetch_order("C02__1", BTC)
    with pytest.raises(ccxt.BadRequest, match="-2011"):
        await mexc.cancel_order("C02__1", BTC)


async def test_a_wrong_secret_raises_an_authentication_error() -> None:
    book = Book()
    async with ccxt_on(new_exchange(book), secret="wrong") as client:
        with pytest.raises(ccxt.AuthenticationError):
            await client.fetch_balance()
    book.close()


async def test_a_wrong_clock_raises_an_invalid_nonce(mexc: Any) -> None:
    await mexc.load_markets()
    mexc.options["timeDifference"] = 10_000
    with pytest.raises(ccxt.InvalidNonce):
        await mexc.fetch_balance()
    mexc.options["timeDifference"] = -10_000
    with pytest.raises(ccxt.InvalidNonce):
        await mexc.fetch_balance()
    await mexc.load_time_difference()
    await mexc.fetch_balance()
    mexc.options["recvWindow"] = 60_001
    with pytest.raises(ccxt.InvalidNonce):
        await mexc.fetch_balance()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("rate_limited"), ccxt.RateLimitExceeded),
        (Fault("forbidden"), ccxt.ExchangeNotAvailable),
        (Fault("error_after", status=503), ccxt.ExchangeNotAvailable),
        (Fault("error_after", status=504), ccxt.RequestTimeout),
        (Fault("reply_lost"), ccxt.NetworkError),
        (Fault("request_lost"), ccxt.NetworkError),
    ],
    ids=lambda value: getattr(value, "kind", None),
)
async def test_a_fault_raises_the_right_exception(mexc: Any, fault: Fault, expected: type[Exception]) -> None:
    await mexc.load_markets()
    plan = {"faults": [{"kind": fault.kind, "status": fault.status}]}
    await control(mexc, "PUT", "faults", plan)
    with pytest.raises(expected):
        await mexc.create_order(BTC, "limit", "buy", 0.01, 90_000)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(0, 0, 1, 0, 0, 0), ccxt.RateLimitExceeded),
        (Limits(0, 0, 1, 0, 0, 1), ccxt.DDoSProtection),
    ],
    ids=["429", "418"],
)
async def test_exceeding_a_limit_raises_the_right_exception(limits: Limits, expected: type[Exception]) -> None:
    book = Book()
    async with ccxt_on(new_exchange(book, limits=limits)) as client:
        await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
        with pytest.raises(ccxt.RateLimitExceeded):
            await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
        with pytest.raises(expected) as caught:
            await client.create_order(BTC, "limit", "buy", 0.01, 90_000)
        assert caught.type is expected
    book.close()


async def test_forty_symbols_are_traded_at_once() -> None:
    book = Book()
    exchange = new_exchange(book, limits=UNLIMITED)
    async with ccxt_on(exchange) as client:
        symbols = list(await client.load_markets())[:40]
        for symbol in symbols:
            await client.create_market_buy_order_with_cost(symbol, 50)
        assert {row["status"] for row in exchange.orders()} == {"FILLED"}
        assert len(exchange.orders()) == 40
    book.close()
