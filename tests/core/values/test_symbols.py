"""Symbols: what a pair allows, and that rounding never makes an order worse than asked."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from daemon.core.values.orders import Side
from daemon.core.values.signals import MAX_AMOUNT, MAX_DECIMALS, Signal
from daemon.core.values.symbols import (
    BUY_ONLY,
    CLOSED,
    OPENING_MS,
    SELL_ONLY,
    SymbolRules,
    amounts_changed,
    check_type,
    fit,
    fit_again,
    listed,
    refit,
)
from daemon.errors import Invalid
from tests.core.making import NOON_MS, limit_order, signal, symbol_rules


def fit_at_noon(asked: Signal, pair: SymbolRules) -> Signal:
    return fit(asked, pair, NOON_MS)


def limit(side: str = "BUY", quantity: str = "10", price: str = "10", **changes: Any) -> Signal:
    return signal(side=side, type="LIMIT", quantity=Decimal(quantity), price=Decimal(price), **changes)


def market(side: str = "BUY", **amounts: str) -> Signal:
    fields: dict[str, Any] = {name: Decimal(amount) for name, amount in amounts.items()}
    return signal(side=side, **fields)


# Rounding


def test_what_fits_is_kept_unchanged() -> None:
    assert fit_at_noon(limit(), symbol_rules()) == limit()
    assert fit_at_noon(market(quote_order_qty="10"), symbol_rules()) == market(quote_order_qty="10")


def test_quantities_are_truncated() -> None:
    assert fit_at_noon(limit(quantity="1.239"), symbol_rules()).quantity == Decimal("1.23")
    assert fit_at_noon(market(quote_order_qty="9.99999"), symbol_rules()).quote_quantity == Decimal("9.9999")


@pytest.mark.parametrize(("side", "price"), [("BUY", "1.2345"), ("SELL", "1.2346")], ids=["buy", "sell"])
def test_a_buyers_price_is_lowered_and_a_sellers_raised(side: str, price: str) -> None:
    assert fit_at_noon(limit(side, price="1.23456"), symbol_rules()).price == Decimal(price)


@given(
    side=st.sampled_from(["BUY", "SELL"]),
    quantity=st.decimals(min_value="1e-18", max_value=MAX_AMOUNT, places=MAX_DECIMALS),
    price=st.decimals(min_value="1e-18", max_value=MAX_AMOUNT, places=MAX_DECIMALS),
    quantity_decimals=st.integers(0, MAX_DECIMALS),
    price_decimals=st.integers(0, MAX_DECIMALS),
)
def test_no_order_becomes_worse_than_asked(
    side: str, quantity: Decimal, price: Decimal, quantity_decimals: int, price_decimals: int
) -> None:
    """With every signal that passes the checks of the API; a pair may still be too coarse for it."""
    asked = limit(side, str(quantity), str(price))
    pair = symbol_rules(
        quantity_decimals=quantity_decimals, price_decimals=price_decimals, min_notional=Decimal(0), max_notional=None
    )
    try:
        fitted = fit_at_noon(asked, pair)
    except Invalid:
        reject()
    assert asked.quantity is not None
    assert asked.price is not None
    assert fitted.quantity is not None
    assert fitted.price is not None
    assert 0 < fitted.quantity <= asked.quantity
    assert 0 < fitted.price <= asked.price if asked.side is Side.BUY else fitted.price >= asked.price


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (limit(quantity="0.009"), "quantity"),
        (market(quote_order_qty="0.00009"), "quoteOrderQty"),
        (limit(price="0.00009"), "price"),
    ],
    ids=["quantity", "quote quantity", "price"],
)
def test_what_is_below_the_smallest_step_is_refused(asked: Signal, field: str) -> None:
    with pytest.raises(Invalid, match="smallest step") as refusal:
        fit_at_noon(asked, symbol_rules())
    assert refusal.value.field == field


# What a pair accepts


@pytest.mark.parametrize(
    ("state", "admitted"),
    [
        ({"api_tradable": True, "online": True}, True),
        ({"api_tradable": False, "online": False, "first_open_ms": NOON_MS + 60_000}, True),
        ({"api_tradable": False, "online": True, "first_open_ms": NOON_MS - OPENING_MS}, True),
        ({"api_tradable": False, "online": True, "first_open_ms": NOON_MS - OPENING_MS - 1}, False),
        ({"api_tradable": False, "online": False}, False),
    ],
    ids=["open", "not open yet", "just open", "open, and not to the API", "never to the API"],
)
def test_a_pair_that_is_not_open_yet_is_no_error(state: dict[str, Any], *, admitted: bool) -> None:
    """A sniper's order waits for the opening."""
    if admitted:
        assert fit_at_noon(limit(), symbol_rules(**state)) == limit()
    else:
        with pytest.raises(Invalid) as refusal:
            fit_at_noon(limit(), symbol_rules(**state))
        assert refusal.value.field == "symbol"


