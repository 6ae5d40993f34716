"""The account, the clock and prices in MEXC's answers. Each function reads only the fields that it needs."""

from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

import msgspec

from daemon.core.values.decimals import ZERO
from daemon.core.values.orders import Side
from daemon.exchange.mexc.replies import UNREADABLE

_T = TypeVar("_T")


SMALLEST, LARGEST = Decimal("1e-40"), Decimal("1e40")
"""Numbers outside this range are not amounts: written without an exponent they could fill the memory."""


class Balance(msgspec.Struct, frozen=True):
    """The account's balance of an asset."""

    asset: str
    free: Decimal
    locked: Decimal


class _Balances(msgspec.Struct):
    balances: list[msgspec.Raw] = []


_balances = msgspec.json.Decoder(_Balances)
_balance = msgspec.json.Decoder(Balance, strict=False)


class _Rights(msgspec.Struct, rename="camel"):
    can_trade: Any = None


_rights = msgspec.json.Decoder(_Rights)
_NO = frozenset({False, "false", "FALSE", "False"})  # 0 is one of them: it equals False


class _Pairs(msgspec.Struct):
    data: list[str]


_pairs = msgspec.json.Decoder(_Pairs)


class _Time(msgspec.Struct, rename="camel"):
    server_time: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]  # beyond is no instant that JSON could show again


_time = msgspec.json.Decoder(_Time, strict=False)


class _Price(msgspec.Struct):
    symbol: str
    price: Decimal


class _Best(msgspec.Struct, rename="camel"):
    symbol: str
    bid_price: Decimal | None = None
    ask_price: Decimal | None = None


_best = msgspec.json.Decoder(_Best, strict=False)
_price = msgspec.json.Decoder(_Price, strict=False)


class UnreadableError(Exception):
    """The answer cannot be read."""


def balances(body: bytes) -> list[Balance]:
    """Read the account's balances; one that cannot be read is left out.

    Raises:
        UnreadableError: it is no account.

    """
    found = []
    for shown in _decode(_balances, body).balances:
        with suppress(*UNREADABLE):
            found.append(_balance.decode(shown))
    return found


def may_trade(body: bytes) -> bool:
    """Return whether the account may trade: only an explicit ``false`` means no.

    Raises:
        UnreadableError: it is no account.

    """
    shown = _decode(_rights, body).can_trade
    return not (isinstance(shown, bool | int | str) and shown in _NO)


def permitted(body: bytes) -> frozenset[str] | None:
    """Read the pairs that a key may trade (``selfSymbols``); ``None`` if they cannot be read, or if there are none."""
    try:
        return frozenset(_decode(_pairs, body).data) or None
    except UnreadableError:
        return None


def server_time(body: bytes) -> int:
    """Read the exchange's clock, Unix milliseconds."""
    return _decode(_time, body).server_time


def last_price(body: bytes, symbol: str) -> Decimal | None:
    """Read a pair's last price; ``None`` if there is none, or if the answer is for another pair."""
    found = _decode(_price, body)
    return amount(found.price) or None if found.symbol == symbol else None


def best_price(body: bytes, symbol: str, side: Side) -> Decimal | None:
    """Read the best price that an order of a side can have; ``None`` if there is none, or for another pair."""
    found = _decode(_best, body)
    best = found.ask_price if side is Side.BUY else found.bid_price
    return amount(best) or None if found.symbol == symbol else None


def amount(shown: Decimal | None) -> Decimal:
    """Check an amount; a missing one is zero."""
    if not shown:
        return ZERO
    try:
        if SMALLEST <= shown < LARGEST:
            return shown
    except InvalidOperation:
        pass  # NaN
    raise UnreadableError(f"{str(shown)[:60]} is no amount")


def _decode(decoder: "msgspec.json.Decoder[_T]", body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise UnreadableError(str(error)) from error
