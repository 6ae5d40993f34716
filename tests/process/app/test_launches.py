"""Launches that nobody announced exactly: orders that came early are bought right after the open, within the limits."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from daemon.core.rules.rate import WINDOW_MS
from tests.support import Daemon, Exchange, eventually, wall_ms
from tests.support.signals import Signal, market_buy, resting_buy
from tests.support.stage import Stage, stage

ORDERS_ONLY = ("--weight-per-ip=0", "--weight-per-account=0", "--requests-per-s=0")
"""Of MEXC's limits, 12 orders per second alone."""
RATE = 10
STEP_MS = {1: 138, 3: 138, 8: 275}
"""Between two attempts for a pair with so many orders (daemon.core.rules.launch_window)."""
CLOCK_ERROR_MS = 20
"""By how much an order may be early on a busy machine; the daemon knows the exchange's clock to half a round trip."""
BUSY_MS = 300
"""What a busy machine may add."""


class Place:
    """An exchange with limits, and a daemon."""

    def __init__(self, place: Stage) -> None:
        self.exchange: Exchange = place.exchange(*ORDERS_ONLY, is_limited=True)
        self.daemon: Daemon = place.daemon(self.exchange, {"exchange": {"order_rate_per_s": RATE}})
        self.daemon.start(with_rules=True)
        self._count = 0

    def list_symbol(self, opens_ms: int, **details: Any) -> str:
        """List a new pair."""
        self._count += 1
        symbol = f"LAUNCH{self._count}USDT"
        self.exchange.list_symbol(symbol, opens_ms, **{"cap": "0.05"} | details)
        return symbol

    def accept(self, signal: Signal) -> str:
        """Send a signal until its pair is known; return the order's id."""

        def taken() -> str | None:
            answer = self.daemon.submit(signal)
            return answer.json["id"] if answer.status == 202 else None

        return eventually(taken, "the signal is taken", pause_s=0.05)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """One place for these tests; each lists pairs of its own."""
    with stage() as where:
        yield Place(where)


def buy(symbol: str, **changes: Any) -> Signal:
    return resting_buy(symbol=symbol, **{"quantity": "400", "price": "0.05", "deadlineMs": 20_000} | changes)


@pytest.mark.parametrize(
    ("count", "early_ms", "at_once"),
    [
        pytest.param(1, 300, 1, id="one, by 300 ms"),
        pytest.param(3, 300, 3, id="three, by 300 ms"),
        pytest.param(8, 300, 1, id="eight, by 300 ms: their first attempts used the rate up"),
        pytest.param(1, 3_000, 1, id="one, by 3 s"),
        pytest.param(3, 3_000, 3, id="three, by 3 s"),
        pytest.param(8, 3_000, 6, id="eight, by 3 s"),
    ],
)
def test_orders_that_come_before_an_unannounced_open_are_bought_after_it_as_the_rate_allows(
    place: Place, count: int, early_ms: int, at_once: int
) -> None:
    instant_ms = wall_ms() + 3_500
    opens_ms = instant_ms + early_ms
    symbol = place.list_symbol(opens_ms, announcedOpen=wall_ms() - 1_000)
    orders = [place.accept(buy(symbol, executeAt=instant_ms)) for _ in range(count)]
    for order in orders:
        place.daemon.until(order, "filled")
    arrivals = [each for order in orders for each in place.exchange.arrivals(order)]
    assert {each["status"] for each in arrivals} == {200, 400}, "no 429"
    received = sorted(each["receivedMs"] for each in arrivals)
    for begin_ms in received:
        assert sum(begin_ms <= each < begin_ms + 1_000 for each in received) <= RATE
    bought = sorted(each["receivedMs"] for each in arrivals if each["status"] == 200)
    assert opens_ms <= bought[0] <= opens_ms + STEP_MS[count] + BUSY_MS
    assert bought[at_once - 1] <= bought[0] + BUSY_MS
    assert bought[-1] <= bought[0] + WINDOW_MS + BUSY_MS
    assert len(place.exchange.orders()) == len({each["clientOrderId"] for each in place.exchange.orders()})


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"priceDecimalsBefore": 6, "quantityDecimalsBefore": 4}, id="more decimals before the open"),
        pytest.param({"priceDecimalsBefore": 3, "quantityDecimalsBefore": 0}, id="fewer decimals before the open"),
    ],
)
@pytest.mark.parametrize("early_ms", [0, 300])
def test_orders_are_bought_although_the_pair_opens_with_other_decimals(
    place: Place, known: dict[str, int], early_ms: int
) -> None:
    opens_ms = wall_ms() + 4_000
    symbol = place.list_symbol(opens_ms, priceDecimals=4, quantityDecimals=2, **known)
    odd = {"quantity": "400.1234", "price": "0.049999"}
    orders = [place.accept(buy(symbol, executeAt=opens_ms - early_ms, **odd)) for _ in range(3)]
    for order in orders:
        place.daemon.until(order, "filled")
        assert len(place.exchange.orders(order)) == 1


