"""Trading rules from ``exchangeInfo``, kept so that no signal waits for them."""

from decimal import Decimal

import msgspec

from daemon.core.symbols import ALL, SymbolRules
from daemon.exchange.mexc.answers import UNREADABLE
from daemon.exchange.mexc.views import UnreadableError, amount

ONLINE = "1"
DECIMALS, MAX_DECIMALS = 8, 40
"""Decimals of a price or quantity: where none are stated, and how many there can be."""


class _Symbol(msgspec.Struct, rename="camel"):
    """One pair as MEXC shows it. What is missing, or null as before a listing, limits nothing."""

    symbol: str
    base_asset: str
    quote_asset: str
    status: str | int | None = None
    base_asset_precision: int | None = None
    quote_precision: int | None = None  # decimals of the price
    quote_asset_precision: int | None = None
    order_types: list[str] | None = None
    is_spot_trading_allowed: bool | None = None  # tradable by API
    quote_amount_precision: Decimal | None = None  # minimum notional of a limit order
    base_size_precision: Decimal | None = None  # minimum quantity
    max_quote_amount: Decimal | None = None
    quote_amount_precision_market: Decimal | None = None
    max_quote_amount_market: Decimal | None = None
    trade_side_type: int | None = None
    first_open_time: int | None = None
    contract_address: str | None = None


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


class _Parts(msgspec.Struct):
    symbols: list[msgspec.Raw]


_whole = msgspec.json.Decoder(_ExchangeInfo, strict=False)
_parts = msgspec.json.Decoder(_Parts)
_pair = msgspec.json.Decoder(_Symbol, strict=False)


def parse(body: bytes) -> list[SymbolRules] | None:
    """Read ``exchangeInfo``; ``None`` where it is none.

    A pair that cannot be read is left out, so that one odd listing does not hide all others; where that leaves
    nothing, the answer as a whole cannot be read.
    """
    try:
        return [_rules(found) for found in _whole.decode(body).symbols]
    except (*UNREADABLE, UnreadableError):
        return _one_by_one(body)


def _one_by_one(body: bytes) -> list[SymbolRules] | None:
    """Read what can be read; three times as slow, so only where something cannot."""
    try:
        shown = _parts.decode(body).symbols
    except UNREADABLE:
        return None
    return [rules for rules in map(_read, shown) if rules is not None] or None


def _read(shown: msgspec.Raw) -> SymbolRules | None:
    try:
        return _rules(_pair.decode(shown))
    except (*UNREADABLE, UnreadableError):
        return None


def _rules(found: _Symbol) -> SymbolRules:
    return SymbolRules(
        symbol=found.symbol,
        base_asset=found.base_asset,
        quote_asset=found.quote_asset,
        price_decimals=_decimals(found.quote_precision),
        quantity_decimals=_decimals(found.base_asset_precision),
        quote_decimals=_decimals(found.quote_asset_precision),
        min_quantity=amount(found.base_size_precision),
        min_notional=amount(found.quote_amount_precision),
        min_notional_market=amount(found.quote_amount_precision_market),
        max_notional=_maximum(found.max_quote_amount),
        max_notional_market=_maximum(found.max_quote_amount_market),
        order_types=frozenset(found.order_types or ()),
        trade_sides=ALL if found.trade_side_type is None else found.trade_side_type,
        online=found.status is None or str(found.status) == ONLINE,
        api_tradable=found.is_spot_trading_allowed is not False,
        first_open_ms=found.first_open_time,
        contract=found.contract_address or None,
    )


def _maximum(shown: Decimal | None) -> Decimal | None:
    return None if shown is None else amount(shown)


def _decimals(shown: int | None) -> int:
    if shown is None:
        return DECIMALS
    if not 0 <= shown <= MAX_DECIMALS:
        raise UnreadableError(f"{shown} decimals")
    return shown
