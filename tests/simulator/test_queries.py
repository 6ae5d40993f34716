"""Queries of orders and trades: their fields, their time ranges, and invisible orders."""

from typing import Any

import pytest

from daemon.simulator.faults import Fault
from tests.simulator.trader import NOW_MS, Trader

DAY_MS = 86_400_000


def test_an_order_is_shown_with_the_documented_fields(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004")])
    trader.now_ms = NOW_MS + 1_500
    order_id = trader.place(price="95000", newClientOrderId="mine")
    assert trader.query(order_id) == {
        "symbol": "BTCUSDT",
        "orderId": order_id,
        "orderListId": -1,
        "clientOrderId": "mine",
        "price": "95000",
        "origQty": "0.01",
        "executedQty": "0.004",
        "cummulativeQuoteQty": "376",
        "status": "PARTIALLY_FILLED",
        "timeInForce": None,
        "type": "LIMIT",
        "side": "BUY",
        "stopPrice": None,
        "icebergQty": None,
        "time": 1_790_000_001_000,
        "updateTime": 1_790_000_001_000,
        "isWorking": True,
        "origQuoteOrderQty": "950",
        "stpMode": "",
        "cancelReason": None,
    }


def test_an_open_order_shows_its_time_to_the_millisecond_and_no_update(trader: Trader) -> None:
    order_id = trader.place()
    (shown,) = trader.ask("GET", "openOrders", symbol="BTCUSDT")
    assert (shown["orderId"], shown["time"], shown["updateTime"]) == (order_id, NOW_MS, None)


def test_an_order_is_found_by_both_ids(trader: Trader) -> None:
    order_id = trader.place(newClientOrderId="mine")
    by_client_id = trader.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="mine")
    assert by_client_id == trader.query(order_id)


def test_of_several_orders_with_one_client_id_the_newest_is_found(trader: Trader) -> None:
    trader.place(newClientOrderId="twice")
    second = trader.place(newClientOrderId="twice")
    assert trader.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="twice")["orderId"] == second


def test_an_unknown_order_does_not_exist(trader: Trader) -> None:
    reply = trader.send("GET", "order", symbol="BTCUSDT", origClientOrderId="nobody")
    assert reply.status == 400
    assert reply.body == b'{"msg":"Order does not exist.","code":-2013,"_extend":null}'


def test_an_order_does_not_exist_under_another_symbol(trader: Trader) -> None:
    order_id = trader.place()
    assert trader.code("GET", "order", symbol="ETHUSDT", orderId=order_id) == -2013


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_one_of_the_two_ids_is_mandatory(trader: Trader, method: str) -> None:
    status, code, message = trader.refusal(method, "order", symbol="BTCUSDT")
    assert (status, code) == (400, 700004)
    assert message == "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "order"), ("DELETE", "order"), ("GET", "allOrders"), ("GET", "myTrades"), ("DELETE", "openOrders")],
)
def test_a_symbol_is_mandatory_and_must_exist(trader: Trader, method: str, path: str) -> None:
    assert trader.code(method, path, orderId="x") == 700004
    assert trader.code(method, path, orderId="x", symbol="NOPEUSDT") == -1121


def test_open_orders_are_those_of_a_symbol_or_all(trader: Trader) -> None:
    first, second = trader.place(), trader.place(symbol="ETHUSDT", price="3000")
    assert [row["orderId"] for row in trader.ask("GET", "openOrders")] == [first, second]
    assert [row["orderId"] for row in trader.ask("GET", "openOrders", symbol="ETHUSDT")] == [second]
    assert trader.ask("GET", "openOrders", symbol="SOLUSDT") == []


def placed(trader: Trader, *ages_ms: int) -> list[str]:
    """Place an order at each age, the oldest first, then reset the clock to now."""
    ids = []
    for age_ms in ages_ms:
        trader.now_ms = NOW_MS - age_ms
        ids.append(trader.place())
    trader.now_ms = NOW_MS
    return ids


def ids(rows: list[Any]) -> list[str]:
    return [row["orderId"] for row in rows]


def test_all_orders_are_those_of_a_day_newest_first(trader: Trader) -> None:
    _, yesterday, today = placed(trader, DAY_MS + 1, DAY_MS, 0)
    assert ids(trader.ask("GET", "allOrders", symbol="BTCUSDT")) == [today, yesterday]
    assert trader.ask("GET", "allOrders", symbol="ETHUSDT") == []


def test_all_orders_reach_back_seven_days_at_most(trader: Trader) -> None:
    _, week_old, today = placed(trader, 7 * DAY_MS + 1, 7 * DAY_MS, 0)
    assert ids(trader.ask("GET", "allOrders", symbol="BTCUSDT", startTime=0)) == [today, week_old]


