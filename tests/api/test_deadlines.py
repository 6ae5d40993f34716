"""Fresh or not at all: an order past its deadline is never sent."""

from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy


def test_an_order_that_waited_too_long_for_its_resource_expires(daemon: Daemon, exchange: Exchange) -> None:
    signal = market_buy(snipeTargetId="one at a time", quoteOrderQty="26", deadlineMs=100)
    with exchange.frozen():
        first = daemon.send(market_buy(snipeTargetId="one at a time"))
        second = daemon.submit(signal, wait_s=10)
        assert (second.status, second.json["state"]) == (200, "expired")
        assert "deadline" in second.json["reason"]
        assert daemon.order(first)["state"] == "in_flight"
    daemon.until(first, "filled")
    assert exchange.arrivals(second.json["id"]) == []
    again = daemon.submit(signal | {"deadlineMs": 5_000}, wait_s=10)
    assert (again.json["state"], again.json["replayed"]) == ("filled", False)


def test_an_order_that_waited_too_long_for_trading_expires(daemon: Daemon, exchange: Exchange) -> None:
    order_id = daemon.accept(market_buy(executeAt=wall_ms() + 200, deadlineMs=50))
    daemon.ask("POST", "/v1/admin/halt", {"reason": "a rehearsal"})
    expired = daemon.until(order_id, "expired")
    assert wall_ms() >= expired["deadlineAtMs"]
    daemon.ask("POST", "/v1/admin/resume", {"reason": "it is over"})
    assert daemon.submit(market_buy(), wait_s=10).json["state"] == "filled"
    assert exchange.arrivals(order_id) == []


def test_refused_attempts_are_repeated_up_to_the_deadline_and_no_further(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject({"kind": "refused", "code": 30001})
    order = daemon.submit(market_buy(deadlineMs=400), wait_s=10).json
    assert order["state"] == "rejected"
    assert "30001" in order["reason"]
    assert "deadline" in order["reason"]
    arrivals = exchange.arrivals(order["id"])
    assert len(arrivals) == order["attempts"] > 1
    assert max(arrival["receivedMs"] for arrival in arrivals) <= order["deadlineAtMs"]
