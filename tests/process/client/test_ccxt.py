"""A script that was written for ccxt runs with ccxt and with the client's object, and gets the same from both.

What ccxt alone gets wrong is shown side by side: after a lost answer or a timeout the script's own repetition makes a
second order with ccxt, and none with the daemon, which is killed as well.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import aiohttp
import anyio
import ccxt.async_support as theirs
import pytest

from daemon.client import ccxt as ours
from daemon.client import ccxt_errors, ccxt_shapes, shapes
from tests.process.client.cutting import cutter
from tests.support import Daemon, Exchange
from tests.support.daemon_process import KEYS
from tests.support.stage import Stage
from tests.support.waiting import eventually

BTC = "BTC/USDT"
QUICK_MS = 400
"""A timeout that passes while the exchange is frozen."""


@asynccontextmanager
async def with_ccxt(exchange: Exchange, **config: Any) -> AsyncIterator[Any]:
    """Connect ccxt to the exchange."""
    # ccxt's own session passes enable_cleanup_closed, about which aiohttp warns from Python 3.12.7 on.
    async with aiohttp.ClientSession() as session:
        keys = {"apiKey": KEYS.api_key, "secret": KEYS.api_secret}
        quick = {"enableRateLimit": False, "timeout_on_exit": 0, "verify": False}
        mexc = theirs.mexc({**keys, **quick, "session": session, **config})
        for api in ("spot", "contract"):
            addresses = mexc.urls["api"][api]
            mexc.urls["api"][api] = {k: a.replace("https://api.mexc.com", exchange.url) for k, a in addresses.items()}
        try:
            await mexc.load_markets()
            yield mexc
        finally:
            await mexc.close()


@asynccontextmanager
async def with_the_daemon(daemon: Daemon, **config: Any) -> AsyncIterator[ours.mexc]:
    """Connect our object to the daemon, with the configuration of a ccxt object."""
    mexc = ours.mexc({"apiKey": "ignored", "secret": "ignored", "socket": str(daemon.signals), **config})
    try:
        yield mexc
    finally:
        await mexc.close()


@pytest.fixture(params=["ccxt", "sniperd"])
async def each(request: pytest.FixtureRequest, exchange: Exchange, daemon: Daemon) -> AsyncIterator[tuple[Any, Any]]:
    """A module and its object: ccxt's, and then ours."""
    if request.param == "ccxt":
        async with with_ccxt(exchange) as mexc:
            yield theirs, mexc
    else:
        async with with_the_daemon(daemon) as mexc:
            yield ours, mexc


Each = tuple[Any, Any]


# One script with both.


async def test_a_limit_order_rests_is_found_and_is_cancelled(each: Each) -> None:
    _, mexc = each
    placed = await mexc.create_order(BTC, "limit", "buy", 0.001, 50_000)
    asked = (placed["symbol"], placed["type"], placed["side"], placed["amount"], placed["price"])
    assert asked == (BTC, "limit", "buy", 0.001, 50_000)
    found = await mexc.fetch_order(placed["id"], BTC)
    assert (found["id"], found["status"], found["timeInForce"]) == (placed["id"], "open", "GTC")
    assert (found["filled"], found["remaining"], found["cost"], found["average"]) == (0, 0.001, 0, None)
    assert found["datetime"].startswith("20")
    assert found["datetime"].endswith("Z")
    assert [order["id"] for order in await mexc.fetch_open_orders(BTC)] == [placed["id"]]
    assert (await mexc.cancel_order(placed["id"], BTC))["status"] == "canceled"
    assert await mexc.fetch_open_orders(BTC) == []


async def test_an_order_is_found_and_cancelled_by_its_client_id(each: Each) -> None:
    module, mexc = each
    mine = {"clientOrderId": f"mine-{module.__name__.replace('.', '-')}"}
    placed = await mexc.create_limit_buy_order(BTC, 0.001, 50_000, mine)
    found = await mexc.fetch_order(None, BTC, mine)
    assert (found["id"], found["clientOrderId"]) == (placed["id"], mine["clientOrderId"])
    assert (await mexc.cancel_order(None, BTC, mine))["id"] == placed["id"]


async def test_two_equal_calls_are_two_orders(each: Each) -> None:
    _, mexc = each
    ids = {(await mexc.create_limit_buy_order(BTC, 0.001, 50_000))["id"] for _ in range(2)}
    assert {order["id"] for order in await mexc.fetch_open_orders(BTC)} == ids
    assert len(ids) == 2
    for found in ids:
        await mexc.cancel_order(found, BTC)


