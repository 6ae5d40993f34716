"""Trading rules from ``exchangeInfo``, cached so that no signal waits for them.

The exchange decides what it accepts; the rules only avoid orders that it would certainly refuse. So a field that is
missing, empty or unreadable limits nothing, and only a known word closes a pair. A pair is left out only if its name or
its assets cannot be read.
"""

from decimal import Decimal
from typing import Any

import msgspec

from daemon.core.values.decimals import ZERO
from daemon.core.values.symbols import ALL, SymbolRules
from daemon.exchange.mexc.replies import UNREADABLE
from daemon.exchange.mexc.views import UnreadableError, amount

CLOSED_WORDS = frozenset({
    "2", "3", "PAUSE", "PAUSED", "OFFLINE", "BREAK", "HALT", "HALTED", "CLOSE", "CLOSED", "SUSPEND", "SUSPENDED",
    "DISABLED", "DELISTED",
})  # fmt: skip
"""Words for a pair's state that mean closed.

MEXC documents 1 (online), 2 (pause) and 3 (offline) and has changed its words twice (observed: ENABLED). An unknown
word lets the exchange decide.
"""
PRICE_BAND = "PERCENT_PRICE_BY_SIDE"
DECIMALS, MAX_DECIMALS = 8, 40
"""Decimals of a price or quantity: where none are stated, and how many there can be."""


class _Filter(msgspec.Struct, rename="camel"):
    """A limit of a pair beside its fields. MEXC shows the increments of a price band (observed)."""

    filter_type: str | None = None
    bid_multiplier_up: Decimal | None = None
    ask_multiplier_down: Decimal | None = None


class _Symbol(msgspec.Struct, rename="camel"):
    """One pair in MEXC's answer."""

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
    filters: list[_Filter] | None = None


class _ExchangeInfo(msgspec.Struct):
    symbols: list[_Symbol]


class _Parts(msgspec.Struct):
    symbols: list[msgspec.Raw]


_whole = msgspec.json.Decoder(_ExchangeInfo, strict=False)
_parts = msgspec.json.Decoder(_Parts)
_fields = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_KINDS = {field.encode_name: field.type for field in msgspec.structs.fields(_Symbol)}


def parse(body: bytes) -> list[SymbolRules] | None:
    """Read ``exchangeInfo``; ``None`` if it cannot be read.

    A pair without a name is left out, so that one invalid listing does not hide all others. If no pair is left, the
    answer as a whole cannot be read.
    """
    try:
        return [_rules(found) for found in _whole.decode(body).symbols]
    except UNREADABLE:
        return _one_by_one(body)


def _one_by_one(body: bytes) -> list[SymbolRules] | None:
    """Read each pair separately; three times as slow, so only if the answer as a whole cannot be read."""
    try:
        shown = _parts.decode(body).symbols
    except UNREADABLE:
        return None
    return [rules for rules in map(_read, shown) if rules is not None] or None


def _read(shown: msgspec.Raw) -> SymbolRules | None:
    """Read a pair field by field: an unreadable field counts as missing."""
    try:
        fields = _fields.decode(shown)
        stated = {name: value for name, value in fields.items() if _is_readable(name, value)}
        return _rules(msgspec.convert(stated, _Symbol, strict=False))
    except UNREADABLE:
        return None


def _is_readable(name: str, value: object) -> bool:
    kind = _KINDS.get(name)
    if kind is None:
        return False
    try:
        msgspec.convert(value, kind, strict=False)
    except (msgspec.ValidationError, ValueError, ArithmeticError):
        return False
    return True


def _rules(found: _Symbol) -> SymbolRules:
    band = next((each for each in found.filters or () if each.filter_type == PRICE_BAND), _Filter())
    return SymbolRules(
        symbol=found.symbol,
        base_asset=found.base_asset,
        quote_asset=found.quote_asset,
        price_decimals=_decimals(found.quote_precision),
        quantity_decimals=_decimals(found.base_asset_precision),
        quote_decimals=_decimals(found.quote_asset_precision),
        min_quantity=_limit(found.base_size_precision) or ZERO,
        min_notional=_limit(found.quote_amount_precision) or ZERO,
        min_notional_market=_limit(found.quote_amount_precision_market) or ZERO,
        max_notional=_limit(found.max_quote_amount),
        max_notional_market=_limit(found.max_quote_amount_market),
        order_types=frozenset(found.order_types or ()),
        trade_sides=ALL if found.trade_side_type is None else found.trade_side_type,
        online=str(found.status).upper() not in CLOSED_WORDS,
        api_tradable=found.is_spot_trading_allowed is not False,
        first_open_ms=found.first_open_time,
        contract=found.contract_address or None,
        bid_up=_limit(band.bid_multiplier_up),
        ask_down=_limit(band.ask_multiplier_down),
    )


def _limit(shown: Decimal | None) -> Decimal | None:
    try:
        return None if shown is None else amount(shown)
    except UnreadableError:
        return None


def _decimals(shown: int | None) -> int:
    return DECIMALS if shown is None or not 0 <= shown <= MAX_DECIMALS else shown
