"""The order of service: SELL before BUY, then oldest first, one order at a time for each resource."""

from itertools import pairwise

import pytest

from tests.support import Daemon, Exchange
from tests.support.signals import market_buy, market_sell
from tests.support.stage import Stage


@pytest.fixture
def slow(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that may send one order a second."""
    daemon = own_stage.daemon(exchange, {"exchange": {"order_rate_per_s": 1}})
    daemon.start()
    return daemon


@pytest.fixture
def narrow(own_stage: Stage, exchange: Exchange) -> Daemon:
    """A daemon that may have one order in flight."""
    daemon = own_stage.daemon(exchange, {"queue": {"max_in_flight": 1}})
    daemon.start(with_rules=True)
    return daemon


def served(daemon: Daemon, exchange: Exchange, *order_ids: str) -> list[int]:
    """Wait until orders are filled; return their indices in order of arrival at the exchange."""
    for order_id in order_ids:
        daemon.until(order_id, "filled")
    names = [arrival["parameters"]["newClientOrderId"].rpartition("-")[0] for arrival in exchange.arrivals()]
    return [order_ids.index(name) for name in names if name in order_ids]


def sent_ms(daemon: Daemon, order_id: str) -> int:
    """Return when an order was sent, by the daemon's clock."""
    [at_ms] = [each["atMs"] for each in daemon.explain(order_id)["events"] if each["name"] == "order.sent"]
    assert isinstance(at_ms, int)
    return at_ms


def test_a_sell_overtakes_buys_that_wait_for_the_rate(slow: Daemon, exchange: Exchange) -> None:
    first, second = slow.accept(market_buy()), slow.accept(market_buy())
    sell = slow.accept(market_sell())
    assert slow.explain(second)["next"]["what"] == "it waits for its turn, 1 before it, within the exchange's rate"
    assert slow.explain(sell)["next"]["what"] == "it waits for its turn, 0 before it, within the exchange's rate"
    assert served(slow, exchange, first, second, sell) == [0, 2, 1]
    times = [sent_ms(slow, order_id) for order_id in (first, sell, second)]
    assert all(later - earlier >= 999 for earlier, later in pairwise(times))


def test_at_the_in_flight_limit_the_priority_decides(narrow: Daemon, exchange: Exchange) -> None:
    wishes = [
        market_buy(),
        market_buy(symbol="ETHUSDT"),
        market_buy(priority=3),
        market_sell(),
        market_sell(symbol="ETHUSDT"),
        market_buy(priority=1),
        market_sell(priority=10),
    ]
    with exchange.frozen():
        first = narrow.send(market_buy())
        waiting = [narrow.accept(signal) for signal in wishes]
    assert served(narrow, exchange, *waiting) == [3, 4, 5, 2, 0, 1, 6]
    answered = [narrow.explain(order_id)["attempts"][0] for order_id in (first, *waiting)]
    answered.sort(key=lambda attempt: attempt["startedAtMs"])
    assert all(one["answeredAtMs"] <= other["startedAtMs"] for one, other in pairwise(answered))


def test_the_second_of_a_resource_waits_for_the_first(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen():
        first = daemon.send(market_buy(snipeTargetId="shared"))
        second = daemon.accept(market_buy(snipeTargetId="shared", quoteOrderQty="26"))
        found = daemon.explain(second)
    assert found["next"]["what"] == f"it waits for trade:BTCUSDT:BUY:shared, held by {first}"
    assert (found["order"]["state"], found["attempts"]) == ("queued", [])
    assert served(daemon, exchange, first, second) == [0, 1]
    one, other = (daemon.explain(order_id) for order_id in (first, second))
    assert one["attempts"][0]["answeredAtMs"] <= other["attempts"][0]["startedAtMs"]
    assert one["locks"][0]["fencingToken"] < other["locks"][0]["fencingToken"]
    assert [lock["state"] for found in (one, other) for lock in found["locks"]] == ["released", "released"]


def test_a_held_resource_does_not_delay_other_resources(daemon: Daemon, exchange: Exchange) -> None:
    with exchange.frozen():
        first = daemon.send(market_buy(snipeTargetId="held"))
        blocked = daemon.accept(market_buy(snipeTargetId="held", quoteOrderQty="26", priority=1))
        daemon.send(market_buy())
        daemon.send(market_sell(snipeTargetId="held"))
        daemon.send(market_buy(snipeTargetId="held", symbol="ETHUSDT"))
        assert [daemon.order(order_id)["state"] for order_id in (first, blocked)] == ["in_flight", "queued"]
    daemon.until(blocked, "filled")


def test_an_unknown_outcome_keeps_only_its_own_resource(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject("reply_lost", {"kind": "error_before", "endpoint": "GET /api/v3/order"})
    first = daemon.accept(market_buy(snipeTargetId="unknown"))
    daemon.until(first, "in_doubt")
    second = daemon.accept(market_buy(snipeTargetId="unknown", quoteOrderQty="26"))
    other = daemon.accept(market_buy(snipeTargetId="known"))
    daemon.wait_for("order.placed", order_id=other)
    assert daemon.order(second)["state"] == "queued"
    exchange.inject()
    assert served(daemon, exchange, first, second, other) == [0, 2, 1]


def test_an_emergency_sell_passes_queue_and_lock(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_sell(snipeTargetId="exit", quantity="0.002", skipLock=True)
    with exchange.frozen():
        held = daemon.send(market_sell(snipeTargetId="exit"))
        emergency = daemon.send(signal)
        again = daemon.submit(signal)
        assert (again.json["id"], again.json["replayed"]) == (emergency, True)
        assert daemon.order(held)["state"] == "in_flight"
    daemon.until(emergency, "filled")
    assert daemon.explain(emergency)["locks"] == []
    assert len(exchange.arrivals(emergency)) == 1


def test_one_lock_a_symbol_can_be_configured(own_stage: Stage, exchange: Exchange) -> None:
    daemon = own_stage.daemon(exchange, {"locks": {"scope": "symbol"}})
    daemon.start(with_rules=True)
    with exchange.frozen():
        first = daemon.send(market_buy())
        buy, sell = daemon.accept(market_buy()), daemon.accept(market_sell())
        other = daemon.send(market_buy(symbol="ETHUSDT"))
    assert served(daemon, exchange, first, buy, sell) == [0, 2, 1]
    assert daemon.until(other, "filled")["resource"] == "trade:ETHUSDT"
