"""Repricing: an order whose price is beyond what the exchange accepts goes once more at that limit.

The exchange states the limit (a cap at a listing), or it follows from the pair's price band and last price: a BUY's
price is at most ``last x (1 + bidMultiplierUp)``, a SELL's at least ``last x (1 - askMultiplierDown)`` (observed: the
multipliers are increments, such as 0.2 and 0.1).

The price never gets worse than requested. A BUY still spends what it was meant to spend: its quantity is computed anew
at the lower price, and cut, so that it never spends more.
"""

from decimal import Decimal

from msgspec.structs import replace

from daemon.core.values.decimals import affordable, ceil_to, floor_to, product
from daemon.core.values.exchange_replies import Refused
from daemon.core.values.orders import Order, Side
from daemon.core.values.symbols import SymbolRules, fit, with_asked
from daemon.errors import Invalid


def limit_of(order: Order, refused: Refused, pair: SymbolRules | None, last_price: Decimal | None) -> Decimal | None:
    """Return the worst price that the exchange accepts; ``None`` if it is not known, or no better than the order's."""
    limit = refused.price_cap
    is_buy = order.side is Side.BUY
    if limit is None:
        limit = None if pair is None or last_price is None else _band(is_buy, pair, last_price)
    elif not is_buy:
        return None
    if limit is None or order.price is None or limit == order.price:
        return None
    return limit if is_buy == (limit < order.price) else None


def at_limit(order: Order, limit: Decimal, pair: SymbolRules | None, now_ms: int) -> Order:
    """Return an order at a limit, with the quantity that the amount to be spent buys there.

    If the pair's rules are not known, or refuse that quantity, the quantity stays. Rules that admit no price up to the
    limit contradict it, so the exchange's limit stays as it is.
    """
    if pair is None:
        return with_asked(order, replace(order, price=limit))
    price = (floor_to if order.side is Side.BUY else ceil_to)(limit, pair.price_decimals) or limit
    spend = _to_spend(order)
    if spend is not None:
        most = spend if pair.max_notional is None else min(spend, pair.max_notional)
        try:
            fitted = fit(replace(order, price=price, quantity=affordable(most, price)), pair, now_ms)
            return with_asked(order, fitted)
        except Invalid:
            pass
    return with_asked(order, replace(order, price=price))


def _band(is_buy: bool, pair: SymbolRules, last_price: Decimal) -> Decimal | None:
    if is_buy:
        return None if pair.bid_up is None else product(last_price, 1 + pair.bid_up)
    return None if pair.ask_down is None else product(last_price, 1 - pair.ask_down)


def _to_spend(order: Order) -> Decimal | None:
    """Return what a BUY was meant to spend, in quote units; ``None`` for a SELL, and for a quantity at any price."""
    if order.side is not Side.BUY:
        return None
    if order.asked_type is not None:
        return order.asked_quote_quantity
    quantity = order.quantity if order.asked_quantity is None else order.asked_quantity
    price = order.price if order.asked_price is None else order.asked_price
    return None if quantity is None or price is None else product(quantity, price)
