"""A new listing: a symbol that opens at a given time, and the special rules of its first minute.

Observed (2025): before the opening an order is refused with 30001, for some symbols with 10007. From the opening on
a LIMIT order works below a price cap, which the refusal 30010 contains. A MARKET order in the first minute is
accepted and then cancelled immediately. Unknown: the treatment of IOC and FOK in that minute (here like LIMIT), the
duration of the cap (here that minute), and what `exchangeInfo` shows before the opening besides `firstOpenTime` (here a
closed trade side for 30001, no API trading for 10007).

What goes differently than announced: a listing is postponed, opens early, shows its pair late, or opens with other
decimals than it showed before.
"""

import re
from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from daemon.simulator.errors import Code, ConfigurationInvalid
from daemon.simulator.money import ZERO, decimals_of, is_amount, read_decimal
from daemon.simulator.symbols import QUOTE, SIDES_NONE, Symbol, first_open_ms

_MAX_DECIMALS = 12
_DAY_MS = 86_400_000
_LISTING = re.compile(
    r"(?P<symbol>[^@]+)@(?P<opens>[0-9]{1,15})(:(?P<cap>([0-9]{1,15}(\.[0-9]{1,20})?)?)(:(?P<code>[0-9]{0,9}))?)?"
)
_CODES_BEFORE = (Code.DIRECTION_NOT_ALLOWED.value, Code.SYMBOL_NOT_SUPPORTED.value)

Moment = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
"""Unix milliseconds."""
Decimals = Annotated[int, msgspec.Meta(ge=0, le=_MAX_DECIMALS)]


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A request to list a symbol. It has no price band until `MarketChange` sets one."""

    symbol: str
    opens_at: Moment
    cap: Decimal | None = None
    """The highest price during the opening; None: no cap."""
    price: Decimal | None = None
    """The first price of the market; None: 90 % of the cap, or 1 without a cap."""
    code_before: int = Code.DIRECTION_NOT_ALLOWED.value
    announced_open: Moment | None = None
    """`firstOpenTime`; None: `opens_at`. A later time than `opens_at`: the symbol opens early."""
    shown_from: Moment = 0
    """`exchangeInfo` and the lists of symbols contain the symbol from this time on."""
    opening_ms: Moment = 60_000
    """How long the cap applies, and MARKET orders are cancelled."""
    price_decimals: Decimals | None = None
    """None: two more than price and cap have."""
    quantity_decimals: Decimals = 2
    price_decimals_before: Decimals | None = None
    """The decimals that `exchangeInfo` shows before the opening; None: the same."""
    quantity_decimals_before: Decimals | None = None

    def __post_init__(self) -> None:
        """Check what the types cannot express."""
        if len(self.symbol) <= len(QUOTE) or not self.symbol.endswith(QUOTE):
            raise ValueError(f"a symbol is a base asset followed by {QUOTE}")
        for number in (self.cap, self.price):
            _check_price(number)
        if self.code_before not in _CODES_BEFORE:
            raise ValueError("codeBefore is 30001 or 10007")

    def to_symbol(self) -> Symbol:
        """Return the listed symbol, with decimals that fit its price.

        Raises:
            ValueError: the price has more decimals than `price_decimals`.
        """
        price = self.price or (self.cap * Decimal("0.9") if self.cap else Decimal(1))
        decimals = max(decimals_of(price), decimals_of(self.cap or ZERO)) + 2
        symbol = Symbol(
            symbol=self.symbol,
            base_asset=self.symbol.removesuffix(QUOTE),
            price=price,
            price_decimals=decimals if self.price_decimals is None else self.price_decimals,
            quantity_decimals=self.quantity_decimals,
            highest_bid=None,
            lowest_ask=None,
            opens_ms=self.opens_at,
            announced_ms=self.announced_open,
            shown_from_ms=self.shown_from,
            opening_ms=self.opening_ms,
            price_cap=self.cap,
            code_before_opening=self.code_before,
            price_decimals_before=self.price_decimals_before,
            quantity_decimals_before=self.quantity_decimals_before,
            listed_for_ms=self.opens_at,
        )
        return _checked(symbol)


class ListingChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A change of a listing; fields left out do not change. Their meanings are those of `Listing`.

    A new `opens_at` moves the announced opening too, unless `announced_open` is set as well.
    """

    symbol: str
    opens_at: Moment | UnsetType = UNSET
    announced_open: Moment | UnsetType | None = UNSET
    shown_from: Moment | UnsetType = UNSET
    opening_ms: Moment | UnsetType = UNSET
    cap: Decimal | UnsetType | None = UNSET
    code_before: int | UnsetType = UNSET
    price_decimals: Decimals | UnsetType = UNSET
    quantity_decimals: Decimals | UnsetType = UNSET
    price_decimals_before: Decimals | UnsetType | None = UNSET
    quantity_decimals_before: Decimals | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Check what the types cannot express."""
        if self.cap is not UNSET:
            _check_price(self.cap)
        if self.code_before is not UNSET and self.code_before not in _CODES_BEFORE:
            raise ValueError("codeBefore is 30001 or 10007")

    def applied_to(self, symbol: Symbol) -> Symbol:
        """Return the symbol with the change.

        Raises:
            ValueError: the market's price has more decimals than `price_decimals`.
        """
        given = {field: value for name, field in _CHANGEABLE.items() if (value := getattr(self, name)) is not UNSET}
        if self.opens_at is not UNSET and self.announced_open is UNSET:
            given["announced_ms"] = None
        return _checked(msgspec.structs.replace(symbol, **given))


_CHANGEABLE = {
    "opens_at": "opens_ms",
    "announced_open": "announced_ms",
    "shown_from": "shown_from_ms",
    "opening_ms": "opening_ms",
    "cap": "price_cap",
    "code_before": "code_before_opening",
    "price_decimals": "price_decimals",
    "quantity_decimals": "quantity_decimals",
    "price_decimals_before": "price_decimals_before",
    "quantity_decimals_before": "quantity_decimals_before",
}
"""The fields of a symbol that a change of its listing sets."""


def _check_price(number: Decimal | None) -> None:
    if number is not None and not (is_amount(number) and number and decimals_of(number) <= _MAX_DECIMALS):
        raise ValueError(f"cap and price must be positive, with at most {_MAX_DECIMALS} decimals")


def _checked(symbol: Symbol) -> Symbol:
    if decimals_of(symbol.price) > symbol.price_decimals:
        raise ValueError(f"the price {symbol.price} has more than {symbol.price_decimals} decimals")
    return symbol


def parse_listing(text: str) -> Listing:
    """Parse `SYMBOL@UNIXMS[:CAP[:CODE]]`, where cap and code may be empty, or the JSON of a `Listing`.

    Raises:
        ConfigurationInvalid: the text has another form.
    """
    if text.startswith("{"):
        try:
            return msgspec.json.decode(text, type=Listing)
        except msgspec.DecodeError as error:
            raise ConfigurationInvalid(f"the listing {text}: {error}") from None
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
    """Return whether the opening's special rules apply."""
    return symbol.opens_ms <= now_ms < symbol.opens_ms + symbol.opening_ms


