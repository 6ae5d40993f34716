"""Guards over real sockets: refused with the guard's name, changed by a reload; `tests/process/api` kills."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.core.rules.exposure import DAY_MS
from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy, market_sell, resting_buy
from tests.support.stage import Stage
from tests.support.unix_http import Answer

LAST_PRICE = "GET /api/v3/ticker/price"
OFF: dict[str, Any] = {
    "repeat_window_ms": 0, "max_notional_per_order": 0.0, "max_notional_per_day": 0.0, "max_open_buys_per_owner": 0,
    "allowed_symbols": [], "forbidden_symbols": [], "price_band_percent": 0.0,
}  # fmt: skip
MARGIN_MS = 20_000


@pytest.fixture(scope="module")
def its_daemon(package_stage: Stage, package_exchange: Exchange) -> Daemon:
    """A daemon whose guards the tests change."""
    daemon = package_stage.daemon(package_exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.fixture
def guarded(its_daemon: Daemon, exchange: Exchange) -> Iterator[Daemon]:
    """The same daemon, without guards before and after a test."""
    del exchange  # whose faults end with the test
    set_guards(its_daemon)
    yield its_daemon
    set_guards(its_daemon)


def set_guards(daemon: Daemon, **guards: Any) -> None:
    """Set these guards, and no others."""
    daemon.configure({"guards": OFF | guards})
    assert daemon.reload()["event"] == "daemon.reloaded"


def check_refused(answer: Answer, guard: str, said: str) -> None:
    assert (answer.status, answer.json["error"], answer.json["guard"]) == (409, "guarded", guard), answer.raw
    assert said in answer.json["message"]
    assert f"[guards] {guard}" in answer.json["message"]


def keep_clear_of_midnight() -> None:
    """Wait past midnight if the day would end during a test."""
    left_ms = DAY_MS - wall_ms() % DAY_MS
    if left_ms < MARGIN_MS:
        time.sleep(left_ms / 1_000)


def test_a_double_click_buys_once(guarded: Daemon, exchange: Exchange) -> None:
    set_guards(guarded, repeat_window_ms=60_000)
    first, second = market_buy(ownerId="anna"), market_buy(ownerId="anna")
    order = guarded.submit(first, wait_s=10).json
    check_refused(guarded.submit(second), "repeat_window_ms", order["id"])
    told = guarded.wait_for("request.refused", code="guarded")
    assert (told["status"], order["id"] in told["message"]) == (409, True)
    again = guarded.submit(first)
    assert (again.status, again.json["id"]) == (200, order["id"]), "a repetition places nothing, and is answered"
    assert guarded.submit(second | {"allowRepeat": True}, wait_s=10).json["state"] == "filled"
    assert guarded.submit(market_buy(ownerId="bert"), wait_s=10).json["state"] == "filled"
    assert len(exchange.arrivals(order["id"])) == 1


def test_a_refused_first_signal_does_not_block_the_second(guarded: Daemon, exchange: Exchange) -> None:
    set_guards(guarded, repeat_window_ms=60_000)
    exchange.inject({"kind": "refused", "code": 30004, "count": 1})
    assert guarded.submit(market_buy(ownerId="carl"), wait_s=10).json["state"] == "rejected"
    assert guarded.submit(market_buy(ownerId="carl"), wait_s=10).json["state"] == "filled"


def test_a_price_far_above_the_market_is_refused(guarded: Daemon, exchange: Exchange) -> None:
    set_guards(guarded, price_band_percent=1.0)
    asked = len(exchange.arrivals(endpoint=LAST_PRICE))
    high, low = resting_buy(price="200000"), market_sell(type="LIMIT", price="90000")
    check_refused(guarded.submit(high), "price_band_percent", "200000 is more than 1 % above")
    check_refused(guarded.submit(low), "price_band_percent", "90000 is more than 1 % below")
    assert guarded.submit(resting_buy(), wait_s=10).json["state"] == "open", "below the market a BUY harms nobody"
    assert len(exchange.arrivals(endpoint=LAST_PRICE)) - asked <= 2, "a price is kept for a moment"
    assert guarded.submit(low | {"skipLock": True}, wait_s=10).json["state"] == "filled"


def test_without_a_last_price_the_guard_refuses(guarded: Daemon, exchange: Exchange) -> None:
    set_guards(guarded, price_band_percent=10.0, max_notional_per_order=1_000.0)
    exchange.inject({"kind": "error_before", "endpoint": LAST_PRICE})
    limit, market = resting_buy(symbol="XRPUSDT"), market_buy(symbol="DOGEUSDT", quoteOrderQty=None, quantity="100")
    check_refused(guarded.submit(limit | {"quantity": "30", "price": "1"}), "price_band_percent", "cannot be had")
    check_refused(guarded.submit(market), "max_notional_per_order", "cannot be had")


def test_a_market_order_by_quantity_is_judged_by_the_last_price(guarded: Daemon) -> None:
    set_guards(guarded, max_notional_per_order=50.0)
    bought = {"quoteOrderQty": None, "quantity": "0.001"}
    check_refused(guarded.submit(market_buy(**bought)), "max_notional_per_order", "USDT, the limit is 50")
    set_guards(guarded, max_notional_per_order=500.0)
    assert guarded.submit(market_buy(**bought), wait_s=10).json["state"] == "filled"


def test_a_pair_that_must_not_be_bought_can_be_sold(guarded: Daemon) -> None:
    set_guards(guarded, forbidden_symbols=["BTCUSDT"])
    check_refused(guarded.submit(market_buy()), "forbidden_symbols", "BTCUSDT must not be bought")
    assert guarded.submit(market_sell(), wait_s=10).json["state"] == "filled"
    set_guards(guarded, allowed_symbols=["ETHUSDT"])
    check_refused(guarded.submit(market_buy()), "allowed_symbols", "BTCUSDT must not be bought")
    assert guarded.submit(market_sell(), wait_s=10).json["state"] == "filled"


def test_a_batch_is_guarded_as_a_whole(guarded: Daemon) -> None:
    set_guards(guarded, repeat_window_ms=60_000)
    batch = [market_sell(), market_buy(ownerId="dora"), market_buy(ownerId="dora")]
    newest = guarded.get("/v1/orders?limit=1")["orders"][0]["id"]
    refused = guarded.ask("POST", "/v1/signals/batch", batch)
    check_refused(refused, "repeat_window_ms", "[2]: dora bought BTCUSDT")
    assert guarded.get("/v1/orders?limit=1")["orders"][0]["id"] == newest
    wanted = [*batch[:2], batch[2] | {"allowRepeat": True}]
    assert guarded.ask("POST", "/v1/signals/batch", wanted).status == 202