@pytest.mark.parametrize(
    ("trade_sides", "admitted"),
    [(BUY_ONLY, {"BUY"}), (SELL_ONLY, {"SELL"}), (CLOSED, set()), (0, {"BUY", "SELL"})],
    ids=["buy only", "sell only", "closed", "not stated"],
)
def test_a_side_that_the_pair_does_not_accept_is_refused(trade_sides: int, admitted: set[str]) -> None:
    for side in ("BUY", "SELL"):
        if side in admitted:
            assert fit_at_noon(limit(side), symbol_rules(trade_sides=trade_sides)) == limit(side)
        else:
            with pytest.raises(Invalid) as refusal:
                fit_at_noon(limit(side), symbol_rules(trade_sides=trade_sides))
            assert refusal.value.field == "side"


@pytest.mark.parametrize(
    ("order_type", "listed", "admitted"),
    [
        ("LIMIT", {"LIMIT"}, True),
        ("LIMIT", set(), True),
        ("IOC", {"LIMIT"}, True),
        ("FOK", {"LIMIT"}, True),
        ("IOC", {"MARKET"}, False),
        ("LIMIT_MAKER", {"LIMIT"}, False),
    ],
    ids=["listed", "nothing stated", "ioc by limit", "fok by limit", "ioc without limit", "maker is not implied"],
)
def test_immediate_types_are_implied_by_limit_orders(order_type: str, listed: set[str], *, admitted: bool) -> None:
    asked = signal(type=order_type, quantity=Decimal(10), price=Decimal(10))
    if admitted:
        assert fit_at_noon(asked, symbol_rules(order_types=frozenset(listed))) == asked
    else:
        with pytest.raises(Invalid) as refusal:
            fit_at_noon(asked, symbol_rules(order_types=frozenset(listed)))
        assert refusal.value.field == "type"
        assert refusal.value.allowed == ", ".join(sorted(listed))


# Minimum and maximum


