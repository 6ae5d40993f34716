"""Batches: up to twenty orders of one symbol, one result per order."""

import json

import pytest

from tests.simulator.trader import Trader, order


def test_every_order_of_a_batch_has_its_own_outcome(trader: Trader) -> None:
    batch = [order(), order(newClientOrderId="too-small", quantity="0.00001"), order(newClientOrderId="good")]
    first, second, third = trader.ask("POST", "batchOrders", batchOrders=json.dumps(batch))
    placed = [row["orderId"] for row in trader.exchange.orders()]
    assert first == {"symbol": "BTCUSDT", "orderId": placed[0], "orderListId": -1}
    assert second == {
        "newClientOrderId": "too-small",
        "msg": "The minimum transaction volume cannot be less than:1USDT",
        "code": 30002,
    }
    assert third == {"symbol": "BTCUSDT", "orderId": placed[1], "orderListId": -1, "newClientOrderId": "good"}


def test_numbers_in_a_batch_can_be_json_numbers(trader: Trader) -> None:
    batch = json.dumps([order(quantity=0.02, price=90000, newClientOrderId=9588234, stpMode=None)])
    (outcome,) = trader.ask("POST", "batchOrders", batchOrders=batch)
    assert outcome["newClientOrderId"] == "9588234"
    assert trader.query(outcome["orderId"])["origQty"] == "0.02"


@pytest.mark.parametrize(
    "batch",
    [
        "",
        "[]",
        "{}",
        "[1]",
        "[{]",
        "[{'symbol': 'BTCUSDT'}]",
        '[{"symbol":[]},{"symbol":{}}]',
        json.dumps([order()] * 21),
        json.dumps([order(), order(symbol="ETHUSDT")]),
    ],
    ids=[
        "missing",
        "empty",
        "no list",
        "no order",
        "no JSON",
        "Python's notation",
        "no symbol",
        "too many",
        "two symbols",
    ],
)
def test_a_malformed_batch_is_refused_as_a_whole(trader: Trader, batch: str) -> None:
    assert trader.code("POST", "batchOrders", batchOrders=batch) == (33333 if batch else 700004)
    assert trader.exchange.orders() == []


def test_a_number_out_of_range_refuses_only_its_order(trader: Trader) -> None:
    batch = '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":1e99999999999999999999,"price":"1"}]'
    (outcome,) = trader.ask("POST", "batchOrders", batchOrders=batch)
    assert outcome["code"] == 33333


def test_a_batch_of_twenty_is_placed(trader: Trader) -> None:
    outcomes = trader.ask("POST", "batchOrders", batchOrders=json.dumps([order()] * 20))
    assert len({outcome["orderId"] for outcome in outcomes}) == 20
