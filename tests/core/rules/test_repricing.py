"""Repricing: an order beyond the exchange's limit goes once more at it, and spends what it was meant to spend."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rules.repricing import at_limit, limit_of
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.core.values.symbols import SymbolRules
from tests.core.making import NOON_MS, limit_order, order, refused, symbol_rules

STATED = refused(Advice.REPRICE, price_cap=Decimal("9.5"))
UNSTATED = refused(Advice.REPRICE)
BAND = symbol_rules(bid_up=Decimal("0.2"), ask_down=Decimal("0.1"))


def asked(**changes: Any) -> Order:
    return limit_order(State.IN_FLIGHT, attempts=1, **changes)


def repriced(asked: Order, limit: str, pair: SymbolRules | None) -> tuple[Decimal | None, Decimal | None]:
    after = at_limit(asked, Decimal(limit), pair, NOON_MS)
    return after.price, after.quantity


@pytest.mark.parametrize(
    ("changes", "last_price", "limit"),
    [
        pytest.param({}, "5", "6", id="a buy: a fifth above the last price"),
        pytest.param({"side": Side.SELL}, "20", "18", id="a sell: a tenth below the last price"),
        pytest.param({}, "9", None, id="a buy below the limit"),
        pytest.param({"side": Side.SELL}, "10", None, id="a sell above the limit"),
        pytest.param({"price": Decimal(6)}, "5", None, id="at the limit"),
        pytest.param({}, None, None, id="no last price"),
        pytest.param({"price": None}, "5", None, id="no price"),
    ],
)
def test_a_limit_that_is_not_stated_follows_from_the_pairs_band(
    changes: dict[str, Any], last_price: str | None, limit: str | None
) -> None:
    last = None if last_price is None else Decimal(last_price)
    assert limit_of(asked(**changes), UNSTATED, BAND, last) == (None if limit is None else Decimal(limit))


@pytest.mark.parametrize("pair", [None, symbol_rules()], ids=["rules not known", "no band"])
@pytest.mark.parametrize("side", Side)
def test_without_a_band_there_is_no_limit(pair: SymbolRules | None, side: Side) -> None:
    assert limit_of(asked(side=side), UNSTATED, pair, Decimal(1)) is None


def test_a_stated_cap_precedes_the_band_and_concerns_buys() -> None:
    assert limit_of(asked(), STATED, BAND, Decimal(5)) == Decimal("9.5")
    assert limit_of(asked(side=Side.SELL), STATED, BAND, Decimal(20)) is None


@pytest.mark.parametrize(
    ("changes", "limit", "pair", "sent"),
    [
        pytest.param({"quantity": Decimal(400)}, "5", {}, ("5", "800"), id="twice as much at half the price"),
        pytest.param({"quantity": Decimal(7)}, "3", {}, ("3", "23.33"), id="cut to the pair's decimals"),
        pytest.param({"quantity": Decimal(4)}, "9.87654", {}, ("9.8765", "4.05"), id="the price is cut too"),
        pytest.param(
            {"quantity": Decimal(4), "asked_quantity": Decimal("4.2"), "asked_price": Decimal("10.5")},
            "5",
            {},
            ("5", "8.82"),
            id="what the signal asked to spend",
        ),
        pytest.param(
            {"quantity": Decimal(400)}, "5", {"max_notional": Decimal(1_000)}, ("5", "200"), id="within the maximum"
        ),
        pytest.param(
            {"quantity": Decimal(4)}, "5", {"min_notional": Decimal(50)}, ("5", "4"), id="below a new minimum"
        ),
        pytest.param({"quantity": Decimal(400)}, "5", {"max_notional": None}, ("5", "800"), id="no maximum"),
        pytest.param({"side": Side.SELL}, "18.00001", {}, ("18.0001", "1"), id="a sell keeps its quantity"),
    ],
)
def test_a_repriced_buy_spends_what_it_was_meant_to_spend(
    changes: dict[str, Any], limit: str, pair: dict[str, Any], sent: tuple[str, str]
) -> None:
    price, quantity = sent
    assert repriced(asked(**changes), limit, symbol_rules(**pair)) == (Decimal(price), Decimal(quantity))


def test_while_the_pairs_rules_are_not_known_the_quantity_stays() -> None:
    assert repriced(asked(quantity=Decimal(4)), "9.87654", None) == (Decimal("9.87654"), Decimal(4))


def test_a_limit_below_the_smallest_step_is_the_price_and_changes_no_quantity() -> None:
    assert repriced(asked(quantity=Decimal(4)), "0.00001", symbol_rules()) == (Decimal("0.00001"), Decimal(4))


def test_an_order_without_price_keeps_its_amounts() -> None:
    market = order(State.IN_FLIGHT, attempts=1)
    assert repriced(market, "5", symbol_rules()) == (Decimal(5), None)


@given(
    quantity=st.decimals("0.01", 10_000, places=4),
    price=st.decimals("0.001", 1_000, places=6),
    share=st.decimals("0.01", "0.999", places=5),
    decimals=st.integers(0, 8),
)
def test_a_repriced_buy_never_spends_more_than_was_asked(
    quantity: Decimal, price: Decimal, share: Decimal, decimals: int
) -> None:
    pair = symbol_rules(quantity_decimals=decimals, price_decimals=8, min_notional=Decimal(0))
    after = at_limit(asked(quantity=quantity, price=price), price * share, pair, NOON_MS)
    assert after.quantity is not None
    assert after.price is not None
    assert after.price * after.quantity <= price * quantity
