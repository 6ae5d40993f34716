"""The words for an order: what it asks for, and what was filled. Each text exists once, for every reader.

::

    BUY BTCUSDT for 25 USDT
    SELL 0.5 BTCUSDT at 200000 or better
    0.000249 @ 95600.89 = 23.80 USDT
"""

from collections.abc import Mapping
from decimal import Context, Decimal

from daemon.core.values.decimals import plain, quotient
from daemon.core.values.orders import Order

_SHOWN = Context(prec=8)
"""Digits of an average price: the division yields 28."""
_SMALL = Context(prec=4)
_CENT, _LONG = Decimal("0.01"), Context(prec=100)

_TYPES: Mapping[str, str] = {
    "LIMIT_MAKER": ", as maker only",
    "IMMEDIATE_OR_CANCEL": ", immediate or cancel",
    "FILL_OR_KILL": ", fill or kill",
}
"""What a type adds to the words. A price alone means LIMIT, and no price means MARKET."""

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))


def request(
    side: str,
    symbol: str,
    *,
    order_type: str,
    quantity: str | None,
    quote_quantity: str | None,
    price: str | None,
    asset: str | None,
) -> str:
    """Describe what an order asks for.

    Args:
        side: ``BUY`` or ``SELL``.
        symbol: the pair.
        order_type: one of MEXC's order types.
        quantity: base units, in plain digits; ``None`` if the amount is in quote units.
        quote_quantity: quote units, in plain digits; ``None`` if the amount is in base units.
        price: the limit, in plain digits; ``None`` for a market order.
        asset: the quote asset, if it is known.

    """
    what = f"{side} {symbol}" if quantity is None else f"{side} {quantity} {symbol}"
    if quantity is None and quote_quantity is not None:
        what += f" for {quote_quantity} {asset or 'of its quote asset'}"
    limit = "" if price is None else f" at {price} or better"
    return f"{what}{limit}{_TYPES.get(order_type, '')}"


def asks(order: Order, asset: str | None) -> str:
    """Describe what an order asks for; ``asset`` is the quote asset, if it is known."""
    quantity, quote_quantity, price = order.quantity, order.quote_quantity, order.price
    return request(
        order.side,
        order.symbol,
        order_type=order.type,
        quantity=None if quantity is None else plain(quantity),
        quote_quantity=None if quote_quantity is None else plain(quote_quantity),
        price=None if price is None else plain(price),
        asset=asset,
    )


def fill(quantity: Decimal, spent: Decimal | None, asset: str | None) -> str:
    """Describe a fill: its quantity, its average price, and its value in the quote asset, if the value is known."""
    if not quantity or spent is None:
        return f"{plain(quantity)}, price unknown"
    unit = f" {asset}" if asset else ""
    return f"{plain(quantity)} @ {plain(_SHOWN.plus(quotient(spent, quantity)))} = {_rounded(spent)}{unit}"


def duration(ms: int) -> str:
    """Describe a duration: ``8 ms``, ``1.5 s``, ``2.0 min``."""
    for unit, length in _UNITS:
        if abs(ms) >= length:
            return f"{ms / length:.1f} {unit}"
    return f"{ms} ms"


def _rounded(value: Decimal) -> str:
    """Write a sum with two decimals; a small one with four digits."""
    return f"{value.quantize(_CENT, context=_LONG):f}" if value >= 1 else plain(_SMALL.plus(value))
