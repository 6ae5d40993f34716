"""The control routes: what they show, change and refuse."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.simulator.faults import Fault
from tests.simulator.trader import NOW_MS, Trader, order


def test_the_whole_book_is_shown_invisible_orders_included(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("invisible", delay_ms=5_000, count=1)])
    trader.offer(asks=[("94000", "0.004")])
    trader.place(price="95000", newClientOrderId="ghost")
    trader.place()
    status, (ghost, plain) = trader.control("GET", "orders")
    assert status == 200
    assert (ghost["clientOrderId"], ghost["status"], ghost["time"]) == ("ghost", "PARTIALLY_FILLED", NOW_MS)
    assert (ghost["visibleFrom"], ghost["locked"]) == (NOW_MS + 5_000, "570")
    assert [(fill["price"], fill["qty"], fill["time"]) for fill in ghost["fills"]] == [("94000", "0.004", NOW_MS)]
    assert (plain["visibleFrom"], plain["fills"]) == (NOW_MS, [])


def test_requests_are_shown_as_received_without_their_signatures(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("request_lost", count=1)])
    trader.send("POST", "order", **order(newClientOrderId="lost"))
    trader.send("POST", "order", **order(quantity="30"))
    trader.send("GET", "ping")
    status, requests = trader.control("GET", "requests")
    assert status == 200
    assert [(row["method"], row["path"], row["status"], row["faults"]) for row in requests] == [
        ("POST", "/api/v3/order", 0, ["request_lost"]),
        ("POST", "/api/v3/order", 400, []),
        ("GET", "/api/v3/ping", 200, []),
    ]
    assert "newClientOrderId=lost" in requests[0]["query"]
    assert all("signature" not in row["query"] for row in requests)
    assert requests[0]["receivedMs"] == NOW_MS


def test_a_delayed_request_has_no_status_yet(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("slow_before")])
    later = trader.later("POST", "order", **order())
    assert trader.exchange.requests()[0].status == 0
    trader.exchange.resume(later, trader.now_ms)
    assert trader.exchange.requests()[0].status == 200


def test_faults_are_set_and_reported(trader: Trader) -> None:
    plan = {"faults": [{"kind": "reply_lost", "count": 1}, {"kind": "former_state"}]}
    status, report = trader.control("PUT", "faults", plan)
    assert status == 200
    assert [(fault["kind"], fault["endpoint"], fault["struck"]) for fault in report["faults"]] == [
        ("reply_lost", "POST /api/v3/order", 0),
        ("former_state", "DELETE /api/v3/order", 0),
    ]
    trader.send("POST", "order", **order())
    assert trader.control("GET", "faults")[1]["faults"][0]["struck"] == 1
    assert trader.control("PUT", "faults", {"faults": []}) == (200, {"faults": []})


@pytest.mark.parametrize("content", [{"faults": [{"kind": "gremlins"}]}, {"faults": 1}, [], {}])
def test_a_malformed_plan_keeps_the_old_one(trader: Trader, content: object) -> None:
    trader.exchange.set_faults([Fault("reply_lost")])
    status, answer = trader.control("PUT", "faults", content)
    assert status == 400
    assert answer["error"].startswith("faults: ")
    assert len(trader.exchange.faults()) == 1


def test_a_symbol_is_listed_at_run_time(trader: Trader) -> None:
    listing = {"symbol": "NEWUSDT", "opensAt": NOW_MS + 1_000, "cap": "0.05", "price": "0.04", "codeBefore": 10007}
    status, shown = trader.control("POST", "listings", listing)
    assert (status, shown["symbol"], shown["firstOpenTime"]) == (200, "NEWUSDT", NOW_MS + 1_000)
    assert trader.refused(symbol="NEWUSDT", price="0.05", quantity="100")[0] == 10007
    trader.now_ms += 1_000
    assert trader.place(symbol="NEWUSDT", price="0.05", quantity="100")


@pytest.mark.parametrize(
    "listing",
    [
        {},
        {"symbol": "NEWUSDT"},
        {"symbol": "NEWBTC", "opensAt": 1},
        {"symbol": "NEWUSDT", "opensAt": 1, "cap": "0"},
        {"symbol": "NEWUSDT", "opensAt": 1, "price": "-1"},
        {"symbol": "NEWUSDT", "opensAt": 1, "price": "NaN"},
        {"symbol": "NEWUSDT", "opensAt": 1, "cap": "0.0000000000001"},
        {"symbol": "NEWUSDT", "opensAt": 1, "codeBefore": 1},
        {"symbol": "NEWUSDT", "opensAt": 1, "colour": "red"},
    ],
)
def test_a_malformed_listing_is_refused(trader: Trader, listing: object) -> None:
    assert trader.control("POST", "listings", listing)[0] == 400


def test_the_market_jumps_to_a_price(trader: Trader) -> None:
    order_id = trader.place(price="90000")
    status, shown = trader.control("POST", "market", {"symbol": "BTCUSDT", "price": "85000"})
    assert (status, shown["symbol"]) == (200, "BTCUSDT")
    assert trader.query(order_id)["status"] == "FILLED"
    assert Decimal(trader.ask("GET", "ticker/price", symbol="BTCUSDT")["price"]) == 90_000


def test_the_market_offers_the_given_levels(trader: Trader) -> None:
    levels = {"symbol": "BTCUSDT", "bids": [["90000", "1"]], "asks": [["91000", "2"]]}
    assert trader.control("POST", "market", levels)[0] == 200
    depth = trader.ask("GET", "depth", symbol="BTCUSDT")
    assert (depth["bids"], depth["asks"]) == (levels["bids"], levels["asks"])
    assert trader.control("POST", "market", {"symbol": "BTCUSDT", "asks": [["91000", "2"]]})[0] == 200
    assert trader.ask("GET", "depth", symbol="BTCUSDT")["bids"] == []


def test_a_symbols_rules_change(trader: Trader) -> None:
    changes: dict[str, Any] = {"status": "2", "tradeSideType": 3, "tradableByApi": False, "orderTypes": ["LIMIT"]}
    _, shown = trader.control("POST", "market", {"symbol": "BTCUSDT", **changes})
    assert (shown["status"], shown["tradeSideType"]) == ("2", 3)
    assert (shown["isSpotTradingAllowed"], shown["orderTypes"]) == (False, ["LIMIT"])


def test_a_market_without_depth_is_empty_from_the_next_tick_on(trader: Trader) -> None:
    trader.control("POST", "market", {"symbol": "BTCUSDT", "depthValue": "0", "volatility": 0})
    trader.now_ms += 1_000
    assert trader.ask("GET", "depth", symbol="BTCUSDT")["bids"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"symbol": "NOPEUSDT"}, 400),
        ({}, 400),
        ({"symbol": "BTCUSDT", "price": "0"}, 400),
        ({"symbol": "BTCUSDT", "price": "1.001"}, 400),
        ({"symbol": "BTCUSDT", "bids": [["1", "0"]]}, 400),
        ({"symbol": "BTCUSDT", "asks": [["1", "0.0000001"]]}, 400),
        ({"symbol": "BTCUSDT", "price": "NaN"}, 400),
        ({"symbol": "BTCUSDT", "price": "1e1000"}, 400),
        ({"symbol": "BTCUSDT", "depthValue": "-1"}, 400),
        ({"symbol": "BTCUSDT", "depthValue": "Infinity"}, 400),
        ({"symbol": "BTCUSDT", "minimumQuantity": "NaN"}, 400),
        ({"symbol": "BTCUSDT", "volatility": -1}, 400),
        ({"symbol": "BTCUSDT", "bidMultiplierUp": "-0.1"}, 400),
        ({"symbol": "BTCUSDT", "status": "4"}, 400),
        ({"symbol": "BTCUSDT", "tradeSideType": 0}, 400),
        ({"symbol": "BTCUSDT", "colour": "red"}, 400),
    ],
)
def test_an_invalid_change_is_refused(trader: Trader, change: object, status: int) -> None:
    assert trader.control("POST", "market", change)[0] == status


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("POST", "orders"), ("GET", "listings"), ("DELETE", "faults")]
)
def test_other_control_routes_are_not_found(trader: Trader, method: str, path: str) -> None:
    assert trader.control(method, path)[0] == 404


def test_a_market_jumps_to_a_price_before_its_opening(trader: Trader) -> None:
    trader.control("POST", "listings", {"symbol": "NEWUSDT", "opensAt": NOW_MS + 60_000})
    trader.control("POST", "market", {"symbol": "NEWUSDT", "price": "2"})
    assert trader.ask("GET", "depth", symbol="NEWUSDT")["asks"] == []
    trader.now_ms += 60_000
    best = Decimal(trader.ask("GET", "depth", symbol="NEWUSDT")["asks"][0][0])
    assert 2 < best < Decimal("2.1")
