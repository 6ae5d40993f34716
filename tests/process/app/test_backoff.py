"""A gateway that turns orders away: one order tries, the others wait, and the operator can see and end it."""

import pytest

from tests.support import Daemon, Exchange, Stage, eventually
from tests.support.signals import market_buy, market_sell

REASON = {"reason": "they lifted it"}


@pytest.fixture
def daemon(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that accepts signals."""
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    return daemon


@pytest.mark.parametrize("page", ["forbidden", "maintenance"])
def test_the_first_order_is_in_doubt_and_the_others_wait_until_the_exchange_accepts_orders(
    daemon: Daemon, exchange: Exchange, page: str
) -> None:
    exchange.inject({"kind": page})
    first = daemon.send(market_buy())
    daemon.until(first, "in_doubt", "lost")
    waiting = [daemon.accept(market_buy(deadlineMs=60_000)) for _ in range(10)]
    expiring = daemon.submit(market_buy(deadlineMs=300), wait_s=10)
    assert expiring.json["state"] == "expired"
    sold = daemon.accept(market_sell())
    status = daemon.get("/v1/status")
    assert "HTTP" in status["turnedAway"]
    assert status["nextTryMs"] > status["nowMs"] - 1_000
    eventually(lambda: "orders_turned_away" in alerts(daemon), "the alert")
    assert exchange.injections() <= 2, "one tried at most"
    exchange.inject()
    for order_id in waiting:
        daemon.until(order_id, "filled", "in_doubt", "lost", timeout_s=30)
        assert len(exchange.arrivals(order_id)) == 1
    daemon.until(sold, "filled", "in_doubt", "lost")
    assert daemon.get("/v1/status")["turnedAway"] is None
    assert exchange.arrivals(expiring.json["id"]) == []


def test_a_gateway_that_asks_for_no_wait_is_not_flooded(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "rate_limited", "retry_after_s": 0})
    orders = [daemon.accept(market_buy(deadlineMs=3_000)) for _ in range(20)]
    for order_id in orders:
        daemon.until(order_id, "expired", "rejected")
    assert exchange.injections() <= 5


def test_the_operator_ends_a_long_backoff_also_after_a_restart(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "rate_limited", "retry_after_s": 259_200, "count": 1})
    order_id = daemon.accept(market_sell(deadlineMs=60_000))
    daemon.wait_for("exchange.turned_away")
    assert daemon.order(order_id)["state"] in {"queued", "rejected"}
    daemon.restart()
    wish = market_sell(deadlineMs=60_000)
    assert daemon.submit(wish).status == 503, "it cannot ask whether it may trade"
    resumed = daemon.ask("POST", "/v1/admin/resume", REASON | {"clearWait": True})
    assert resumed.status == 200, resumed.raw
    daemon.wait_for("exchange.proven")
    assert daemon.submit(wish, wait_s=10).json["state"] == "filled"
    assert daemon.wait_for("exchange.wait_cleared")["reason"] == REASON["reason"]


def test_rate_limited_queries_delay_no_order(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "rate_limited", "endpoint": "GET /api/v3/order", "retry_after_s": 300, "count": 1})
    first = daemon.send(market_sell())
    eventually(exchange.injections, "a query that is rate-limited")
    second = daemon.send(market_sell())
    daemon.wait_for("order.placed", order_id=second)
    assert len(exchange.arrivals(first)) == len(exchange.arrivals(second)) == 1


def alerts(daemon: Daemon) -> set[str]:
    """Return the names of the alerts that fire."""
    return {alert["name"] for alert in daemon.get("/v1/status")["alerts"]}
