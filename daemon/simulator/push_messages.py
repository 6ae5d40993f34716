"""The streams' messages: a hand-written encoder of MEXC's protobuf messages, and the private streams' messages.

The field numbers are those of github.com/mexcdevelop/websocket-proto (PushDataV3ApiWrapper and the three private
messages in it). proto3 omits empty and zero fields. This shares no code with the daemon's decoder on purpose: an error
in one must not hide the same error in the other.
"""

from collections.abc import Sequence

from daemon.simulator.events import BalanceChanged, Event, OrderChanged
from daemon.simulator.money import ZERO, plain, quotient
from daemon.simulator.orders import Fill, Order, OrderType, Side, Status

ORDERS_CHANNEL = "spot@private.orders.v3.api.pb"
DEALS_CHANNEL = "spot@private.deals.v3.api.pb"
ACCOUNT_CHANNEL = "spot@private.account.v3.api.pb"
CHANNELS = frozenset({ORDERS_CHANNEL, DEALS_CHANNEL, ACCOUNT_CHANNEL})

_ORDERS_BODY, _DEALS_BODY, _ACCOUNT_BODY = 304, 306, 307

_STATUS_NUMBERS = {
    Status.NEW: 1,
    Status.FILLED: 2,
    Status.PARTIALLY_FILLED: 3,
    Status.CANCELED: 4,
    Status.PARTIALLY_CANCELED: 5,
}
_TYPE_NUMBERS = {
    OrderType.LIMIT: 1,
    OrderType.LIMIT_MAKER: 2,
    OrderType.IMMEDIATE_OR_CANCEL: 3,
    OrderType.FILL_OR_KILL: 4,
    OrderType.MARKET: 5,
}
_AVERAGE_DECIMALS = 12

Field = tuple[int, str | int | bytes]
"""Its number, and a value whose type selects the encoding."""


def encode(event: Event, now_ms: int) -> list[tuple[str, bytes]]:
    """Return an event's messages, each with its channel."""
    if isinstance(event, BalanceChanged):
        return [(ACCOUNT_CHANNEL, wrapped(ACCOUNT_CHANNEL, "", (_ACCOUNT_BODY, _balance(event, now_ms)), now_ms))]
    symbol = event.order.symbol
    bodies = [(ORDERS_CHANNEL, wrapped(ORDERS_CHANNEL, symbol, (_ORDERS_BODY, _order(event)), now_ms))]
    if event.fill is not None:
        deal = _deal(event.order, event.fill)
        bodies.append((DEALS_CHANNEL, wrapped(DEALS_CHANNEL, symbol, (_DEALS_BODY, deal), now_ms)))
    return bodies


def message(fields: Sequence[Field]) -> bytes:
    """Encode a protobuf message without empty and zero fields."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts.append(_varint(number << 3) + _varint(value) if value else b"")
        else:
            data = value.encode() if isinstance(value, str) else value
            parts.append(_varint(number << 3 | 2) + _varint(len(data)) + data if data else b"")
    return b"".join(parts)


def wrapped(channel: str, symbol: str, body: Field, now_ms: int) -> bytes:
    """Encode a body in the wrapper that every message has."""
    return message([(1, channel), body, (3, symbol), (5, now_ms), (6, now_ms)])


def _order(event: OrderChanged) -> bytes:
    order = event.order
    average = quotient(order.executed_value, order.executed, _AVERAGE_DECIMALS) if order.executed else ZERO
    return message(
        [
            (1, order.order_id),
            (2, order.client_order_id or ""),
            (3, plain(order.price)),
            (4, plain(order.quantity)),
            (5, plain(order.price * order.quantity)),
            (6, plain(average)),
            (7, _TYPE_NUMBERS[order.type]),
            (8, side_number(order.side)),
            (9, event.fill is not None and event.fill.is_maker),
            (10, plain(order.price * order.remaining)),
            (11, plain(order.remaining)),
            (12, plain(event.fill.quantity) if event.fill else ""),
            (13, plain(order.executed)),
            (14, plain(order.executed_value)),
            (15, _STATUS_NUMBERS[order.status]),
            (16, order.placed_ms),
        ]
    )


def _deal(order: Order, fill: Fill) -> bytes:
    return message(
        [
            (1, plain(fill.price)),
            (2, plain(fill.quantity)),
            (3, plain(fill.price * fill.quantity)),
            (4, side_number(order.side)),
            (5, fill.is_maker),
            (6, fill.is_self_trade),
            (7, fill.trade_id),
            (8, order.client_order_id or ""),
            (9, order.order_id),
            (10, plain(fill.commission)),
            (11, fill.commission_asset),
            (12, fill.traded_ms),
        ]
    )


def _balance(event: BalanceChanged, now_ms: int) -> bytes:
    before, after = event.before, event.after
    return message(
        [
            (1, event.asset),
            (2, f"simulated-{event.asset}"),
            (3, plain(after.free)),
            (4, plain(after.free - before.free)),
            (5, plain(after.locked)),
            (6, plain(after.locked - before.locked)),
            (7, "ENTRUST"),
            (8, now_ms),
        ]
    )


def side_number(side: Side) -> int:
    """Return the number of a side."""
    return 1 if side is Side.BUY else 2


def _varint(number: int) -> bytes:
    """Encode a non-negative number, seven bits per byte, the lowest first."""
    data = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)
