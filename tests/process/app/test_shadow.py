"""Shadow mode: the real market's rules, prices and time; orders on paper; nothing signed reaches the real market."""

import stat

import pytest

from tests.support import Daemon, Exchange, eventually
from tests.support.command import sniperd
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage

PUBLIC = {"/api/v3/time", "/api/v3/exchangeInfo", "/api/v3/depth"}


@pytest.fixture(scope="module")
def market(shared_stage: Stage) -> Exchange:
    """Another exchange, as the real market."""
    market = shared_stage.exchange("--listing", "REALUSDT@1", "--clock-offset-ms", "7000")
    market.change_market("BTCUSDT", bids=[["41999", "1"]], asks=[["42000", "0.001"], ["42100", "5"]])
    return market


@pytest.fixture(scope="module")
def daemon(shared_stage: Stage, market: Exchange) -> Daemon:
    """A daemon in shadow mode. It is given keys, and does not use them."""
    daemon = shared_stage.daemon(None, {"exchange": {"shadow": True, "base_url": market.url}})
    daemon.environ |= {"MEXC_API_KEY": "mx0vARealKey1234567", "MEXC_SECRET_KEY": "a-real-secret-0123456789abcdef"}
    daemon.start(with_rules=True)
    return daemon


def test_orders_are_filled_on_paper_at_the_real_markets_prices(daemon: Daemon, market: Exchange) -> None:
    filled = daemon.submit(market_buy(quoteOrderQty="84.1"), wait_s=10).json
    assert filled["state"] == "filled"
    assert 42_000 < float(filled["averagePrice"]) < 42_100
    assert market.orders() == []


def test_a_resting_order_is_filled_when_the_real_market_reaches_its_price(daemon: Daemon, market: Exchange) -> None:
    market.change_market("ETHUSDT", bids=[["2999", "1"]], asks=[["3000", "9"]])
    resting = daemon.accept(resting_buy(symbol="ETHUSDT", price="2500", quantity="0.01"))
    daemon.until(resting, "open")
    market.change_market("ETHUSDT", bids=[["2399", "1"]], asks=[["2400", "9"]])
    found = daemon.until(resting, "filled")
    assert float(found["averagePrice"]) == 2_500


def test_the_pairs_and_their_rules_are_the_real_markets(daemon: Daemon, market: Exchange) -> None:
    market.list_symbol("FRESHUSDT", 1)
    assert daemon.submit(market_buy(symbol="REALUSDT"), wait_s=10).json["state"] == "filled"
    assert daemon.submit(market_buy(symbol="FRESHUSDT"), wait_s=10).json["state"] == "filled"
    unknown = daemon.submit(market_buy(symbol="NOSUCHUSDT"))
    assert (unknown.status, unknown.json["field"]) == (400, "symbol")


def test_the_time_is_the_real_markets(daemon: Daemon) -> None:
    offset_ms = eventually(lambda: daemon.get("/v1/status")["exchange"]["offsetMs"], "the clock is measured")
    assert 6_000 < offset_ms < 8_000


def test_status_log_and_answers_name_the_shadow_mode(daemon: Daemon, market: Exchange) -> None:
    found = daemon.get("/v1/status")
    assert (found["mode"], found["shadowOf"]) == ("paper", market.url)
    assert daemon.process.events("daemon.starting")[0]["shadow_of"] == market.url
    assert daemon.submit(market_buy()).headers["sniperd-shadow-of"] == market.url
    ran = sniperd("status", "--config", str(daemon.config_path), environ=daemon.environ, directory=daemon.directory)
    assert f"SHADOW of {market.url}" in ran.output


def test_the_shadow_book_is_for_its_user_only(daemon: Daemon) -> None:
    books = [path for path in daemon.directory.iterdir() if path.name.startswith("shadow-exchange.db")]
    assert "shadow-exchange.db" in {path.name for path in books}
    assert {stat.S_IMODE(path.stat().st_mode) for path in books} == {0o600}


def test_without_the_market_nothing_is_bought(own_stage: Stage) -> None:
    market = own_stage.exchange()
    daemon = own_stage.daemon(None, {"exchange": {"shadow": True, "base_url": market.url}, "retry": {"longest_ms": 50}})
    daemon.start(with_rules=True)
    market.kill()
    order = daemon.until(daemon.accept(market_buy(deadlineMs=300)), "expired", "rejected")
    assert order["executedQuantity"] == "0"
    assert "30016" in str(daemon.explain(order["id"])["attempts"])


def test_only_public_reads_reached_the_real_market(daemon: Daemon, market: Exchange) -> None:
    """The last test: the market's own log has all requests of the tests above."""
    del daemon
    arrived = market.requests()
    assert {request["method"] for request in arrived} == {"GET"}
    assert {request["path"] for request in arrived} == PUBLIC
    assert [request for request in arrived if "timestamp" in request["query"] or "recvWindow" in request["query"]] == []
