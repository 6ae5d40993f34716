"""Capping: a MARKET order becomes an immediate limit order at a cap that its signal states.

MEXC accepts a MARKET order in the first minute of a listing and cancels it at once (observed), and refuses it for some
pairs. So a signal may state a cap: a price (``maxPrice``), or a percentage that the price may be worse than the last
one (``slippagePercent``). Without one of them, MARKET stays MARKET.

A BUY by amount gets the quantity that the amount pays for at the cap, cut, so that it never spends more.
"""

from collections.abc import Collection
from decimal import Decimal

from msgspec.structs import replace

from daemon.core.rules.launch_window import instant_ms
from daemon.core.values.decimals import affordable, ceil_to, floor_to, product
from daemon.core.values.orders import Order, OrderType, Side
from daemon.core.values.symbols import SymbolRules, fit, with_asked
from daemon.errors import Invalid

OPENING_MS = 300_000
"""How long after its open a pair counts as opening. One minute was observed; MEXC does not document it."""

_PERCENT = Decimal("0.01")


def may_cap(order: Order) -> bool:
    """Whether an order goes as MARKET, and its signal states a cap."""
    return order.type is OrderType.MARKET and (order.max_price is not None or order.slippage_percent is not None)


def is_due(order: Order, pair: SymbolRules | None, now_ms: int, refused_types: Collection[str]) -> bool:
    """Whether an order is to be sent at its cap: its pair is opening then, or it was refused as MARKET.

    Args:
        order: the order.
        pair: its pair's rules, if they are known.
        now_ms: the exchange's time.
        refused_types: the types that the exchange accepts from no account.

    """
    if not may_cap(order) or OrderType.IMMEDIATE_OR_CANCEL in refused_types:
        return False
    if order.market_refused or pair is None or pair.first_open_ms is None:
        return order.market_refused
    return max(now_ms, instant_ms(order, pair) or 0) < pair.first_open_ms + OPENING_MS


def cap_of(order: Order, last_price: Decimal | None) -> Decimal | None:
    """Return the cap of an order's price; ``None`` if it follows from a last price that is not known."""
    if order.max_price is not None or order.slippage_percent is None or last_price is None:
        return order.max_price
    share = product(order.slippage_percent, _PERCENT)
    return product(last_price, 1 + share if order.side is Side.BUY else 1 - share)


def capped(order: Order, cap: Decimal, pair: SymbolRules, now_ms: int) -> Order | None:
    """Return an order as an immediate limit order at its cap; ``None`` if the pair's rules refuse that."""
    price = (floor_to if order.side is Side.BUY else ceil_to)(cap, pair.price_decimals)
    if not price:
        return None
    quantity = order.quantity
    if order.quote_quantity is not None:
        most = order.quote_quantity if pair.max_notional is None else min(order.quote_quantity, pair.max_notional)
        quantity = affordable(most, price)
    changes = {"price": price, "quantity": quantity, "quote_quantity": None}
    limited = replace(order, type=OrderType.IMMEDIATE_OR_CANCEL, asked_type=order.type, **changes)
    try:
        return with_asked(order, fit(limited, pair, now_ms, waits=True))
    except Invalid:
        return None


def uncapped(order: Order) -> Order:
    """Return an order as before its cap, if that followed from a price that is outdated when the order is sent."""
    if order.asked_type is None or order.slippage_percent is None:
        return order
    amount = order.asked_quote_quantity
    quantity = order.quantity if order.asked_quantity is None else order.asked_quantity
    return replace(
        order,
        type=order.asked_type,
        quantity=quantity if amount is None else None,
        quote_quantity=amount,
        price=None,
        asked_type=None,
        asked_quantity=None,
        asked_quote_quantity=None,
        asked_price=None,
        repriced=False,
    )
