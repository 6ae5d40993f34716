"""Lists of orders: newest first, filtered, page by page."""

from typing import Any

import pytest

from tests.support import Daemon, Exchange
from tests.support.signals import market_buy, resting_buy


@pytest.fixture(scope="module")
def orders(package_daemon: Daemon) -> list[str]:
    """Seven orders of a pair that nothing else trades here, oldest first."""
    ids = []
    for number in range(7):
        signal = (market_buy if number % 2 else resting_buy)(symbol="AAVEUSDT")
        signal |= {} if number % 2 else {"quantity": "1", "price": "250"}
        ids.append(package_daemon.submit(signal, wait_s=10).json["id"])
    return ids


def page(daemon: Daemon, query: str) -> Any:
    return daemon.get(f"/v1/orders?{query}")


def test_orders_are_listed_newest_first(daemon: Daemon, orders: list[str]) -> None:
    found = page(daemon, "symbol=AAVEUSDT")
    assert [order["id"] for order in found["orders"]] == orders[::-1]
    assert found["next"] is None
    assert found["orders"][0] == daemon.order(orders[-1])


@pytest.mark.parametrize(("state", "places"), [("open", slice(None, None, 2)), ("filled", slice(1, None, 2))])
def test_orders_are_listed_by_state(daemon: Daemon, orders: list[str], state: str, places: slice) -> None:
    found = page(daemon, f"symbol=aaveusdt&state={state}")["orders"]
    assert [order["id"] for order in found] == orders[places][::-1]
    assert {order["state"] for order in found} == {state}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1_000])
def test_pages_follow_one_another_without_gap_or_repetition(daemon: Daemon, orders: list[str], limit: int) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        found = page(daemon, f"symbol=AAVEUSDT&limit={limit}" + (f"&cursor={cursor}" if cursor else ""))
        assert len(found["orders"]) <= limit
        seen += [order["id"] for order in found["orders"]]
        cursor = found["next"]
    assert seen == orders[::-1]


def test_new_orders_do_not_move_a_page(daemon: Daemon, orders: list[str]) -> None:
    first = page(daemon, "symbol=AAVEUSDT&limit=3")
    daemon.submit(market_buy(symbol="BTCUSDT"))
    rest = page(daemon, f"symbol=AAVEUSDT&limit=10&cursor={first['next']}")
    assert [order["id"] for order in first["orders"] + rest["orders"]] == orders[::-1]


def test_nothing_is_an_empty_page(daemon: Daemon) -> None:
    assert page(daemon, "symbol=NOSUCHUSDT") == {"orders": [], "next": None}


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("state=bought", "partially_canceled"),
        ("state=", "partially_canceled"),
        ("limit=0", "1 to 1000"),
        ("limit=1001", "1 to 1000"),
        ("limit=ten", "1 to 1000"),
        ("limit=-1", "1 to 1000"),
        ("limit=" + "9" * 5_000, "1 to 1000"),
        ("cursor=" + "9" * 19, "1 to"),
        ("cursor=x", "1 to"),
        ("cursor=", "1 to"),
        ("page=2", "state, symbol, owner, since, limit, cursor"),
    ],
    ids=lambda text: text[:20],
)
def test_a_wrong_query_is_refused_with_what_is_allowed(daemon: Daemon, query: str, named: str) -> None:
    refused = daemon.ask("GET", f"/v1/orders?{query}")
    assert (refused.status, refused.json["error"]) == (400, "invalid")
    assert named in refused.json["allowed"]
    assert len(refused.raw) < 500


def test_an_order_is_the_same_wherever_it_is_read(daemon: Daemon, exchange: Exchange) -> None:
    exchange.inject()
    answered = daemon.submit(market_buy(), wait_s=10).json
    order_id = answered["id"]
    del answered["replayed"]
    on_signals = daemon.ask("GET", f"/v1/orders/{order_id}").json
    assert daemon.order(order_id) == on_signals == daemon.explain(order_id)["order"] == answered