async def test_a_market_purchase_spends_its_cost(each: Each) -> None:
    _, mexc = each
    for placed in (
        await mexc.create_market_buy_order_with_cost(BTC, 25),
        await mexc.create_order(BTC, "market", "buy", None, None, {"cost": 25}),
        await mexc.create_market_order(BTC, "buy", 0.001, 25_000),
    ):
        order = await mexc.fetch_order(placed["id"], BTC)
        assert (order["status"], order["type"], order["side"]) == ("closed", "market", "buy")
        assert 20 < order["cost"] <= 25
        assert order["cost"] == pytest.approx(order["average"] * order["filled"])


async def test_a_market_sale_sells_its_amount(each: Each) -> None:
    _, mexc = each
    placed = await mexc.create_market_sell_order(BTC, 0.001)
    order = await mexc.fetch_order(placed["id"], BTC)
    assert (order["status"], order["filled"], order["amount"], order["remaining"]) == ("closed", 0.001, 0.001, 0)


@pytest.mark.parametrize(
    ("params", "in_force", "status"),
    [
        ({"timeInForce": "IOC"}, "IOC", "canceled"),
        ({"timeInForce": "FOK"}, "FOK", "canceled"),
        ({"postOnly": True}, "POST_ONLY", "open"),
    ],
)
async def test_the_time_in_force_has_its_meaning(
    each: Each, params: dict[str, Any], in_force: str, status: str
) -> None:
    _, mexc = each
    placed = await mexc.create_order(BTC, "limit", "buy", 0.001, 50_000, params)
    order = await mexc.fetch_order(placed["id"], BTC)
    assert (order["status"], order["type"], order["timeInForce"], order["filled"]) == (status, "limit", in_force, 0)
    if status == "open":
        await mexc.cancel_order(placed["id"], BTC)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((BTC, "limit", "buy", 20, 90_000), "InsufficientFunds"),
        ((BTC, "limit", "sell", 3, 99_000), "InsufficientFunds"),
        ((BTC, "limit", "buy", 0.00001, 50_000), "InvalidOrder"),
        (("NOPE/USDT", "limit", "buy", 1, 1), "BadSymbol"),
        ((BTC, None, "buy", 1, 1), "ArgumentsRequired"),
    ],
)
async def test_a_refused_order_raises_the_same_exception(each: Each, arguments: tuple[Any, ...], error: str) -> None:
    module, mexc = each
    with pytest.raises(getattr(theirs, error)) as caught:
        await mexc.create_order(*arguments)
    assert caught.type is getattr(module, error)


async def test_an_unknown_order_is_an_exchange_error(each: Each) -> None:
    module, mexc = each
    for call in (mexc.fetch_order, mexc.cancel_order):
        with pytest.raises(module.ExchangeError):
            await call("C02__1", BTC)


async def test_the_structure_has_ccxts_fields(daemon: Daemon, exchange: Exchange) -> None:
    async with with_ccxt(exchange) as mexc, with_the_daemon(daemon) as safe:
        found = [
            await each.fetch_order((await each.create_order(BTC, "limit", "buy", 0.001, 50_000))["id"], BTC)
            for each in (mexc, safe)
        ]
        for each, order in zip((mexc, safe), found, strict=True):
            await each.cancel_order(order["id"], BTC)
    assert set(found[0]) == set(found[1])
    differ = {name for name in found[0] if found[0][name] != found[1][name]}
    assert differ <= {"id", "clientOrderId", "timestamp", "datetime", "lastUpdateTimestamp", "info"}
    assert all(type(found[0][name]) is type(found[1][name]) for name in ("price", "amount", "cost", "filled", "status"))


