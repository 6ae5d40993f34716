"""The checks of an order before matching: its parameters and the symbol's rules.

First the syntax (`read_ticket`), then the rules (`admit`); both raise a refusal and ignore balances. `order/test` runs
exactly these two (the extent of MEXC's test is unknown).

A MARKET order is refused while the opposite side is empty (30025), except during an opening, where it is accepted and
then cancelled (observed). Otherwise it becomes a limit order 5 % beyond the best price, and `quoteOrderQty` the
quantity that it buys at that limit. The reply shows both, and the order spends less than `quoteOrderQty`
(`--spend-all` disables that). Observed: mexcdevelop/mexc-api-sdk#77 shows `price` 0.183503 and `origQty` 32.69 for
6 USDT, executed at 0.175137.
"""

import re
from decimal import Decimal
from typing import TypeVar

import msgspec

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.listings import in_opening, is_open
from daemon.simulator.messages import Parameters
from daemon.simulator.money import decimals_of, floor_to, plain, quotient, read_decimal, step
from daemon.simulator.orders import OrderType, Side
from daemon.simulator.symbols import (
    OFFLINE,
    PAUSED,
    QUOTE,
    SIDES_ALL,
    SIDES_BUY,
    SIDES_SELL,
    Symbol,
)

CLIENT_ORDER_ID = "^[0-9a-zA-Z_-]{1,32}$"
MARKET_SLIPPAGE = Decimal("0.05")

Member = TypeVar("Member", Side, OrderType)

_STP_MODES = frozenset({"", "cancel_maker", "cancel_taker", "cancel_both"})
_SIDE_TYPES = {Side.BUY: {SIDES_ALL, SIDES_BUY}, Side.SELL: {SIDES_ALL, SIDES_SELL}}


