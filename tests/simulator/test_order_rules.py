"""Refused orders and their codes: the parameters of an order, and the rules of its symbol."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.simulator.faults import Fault
from tests.simulator.trader import NOW_MS, Trader, order


@pytest.mark.parametrize("missing", ["symbol", "side", "type"])
def test_a_missing_parameter_is_named(trader: Trader, missing: str) -> None:
    code, message = trader.refused(**{missing: None})
    assert (code, message) == (
        700004,
        f"Mandatory parameter '{missing}' was not sent, was empty/null, or malformed.",
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {"price": None},
        {"quantity": None},
        {"price": ""},
        {"type": "LIMIT_MAKER", "price": None},
        {"type": "IMMEDIATE_OR_CANCEL", "quantity": None},
        {"type": "FILL_OR_KILL", "quantity": None, "quoteOrderQty": "100"},
        {"type": "MARKET"},
        {"type": "MARKET", "quantity": "1", "quoteOrderQty": "100"},
    ],
)
def test_invalid_combinations_of_parameters_are_refused(trader: Trader, parameters: dict[str, object]) -> None:
    assert trader.refused(**parameters)[0] == -1128


@pytest.mark.parametrize(
    "parameters",
    [
        {"side": "buy"},
        {"type": "LIMIT_ORDER"},
        {"type": "STOP_LOSS"},
        {"quantity": "1e-2"},
        {"price": "NaN"},
        {"quantity": "1" * 16},
        {"stpMode": "cancel_everything"},
    ],
)
def test_a_malformed_parameter_is_refused(trader: Trader, parameters: dict[str, object]) -> None:
    assert trader.refused(**parameters)[0] == 33333


@pytest.mark.parametrize("parameters", [{"quantity": "0"}, {"quantity": "-1"}, {"price": "0.00"}])
def test_an_amount_must_be_positive(trader: Trader, parameters: dict[str, object]) -> None:
    assert trader.refused(**parameters)[0] == 10102


@pytest.mark.parametrize("client_order_id", ["a" * 33, "a b", "a.b", "ä", "a\n"])
def test_a_client_order_id_with_other_characters_is_refused(trader: Trader, client_order_id: str) -> None:
    code, message = trader.refused(newClientOrderId=client_order_id)
    assert code == 700008
    assert message.startswith("Illegal characters found in parameter 'newClientOrderId'")


@pytest.mark.parametrize("client_order_id", ["a", "A-z_09", "x" * 32])
def test_a_client_order_id_of_the_legal_characters_is_kept(trader: Trader, client_order_id: str) -> None:
    order_id = trader.place(newClientOrderId=client_order_id)
    assert trader.query(order_id)["clientOrderId"] == client_order_id


def test_an_order_without_a_client_order_id_shows_none(trader: Trader) -> None:
    assert trader.query(trader.place())["clientOrderId"] is None


def test_an_unknown_parameter_is_ignored(trader: Trader) -> None:
    """Such as timeInForce: an order meant as IOC rests in the book."""
    order_id = trader.place(timeInForce="IOC")
    assert trader.query(order_id)["status"] == "NEW"


def test_the_self_trade_mode_is_kept_and_shown(trader: Trader) -> None:
    assert trader.query(trader.place(stpMode="cancel_both"))["stpMode"] == "cancel_both"


def test_an_unknown_symbol_is_refused(trader: Trader) -> None:
    assert trader.refusal("POST", "order", **order(symbol="NOPEUSDT")) == (400, -1121, "Invalid symbol.")


@pytest.mark.parametrize(
    ("changes", "side", "code"),
    [
        ({"status": "2"}, "BUY", 30000),
        ({"status": "3"}, "BUY", 30016),
        ({"tradable_by_api": False}, "BUY", 10007),
        ({"trade_side_type": 2}, "SELL", 30001),
        ({"trade_side_type": 3}, "BUY", 30001),
        ({"trade_side_type": 4}, "BUY", 30001),
        ({"order_types": ("LIMIT_MAKER",)}, "BUY", 30041),
    ],
)
def test_a_symbol_that_does_not_trade_is_refused_with_its_code(
    trader: Trader, changes: dict[str, Any], side: str, code: int
) -> None:
    trader.change(**changes)
    assert trader.refused(side=side)[0] == code


@pytest.mark.parametrize(("trade_side_type", "side"), [(1, "BUY"), (2, "BUY"), (3, "SELL")])
def test_a_side_that_is_open_trades(trader: Trader, trade_side_type: int, side: str) -> None:
    trader.change(trade_side_type=trade_side_type)
    assert trader.place(side=side, price="94000")


@pytest.mark.parametrize(
    ("order_types", "order_type", "code"),
    [
        (("LIMIT",), "MARKET", 30019),
        (("LIMIT",), "LIMIT_MAKER", 30041),
        (("MARKET",), "IMMEDIATE_OR_CANCEL", 30041),
        (("MARKET",), "FILL_OR_KILL", 30041),
    ],
)
def test_an_order_type_that_the_symbol_does_not_list_is_refused(
    trader: Trader, order_types: tuple[str, ...], order_type: str, code: int
) -> None:
    trader.change(order_types=order_types)
    price = None if order_type == "MARKET" else "90000"
    assert trader.refused(type=order_type, quantity="0.01", price=price)[0] == code


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"quantity": "0.0000001"}, " quantity scale is invalid"),
        ({"price": "90000.001"}, " price scale is invalid"),
        ({"type": "MARKET", "quoteOrderQty": "10.001"}, " amount scale is invalid"),
    ],
)
def test_too_many_decimals_are_refused(trader: Trader, parameters: dict[str, object], message: str) -> None:
    assert trader.refused(**parameters) == (400, message)


def test_trailing_zeros_do_not_count_as_decimals(trader: Trader) -> None:
    order_id = trader.place(price="90000.0000", quantity="0.010000000")
    shown = trader.query(order_id)
    assert (shown["price"], shown["origQty"]) == ("90000", "0.01")


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        ({"quantity": "0.00001"}, 30002, "The minimum transaction volume cannot be less than:1USDT"),
        ({"type": "MARKET", "quoteOrderQty": "0.5"}, 30002, "The minimum transaction volume cannot be less than:1USDT"),
        ({"quantity": "30"}, 30003, "The maximum transaction volume cannot be greater than:2000000USDT"),
        (
            {"type": "MARKET", "quoteOrderQty": "100001"},
            30003,
            "The maximum transaction volume cannot be greater than:100000USDT",
        ),
        (
            {"type": "MARKET", "quantity": "2"},
            30003,
            "The maximum transaction volume cannot be greater than:100000USDT",
        ),
    ],
)
def test_the_value_of_an_order_has_a_minimum_and_a_maximum(
    trader: Trader, parameters: dict[str, object], code: int, message: str
) -> None:
    assert trader.refused(**parameters) == (code, message)


def test_a_quantity_below_the_symbols_minimum_is_refused(trader: Trader) -> None:
    trader.change(minimum_quantity=Decimal("0.005"))
    message = "The minimum transaction volume cannot be less than:0.005BTC"
    assert trader.refused(quantity="0.004999") == (30002, message)
    assert trader.place(quantity="0.005")
    assert trader.ask("GET", "exchangeInfo", symbol="BTCUSDT")["symbols"][0]["baseSizePrecision"] == "0.005"


def test_a_market_sale_of_exactly_the_minimum_value_is_accepted(trader: Trader) -> None:
    trader.offer(bids=[("1", "10")], symbol="MXUSDT")
    assert trader.place(symbol="MXUSDT", side="SELL", type="MARKET", quantity="1")


def test_a_quantity_below_one_step_is_refused(trader: Trader) -> None:
    """The amount does not buy a whole PEPE at this price."""
    trader.offer(asks=[("5", "10")], symbol="PEPEUSDT")
    code, message = trader.refused(symbol="PEPEUSDT", type="MARKET", quoteOrderQty="1")
    assert (code, message) == (30002, "The minimum transaction volume cannot be less than:1PEPE")


BAND = pytest.mark.parametrize(
    ("side", "price", "admitted"),
    [
        ("BUY", "114000", True),
        ("BUY", "114000.01", False),
        ("BUY", "1000", True),
        ("SELL", "85500", True),
        ("SELL", "85499.99", False),
        ("SELL", "500000", True),
    ],
)


@BAND
def test_the_price_band_is_shown_as_increments_of_the_last_price(
    trader: Trader, side: str, price: str, admitted: bool
) -> None:
    (shown,) = trader.ask("GET", "exchangeInfo", symbol="BTCUSDT")["symbols"]
    trader.offer()
    last = Decimal(trader.ask("GET", "ticker/price", symbol="BTCUSDT")["price"])
    up, down = (Decimal(shown["filters"][0][name]) for name in ("bidMultiplierUp", "askMultiplierDown"))
    assert (up, down) == (Decimal("0.2"), Decimal("0.1"))
    within = Decimal(price) <= last * (1 + up) if side == "BUY" else Decimal(price) >= last * (1 - down)
    assert within is admitted


def test_a_buy_that_only_rests_has_no_highest_price(trader: Trader) -> None:
    trader.offer()
    assert trader.place(type="LIMIT_MAKER", price="114000.01", quantity="0.001")
    assert trader.refused(type="IMMEDIATE_OR_CANCEL", price="114000.01")[0] == 30087


@BAND
def test_a_price_must_stay_within_the_band_around_the_last_price(
    trader: Trader, side: str, price: str, admitted: bool
) -> None:
    trader.offer()
    parameters = order(side=side, price=price)
    if admitted:
        assert trader.ask("POST", "order", **parameters)
    else:
        assert trader.refused(**parameters) == (30087, "Order price exceeds allowed range")


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        ({"quantity": "12", "price": "90000"}, 30004, "Insufficient position"),
        ({"side": "SELL", "quantity": "3", "price": "100000"}, 30005, "Oversold"),
    ],
)
def test_an_order_that_the_account_cannot_pay_is_refused(
    trader: Trader, parameters: dict[str, object], code: int, message: str
) -> None:
    assert trader.refused(**parameters) == (code, message)


def test_an_account_can_spend_its_whole_balance() -> None:
    trader = Trader(balances={"USDT": Decimal(900)})
    trader.place(quantity="0.01", price="90000")
    assert trader.balance("USDT") == ("0", "900")
    assert trader.refused(quantity="0.001", price="90000")[0] == 30004
    trader.book.close()


def test_the_account_holds_500_open_orders_at_most(trader: Trader) -> None:
    for _ in range(500):
        trader.place(symbol="XRPUSDT", quantity="1", price="1")
    assert trader.refused(symbol="XRPUSDT", quantity="1", price="1") == (
        30029,
        "Cannot exceed the maximum order limit",
    )


def test_a_refused_order_changes_nothing(trader: Trader) -> None:
    before = trader.ask("GET", "account")
    trader.refused(quantity="12")
    trader.refused(price="114000.01")
    assert trader.ask("GET", "account") == before
    assert trader.exchange.orders() == []


def test_the_test_endpoint_checks_the_rules_and_places_nothing(trader: Trader) -> None:
    assert trader.ask("POST", "order/test", **order()) == {}
    assert trader.code("POST", "order/test", **order(quantity="30")) == 30003
    assert trader.code("POST", "order/test", **order(side="UP")) == 33333
    assert trader.exchange.orders() == []


def test_client_order_ids_need_not_be_unique(trader: Trader) -> None:
    trader.place(newClientOrderId="twice")
    trader.place(newClientOrderId="twice")
    assert len(trader.exchange.orders()) == 2


def test_a_fault_refuses_a_duplicate(trader: Trader) -> None:
    trader.exchange.set_faults([Fault("duplicate_refused")])
    trader.place(newClientOrderId="once")
    assert trader.refused(newClientOrderId="once") == (-2010, "Duplicate order sent.")
    assert trader.place()
    assert trader.place()


def test_a_placed_order_is_answered_with_the_documented_fields_and_no_other(trader: Trader) -> None:
    answer = trader.ask("POST", "order", **order(newClientOrderId="mine"))
    assert answer == {
        "symbol": "BTCUSDT",
        "orderId": answer["orderId"],
        "orderListId": -1,
        "price": "90000",
        "origQty": "0.01",
        "type": "LIMIT",
        "side": "BUY",
        "transactTime": NOW_MS,
    }
    assert answer["orderId"].startswith("C02__")
    assert len(answer["orderId"]) == len("C02__342252993005723644225")


def test_with_spends_all_a_market_buy_by_value_spends_the_whole_value() -> None:
    usual, spender = Trader(), Trader(spends_all=True)
    for trader in (usual, spender):
        trader.offer(bids=[("90", "1")], asks=[("100", "0.5"), ("102", "0.5"), ("104", "9")])
        trader.place(type="MARKET", quoteOrderQty="153")
    spent = [Decimal(str(trader.exchange.orders()[0]["cummulativeQuoteQty"])) for trader in (usual, spender)]
    assert spent[0] < 150
    assert spent[1] == 153
    assert spender.exchange.orders()[0]["status"] == "FILLED"


def test_what_is_not_offered_is_not_spent() -> None:
    spender = Trader(spends_all=True)
    spender.offer(bids=[("90", "1")], asks=[("100", "0.5")])
    spender.place(type="MARKET", quoteOrderQty="100")
    [placed] = spender.exchange.orders()
    assert (placed["status"], placed["cummulativeQuoteQty"]) == ("PARTIALLY_CANCELED", "50")
