"""An order: its terms, its status, and its representation in MEXC's API.

    NEW ──▶ PARTIALLY_FILLED ──▶ FILLED
     │              │
     ▼              ▼
  CANCELED   PARTIALLY_CANCELED

There is no REJECTED and no EXPIRED: an order that cannot fill immediately and must not rest is accepted, then
cancelled. An order is a frozen value; a fill or a cancellation returns a new one.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from daemon.simulator.money import ZERO, plain


class Side(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Side":
        """The side of the counterpart."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """The type of an order. There is no time in force: IOC and FOK are types (documented)."""

    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    IMMEDIATE_OR_CANCEL = "IMMEDIATE_OR_CANCEL"
    FILL_OR_KILL = "FILL_OR_KILL"


RESTING_TYPES = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})


class Status(StrEnum):
    """The status of an order."""

    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    PARTIALLY_CANCELED = "PARTIALLY_CANCELED"


OPEN_STATUSES = frozenset({Status.NEW, Status.PARTIALLY_FILLED})


class Order(msgspec.Struct, frozen=True):
    """An order in the book."""

    sequence: int
    """Its number among all orders of the book; 1 is the oldest."""
    order_id: str
    client_order_id: str | None
    symbol: str
    side: Side
    type: OrderType
    price: Decimal
    """The limit. A MARKET order has one too, see `order_rules`."""
    quantity: Decimal
    stp_mode: str
    """Self-trade prevention, as sent."""
    placed_ms: int
    visible_ms: int
    """Queries show the order from this time on; before, it only trades."""
    status: Status = Status.NEW
    executed: Decimal = ZERO
    executed_value: Decimal = ZERO
    """`cummulativeQuoteQty`, in the quote asset."""
    updated_ms: int | None = None
    """Time of the last fill or of the cancellation."""

    @property
    def remaining(self) -> Decimal:
        """The quantity that is not filled."""
        return self.quantity - self.executed

    @property
    def is_open(self) -> bool:
        """Whether it can still trade."""
        return self.status in OPEN_STATUSES

    @property
    def locked(self) -> Decimal:
        """The amount that it locks: of the quote asset for a BUY, of the base asset for a SELL."""
        if not self.is_open:
            return ZERO
        return self.remaining * self.price if self.side is Side.BUY else self.remaining

    def filled(self, quantity: Decimal, price: Decimal, now_ms: int) -> "Order":
        """Return the order after a fill."""
        executed = self.executed + quantity
        return msgspec.structs.replace(
            self,
            executed=executed,
            executed_value=self.executed_value + quantity * price,
            status=Status.FILLED if executed == self.quantity else Status.PARTIALLY_FILLED,
            updated_ms=now_ms,
        )

    def cancelled(self, now_ms: int) -> "Order":
        """Return the order after its cancellation."""
        status = Status.PARTIALLY_CANCELED if self.executed else Status.CANCELED
        return msgspec.structs.replace(self, status=status, updated_ms=now_ms)


class Fill(msgspec.Struct, frozen=True):
    """One trade of one order."""

    sequence: int
    """Its number among all fills of the book."""
    order_sequence: int
    trade_id: str
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    is_maker: bool
    is_self_trade: bool
    traded_ms: int


def placed_json(order: Order) -> dict[str, object]:
    """Return the reply to a placed order: no client id, no status, no fills (observed)."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "price": plain(order.price),
        "origQty": plain(order.quantity),
        "type": order.type,
        "side": order.side,
        "transactTime": order.placed_ms,
    }


def open_json(order: Order) -> dict[str, object]:
    """Return an order as `openOrders` shows it: times in milliseconds (observed)."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": plain(order.price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.executed),
        "cummulativeQuoteQty": plain(order.executed_value),
        "status": order.status,
        "timeInForce": None,
        "type": order.type,
        "side": order.side,
        "stopPrice": None,
        "icebergQty": None,
        "time": order.placed_ms,
        "updateTime": order.updated_ms,
        "isWorking": True,
        "origQuoteOrderQty": plain(order.price * order.quantity),
        "stpMode": order.stp_mode,
        "cancelReason": None,
    }


def query_json(order: Order) -> dict[str, object]:
    """Return an order as `order` and `allOrders` show it: times truncated to the second (observed).

    So the shown time can be before the client sent the order.
    """
    updated_ms = order.placed_ms if order.updated_ms is None else order.updated_ms
    return open_json(order) | {
        "time": whole_second(order.placed_ms),
        "updateTime": whole_second(updated_ms),
    }


def cancelled_json(order: Order) -> dict[str, object]:
    """Return the reply to a cancellation."""
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "clientOrderId": order.client_order_id,
        "price": plain(order.price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.executed),
        "cummulativeQuoteQty": plain(order.executed_value),
        "status": order.status,
        "timeInForce": "GTC",
        "type": order.type,
        "side": order.side,
    }


def trade_json(order: Order, fill: Fill) -> dict[str, object]:
    """Return a trade as `myTrades` shows it: its time truncated to the second (observed)."""
    return {
        "symbol": order.symbol,
        "id": fill.trade_id,
        "orderId": order.order_id,
        "orderListId": -1,
        "price": plain(fill.price),
        "qty": plain(fill.quantity),
        "quoteQty": plain(fill.price * fill.quantity),
        "commission": plain(fill.commission),
        "commissionAsset": fill.commission_asset,
        "time": whole_second(fill.traded_ms),
        "isBuyer": order.side is Side.BUY,
        "isMaker": fill.is_maker,
        "isBestMatch": True,
        "isSelfTrade": fill.is_self_trade,
        "clientOrderId": order.client_order_id,
    }


def whole_second(moment_ms: int) -> int:
    """Truncate a time in milliseconds to the second."""
    return moment_ms // 1_000 * 1_000