@pytest.mark.parametrize("side", ["buy", "sell"])
async def test_the_trades_of_an_order_have_ccxts_structure_and_its_fees(
    daemon: Daemon, exchange: Exchange, side: str
) -> None:
    """MEXC shows fees only in trades: ccxt has none in an order, and so has the daemon's object."""
    found = []
    async with with_ccxt(exchange) as mexc, with_the_daemon(daemon) as safe:
        for each in (mexc, safe):
            placed = await each.create_order(BTC, "limit", side, 0.001, 98_000 if side == "buy" else 92_000)
            if each is safe:
                await anyio.to_thread.run_sync(eventually, lambda: daemon.explain(placed["id"])["fills"], "the fills")  # noqa: B023  # awaited at once
            order = await each.fetch_order(placed["id"], BTC)
            assert (order["status"], order["fee"], order["fees"], order["trades"]) == ("closed", None, [], [])
            [trade] = await each.fetch_order_trades(placed["id"], BTC)
            assert trade["order"] == placed["id"]
            assert trade["cost"] == pytest.approx(trade["price"] * trade["amount"])
            assert trade["fees"] == [trade["fee"]]
            paid = trade["amount"] if side == "buy" else trade["cost"]
            assert trade["fee"]["cost"] == pytest.approx(paid * 0.0005)
            assert await each.fetch_order_trades(placed["id"], BTC, trade["timestamp"], 5) == [trade]
            assert await each.fetch_order_trades(placed["id"], BTC, trade["timestamp"] + 1) == []
            assert await each.fetch_order_trades(placed["id"], BTC, None, 1) == [trade]
            found.append(trade)
    assert set(found[0]) == set(found[1])
    alike = ("symbol", "type", "side", "takerOrMaker", "amount")
    assert [found[0][name] for name in alike] == [found[1][name] for name in alike]
    assert found[0]["fee"]["currency"] == found[1]["fee"]["currency"] == ("BTC" if side == "buy" else "USDT")
    typed = ("id", "timestamp", "datetime", "price", "cost")
    assert [type(found[0][name]) for name in typed] == [type(found[1][name]) for name in typed]


async def test_an_order_without_trades_has_none(each: Each) -> None:
    _, mexc = each
    placed = await mexc.create_limit_buy_order(BTC, 0.001, 50_000)
    assert await mexc.fetch_order_trades(placed["id"], BTC) == []
    await mexc.cancel_order(placed["id"], BTC)


async def test_methods_have_ccxts_two_names(each: Each) -> None:
    _, mexc = each
    placed = await mexc.createLimitBuyOrder(BTC, 0.001, 50_000)
    assert (await mexc.fetchOrder(placed["id"], BTC))["status"] == "open"
    assert len(await mexc.fetchOpenOrders(BTC)) == 1
    await mexc.cancelOrder(placed["id"], BTC)
    missing = [name for name, is_there in ours.mexc().has.items() if is_there and not hasattr(mexc, name)]
    assert missing == ["spot"], "a kind of market, no method"


# What ccxt alone gets wrong: how many orders the exchange has after the script's own repetition.


async def naive(module: Any, mexc: Any, arguments: tuple[Any, ...] = (BTC, "limit", "buy", 0.001, 50_000)) -> Any:
    """Place an order as many scripts do: whatever the network does, once more."""
    for _ in range(20):
        try:
            return await mexc.create_order(*arguments)
        except module.NetworkError:
            continue
    raise AssertionError("twenty calls failed")


@pytest.fixture
def own_exchange(own_stage: Stage) -> Exchange:
    return own_stage.exchange()


@pytest.fixture
def own_daemon(own_stage: Stage, own_exchange: Exchange) -> Daemon:
    # What reaches the frozen exchange is still valid when it continues, as it is for ccxt.
    daemon = own_stage.daemon(own_exchange, {"exchange": {"recv_window_ms": 10_000}})
    daemon.start(with_rules=True)
    return daemon


async def test_a_lost_answer_is_two_orders_with_ccxt(own_exchange: Exchange) -> None:
    async with with_ccxt(own_exchange) as mexc:
        own_exchange.inject("reply_lost")
        await naive(theirs, mexc)
    assert len(own_exchange.orders()) == 2


async def test_a_lost_answer_is_one_order_with_the_daemon(own_exchange: Exchange, own_daemon: Daemon) -> None:
    async with with_the_daemon(own_daemon) as mexc:
        own_exchange.inject("reply_lost")
        order = await naive(ours, mexc)
    [placed] = own_exchange.orders()
    assert (order["status"], order["info"]["exchangeOrderId"]) == ("open", placed["orderId"])


async def time_out(module: Any, mexc: Any, exchange: Exchange, meanwhile: Callable[[], object]) -> None:
    """Place an order on an exchange that is frozen until the call has timed out and ``meanwhile`` has returned."""
    with exchange.frozen():
        with pytest.raises(module.RequestTimeout):
            await mexc.create_order(BTC, "limit", "buy", 0.001, 50_000)
        meanwhile()


