"""Stricter variants of undocumented behaviour: ids, types, ended orders, read-only keys."""

import dataclasses
from typing import Any

import pytest

from daemon.simulator.authentication import EXAMPLE_KEYS
from daemon.simulator.faults import Fault
from tests.simulator.trader import Trader

NOT_FOUND, NOT_PERMITTED = -2013, 700007


def strict(kind: Any, **settings: Any) -> Trader:
    return Trader(faults=[Fault(kind, **settings)])


@pytest.mark.parametrize(("code", "expected"), [(0, -2010), (33333, 33333)])
def test_a_repeated_client_order_id_can_be_refused_with_any_code(code: int, expected: int) -> None:
    trader = strict("duplicate_refused", code=code)
    trader.place(newClientOrderId="mine")
    assert trader.refused(newClientOrderId="mine")[0] == expected
    trader.place(newClientOrderId="another")


@pytest.mark.parametrize("order_type", ["IMMEDIATE_OR_CANCEL", "FILL_OR_KILL"])
def test_immediate_types_can_be_refused_while_limit_orders_are_accepted(order_type: str) -> None:
    trader = strict("type_refused")
    assert trader.refused(type=order_type)[0] == 30041
    trader.place()


def test_an_ended_order_can_be_hidden_from_queries_by_client_id_only() -> None:
    trader = strict("ended_hidden")
    order_id = trader.place(newClientOrderId="mine")
    by_client_id: dict[str, object] = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    assert trader.ask("GET", "order", **by_client_id)["status"] == "NEW"
    trader.ask("DELETE", "order", symbol="BTCUSDT", orderId=order_id)
    assert trader.code("GET", "order", **by_client_id) == NOT_FOUND
    assert trader.query(order_id)["status"] == "CANCELED"
    assert [each["clientOrderId"] for each in trader.ask("GET", "allOrders", symbol="BTCUSDT")] == ["mine"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_order_cannot_be_amended(trader: Trader, method: str) -> None:
    assert trader.code(method, "order", symbol="BTCUSDT", orderId="C02__1", price="1") == 404


def test_an_account_can_be_shown_without_permission_to_trade() -> None:
    assert strict("no_trading").ask("GET", "account")["canTrade"] is False
    assert Trader().ask("GET", "account")["canTrade"] is True


def test_a_read_only_key_can_neither_place_nor_cancel() -> None:
    trader = Trader(keys=dataclasses.replace(EXAMPLE_KEYS, reads_only=True))
    trader.ask("GET", "account")
    assert trader.refused()[0] == NOT_PERMITTED
    assert trader.code("DELETE", "order", symbol="BTCUSDT", orderId="C02__1") == NOT_PERMITTED
    order: dict[str, object] = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "1", "price": "9"}
    assert trader.code("POST", "order/test", **order) == NOT_PERMITTED
