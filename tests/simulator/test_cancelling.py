"""Cancelling one order, or all orders of a symbol."""

from dataclasses import replace

import pytest

from daemon.simulator.authentication import EXAMPLE_KEYS
from daemon.simulator.faults import Fault
from tests.simulator.trader import Trader


def test_a_cancellation_shows_the_cancelled_order(trader: Trader) -> None:
    trader.offer(asks=[("94000", "0.004")])
    order_id = trader.place(price="95000", newClientOrderId="mine")
    assert trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id) == {
        "symbol": "BTCUSDT",
        "origClientOrderId": "mine",
        "orderId": order_id,
        "orderListId": -1,
        "clientOrderId": "mine",
        "price": "95000",
        "origQty": "0.01",
        "executedQty": "0.004",
        "cummulativeQuoteQty": "376",
        "status": "PARTIALLY_CANCELED",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
    }
    assert trader.query(order_id)["status"] == "PARTIALLY_CANCELED"
    assert trader.ask("GET", "openOrders") == []


def test_an_order_is_cancelled_by_its_client_id(trader: Trader) -> None:
    order_id = trader.place(newClientOrderId="mine")
    cancelled = trader.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
    assert (cancelled["orderId"], cancelled["status"]) == (order_id, "CANCELED")


def test_of_several_orders_with_one_client_id_the_newest_open_one_is_cancelled(trader: Trader) -> None:
    first = trader.place(newClientOrderId="twice")
    second = trader.place(newClientOrderId="twice")
    cancelled = [
        trader.ask("DELETE", "order", symbol="BTCUSDT", origClientOrderId="twice")["orderId"] for _ in range(2)
    ]
    assert cancelled == [second, first]


def test_unknown_filled_and_cancelled_orders_are_refused_alike(trader: Trader) -> None:
    trader.offer(asks=[("94000", "1")])
    filled, cancelled = trader.place(price="95000"), trader.place()
    trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=cancelled)
    for order_id in (filled, cancelled, "C02__1"):
        refusal = trader.refusal("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
        assert refusal == (400, -2011, "Unknown order sent.")


def test_a_fault_makes_the_reply_show_the_state_before_the_cancellation(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("former_state")])
    order_id = trader.place()
    assert trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)["status"] == "NEW"
    assert trader.query(order_id)["status"] == "CANCELED"


def test_a_cancelled_order_no_longer_trades(trader: Trader) -> None:
    trader.offer()
    order_id = trader.place(price="95000")
    trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
    trader.offer(asks=[("90000", "1")])
    assert trader.query(order_id)["executedQty"] == "0"


def test_all_open_orders_of_a_symbol_are_cancelled(trader: Trader) -> None:
    first, second = trader.place(), trader.place()
    other = trader.place(symbol="ETHUSDT", price="3000")
    cancelled = trader.ask("DELETE", "openOrders", symbol="BTCUSDT")
    assert [(row["orderId"], row["status"]) for row in cancelled] == [(first, "CANCELED"), (second, "CANCELED")]
    assert [row["orderId"] for row in trader.ask("GET", "openOrders")] == [other]


def test_open_orders_of_up_to_five_symbols_are_cancelled_at_once(trader: Trader) -> None:
    trader.place()
    trader.place(symbol="ETHUSDT", price="3000")
    assert len(trader.ask("DELETE", "openOrders", symbol="BTCUSDT,ETHUSDT")) == 2
    assert trader.code("DELETE", "openOrders", symbol=",".join(["BTCUSDT"] * 6)) == 33333


def test_all_open_orders_of_all_symbols_are_cancelled(trader: Trader) -> None:
    trader.place()
    trader.place(symbol="ETHUSDT", price="3000")
    answer = {"code": 200, "msg": "success", "timestamp": trader.now_ms}
    assert trader.ask("DELETE", "order/all") == answer
    assert {row["status"] for row in trader.exchange.orders()} == {"CANCELED"}
    assert trader.ask("DELETE", "order/all") == answer


@pytest.mark.parametrize("path", ["order", "openOrders", "order/all"])
def test_a_key_that_only_reads_cancels_nothing(path: str) -> None:
    trader = Trader(keys=replace(EXAMPLE_KEYS, reads_only=True))
    assert trader.code("DELETE", path, symbol="BTCUSDT", orderId="C02__1") == 700007
    trader.book.close()
