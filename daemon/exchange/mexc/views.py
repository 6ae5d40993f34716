"""Orders and trades as MEXC shows them, read into sightings.

``cummulativeQuoteQty`` is MEXC's spelling. There is no REJECTED and no EXPIRED (documented).
"""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Annotated, TypeVar

import msgspec

from daemon.core.answers import Sighting
from daemon.core.decimals import ZERO
from daemon.core.orders import State
from daemon.exchange.mexc.answers import UNREADABLE

STATES = {
    "NEW": State.OPEN,
    "PARTIALLY_FILLED": State.PARTIALLY_FILLED,
    "FILLED": State.FILLED,
    "CANCELED": State.CANCELED,
    "PARTIALLY_CANCELED": State.PARTIALLY_CANCELED,
}


_T = TypeVar("_T")


SMALLEST, LARGEST = Decimal("1e-40"), Decimal("1e40")
"""What lies outside is no amount: written plainly it could fill the memory."""


class _Order(msgspec.Struct, rename="camel"):
    order_id: str | int
    status: str
    client_order_id: str | None = None
    executed_qty: Decimal | None = None
    cummulative_quote_qty: Decimal | None = None


class _Trade(msgspec.Struct, rename="camel"):
    order_id: str | int
    client_order_id: str | None = None
    qty: Decimal | None = None
    quote_qty: Decimal | None = None


_one = msgspec.json.Decoder(_Order, strict=False)
_many = msgspec.json.Decoder(list[_Order], strict=False)
_trades = msgspec.json.Decoder(list[_Trade], strict=False)


class Balance(msgspec.Struct, frozen=True):
    """What the account has of an asset."""

    asset: str
    free: Decimal
    locked: Decimal


class _Account(msgspec.Struct, rename="camel"):
    balances: list[Balance]
    can_trade: bool = True  # where it is not shown, nothing speaks against it


_account = msgspec.json.Decoder(_Account, strict=False)


class _Time(msgspec.Struct, rename="camel"):
    server_time: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]  # beyond is no instant that JSON could show again


_time = msgspec.json.Decoder(_Time)


class _Price(msgspec.Struct):
    symbol: str
    price: Decimal


_price = msgspec.json.Decoder(_Price, strict=False)


class UnreadableError(Exception):
    """The answer is not what it should be."""


def order(body: bytes) -> Sighting:
    """Read the answer to a look-up of one order."""
    return _sighting(_decode(_one, body))


def among_orders(body: bytes, client_order_id: str) -> tuple[Sighting | None, int]:
    """Find an order in a list of orders; tell how long the list is."""
    found = _decode(_many, body)
    mine = next((each for each in found if each.client_order_id == client_order_id), None)
    return (None if mine is None else _sighting(mine)), len(found)


def among_trades(body: bytes, client_order_id: str) -> tuple[Sighting | None, int]:
    """Find an order by its fills; tell how long the list is.

    Fills prove that the order was placed, not how it ended: it shows as partially filled until a look-up tells more.
    """
    found = _decode(_trades, body)
    mine = [each for each in found if each.client_order_id == client_order_id]
    return _filled(mine), len(found)


def balances(body: bytes) -> list[Balance]:
    """Read the account's balances."""
    return _decode(_account, body).balances


def may_trade(body: bytes) -> bool:
    """Read whether the account may trade."""
    return _decode(_account, body).can_trade


def server_time(body: bytes) -> int:
    """Read the exchange's clock, Unix milliseconds."""
    return _decode(_time, body).server_time


def last_price(body: bytes, symbol: str) -> Decimal | None:
    """Read a pair's last price; ``None`` where it has none, or another pair's is shown."""
    found = _decode(_price, body)
    return amount(found.price) or None if found.symbol == symbol else None


def amount(shown: Decimal | None) -> Decimal:
    """Take an amount that can be one; what is not shown is zero."""
    if not shown:
        return ZERO
    try:
        if SMALLEST <= shown < LARGEST:
            return shown
    except InvalidOperation:
        pass  # NaN
    raise UnreadableError(f"{str(shown)[:60]} is no amount")


def _filled(trades: Iterable[_Trade]) -> Sighting | None:
    trades = list(trades)
    if not trades:
        return None
    return Sighting(
        client_order_id=trades[0].client_order_id,
        exchange_order_id=_order_id(trades[0].order_id),
        state=State.PARTIALLY_FILLED,
        executed_quantity=sum((amount(each.qty) for each in trades), ZERO),
        executed_quote=sum((amount(each.quote_qty) for each in trades), ZERO),
    )


def _sighting(found: _Order) -> Sighting:
    if found.status not in STATES:
        raise UnreadableError(f"status {found.status!r} is not one of MEXC's")
    return Sighting(
        client_order_id=found.client_order_id,
        exchange_order_id=_order_id(found.order_id),
        state=STATES[found.status],
        executed_quantity=amount(found.executed_qty),
        executed_quote=amount(found.cummulative_quote_qty),
    )


def _order_id(shown: str | int) -> str:
    if shown == "":
        raise UnreadableError("the order id is empty")
    return str(shown)


def _decode(decoder: "msgspec.json.Decoder[_T]", body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except UNREADABLE as error:
        raise UnreadableError(str(error)) from error
