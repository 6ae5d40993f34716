"""A new listing: a symbol that opens at a given time, and the special rules of its first minute.

Observed (2025): before the opening an order is refused with 30001, for some symbols with 10007. From the opening on
a LIMIT order works below a price cap, which the refusal 30010 contains. A MARKET order in the first minute is
accepted and then cancelled immediately. Unknown: the treatment of IOC and FOK in that minute (here like LIMIT), the
duration of the cap (here that minute), and what `exchangeInfo` shows before the opening besides `firstOpenTime` (here a
closed trade side for 30001, no API trading for 10007).
"""

import re
from decimal import Decimal

import msgspec

from daemon.simulator.errors import Code, ConfigurationInvalid
from daemon.simulator.money import ZERO, decimals_of, is_amount, read_decimal
from daemon.simulator.symbols import QUOTE, SIDES_NONE, Symbol

OPENING_MS = 60_000
"""The duration of the opening's special rules."""

_MAX_DECIMALS = 12
_LISTING = re.compile(
    r"(?P<symbol>[^@]+)@(?P<opens>[0-9]{1,15})(:(?P<cap>([0-9]{1,15}(\.[0-9]{1,20})?)?)(:(?P<code>[0-9]{0,9}))?)?"
)


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A request to list a symbol."""

    symbol: str
    opens_at: int
    """Unix milliseconds."""
    cap: Decimal | None = None
    """The highest price in the first minute; None: no cap."""
    price: Decimal | None = None
    """The first price of the market; None: 90 % of the cap, or 1 without a cap."""
    code_before: int = Code.DIRECTION_NOT_ALLOWED.value

    def __post_init__(self) -> None:
        """Check what the types cannot express."""
        if len(self.symbol) <= len(QUOTE) or not self.symbol.endswith(QUOTE):
            raise ValueError(f"a symbol is a base asset followed by {QUOTE}")
        for number in (self.cap, self.price):
            if number is not None and not (is_amount(number) and number and decimals_of(number) <= _MAX_DECIMALS):
                raise ValueError(f"cap and price must be positive, with at most {_MAX_DECIMALS} decimals")
        if self.code_before not in (Code.DIRECTION_NOT_ALLOWED.value, Code.SYMBOL_NOT_SUPPORTED.value):
            raise ValueError("codeBefore is 30001 or 10007")

    def to_symbol(self) -> Symbol:
        """Return the listed symbol, with decimals that fit its price."""
        price = self.price or (self.cap * Decimal("0.9") if self.cap else Decimal(1))
        return Symbol(
            symbol=self.symbol,
            base_asset=self.symbol.removesuffix(QUOTE),
            price=price,
            price_decimals=max(decimals_of(price), decimals_of(self.cap or ZERO)) + 2,
            quantity_decimals=2,
            highest_bid=None,  # the cap replaces the price band
            lowest_ask=None,
            opens_ms=self.opens_at,
            price_cap=self.cap,
            code_before_opening=self.code_before,
        )


def parse_listing(text: str) -> Listing:
    """Parse `SYMBOL@UNIXMS[:CAP[:CODE]]`; cap and code may be empty.

    Raises:
        ConfigurationInvalid: the text has another form.
    """
    found = _LISTING.fullmatch(text)
    if found is None:
        raise ConfigurationInvalid(f"a listing is SYMBOL@UNIXMS[:CAP[:CODE]], not {text!r}")
    code = int(found["code"] or Code.DIRECTION_NOT_ALLOWED.value)
    try:
        return Listing(found["symbol"], int(found["opens"]), read_decimal(found["cap"] or ""), code_before=code)
    except ValueError as error:
        raise ConfigurationInvalid(f"the listing {text!r}: {error}") from None


def is_open(symbol: Symbol, now_ms: int) -> bool:
    """Return whether the symbol has opened."""
    return now_ms >= symbol.opens_ms


def in_opening(symbol: Symbol, now_ms: int) -> bool:
    """Return whether the symbol is in its first minute."""
    return symbol.opens_ms <= now_ms < symbol.opens_ms + OPENING_MS


def as_shown(symbol: Symbol, now_ms: int) -> Symbol:
    """Return the symbol with the rules that apply at `now_ms`."""
    if is_open(symbol, now_ms):
        return symbol
    if symbol.code_before_opening == Code.SYMBOL_NOT_SUPPORTED.value:
        return msgspec.structs.replace(symbol, tradable_by_api=False)
    return msgspec.structs.replace(symbol, trade_side_type=SIDES_NONE)


def calendar_json(symbols: list[Symbol], now_ms: int) -> dict[str, object]:
    """Return the coming listings in the form of the web site's calendar (undocumented, observed)."""
    coming = sorted((symbol.opens_ms, symbol.base_asset) for symbol in symbols if not is_open(symbol, now_ms))
    coins = [
        {
            "vcoinId": f"simulated-{base_asset}",
            "vcoinName": base_asset,
            "vcoinNameFull": base_asset,
            "firstOpenTime": opens_ms,
            "zone": "NEW",
        }
        for opens_ms, base_asset in coming
    ]
    return {"data": {"newCoins": coins}, "code": 0, "msg": "success", "timestamp": now_ms}
