"""The control routes, with which a test reads and changes the exchange: no key, no signature, no limits, no faults.

    GET  /simulator/orders     every order with its fills, visible or not, oldest first
    GET  /simulator/requests   the last 10,000 requests as received, executed or not, oldest first: [{"receivedMs",
                               "method", "path", "query", "body", "faults", "status"}], status 0: not answered
    GET  /simulator/streams    the streams' connections: [{"listenKey", "channels"}], oldest first
    GET  /simulator/faults     the active faults, each with the number of its injections ("struck")
    PUT  /simulator/faults     {"faults": [{"kind": "reply_lost", "count": 1}]}: replaces the plan
    POST /simulator/listings   {"symbol": "NEWUSDT", "opensAt": 1767225600000, "cap": "0.05"}: see Listing
    PATCH /simulator/listings  {"symbol": "NEWUSDT", "opensAt": 1767225900000}: changes a listing, see ListingChange
    POST /simulator/market     {"symbol": "BTCUSDT", "price": "90000"}: changes one symbol, see MarketChange

Every client that reaches the server can use them. So the server listens on the loopback by default.
"""

from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from daemon.simulator.book import Book
from daemon.simulator.errors import Code, Refusal
from daemon.simulator.listings import Listing, ListingChange
from daemon.simulator.messages import Request
from daemon.simulator.money import decimals_of, is_amount, plain
from daemon.simulator.order_book import Level
from daemon.simulator.orders import Fill, Order, open_json, trade_json
from daemon.simulator.symbols import rules_json
from daemon.simulator.venue import Venue

CONTROL_PREFIX = "/simulator/"


class MarketChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A change of a symbol; fields left out do not change."""

    symbol: str
    price: Decimal | None = None
    """The market jumps to this price and moves around it from then on."""
    bids: list[Level] | None = None
    asks: list[Level] | None = None
    """The market offers exactly these levels, [price, quantity] as strings and best first, until they are filled or
    `price` is set. A side that is left out is empty."""
    status: Literal["1", "2", "3"] | None = None
    trade_side_type: Literal[1, 2, 3, 4] | None = None
    tradable_by_api: bool | None = None
    order_types: tuple[str, ...] | None = None
    minimum_quantity: Decimal | None = None
    minimum_value: Decimal | None = None
    maximum_value: Decimal | None = None
    maximum_value_market: Decimal | None = None
    bid_multiplier_up: Decimal | None = None
    """A BUY may cost the last price times 1 + this; a new listing has no such limit until it is set."""
    ask_multiplier_down: Decimal | None = None
    """A SELL may offer the last price times 1 - this."""
    depth_value: Decimal | None = None
    """The largest value of a level, in the quote asset; 0: an empty book from the next tick on."""
    volatility: Annotated[int, msgspec.Meta(ge=0, le=1_000)] | None = None
    """The largest step of a tick in units of 0.01 %; 0: a constant price."""


_NUMBERS = ("minimum_quantity", "minimum_value", "maximum_value", "maximum_value_market", "depth_value")
_AMOUNTS = (*_NUMBERS, "bid_multiplier_up", "ask_multiplier_down")
_RULES = ("status", "trade_side_type", "tradable_by_api", "order_types", "volatility", *_NUMBERS)


def change_venue(venue: Venue, request: Request, now_ms: int) -> dict[str, object]:
    """Answer a request that changes a symbol or lists one.

    Raises:
        Refusal: the route or the symbol is unknown.
        ValueError: the content is malformed, or does not fit the symbol.
    """
    match request.method, request.path.removeprefix(CONTROL_PREFIX):
        case "POST", "listings":
            return add_listing(venue, msgspec.json.decode(request.body, type=Listing))
        case "PATCH", "listings":
            return change_listing(venue, msgspec.json.decode(request.body, type=ListingChange), now_ms)
        case "POST", "market":
            return change_market(venue, msgspec.json.decode(request.body, type=MarketChange), now_ms)
    raise Refusal(Code.NOT_FOUND)


def change_market(venue: Venue, change: MarketChange, now_ms: int) -> dict[str, object]:
    """Change a symbol's rules or its market, and return its entry in exchangeInfo.

    Raises:
        Refusal: the symbol is unknown.
        ValueError: a number has more decimals than the symbol allows, or is not positive.
    """
    symbol = venue.symbol(change.symbol)
    prices = [change.price] if change.price is not None else []
    levels = [*(change.bids or ()), *(change.asks or ())]
    _check_numbers([*prices, *(price for price, _ in levels)], symbol.price_decimals)
    _check_numbers([quantity for _, quantity in levels], symbol.quantity_decimals)
    given = {name: getattr(change, name) for name in _RULES if getattr(change, name) is not None}
    for name in _AMOUNTS:
        if getattr(change, name) is not None and not is_amount(getattr(change, name)):
            raise ValueError(f"{name} must not be negative")
    if change.bid_multiplier_up is not None:
        given["highest_bid"] = 1 + change.bid_multiplier_up
    if change.ask_multiplier_down is not None:
        given["lowest_ask"] = 1 - change.ask_multiplier_down
    venue.change(msgspec.structs.replace(symbol, **given))
    if change.price is not None:
        venue.jump(change.symbol, change.price, now_ms)
    if change.bids is not None or change.asks is not None:
        venue.pin(change.symbol, change.bids or [], change.asks or [], now_ms)
    return rules_json(venue.symbol(change.symbol))


def add_listing(venue: Venue, listing: Listing) -> dict[str, object]:
    """List a symbol, or list an existing one again, and return its entry in exchangeInfo."""
    venue.list_symbol(listing.to_symbol())
    return rules_json(venue.symbol(listing.symbol))


def change_listing(venue: Venue, change: ListingChange, now_ms: int) -> dict[str, object]:
    """Change a listing, and return its symbol's entry in exchangeInfo.

    Raises:
        Refusal: the symbol is unknown.
        ValueError: its price does not fit the new decimals.
    """
    venue.change_listing(change.applied_to(venue.symbol(change.symbol)), now_ms)
    return rules_json(venue.symbol(change.symbol))


def orders_json(book: Book) -> list[dict[str, object]]:
    """Return the whole book."""
    return [_order_json(order, fills) for order, fills in book.everything()]


def _order_json(order: Order, fills: list[Fill]) -> dict[str, object]:
    return open_json(order) | {
        "visibleFrom": order.visible_ms,
        "locked": plain(order.locked),
        "fills": [trade_json(order, fill) | {"time": fill.traded_ms} for fill in fills],
    }


def _check_numbers(numbers: list[Decimal], decimals: int) -> None:
    for number in numbers:
        if not is_amount(number) or not number or decimals_of(number) > decimals:
            raise ValueError(f"{number} must be positive and have at most {decimals} decimals")
