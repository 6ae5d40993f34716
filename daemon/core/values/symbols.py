"""The rules of a trading pair: rounding, minimum and maximum, applied before an order is queued.

The figures are those of MEXC's ``exchangeInfo`` (documented, and as maintained client libraries read them): prices
have at most ``quotePrecision`` decimals, quantities at most ``baseAssetPrecision``; ``baseSizePrecision`` is the
minimum quantity; ``quoteAmountPrecision`` and its ``…Market`` twin are the minimum notional of limit and market orders,
``maxQuoteAmount`` and its twin the maximum.

Rounding never makes an order worse than requested: quantities are cut, a BUY's price is lowered, a SELL's raised.
"""

from collections.abc import Collection
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from daemon.core.values.decimals import ceil_to, floor_to, plain
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.signals import Signal
from daemon.errors import Invalid

ALL, BUY_ONLY, SELL_ONLY, CLOSED = 1, 2, 3, 4
"""MEXC's ``tradeSideType`` (documented)."""

OPENING_MS = 3_600_000
"""For this time after a pair's first open, its known state is not used: it may be outdated."""

UNFIT = "its amounts do not fit the rules that its pair shows now: "
"""How the reason of a waiting order begins whose amounts the rules refuse."""

AMOUNTS = ("quantity", "quote_quantity", "price")
"""The fields that are rounded to a pair's rules."""

Wanted = TypeVar("Wanted", Signal, Order)
"""A value with amounts to fit to a pair."""

FRESH_MS = 2_000
"""Younger rules refuse a signal without another query, so refused signals cannot cause more queries than that."""


