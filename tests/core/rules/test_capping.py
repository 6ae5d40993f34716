"""Capping: when a MARKET order goes as an immediate limit order, at which price, and how much it buys then."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rules.capping import OPENING_MS, cap_of, capped, is_due
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.symbols import SymbolRules
from tests.core.making import NOON_MS, limit_order, order, symbol_rules

CAP: dict[str, Any] = {"max_price": Decimal("0.5")}
OPENING = symbol_rules(first_open_ms=NOON_MS)


@pytest.mark.parametrize(
    ("asked", "pair", "after_ms", "due"),
    [
        pytest.param(order(**CAP), OPENING, 0, True, id="in the first minute"),
        pytest.param(order(**CAP, execute_at_ms=NOON_MS + 1), OPENING, -5_000, True, id="for an instant in it"),
        pytest.param(order(slippage_percent=Decimal(5)), OPENING, 0, True, id="by a percentage"),
        pytest.param(order(**CAP), OPENING, OPENING_MS - 1, True, id="at the end of the opening"),
        pytest.param(order(**CAP), OPENING, OPENING_MS, False, id="after the opening"),
        pytest.param(order(**CAP, execute_at_ms=NOON_MS + OPENING_MS), OPENING, 0, False, id="for an instant after it"),
        pytest.param(order(**CAP), symbol_rules(), 0, False, id="no open is stated"),
        pytest.param(order(**CAP), None, 0, False, id="rules not known"),
        pytest.param(order(**CAP, market_refused=True), symbol_rules(), 0, True, id="refused as MARKET"),
        pytest.param(order(**CAP, market_refused=True), None, 0, True, id="refused, and rules not known"),
        pytest.param(order(), OPENING, 0, False, id="no leave to do so"),
        pytest.param(limit_order(**CAP), OPENING, 0, False, id="a limit order"),
    ],
)
def test_a_market_order_with_a_cap_goes_at_it_where_market_fails(
    asked: Order, pair: SymbolRules | None, after_ms: int, due: bool
) -> None:
    assert is_due(asked, pair, NOON_MS + after_ms, frozenset()) is due


def test_an_exchange_that_takes_no_immediate_orders_gets_none() -> None:
    assert not is_due(order(**CAP), OPENING, NOON_MS, {OrderType.IMMEDIATE_OR_CANCEL})


@pytest.mark.parametrize(
    ("asked", "last_price", "cap"),
    [
        pytest.param(order(**CAP), None, "0.5", id="stated"),
        pytest.param(order(slippage_percent=Decimal(5)), "2", "2.1", id="above the last price"),
        pytest.param(order(side=Side.SELL, slippage_percent=Decimal(5)), "2", "1.9", id="below it, for a sell"),
        pytest.param(order(slippage_percent=Decimal(5)), None, None, id="no last price"),
        pytest.param(order(), "2", None, id="no cap"),
    ],
)
def test_the_cap_is_stated_or_follows_from_the_last_price(
    asked: Order, last_price: str | None, cap: str | None
) -> None:
    last = None if last_price is None else Decimal(last_price)
    assert cap_of(asked, last) == (None if cap is None else Decimal(cap))


@pytest.mark.parametrize(
    ("changes", "cap", "pair", "sent"),
    [
        pytest.param({"quote_quantity": Decimal(25)}, "0.3", {}, ("0.3", "83.33"), id="by amount: what it pays for"),
        pytest.param({"quote_quantity": Decimal(25)}, "0.33339", {}, ("0.3333", "75"), id="the price is cut too"),
        pytest.param(
            {"quote_quantity": None, "quantity": Decimal(40)}, "0.3", {}, ("0.3", "40"), id="by quantity: it stays"
        ),
        pytest.param(
            {"quote_quantity": Decimal(25)}, "0.5", {"max_notional": Decimal(10)}, ("0.5", "20"), id="the maximum"
        ),
        pytest.param({"quote_quantity": Decimal(25)}, "0.5", {"max_notional": None}, ("0.5", "50"), id="no maximum"),
        pytest.param(
            {"side": Side.SELL, "quote_quantity": None, "quantity": Decimal(40)}, "0.30001", {}, ("0.3001", "40"),
            id="a sell's price is raised",
        ),
        pytest.param({"quote_quantity": Decimal(4)}, "0.5", {}, None, id="below the minimum of limit orders"),
        pytest.param({"quote_quantity": Decimal(25)}, "0.00001", {}, None, id="a cap below the smallest step"),
    ],
)  # fmt: skip
def test_an_order_at_its_cap_is_an_immediate_limit_order(
    changes: dict[str, Any], cap: str, pair: dict[str, Any], sent: tuple[str, str] | None
) -> None:
    asked = order(**changes)
    after = capped(asked, Decimal(cap), symbol_rules(**pair), NOON_MS)
    if sent is None:
        assert after is None
        return
    assert after is not None
    assert (after.type, after.asked_type) == (OrderType.IMMEDIATE_OR_CANCEL, OrderType.MARKET)
    assert (after.price, after.quantity, after.quote_quantity) == (Decimal(sent[0]), Decimal(sent[1]), None)
    assert after.asked_quote_quantity == asked.quote_quantity


@given(
    amount=st.decimals("6", 100_000, places=4),
    cap=st.decimals("0.0001", 1_000, places=6),
    decimals=st.integers(0, 8),
)
def test_an_order_at_its_cap_never_spends_more_than_was_asked(amount: Decimal, cap: Decimal, decimals: int) -> None:
    pair = symbol_rules(quantity_decimals=decimals, price_decimals=8)
    after = capped(order(quote_quantity=amount), cap, pair, NOON_MS)
    if after is not None:
        assert after.price is not None
        assert after.quantity is not None
        assert after.price <= cap
        assert after.price * after.quantity <= amount
