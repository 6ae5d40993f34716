"""Trading rules from ``exchangeInfo``, kept so that no signal waits for them."""

from decimal import Decimal

import msgspec

from daemon.core.symbols import ALL, SymbolRules
from daemon.exchange.mexc.answers import UNREADABLE

ONLINE = "1"


class _Symbol(msgspec.Struct, rename="camel"):
    """One pair as MEXC shows it. What is missing limits nothing."""

    symbol: str
    base_asset: str
    quote_asset: str
    status: str = ONLINE
    base_asset_precision: int = 8
    quote_precision: int = 8  # decimals of the price
    quote_asset_precision: int = 8
    order_types: list[str] = []
    is_spot_trading_allowed: bool = True  # tradable by API
    quote_amount_precision: Decimal = Decimal(0)  # minimum notional of a limit order
    base_size_precision: Decimal = Decimal(0)  # minimum quantity
    max_quote_amount: Decimal | None = None
    quote_amount_precision_market: Decimal = Decimal(0)
    max_quote_amount_market: Decimal | None = None
    trade_side_type: int = ALL
    first_open_time: int | None = None


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


_decoder = msgspec.json.Decoder(_ExchangeInfo, strict=False)


def parse(body: bytes) -> list[SymbolRules] | None:
    """Read ``exchangeInfo``; ``None`` where it is none."""
    try:
        return [_rules(found) for found in _decoder.decode(body).symbols]
    except UNREADABLE:
        return None


def _rules(found: _Symbol) -> SymbolRules:
    return SymbolRules(
        symbol=found.symbol,
        base_asset=found.base_asset,
        quote_asset=found.quote_asset,
        price_decimals=found.quote_precision,
        quantity_decimals=found.base_asset_precision,
        quote_decimals=found.quote_asset_precision,
        min_quantity=found.base_size_precision,
        min_notional=found.quote_amount_precision,
        min_notional_market=found.quote_amount_precision_market,
        max_notional=found.max_quote_amount,
        max_notional_market=found.max_quote_amount_market,
        order_types=frozenset(found.order_types),
        trade_sides=found.trade_side_type,
        online=found.status == ONLINE,
        api_tradable=found.is_spot_trading_allowed,
        first_open_ms=found.first_open_time,
    )
