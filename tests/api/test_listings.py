"""A pair that opens: the order waits for it, and what is special about the first minute is told."""

import pytest

from tests.processes import Daemon, Exchange, wall_ms
from tests.processes.signals import market_buy, resting_buy


@pytest.mark.parametrize("code", [30001, 10007])
def test_an_order_that_comes_before_the_open_is_repeated_until_it(
    daemon: Daemon, exchange: Exchange, code: int
) -> None:
    symbol, opens_at = f"NEW{code}USDT", wall_ms() + 500
    exchange.list_symbol(symbol, opens_at, cap="0.05", codeBefore=code)
    order = daemon.submit(resting_buy(symbol=symbol, quantity="100", price="0.05"), wait_s=10).json
    assert order["state"] == "filled"
    arrivals = exchange.arrivals(order["id"])
    assert order["attempts"] == len(arrivals) > 1
    assert arrivals[-1]["receivedMs"] >= opens_at
    assert all(arrival["receivedMs"] < opens_at for arrival in arrivals[:-1])
    assert len({arrival["parameters"]["newClientOrderId"] for arrival in arrivals}) == len(arrivals)
    assert len(exchange.orders(order["id"])) == 1
    attempts = daemon.explain(order["id"])["attempts"]
    assert [attempt["code"] for attempt in attempts] == [str(code)] * (len(attempts) - 1) + [None]


def test_an_order_for_the_opening_instant_is_filled_then(daemon: Daemon, exchange: Exchange) -> None:
    opens_at = wall_ms() + 900
    exchange.list_symbol("SNIPEUSDT", opens_at, cap="0.05")
    signal = resting_buy(symbol="SNIPEUSDT", type="IOC", quantity="100", price="0.05", executeAt=opens_at)
    order = daemon.submit(signal, wait_s=10).json
    assert (order["state"], order["attempts"]) == ("filled", 1)
    assert exchange.arrivals(order["id"])[0]["receivedMs"] >= opens_at


def test_a_market_order_of_the_first_minute_is_cancelled_by_the_exchange_and_told_so(
    daemon: Daemon, exchange: Exchange
) -> None:
    exchange.list_symbol("FRESHUSDT", wall_ms() - 1_000)
    signal = market_buy(symbol="FRESHUSDT")
    answer = daemon.submit(signal, wait_s=10)
    assert (answer.status, answer.json["state"], answer.json["executedQuantity"]) == (200, "canceled", "0")
    again = daemon.submit(signal)
    assert (again.status, again.json["id"]) == (200, answer.json["id"])
    assert len(exchange.arrivals(answer.json["id"])) == 1


def test_a_pair_that_does_not_open_in_time_ends_the_order(daemon: Daemon, exchange: Exchange) -> None:
    exchange.list_symbol("LATEUSDT", wall_ms() + 3_600_000)
    order = daemon.submit(market_buy(symbol="LATEUSDT", deadlineMs=300), wait_s=10).json
    assert order["state"] == "rejected"
    assert "30001" in order["reason"]
    assert exchange.orders(order["id"]) == []