class SymbolRules(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one trading pair. A limit of zero or ``None`` is no limit."""

    symbol: str
    base_asset: str
    quote_asset: str
    price_decimals: int
    quantity_decimals: int
    quote_decimals: int
    min_quantity: Decimal
    min_notional: Decimal  # quote units, limit orders
    min_notional_market: Decimal
    max_notional: Decimal | None
    max_notional_market: Decimal | None
    order_types: frozenset[str]  # empty: MEXC does not state them
    trade_sides: int
    online: bool
    api_tradable: bool
    contract: str | None = None  # address of the coin's contract, if MEXC states it
    bid_up: Decimal | None = None  # by which share of the last price a BUY's price may be above it
    ask_down: Decimal | None = None  # by which share of the last price a SELL's price may be below it
    first_open_ms: int | None  # when trading opens or opened, if MEXC states it


def fit(signal: Wanted, rules: SymbolRules, now_ms: int, *, waits: bool = False) -> Wanted:
    """Round the amounts of a signal, or of an order, to the pair's rules, and check its limits.

    For a pair that is about to open or has just opened, it is not checked whether the pair is open, because the known
    state may be minutes old. A sniper's order waits for the open, and refusals until then are retried.

    Args:
        signal: what to fit.
        rules: the pair's rules.
        now_ms: the exchange's time.
        waits: it is to be sent at a later instant. A pair that is closed now is taken to open until then.

    Raises:
        Invalid: the pair cannot take such an order; the error names the limit.

    """
    is_opening = rules.first_open_ms is not None and now_ms <= rules.first_open_ms + OPENING_MS
    if not (is_opening or (waits and is_closed(rules))):
        _check_admission(signal, rules)
    fitted = msgspec.structs.replace(
        signal,
        quantity=_cut("quantity", signal.quantity, rules.quantity_decimals),
        quote_quantity=_cut("quoteOrderQty", signal.quote_quantity, rules.quote_decimals),
        price=_round_price(signal, rules.price_decimals),
    )
    _check_limits(fitted, rules)
    return fitted


def refit(order: Order, rules: SymbolRules, now_ms: int) -> Order | None:
    """Round an order's amounts to rules that were queried again; ``None`` if that changes nothing or cannot help."""
    try:
        fitted = fit_again(order, rules, now_ms, waits=False)
    except Invalid:
        return None
    return fitted if amounts_changed(order, fitted) else None


def fit_again(order: Order, rules: SymbolRules, now_ms: int, *, waits: bool = True) -> Order:
    """Round an order's amounts to rules that appeared or changed, beginning with those that its signal asked for.

    Raises:
        Invalid: the pair cannot take such an order.

    """
    if order.repriced or order.asked_type is not None:  # its amounts follow from a limit
        return with_asked(order, fit(order, rules, now_ms, waits=waits))
    asked = {name: getattr(order, f"asked_{name}") or getattr(order, name) for name in AMOUNTS}
    fitted = fit(msgspec.structs.replace(order, **asked), rules, now_ms, waits=waits)
    rounded = {f"asked_{name}": None if getattr(fitted, name) == amount else amount for name, amount in asked.items()}
    return msgspec.structs.replace(fitted, **rounded)


def with_asked(order: Order, after: Order) -> Order:
    """Return an order with other amounts, which keeps those that its signal asked for."""
    names = [name for name in AMOUNTS if getattr(order, name) != getattr(after, name)]
    return msgspec.structs.replace(
        after, **{f"asked_{name}": order.asked.get(name, getattr(order, name)) for name in names}
    )


def amounts_changed(order: Order, fitted: Order) -> dict[str, Any]:
    """Return the amounts that differ after another rounding, and what was asked of each."""
    names = [name for name in AMOUNTS if getattr(order, name) != getattr(fitted, name)]
    return {each: getattr(fitted, each) for name in names for each in (name, f"asked_{name}")}


def is_closed(rules: SymbolRules) -> bool:
    """Whether a pair takes no orders now, as far as the exchange shows."""
    return not (rules.api_tradable and rules.online) or rules.trade_sides == CLOSED


def listed(symbol: str, rules: SymbolRules | None) -> SymbolRules:
    """Return a pair's rules.

    Raises:
        Invalid: the exchange lists no such pair.

    """
    if rules is None:
        raise Invalid(
            f"the exchange knows no symbol {symbol}", field="symbol", allowed="a pair that the exchange lists"
        )
    return rules


def check_type(signal: Signal, refused: Collection[str]) -> None:
    """Refuse a signal whose order type the exchange accepts from no account.

    Raises:
        Invalid: the type is one of ``refused``.

    """
    if signal.type in refused:
        raise Invalid(
            f"the exchange takes no {signal.type} orders: the live probe found so ([exchange] facts_file)",
            field="type",
            allowed=", ".join(sorted({each.value for each in OrderType} - set(refused))),
        )


def _check_admission(signal: Signal | Order, rules: SymbolRules) -> None:
    if not rules.api_tradable or not rules.online:
        raise Invalid(f"{rules.symbol} cannot be traded by API now", field="symbol", allowed="a pair open to the API")
    only = {BUY_ONLY: Side.BUY, SELL_ONLY: Side.SELL}.get(rules.trade_sides, signal.side)
    if rules.trade_sides == CLOSED or signal.side is not only:
        raise Invalid(f"{rules.symbol} takes no {signal.side} orders", field="side", allowed="what the pair admits")
    if rules.order_types and signal.type not in rules.order_types and not _is_implied(signal.type, rules):
        raise Invalid(
            f"{rules.symbol} takes no {signal.type} orders",
            field="type",
            allowed=", ".join(sorted(rules.order_types)),
        )


def _is_implied(order_type: OrderType, rules: SymbolRules) -> bool:
    """Immediate types are limit orders that do not rest; MEXC's ``orderTypes`` does not always list them (observed)."""
    immediate = {OrderType.IMMEDIATE_OR_CANCEL, OrderType.FILL_OR_KILL}
    return order_type in immediate and OrderType.LIMIT in rules.order_types


def _cut(field: str, amount: Decimal | None, decimals: int) -> Decimal | None:
    if amount is None:
        return None
    cut = floor_to(amount, decimals)
    if cut == 0:
        raise Invalid(
            f"{field} {plain(amount)} is below the smallest step", field=field, allowed=f"at most {decimals} decimals"
        )
    return cut


def _round_price(signal: Signal | Order, decimals: int) -> Decimal | None:
    if signal.price is None:
        return None
    price = (floor_to if signal.side is Side.BUY else ceil_to)(signal.price, decimals)
    if price == 0:
        raise Invalid(
            f"price {plain(signal.price)} is below the smallest step",
            field="price",
            allowed=f"at most {decimals} decimals",
        )
    return price


def _check_limits(signal: Signal | Order, rules: SymbolRules) -> None:
    if signal.quantity is not None and signal.quantity < rules.min_quantity:
        raise Invalid(
            f"quantity {plain(signal.quantity)} is below the minimum of {rules.symbol}",
            field="quantity",
            allowed=f"at least {plain(rules.min_quantity)} {rules.base_asset}",
        )
    notional = signal.quote_quantity
    if notional is None and signal.quantity is not None and signal.price is not None:
        notional = signal.quantity * signal.price
    if notional is None:
        return
    is_market = signal.type is OrderType.MARKET
    low = rules.min_notional_market if is_market else rules.min_notional
    high = rules.max_notional_market if is_market else rules.max_notional
    field = "quoteOrderQty" if is_market else "quantity"
    if notional < low:
        raise Invalid(
            f"{plain(notional)} {rules.quote_asset} is below the minimum of {rules.symbol}",
            field=field,
            allowed=f"at least {plain(low)} {rules.quote_asset}",
        )
    if high and notional > high:
        raise Invalid(
            f"{plain(notional)} {rules.quote_asset} is above the maximum of {rules.symbol}",
            field=field,
            allowed=f"at most {plain(high)} {rules.quote_asset}",
        )