def is_shown(symbol: Symbol, now_ms: int) -> bool:
    """Return whether `exchangeInfo` and the lists of symbols contain the symbol."""
    return now_ms >= symbol.shown_from_ms


def is_known(symbol: Symbol, now_ms: int) -> bool:
    """Return whether the symbol can be queried: it is shown, or open without being shown."""
    return is_shown(symbol, now_ms) or is_open(symbol, now_ms)


def as_shown(symbol: Symbol, now_ms: int) -> Symbol:
    """Return the symbol with the rules that apply at `now_ms`."""
    if is_open(symbol, now_ms):
        return symbol
    price_decimals, quantity_decimals = symbol.price_decimals_before, symbol.quantity_decimals_before
    symbol = msgspec.structs.replace(
        symbol,
        price_decimals=symbol.price_decimals if price_decimals is None else price_decimals,
        quantity_decimals=symbol.quantity_decimals if quantity_decimals is None else quantity_decimals,
    )
    if symbol.code_before_opening == Code.SYMBOL_NOT_SUPPORTED.value:
        return msgspec.structs.replace(symbol, tradable_by_api=False)
    return msgspec.structs.replace(symbol, trade_side_type=SIDES_NONE)


def calendar_json(symbols: list[Symbol], now_ms: int) -> dict[str, object]:
    """Return the coming listings in the form of the web site's calendar (undocumented, observed)."""
    coming = _coming(symbols, now_ms)
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


def announcements_json(symbols: list[Symbol], now_ms: int) -> list[dict[str, object]]:
    """Return the announcements of coming listings, newest first.

    Unknown: how long before the opening a listing is announced (here a day).
    """
    return [
        {
            "title": f"MEXC Will List {base_asset} and Open Trading for the {base_asset}/{QUOTE} Trading Pair",
            "url": f"https://www.mexc.com/announcements/simulated-{base_asset}",
            "postTime": opens_ms - _DAY_MS,
        }
        for opens_ms, base_asset in reversed(_coming(symbols, now_ms))
    ]


def _coming(symbols: list[Symbol], now_ms: int) -> list[tuple[int, str]]:
    """Return announced opening and base asset of each symbol that has not opened, the next one first."""
    return sorted((first_open_ms(symbol), symbol.base_asset) for symbol in symbols if not is_open(symbol, now_ms))
