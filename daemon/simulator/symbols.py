"""The symbols with their trading rules, as `exchangeInfo` shows them, and the symbols of a new book.

MEXC's names do not always match their meaning: `baseSizePrecision` is the smallest quantity, `quoteAmountPrecision` the
smallest value of an order (observed, documented later). The rules are applied in `order_rules`, those of a symbol's
opening in `listings`.
"""

from decimal import Decimal

import msgspec

from daemon.simulator.errors import Code
from daemon.simulator.money import ZERO, plain

QUOTE = "USDT"

ONLINE, PAUSED, OFFLINE = "1", "2", "3"
SIDES_ALL, SIDES_BUY, SIDES_SELL, SIDES_NONE = 1, 2, 3, 4

_ALWAYS_OPEN_MS = 1_514_764_800_000  # 2018-01-01, before any client's clock


class Symbol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One symbol: its rules, its opening, and the behaviour of its simulated market."""

    symbol: str
    base_asset: str
    price: Decimal
    """The simulated market's first price, around which it moves."""
    price_decimals: int
    """`quotePrecision`."""
    quantity_decimals: int
    """`baseAssetPrecision`."""

    status: str = ONLINE
    trade_side_type: int = SIDES_ALL
    tradable_by_api: bool = True
    """`isSpotTradingAllowed`."""
    order_types: tuple[str, ...] = ("LIMIT", "MARKET", "LIMIT_MAKER")
    """Like MEXC, without IMMEDIATE_OR_CANCEL and FILL_OR_KILL: they count as LIMIT."""
    minimum_quantity: Decimal = ZERO
    """`baseSizePrecision`; 0: no minimum."""
    minimum_value: Decimal = Decimal(1)
    """`quoteAmountPrecision` and `quoteAmountPrecisionMarket`, in the quote asset."""
    maximum_value: Decimal = Decimal(2_000_000)
    """`maxQuoteAmount`."""
    maximum_value_market: Decimal = Decimal(100_000)
    """`maxQuoteAmountMarket`."""
    highest_bid: Decimal | None = Decimal("1.2")
    """The maximum price of a BUY as a multiple of the last price, 1 + `bidMultiplierUp`. None: no price band."""
    lowest_ask: Decimal | None = Decimal("0.9")
    """The minimum price of a SELL as a multiple of the last price, 1 - `askMultiplierDown`. None: no price band."""
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = Decimal("0.0005")

    opens_ms: int = _ALWAYS_OPEN_MS
    """Unix milliseconds."""
    announced_ms: int | None = None
    """`firstOpenTime`, if it differs from `opens_ms`: the symbol opens earlier or later than announced."""
    shown_from_ms: int = 0
    """`exchangeInfo` and the lists of symbols contain the symbol from this time on."""
    opening_ms: int = 60_000
    """How long the opening's special rules apply: the price cap, and the cancellation of MARKET orders."""
    price_cap: Decimal | None = None
    """The highest price of an order during the opening."""
    code_before_opening: int = Code.DIRECTION_NOT_ALLOWED.value
    """30001 or 10007."""
    price_decimals_before: int | None = None
    """`quotePrecision` before the opening; None: the same."""
    quantity_decimals_before: int | None = None
    """`baseAssetPrecision` before the opening; None: the same."""
    listed_for_ms: int = 0
    """The opening with which the symbol was listed; later changes of the listing do not alter it."""

    depth_value: Decimal = Decimal(2_000)
    """The largest value of a level of the simulated market, in the quote asset; 0: an empty book."""
    volatility: int = 10
    """The largest step of a tick, in units of 0.01 % of the price; 0: a constant price."""


def first_open_ms(symbol: Symbol) -> int:
    """Return the opening as announced, in Unix milliseconds."""
    return symbol.opens_ms if symbol.announced_ms is None else symbol.announced_ms


def rules_json(symbol: Symbol) -> dict[str, object]:
    """Return a symbol's entry in `exchangeInfo`."""
    return {
        "symbol": symbol.symbol,
        "status": symbol.status,
        "baseAsset": symbol.base_asset,
        "baseAssetPrecision": symbol.quantity_decimals,
        "quoteAsset": QUOTE,
        "quotePrecision": symbol.price_decimals,
        "quoteAssetPrecision": symbol.price_decimals,
        "baseCommissionPrecision": symbol.quantity_decimals,
        "quoteCommissionPrecision": symbol.price_decimals,
        "orderTypes": symbol.order_types,
        "quoteOrderQtyMarketAllowed": "MARKET" in symbol.order_types,
        "isSpotTradingAllowed": symbol.tradable_by_api,
        "isMarginTradingAllowed": False,
        "quoteAmountPrecision": plain(symbol.minimum_value),
        "baseSizePrecision": plain(symbol.minimum_quantity),
        "permissions": ["SPOT"],
        "filters": _filters_json(symbol),
        "maxQuoteAmount": plain(symbol.maximum_value),
        "makerCommission": plain(symbol.maker_fee),
        "takerCommission": plain(symbol.taker_fee),
        "quoteAmountPrecisionMarket": plain(symbol.minimum_value),
        "maxQuoteAmountMarket": plain(symbol.maximum_value_market),
        "fullName": symbol.base_asset,
        "tradeSideType": symbol.trade_side_type,
        "contractAddress": "",
        "conceptPlateIds": [],
        "conceptPlates": [],
        "st": False,
        "firstOpenTime": first_open_ms(symbol),
    }


