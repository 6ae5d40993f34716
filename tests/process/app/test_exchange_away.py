"""An exchange that cannot be reached: the daemon runs, reports it, loses nothing, and continues when it is back."""

import pytest

from tests.support import Daemon, Exchange, eventually
from tests.support.daemon_process import Tables
from tests.support.signals import market_buy
from tests.support.stage import Stage

QUICK: Tables = {
    "exchange": {"clock_check_s": 0.1, "symbols_refresh_s": 0.1},
    "retry": {"longest_ms": 100},
}


@pytest.fixture(scope="module")
def exchange(shared_stage: Stage) -> Exchange:
    """An exchange that can be stopped; after each test it runs."""
    return shared_stage.exchange()


@pytest.fixture(scope="module")
def daemon(shared_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that notices quickly."""
    daemon = shared_stage.daemon(exchange, QUICK)
    daemon.start(with_rules=True)
    return daemon


def test_away_at_the_start_signals_are_refused_until_it_is_back(daemon: Daemon, exchange: Exchange) -> None:
    exchange.kill()
    daemon.restart()
    away = daemon.wait_for("exchange.unreachable")
    assert exchange.url.rpartition(":")[2] in away["error"]
    found = daemon.get("/v1/status")["exchange"]
    assert (found["reachable"], found["error"]) == (False, away["error"])
    assert daemon.get("/readyz")["ready"] is True
    signal = market_buy()
    refused = daemon.submit(signal)
    assert (refused.status, refused.json["error"], refused.headers["retry-after"]) == (503, "not_ready", "1")
    assert "send the signal again" in refused.json["message"]
    exchange.start()
    daemon.wait_for("exchange.symbols_loaded")
    daemon.wait_for("exchange.reachable")
    daemon.wait_for("exchange.proven")
    filled = daemon.submit(signal, wait_s=10).json
    assert (filled["state"], filled["replayed"]) == ("filled", False)
    assert daemon.get("/v1/status")["exchange"]["error"] is None
    assert len(exchange.orders(filled["id"])) == 1


def test_away_before_a_byte_of_an_order_was_sent_the_order_is_retried(daemon: Daemon, exchange: Exchange) -> None:
    mark = daemon.process.mark()
    exchange.kill()
    daemon.wait_for("exchange.unreachable", since=mark)
    patient = daemon.accept(market_buy(deadlineMs=60_000))
    hasty = daemon.accept(market_buy(deadlineMs=100))
    assert "Cannot connect" in daemon.wait_for("order.deferred", order_id=patient)["reason"]
    assert daemon.explain(patient)["attempts"][0]["answered"] == "nothing was sent"
    assert daemon.until(hasty, "rejected", "expired")["exchangeOrderId"] is None
    mark = daemon.process.mark()
    exchange.start()
    daemon.wait_for("exchange.reachable", since=mark)
    found = daemon.until(patient, "filled")
    assert found["attempts"] > 1
    assert len(exchange.orders(patient)) == len(exchange.arrivals(patient)) == 1
    assert exchange.orders(hasty) == []


def test_gone_in_the_middle_of_a_request_the_order_is_in_doubt_and_found_when_it_is_back(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.inject({"kind": "slow_after", "delay_ms": 60_000})
    order_id = daemon.send(market_buy())
    exchange.wait_for_arrivals(order_id)
    eventually(lambda: exchange.orders(order_id), "it is on the book")
    exchange.kill()
    daemon.until(order_id, "in_doubt")
    exchange.start()
    assert daemon.until(order_id, "filled")["attempts"] == 1
    assert len(exchange.orders(order_id)) == 1