class Ticket(msgspec.Struct, frozen=True):
    """An order as the client requests it, in the client's numbers."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None
    value: Decimal | None
    """`quoteOrderQty`."""
    price: Decimal | None
    client_order_id: str | None
    stp_mode: str
    """Self-trade prevention. It works within a strategy group only (documented). The simulated account has no group:
    the value is checked, stored and shown, but has no effect."""


class Terms(msgspec.Struct, frozen=True):
    """The limit and the quantity that an admitted order trades with."""

    price: Decimal
    quantity: Decimal


def read_ticket(parameters: Parameters) -> Ticket:
    """Read an order from its parameters. Unknown parameters, such as timeInForce, are ignored.

    Raises:
        Refusal: a parameter is missing or malformed, or the combination is invalid.
    """
    symbol = parameters.require("symbol")
    side = _member(Side, parameters.require("side"))
    order_type = _member(OrderType, parameters.require("type"))
    quantity = _amount(parameters.get("quantity"))
    if order_type is OrderType.MARKET:
        value, price = _amount(parameters.get("quoteOrderQty")), None
        combines = (quantity is None) != (value is None)
    else:
        value, price = None, _amount(parameters.get("price"))
        combines = quantity is not None and price is not None
    if not combines:
        raise Refusal(Code.PARAMETERS_DO_NOT_COMBINE)
    client_order_id = parameters.get("newClientOrderId")
    if client_order_id and not re.fullmatch(CLIENT_ORDER_ID, client_order_id):
        raise Refusal(Code.ILLEGAL_CHARACTERS, "newClientOrderId", CLIENT_ORDER_ID)
    if parameters.get("stpMode") not in _STP_MODES:
        raise Refusal(Code.PARAMETER_ERROR)
    return Ticket(symbol, side, order_type, quantity, value, price, client_order_id or None, parameters.get("stpMode"))


def admit(ticket: Ticket, symbol: Symbol, best: Decimal | None, last: Decimal, now_ms: int) -> Terms:
    """Check an order against its symbol's rules, and return its limit and quantity.

    `best` is the best price on the opposite side, `last` the symbol's last price.

    Raises:
        Refusal: a rule forbids the order.
    """
    _check_symbol_trades(ticket, symbol, now_ms)
    _check_type(ticket, symbol)
    _check_decimals(ticket, symbol)
    if ticket.type is OrderType.MARKET and best is None and not in_opening(symbol, now_ms):
        raise Refusal(Code.NO_OPPONENT_ORDER)
    market_price = best or last
    terms = _terms(ticket, symbol, market_price)
    if ticket.price is not None:
        _check_price(ticket, ticket.price, symbol, last, now_ms)
    _check_size(ticket, terms.quantity, symbol, market_price)
    return terms


def _member(kind: type[Member], text: str) -> Member:
    try:
        return kind(text)
    except ValueError:
        raise Refusal(Code.PARAMETER_ERROR) from None


def _amount(text: str) -> Decimal | None:
    """Read a quantity or a price; None: not sent."""
    if not text:
        return None
    amount = read_decimal(text)
    if amount is None:
        raise Refusal(Code.PARAMETER_ERROR)
    if amount <= 0:
        raise Refusal(Code.AMOUNT_NOT_POSITIVE)
    return amount


def _check_symbol_trades(ticket: Ticket, symbol: Symbol, now_ms: int) -> None:
    if not is_open(symbol, now_ms):
        raise Refusal(Code(symbol.code_before_opening))
    if not symbol.tradable_by_api:
        raise Refusal(Code.SYMBOL_NOT_SUPPORTED)
    if symbol.status == PAUSED:
        raise Refusal(Code.SYMBOL_SUSPENDED)
    if symbol.status == OFFLINE:
        raise Refusal(Code.TRADING_DISABLED)
    if symbol.trade_side_type not in _SIDE_TYPES[ticket.side]:
        raise Refusal(Code.DIRECTION_NOT_ALLOWED)


def _check_type(ticket: Ticket, symbol: Symbol) -> None:
    """Check that the symbol lists the type. IOC and FOK count as LIMIT, as on MEXC."""
    if ticket.type is OrderType.MARKET:
        if OrderType.MARKET not in symbol.order_types:
            raise Refusal(Code.API_MARKET_ORDER_DISABLED)
        return
    listed = OrderType.LIMIT_MAKER if ticket.type is OrderType.LIMIT_MAKER else OrderType.LIMIT
    if listed not in symbol.order_types:
        raise Refusal(Code.ORDER_TYPE_NOT_ALLOWED)


def _check_decimals(ticket: Ticket, symbol: Symbol) -> None:
    """Check the numbers of decimals.

    Observed for `quoteOrderQty` (hummingbot#7348): code 400 and this message, including its leading blank. The message
    is assumed to be the same for quantity and price.
    """
    for amount, decimals, name in (
        (ticket.quantity, symbol.quantity_decimals, "quantity"),
        (ticket.value, symbol.price_decimals, "amount"),
        (ticket.price, symbol.price_decimals, "price"),
    ):
        if amount is not None and decimals_of(amount) > decimals:
            raise Refusal(Code.BAD_REQUEST, message=f" {name} scale is invalid")


def _terms(ticket: Ticket, symbol: Symbol, best: Decimal) -> Terms:
    if ticket.price is not None and ticket.quantity is not None:
        return Terms(ticket.price, ticket.quantity)
    slippage = MARKET_SLIPPAGE if ticket.side is Side.BUY else -MARKET_SLIPPAGE
    price = max(floor_to(best * (1 + slippage), symbol.price_decimals), step(symbol.price_decimals))
    if ticket.value is None:
        return Terms(price, ticket.quantity or Decimal(0))
    return Terms(price, quotient(ticket.value, price, symbol.quantity_decimals))


def _check_price(ticket: Ticket, price: Decimal, symbol: Symbol, last: Decimal, now_ms: int) -> None:
    """Check the opening's cap and the price band, which does not apply to a BUY of type LIMIT_MAKER (documented)."""
    cap = symbol.price_cap
    if cap is not None and price > cap and in_opening(symbol, now_ms):
        raise Refusal(Code.PRICE_OUT_OF_RANGE, f"{plain(cap)}{QUOTE}")
    has_ceiling = ticket.side is Side.BUY and ticket.type is not OrderType.LIMIT_MAKER
    too_high = has_ceiling and symbol.highest_bid is not None and price > last * symbol.highest_bid
    too_low = ticket.side is Side.SELL and symbol.lowest_ask is not None and price < last * symbol.lowest_ask
    if too_high or too_low:
        raise Refusal(Code.PRICE_OUTSIDE_BAND)


def _check_size(ticket: Ticket, quantity: Decimal, symbol: Symbol, market_price: Decimal) -> None:
    """Check quantity and value. The value of a MARKET order is `quoteOrderQty`, or its quantity at the market price."""
    value = ticket.value or (ticket.price or market_price) * quantity
    is_market = ticket.type is OrderType.MARKET
    most = symbol.maximum_value_market if is_market else symbol.maximum_value
    least_quantity = max(symbol.minimum_quantity, step(symbol.quantity_decimals))
    if quantity < least_quantity:
        raise Refusal(Code.BELOW_MINIMUM, f"{plain(least_quantity)}{symbol.base_asset}")
    if value < symbol.minimum_value:
        raise Refusal(Code.BELOW_MINIMUM, f"{plain(symbol.minimum_value)}{QUOTE}")
    if value > most:
        raise Refusal(Code.ABOVE_MAXIMUM, f"{plain(most)}{QUOTE}")