async def test_a_timeout_is_two_orders_with_ccxt(own_exchange: Exchange) -> None:
    async with with_ccxt(own_exchange) as mexc:
        mexc.timeout = QUICK_MS
        await time_out(theirs, mexc, own_exchange, lambda: None)
        mexc.timeout = 30_000
        await naive(theirs, mexc)
    assert len(own_exchange.orders()) == 2


async def test_a_timeout_is_one_order_with_the_daemon(own_exchange: Exchange, own_daemon: Daemon) -> None:
    async with with_the_daemon(own_daemon, timeout=QUICK_MS) as mexc:
        await time_out(ours, mexc, own_exchange, lambda: None)
        order = await naive(ours, mexc)
    [placed] = own_exchange.orders()
    assert order["info"]["exchangeOrderId"] == placed["orderId"]


async def test_a_timeout_is_one_order_with_a_daemon_that_is_killed_meanwhile(
    own_exchange: Exchange, own_daemon: Daemon
) -> None:
    """Killed while the exchange holds the request. The script repeats its call when the daemon runs again."""
    async with with_the_daemon(own_daemon, timeout=QUICK_MS) as mexc:
        await time_out(ours, mexc, own_exchange, own_daemon.kill)
        await anyio.to_thread.run_sync(own_daemon.start)
        order = await naive(ours, mexc)
    [placed] = own_exchange.orders()
    assert order["info"]["exchangeOrderId"] == placed["orderId"]


async def test_a_call_lasts_over_a_killed_daemon(own_exchange: Exchange, own_daemon: Daemon) -> None:
    """The script sees neither the lost connection nor the restart: its one call returns the one order."""
    told: list[Any] = []

    async def call() -> None:
        told.append(await mexc.create_order(BTC, "limit", "buy", 0.001, 50_000))

    async with with_the_daemon(own_daemon) as mexc, anyio.create_task_group() as tasks:
        with own_exchange.frozen():
            tasks.start_soon(call)
            await anyio.to_thread.run_sync(own_daemon.wait_for, "order.sent")
            own_daemon.kill()
        await anyio.to_thread.run_sync(own_daemon.start)
    [placed] = own_exchange.orders()
    assert (told[0]["status"], told[0]["info"]["exchangeOrderId"]) == ("open", placed["orderId"])


async def test_a_call_that_the_script_gave_up_is_repeated_as_one_order(
    own_exchange: Exchange, own_daemon: Daemon
) -> None:
    """``asyncio.wait_for`` cancels the call: ccxt's request may have arrived, and so may ours."""
    arguments = (BTC, "limit", "buy", 0.001, 50_000)
    async with with_the_daemon(own_daemon) as mexc:
        with own_exchange.frozen(), pytest.raises(TimeoutError):
            await asyncio.wait_for(mexc.create_order(*arguments), QUICK_MS / 1_000)
        first = await mexc.create_order(*arguments)
        assert len(own_exchange.orders()) == 1
        second = await mexc.create_order(*arguments)
    assert first["id"] != second["id"], "its outcome is known, so the next equal call is a new order"
    assert len(own_exchange.orders()) == 2


async def test_an_answer_lost_on_the_way_from_the_daemon_is_one_order(
    own_exchange: Exchange, own_daemon: Daemon
) -> None:
    path = own_daemon.directory / "cut.sock"
    async with cutter(path, own_daemon.signals) as between, ours.mexc({"socket": path}) as mexc:
        between.cuts = 2
        order = await naive(ours, mexc)
        between.cuts = 1
        assert (await mexc.cancel_order(order["id"], BTC))["status"] == "canceled"
    assert len(own_exchange.orders()) == 1


async def test_a_script_that_was_restarted_repeats_its_order_by_its_client_id(
    own_exchange: Exchange, own_daemon: Daemon
) -> None:
    arguments = (BTC, "market", "buy", None, None, {"cost": 25, "clientOrderId": "entry-1"})
    found = []
    for _ in range(2):
        async with with_the_daemon(own_daemon) as mexc:
            found.append(await mexc.create_order(*arguments))
            with pytest.raises(ours.DuplicateOrderId):
                await mexc.create_order(BTC, "market", "buy", None, None, {"cost": 30, "clientOrderId": "entry-1"})
    assert found[0] == found[1] | {"info": found[0]["info"]}
    assert len(own_exchange.orders()) == 1