@pytest.mark.parametrize(
    ("asked", "field", "allowed"),
    [
        (limit(quantity="0.99", price="100"), "quantity", "at least 1 FOO"),
        (limit(quantity="1", price="4.99"), "quantity", "at least 5 USDT"),
        (limit(quantity="10", price="10.01"), "quantity", "at most 100 USDT"),
        (market(quote_order_qty="1.99"), "quoteOrderQty", "at least 2 USDT"),
        (market(quote_order_qty="50.01"), "quoteOrderQty", "at most 50 USDT"),
        (market("SELL", quantity="0.5"), "quantity", "at least 1 FOO"),
    ],
    ids=["quantity", "limit, too little", "limit, too much", "market, too little", "market, too much", "market sell"],
)
def test_an_order_outside_the_limits_is_refused_with_the_limit(asked: Signal, field: str, allowed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        fit_at_noon(asked, pair_with_limits())
    assert (refusal.value.field, refusal.value.allowed) == (field, allowed)


@pytest.mark.parametrize(
    "asked",
    [
        limit(quantity="1", price="5"),
        limit(quantity="10", price="10"),
        market(quote_order_qty="2"),
        market(quote_order_qty="50"),
        market("SELL", quantity="1"),
    ],
    ids=["limit, least", "limit, most", "market, least", "market, most", "market sell, least"],
)
def test_the_limits_themselves_are_accepted(asked: Signal) -> None:
    assert fit_at_noon(asked, pair_with_limits()) == asked


@pytest.mark.parametrize("no_limit", [None, Decimal(0)], ids=["not stated", "zero"])
def test_a_maximum_of_zero_is_no_maximum(no_limit: Decimal | None) -> None:
    unbounded = symbol_rules(max_notional=no_limit, max_notional_market=no_limit)
    assert fit_at_noon(limit(quantity="1000000", price="1000000"), unbounded).quantity == 1_000_000
    assert fit_at_noon(market(quote_order_qty="1000000000"), unbounded).quote_quantity == 1_000_000_000


def test_the_minimum_counts_for_what_is_left_after_rounding() -> None:
    with pytest.raises(Invalid) as refusal:
        fit_at_noon(limit(quantity="0.999", price="5.01"), symbol_rules())
    assert refusal.value.allowed == "at least 5 USDT"


def pair_with_limits() -> SymbolRules:
    return symbol_rules(
        min_quantity=Decimal(1),
        min_notional=Decimal(5),
        max_notional=Decimal(100),
        min_notional_market=Decimal(2),
        max_notional_market=Decimal(50),
    )


# What the exchange never accepts


def test_an_order_type_that_the_exchange_is_known_to_refuse_is_refused_with_the_accepted_types() -> None:
    check_type(limit(), frozenset({"FILL_OR_KILL"}))
    with pytest.raises(Invalid, match="takes no LIMIT orders") as refused:
        check_type(limit(), frozenset({"LIMIT", "MARKET"}))
    assert (refused.value.field, refused.value.allowed) == ("type", "FILL_OR_KILL, IMMEDIATE_OR_CANCEL, LIMIT_MAKER")


def test_only_a_pair_that_the_exchange_lists_has_rules() -> None:
    pair = symbol_rules()
    assert listed(pair.symbol, pair) is pair
    with pytest.raises(Invalid, match="knows no symbol NONEUSDT") as refused:
        listed("NONEUSDT", None)
    assert refused.value.field == "symbol"


# A pair that is not open yet


@pytest.mark.parametrize("closed", [{"online": False}, {"api_tradable": False}, {"trade_sides": CLOSED}], ids=str)
def test_a_closed_pair_fits_what_waits_for_a_later_instant(closed: dict[str, Any]) -> None:
    rules = symbol_rules(**closed, order_types=frozenset())
    assert fit(limit(quantity="10.123", price="10"), rules, NOON_MS, waits=True).quantity == Decimal("10.12")
    with pytest.raises(Invalid):
        fit(limit(quantity="10.123", price="10"), rules, NOON_MS)
    with pytest.raises(Invalid, match="below the minimum"):
        fit(limit(quantity="0.1", price="10"), rules, NOON_MS, waits=True)


def test_an_open_pair_that_does_not_take_the_order_refuses_it_for_later_too() -> None:
    with pytest.raises(Invalid) as refusal:
        fit(limit(quantity="10", price="10"), symbol_rules(order_types=frozenset({"MARKET"})), NOON_MS, waits=True)
    assert refusal.value.field == "type"


# Rounded again, after a refusal


def test_an_order_is_rounded_to_rules_that_were_read_again() -> None:
    placed = limit_order(quantity=Decimal("1.29"), price=Decimal("9.99"))
    assert refit(placed, symbol_rules(), NOON_MS) is None, "nothing changes"
    refitted = refit(placed, symbol_rules(quantity_decimals=1, price_decimals=1), NOON_MS)
    assert refitted is not None
    assert (refitted.quantity, refitted.price) == (Decimal("1.2"), Decimal("9.9"))
    assert refit(placed, symbol_rules(quantity_decimals=0, min_quantity=Decimal(2)), NOON_MS) is None, "it cannot help"
    assert refit(placed, symbol_rules(price_decimals=1, trade_sides=CLOSED), NOON_MS) is None, "nor here"


def test_another_rounding_begins_with_what_was_asked() -> None:
    asked = limit_order(quantity=Decimal("1.29"), price=Decimal("9.999"))
    once = fit_again(asked, symbol_rules(quantity_decimals=0, price_decimals=1), NOON_MS)
    assert (once.quantity, once.asked_quantity, once.price) == (Decimal(1), Decimal("1.29"), Decimal("9.9"))
    twice = fit_again(once, symbol_rules(quantity_decimals=2, price_decimals=2), NOON_MS)
    assert (twice.quantity, twice.asked_quantity) == (Decimal("1.29"), None)
    assert (twice.price, twice.asked_price) == (Decimal("9.99"), Decimal("9.999"))
    assert amounts_changed(once, twice) == {
        "quantity": Decimal("1.29"), "asked_quantity": None, "price": Decimal("9.99"), "asked_price": Decimal("9.999"),
    }  # fmt: skip


def test_a_price_that_was_lowered_to_a_cap_is_not_raised_by_another_rounding() -> None:
    repriced = limit_order(price=Decimal("8.88"), asked_price=Decimal("9.999"), repriced=True)
    fitted = fit_again(repriced, symbol_rules(price_decimals=1), NOON_MS)
    assert (fitted.price, fitted.asked_price) == (Decimal("8.8"), Decimal("9.999"))
