"""Reads a real market's `exchangeInfo` into the simulated exchange's symbols.

A missing field limits nothing, as in MEXC's own clients. Pairs that cannot be read, or whose quote asset is not the
account's, are left out.
"""

from decimal import Decimal

import msgspec

from daemon.simulator.money import ZERO, is_amount
from daemon.simulator.symbols import QUOTE, Symbol

_MAX_DECIMALS = 20
_BOUNDLESS = Decimal(10) ** 12
_ALWAYS_OPEN_MS = 1_514_764_800_000


class _Filter(msgspec.Struct, rename="camel"):
    filter_type: str = ""
    bid_multiplier_up: Decimal | None = None
    ask_multiplier_down: Decimal | None = None


class _Shown(msgspec.Struct, rename="camel"):
    symbol: str
    base_asset: str
    quote_asset: str
    quote_precision: int = 8
    base_asset_precision: int = 8
    status: str | int | None = None
    trade_side_type: int | None = None
    is_spot_trading_allowed: bool | None = None
    order_types: tuple[str, ...] | None = None
    base_size_precision: Decimal | None = None
    quote_amount_precision: Decimal | None = None
    max_quote_amount: Decimal | None = None
    max_quote_amount_market: Decimal | None = None
    maker_commission: Decimal | None = None
    taker_commission: Decimal | None = None
    first_open_time: int | None = None
    filters: list[_Filter] | None = None


class _Info(msgspec.Struct):
    symbols: list[msgspec.Raw] = []


_one = msgspec.json.Decoder(_Shown, strict=False)
_all = msgspec.json.Decoder(_Info)


def read_symbols(body: bytes) -> list[Symbol]:
    """Return the pairs that the simulated exchange can trade."""
    found = (_read(shown) for shown in _all.decode(body).symbols)
    return [symbol for symbol in found if symbol is not None]


def _read(raw: msgspec.Raw) -> Symbol | None:
    try:
        shown = _one.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    decimals = (shown.quote_precision, shown.base_asset_precision)
    if shown.quote_asset != QUOTE or not all(0 <= each <= _MAX_DECIMALS for each in decimals):
        return None
    band = next((each for each in shown.filters or () if each.filter_type == "PERCENT_PRICE_BY_SIDE"), _Filter())
    return Symbol(
        symbol=shown.symbol,
        base_asset=shown.base_asset,
        price=Decimal(1),  # until its order book is read
        price_decimals=shown.quote_precision,
        quantity_decimals=shown.base_asset_precision,
        status=str(shown.status or "1"),
        trade_side_type=shown.trade_side_type or 1,
        tradable_by_api=shown.is_spot_trading_allowed is not False,
        order_types=shown.order_types or ("LIMIT", "MARKET", "LIMIT_MAKER"),
        minimum_quantity=_amount(shown.base_size_precision, ZERO),
        minimum_value=_amount(shown.quote_amount_precision, ZERO),
        maximum_value=_amount(shown.max_quote_amount, ZERO) or _BOUNDLESS,
        maximum_value_market=_amount(shown.max_quote_amount_market, ZERO) or _BOUNDLESS,
        highest_bid=None if band.bid_multiplier_up is None else 1 + band.bid_multiplier_up,
        lowest_ask=None if band.ask_multiplier_down is None else 1 - band.ask_multiplier_down,
        maker_fee=_amount(shown.maker_commission, ZERO),
        taker_fee=_amount(shown.taker_commission, ZERO),
        opens_ms=shown.first_open_time or _ALWAYS_OPEN_MS,
        depth_value=ZERO,
        volatility=0,
    )


def _amount(shown: Decimal | None, otherwise: Decimal) -> Decimal:
    return shown if shown is not None and shown.is_finite() and is_amount(shown) else otherwise