@pytest.mark.parametrize("cap", [{"maxPrice": "0.06"}, {"slippagePercent": "20"}], ids=["a price", "a percentage"])
@pytest.mark.parametrize("early_ms", [0, 300])
def test_market_orders_with_a_cap_are_bought_at_the_open(place: Place, cap: Signal, early_ms: int) -> None:
    opens_ms = wall_ms() + 4_000
    symbol = place.list_symbol(opens_ms)
    asked = market_buy(symbol=symbol, executeAt=opens_ms - early_ms, deadlineMs=20_000, **cap)
    orders = [place.accept(asked | {"snipeTargetId": f"{symbol}-{number}"}) for number in range(3)]
    for each in orders:
        order = place.daemon.until(each, "filled")
        assert (order["type"], order["askedType"], order["askedQuoteOrderQty"]) == (
            "IMMEDIATE_OR_CANCEL", "MARKET", "25",
        )  # fmt: skip
        assert 20 < Decimal(order["price"]) * Decimal(order["quantity"]) <= 25
        assert len(place.exchange.orders(each)) == 1


def test_a_market_order_that_is_refused_as_one_goes_at_its_cap(place: Place) -> None:
    symbol = place.list_symbol(wall_ms() - 7_200_000, price="1", cap=None)
    bought = place.accept(market_buy(symbol=symbol, maxPrice="2"))
    place.daemon.until(bought, "filled")
    place.exchange.inject({"kind": "refused", "code": 30019, "count": 1})
    order = place.daemon.until(place.accept(market_buy(symbol=symbol, maxPrice="2")), "filled")
    assert (order["type"], order["price"], order["quantity"], order["attempts"]) == (
        "IMMEDIATE_OR_CANCEL", "2", "12.5", 2,
    )  # fmt: skip
    place.exchange.inject()


def test_orders_for_an_instant_before_a_known_open_are_sent_at_the_open(place: Place) -> None:
    opens_ms = wall_ms() + 5_000
    symbol = place.list_symbol(opens_ms)
    orders = [place.accept(buy(symbol, executeAt=opens_ms - early_ms)) for early_ms in (300, 1_500)]
    for order in orders:
        place.daemon.until(order, "filled")
        first, *others = place.exchange.arrivals(order)
        assert first["receivedMs"] >= opens_ms - CLOCK_ERROR_MS
        assert len(others) <= 1, "one that was early by the clocks' error goes once more at once"


def test_three_pairs_that_are_listed_just_after_a_start_are_taken_without_a_wait(own_stage: Stage) -> None:
    """One request for each would use up the weight that a start leaves: the third waited for 5 s, then got 503."""
    exchange = own_stage.exchange(is_limited=True)
    daemon = own_stage.daemon(exchange)
    daemon.start(with_rules=True)
    asked_before = len(exchange.arrivals(endpoint="GET /api/v3/exchangeInfo"))
    for number in range(3):
        exchange.list_symbol(f"FRESH{number}USDT", wall_ms() - 7_200_000, price="0.04")
    answers = [daemon.submit(buy(f"FRESH{number}USDT", quantity="100")) for number in range(3)]
    assert [answer.status for answer in answers] == [202] * 3
    asked = exchange.arrivals(endpoint="GET /api/v3/exchangeInfo")[asked_before:]
    assert len(asked) <= 2, asked
    assert {each["status"] for each in asked} == {200}
