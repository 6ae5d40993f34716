"""A pair that opens: the order waits for the open, and the special rules of the first minute are reported."""

from typing import Any

import pytest

from tests.support import Answer, Daemon, Exchange, eventually, wall_ms
from tests.support.signals import Signal, market_buy, market_sell, resting_buy


@pytest.mark.parametrize("code", [30001, 10007])
def test_an_order_before_the_open_is_repeated_until_the_open(daemon: Daemon, exchange: Exchange, code: int) -> None:
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


def test_an_order_for_the_opening_instant_is_filled(daemon: Daemon, exchange: Exchange) -> None:
    opens_at = wall_ms() + 900
    exchange.list_symbol("SNIPEUSDT", opens_at, cap="0.05")
    signal = resting_buy(symbol="SNIPEUSDT", type="IOC", quantity="100", price="0.05", executeAt=opens_at)
    order = daemon.submit(signal, wait_s=10).json
    assert (order["state"], order["attempts"]) == ("filled", 1)
    assert exchange.arrivals(order["id"])[0]["receivedMs"] >= opens_at


def test_a_market_order_that_the_exchange_cancels_in_the_first_minute_is_reported(
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
    halfway_between_two_attempts_ms = 900  # one that is due just before the deadline may be too late to be written
    late = market_buy(symbol="LATEUSDT", deadlineMs=halfway_between_two_attempts_ms)
    order = daemon.submit(late, wait_s=10).json
    assert order["state"] == "rejected"
    assert "30001" in order["reason"]
    assert exchange.orders(order["id"]) == []


@pytest.mark.parametrize(
    ("wish", "closed", "opened"),
    [
        pytest.param(market_buy(), {"status": "2"}, {"status": "1"}, id="buy, paused"),
        pytest.param(market_sell(quantity="100"), {"tradeSideType": 2}, {"tradeSideType": 1}, id="sell, no sells"),
        pytest.param(
            market_sell(quantity="100", skipLock=True),
            {"tradableByApi": False},
            {"tradableByApi": True},
            id="emergency sell, not by API",
        ),
        pytest.param(market_buy(), {"orderTypes": ["LIMIT"]}, {"orderTypes": ["LIMIT", "MARKET"]}, id="another type"),
        pytest.param(market_buy(), {"minimumValue": "1000"}, {"minimumValue": "1"}, id="a higher minimum"),
    ],
)
def test_known_rules_refuse_a_signal_only_after_a_new_query(
    daemon: Daemon, exchange: Exchange, wish: Signal, closed: dict[str, Any], opened: dict[str, Any]
) -> None:
    symbol = f"SHUT{next(iter(closed)).upper()}USDT"
    exchange.list_symbol(symbol, wall_ms() - 7_200_000, price="1", market=closed)
    signal = wish | {"symbol": symbol}

    def refused() -> Answer | None:
        answer = daemon.submit(signal)
        return None if answer.status == 503 else answer  # without room for the question, nothing is refused for good

    assert eventually(refused, "the signal is refused").status == 400
    exchange.change_market(symbol, **opened)
    opened_ms = wall_ms()

    def taken() -> dict[str, Any] | None:
        answer = daemon.submit(signal, wait_s=10)
        return answer.json if answer.status not in {400, 503} else None

    order = eventually(taken, "the signal is taken")
    assert len(exchange.arrivals(order["id"])) == 1
    asked = [
        arrival["receivedMs"]
        for arrival in exchange.arrivals(endpoint="GET /api/v3/exchangeInfo")
        if arrival["parameters"].get("symbol") in {symbol, None}
    ]
    assert any(opened_ms <= asked_ms for asked_ms in asked), "the rules were queried again, alone or with all others"