def _filters_json(symbol: Symbol) -> list[dict[str, object]]:
    """Return the price band as increments.

    The document multiplies the last price by the multiplier itself, and shows 0.005 for BTCUSDT: that would forbid
    every order. So the multipliers are what may be added and subtracted (live samples: 0.2 and 0.1).
    """
    multipliers: dict[str, object] = {}
    if symbol.highest_bid is not None:
        multipliers["bidMultiplierUp"] = plain(symbol.highest_bid - 1)
    if symbol.lowest_ask is not None:
        multipliers["askMultiplierDown"] = plain(1 - symbol.lowest_ask)
    return [{"filterType": "PERCENT_PRICE_BY_SIDE"} | multipliers] if multipliers else []


# base asset, price, price decimals, quantity decimals, largest value of a level
_DEFAULTS = (
    ("BTC", "95000", 2, 6, 100_000),
    ("ETH", "3300", 2, 5, 50_000),
    ("SOL", "180", 2, 3, 20_000),
    ("XRP", "2.4", 4, 2, 10_000),
    ("BNB", "650", 2, 3, 10_000),
    ("DOGE", "0.35", 5, 1, 10_000),
    ("ADA", "0.9", 4, 2, 5_000),
    ("AVAX", "38", 2, 3, 5_000),
    ("DOT", "7.2", 3, 2, 5_000),
    ("LINK", "22", 3, 2, 5_000),
    ("LTC", "105", 2, 3, 5_000),
    ("TRX", "0.25", 4, 1, 5_000),
    ("MX", "3.7", 4, 2, 2_000),
    ("ATOM", "6.8", 3, 2, 2_000),
    ("NEAR", "5.1", 3, 2, 2_000),
    ("APT", "9.4", 3, 2, 2_000),
    ("ARB", "0.75", 4, 1, 2_000),
    ("OP", "1.9", 4, 2, 2_000),
    ("SUI", "4.2", 4, 2, 2_000),
    ("TON", "5.4", 4, 2, 2_000),
    ("FIL", "5.3", 3, 2, 2_000),
    ("INJ", "21", 3, 2, 2_000),
    ("KAS", "0.12", 6, 2, 2_000),
    ("SEI", "0.42", 5, 1, 2_000),
    ("TIA", "4.8", 4, 2, 2_000),
    ("UNI", "13", 3, 2, 2_000),
    ("AAVE", "310", 2, 3, 2_000),
    ("ALGO", "0.36", 5, 1, 2_000),
    ("HBAR", "0.29", 5, 1, 2_000),
    ("ICP", "10.5", 3, 2, 2_000),
    ("IMX", "1.4", 4, 2, 2_000),
    ("LDO", "1.9", 4, 2, 2_000),
    ("ONDO", "1.3", 4, 2, 2_000),
    ("PENDLE", "5.2", 4, 2, 2_000),
    ("RENDER", "7.1", 3, 2, 2_000),
    ("RUNE", "4.9", 3, 2, 2_000),
    ("STX", "1.6", 4, 2, 2_000),
    ("WLD", "2.2", 4, 2, 2_000),
    ("XLM", "0.44", 5, 1, 2_000),
    ("ENA", "1.0", 4, 2, 2_000),
    ("PEPE", "0.0000185", 10, 0, 1_000),
    ("SHIB", "0.0000225", 9, 0, 1_000),
    ("币安人生", "0.21", 5, 1, 1_000),  # a name that must be percent-encoded
)


def default_symbols() -> dict[str, Symbol]:
    """Return the symbols of a new book by name: 43 of them, one in Chinese characters."""
    symbols = (
        Symbol(
            symbol=f"{base}{QUOTE}",
            base_asset=base,
            price=Decimal(price),
            price_decimals=price_decimals,
            quantity_decimals=quantity_decimals,
            depth_value=Decimal(depth),
        )
        for base, price, price_decimals, quantity_decimals, depth in _DEFAULTS
    )
    return {symbol.symbol: symbol for symbol in symbols}