def test_all_orders_of_a_time_range(trader: Trader) -> None:
    _, second, third, _ = placed(trader, 4_000, 3_000, 2_000, 1_000)
    asked = trader.ask("GET", "allOrders", symbol="BTCUSDT", startTime=NOW_MS - 3_000, endTime=NOW_MS - 2_000)
    assert ids(asked) == [third, second]


def test_all_orders_up_to_an_end_start_a_day_before_it(trader: Trader) -> None:
    _, second, _ = placed(trader, 2 * DAY_MS + 1, 2 * DAY_MS, 0)
    assert ids(trader.ask("GET", "allOrders", symbol="BTCUSDT", endTime=NOW_MS - DAY_MS)) == [second]


def test_all_orders_up_to_a_limit(trader: Trader) -> None:
    order_ids = placed(trader, 3, 2, 1)
    assert ids(trader.ask("GET", "allOrders", symbol="BTCUSDT", limit=2)) == [order_ids[2], order_ids[1]]
    assert len(trader.ask("GET", "allOrders", symbol="BTCUSDT", limit=5_000)) == 3


def test_a_trade_is_shown_with_the_documented_fields(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004"), ("95000", "1")])
    order_id = trader.place(price="95000", newClientOrderId="mine")
    newest, oldest = trader.ask("GET", "myTrades", symbol="BTCUSDT")
    assert oldest == {
        "symbol": "BTCUSDT",
        "id": oldest["id"],
        "orderId": order_id,
        "orderListId": -1,
        "price": "94000",
        "qty": "0.004",
        "quoteQty": "376",
        "commission": "0.000002",
        "commissionAsset": "BTC",
        "time": NOW_MS // 1_000 * 1_000,
        "isBuyer": True,
        "isMaker": False,
        "isBestMatch": True,
        "isSelfTrade": False,
        "clientOrderId": "mine",
    }
    assert newest["id"] != oldest["id"]
    assert newest["qty"] == "0.006"


def test_trades_are_those_of_one_order_or_of_all(trader: Trader) -> None:
    trader.offer(asks=[("94000", "1")])
    first, second = trader.place(price="95000"), trader.place(price="95000")
    assert ids(trader.ask("GET", "myTrades", symbol="BTCUSDT")) == [second, first]
    assert ids(trader.ask("GET", "myTrades", symbol="BTCUSDT", orderId=first)) == [first]
    assert trader.ask("GET", "myTrades", symbol="ETHUSDT") == []


def test_trades_reach_back_a_month_and_to_a_hundred(trader: Trader) -> None:
    trader.offer(asks=[("94000", "10")])
    trader.place(price="95000")
    assert len(trader.ask("GET", "myTrades", symbol="BTCUSDT", startTime=NOW_MS - 1_000, endTime=NOW_MS)) == 1
    trader.now_ms += 30 * DAY_MS + 1
    trader.offer(asks=[("94000", "10")])
    assert trader.ask("GET", "myTrades", symbol="BTCUSDT") == []
    for _ in range(101):
        trader.place(price="95000", quantity="0.001")
    assert len(trader.ask("GET", "myTrades", symbol="BTCUSDT", limit=500)) == 100
    assert len(trader.ask("GET", "myTrades", symbol="BTCUSDT", limit=3)) == 3


def test_an_invisible_order_trades_but_no_query_finds_it(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("invisible", delay_ms=2_000)])
    trader.offer(asks=[("94000", "0.004")])
    order_id = trader.place(price="95000", newClientOrderId="ghost")
    for moment_ms, shown in ((NOW_MS, False), (NOW_MS + 1_999, False), (NOW_MS + 2_000, True)):
        trader.now_ms = moment_ms
        assert (trader.send("GET", "order", symbol="BTCUSDT", orderId=order_id).status == 200) is shown
        assert (trader.send("GET", "order", symbol="BTCUSDT", origClientOrderId="ghost").status == 200) is shown
        for path in ("openOrders", "allOrders", "myTrades"):
            assert bool(trader.ask("GET", path, symbol="BTCUSDT")) is shown, path
        assert trader.balance("USDT") == ("999054", "570")


def test_an_invisible_order_cannot_be_cancelled(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("invisible", delay_ms=2_000, count=1)])
    order_id = trader.place()
    assert trader.code("DELETE", "order", symbol="BTCUSDT", orderId=order_id) == -2011
    assert trader.ask("DELETE", "openOrders", symbol="BTCUSDT") == []
    trader.now_ms += 2_000
    assert trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)["status"] == "CANCELED"


def test_an_invisible_order_does_not_hide_a_visible_one_with_its_client_id(trader: Trader) -> None:
    first = trader.place(newClientOrderId="twice")
    trader.exchange.set_faults([Fault("invisible")])
    trader.place(newClientOrderId="twice")
    assert trader.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="twice")["orderId"] == first
