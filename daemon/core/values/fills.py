"""A fill: one trade of an order, as the exchange states it, with its fee."""

from decimal import Decimal

import msgspec


class Fill(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One trade of an order. The symbol and the trade id identify it."""

    symbol: str
    trade_id: str  # the exchange's
    order_id: str  # ours
    at_ms: int  # by the exchange's clock; MEXC truncates it to the second (observed)
    price: Decimal  # quote per base unit
    quantity: Decimal  # base units
    quote: Decimal  # quote units
    fee: Decimal  # units of its asset
    fee_asset: str  # base, quote, or a third asset with which fees are paid
    is_maker: bool