async def test_a_daemon_that_is_away_is_a_timeout(own_daemon: Daemon) -> None:
    own_daemon.kill()
    async with with_the_daemon(own_daemon, timeout=QUICK_MS) as mexc:
        for call in (
            mexc.fetch_open_orders,
            lambda: mexc.fetch_order("1"),
            lambda: mexc.fetch_order_trades("1"),
            lambda: mexc.cancel_order("1"),
        ):
            with pytest.raises(theirs.RequestTimeout):
                await call()


async def test_a_halted_daemon_is_an_exchange_that_is_not_available(own_exchange: Exchange, own_daemon: Daemon) -> None:
    assert own_daemon.ask("POST", "/v1/admin/halt", {"reason": "a test"}).status == 200
    async with with_the_daemon(own_daemon) as mexc:
        with pytest.raises(theirs.ExchangeNotAvailable):
            await mexc.create_limit_buy_order(BTC, 0.001, 50_000)
    assert own_exchange.orders() == []


async def test_nothing_that_would_change_the_order_is_ignored(daemon: Daemon, exchange: Exchange) -> None:
    before = len(exchange.orders())
    async with with_the_daemon(daemon) as mexc:
        for error, arguments in (
            (ours.NotSupported, (BTC, "limit", "buy", 0.001, 50_000, {"triggerPrice": 60_000})),
            (ours.NotSupported, ("BTC/USDT:USDT", "limit", "buy", 0.001, 50_000)),
            (ours.InvalidOrder, (BTC, "market", "buy", 0.001, None, {"postOnly": True})),
            (ours.InvalidOrder, (BTC, "limit", "buy", float("nan"), 50_000)),
            (ours.ArgumentsRequired, (BTC, "limit", "buy", None, 50_000)),
        ):
            with pytest.raises(error):
                await mexc.create_order(*arguments)
        assert (mexc.has["createOrder"], mexc.has["fetchBalance"]) == (True, False)
    assert len(exchange.orders()) == before


# What is copied from ccxt is as it is there.


def test_names_of_currencies_are_ccxts() -> None:
    assert theirs.mexc().commonCurrencies == ccxt_shapes.RENAMED
    assert ccxt_shapes.market_id("GMT/USDT") == "STEPNUSDT"
    assert ccxt_shapes.unified("STEPNUSDT") == "GMT/USDT"
    assert [ccxt_shapes.unified(symbol) for symbol in ("BTCUSDC", "ABCXYZ")] == ["BTC/USDC", "ABCXYZ"]
    with pytest.raises(theirs.BadSymbol):
        ccxt_shapes.market_id("STEPN/USDT")


def test_each_code_raises_ccxts_exception() -> None:
    exact = theirs.mexc().exceptions["exact"]
    assert {code: exact[code] for code in ccxt_errors.CODES} == ccxt_errors.CODES
    oversold = ccxt_errors.of_code("30005", "refused (30005): Oversold", expired=False)
    assert type(oversold) is theirs.InsufficientFunds
    assert type(ccxt_errors.of_code("99999", "new", expired=False)) is theirs.ExchangeError
    assert type(ccxt_errors.of_code(None, "too late", expired=True)) is theirs.ExchangeNotAvailable


def test_every_state_has_a_status() -> None:
    assert set(ccxt_shapes.STATUS) == set(shapes.PHASES)


LINEAGE = """
import sys
if sys.argv[1] == "without":
    sys.modules["ccxt"] = None
from daemon.client import ccxt
for name in sorted(ccxt.__all__):
    print([each.__name__ for each in getattr(ccxt, name).__mro__], name == "mexc" or getattr(ccxt, name).__module__)
"""


def lineage(ccxt: str) -> list[str]:
    ran = subprocess.run([sys.executable, "-c", LINEAGE, ccxt], capture_output=True, text=True, check=True, timeout=60)
    return ran.stdout.splitlines()


def test_without_ccxt_the_exceptions_are_classes_with_the_same_names_and_bases() -> None:
    own, installed = lineage("without"), lineage("with")
    assert own == [line.replace("ccxt.base.errors", "daemon.client.ccxt_errors") for line in installed]
    assert any("ccxt.base.errors" in line for line in installed)


def test_the_module_takes_the_place_of_ccxts() -> None:
    assert isinstance(ours, ModuleType)
    assert [name for name in ours.__all__ if not hasattr(theirs, name)] == []
