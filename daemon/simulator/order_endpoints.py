"""The signed endpoints: orders, trades, balances.

Each function answers one endpoint. All of them ignore an invisible order, cancellations included, although it trades
and locks balances.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.market_endpoints import Call
from daemon.simulator.messages import Parameters
from daemon.simulator.money import plain
from daemon.simulator.order_rules import Ticket, admit, read_ticket
from daemon.simulator.orders import (
    Order,
    OrderType,
    Status,
    cancelled_json,
    open_json,
    placed_json,
    query_json,
    trade_json,
)

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_ORDERS_BACK_MS = 7 * _DAY_MS
_TRADES_BACK_MS = 30 * _DAY_MS
_BATCH_SIZE = 20
_CANCEL_SYMBOLS = 5
_BATCH = msgspec.json.Decoder(list[dict[str, Any]], float_hook=str)  # keeps the digits of a number as sent


def place(call: Call) -> object:
    """Answer POST /api/v3/order."""
    return placed_json(_place(call, call.parameters))


def place_test(call: Call) -> object:
    """Answer POST /api/v3/order/test: the same checks except the balance; nothing is placed."""
    ticket = _ticket(call, call.parameters)
    market = call.venue.market(ticket.symbol, call.now_ms)
    admit(ticket, market.symbol, market.book.best(ticket.side.opposite), market.last, call.now_ms)
    return {}


def place_batch(call: Call) -> object:
    """Answer POST /api/v3/batchOrders: one result per order."""
    items = _items(call.parameters)
    if not 0 < len(items) <= _BATCH_SIZE or len({str(item.get("symbol")) for item in items}) > 1:
        raise Refusal(Code.PARAMETER_ERROR)
    return [_place_item(call, item) for item in items]


def batch_size(parameters: Parameters) -> int:
    """Return how many orders a batch has; a malformed one counts as one."""
    try:
        return max(1, len(_items(parameters)))
    except Refusal:
        return 1


def query(call: Call) -> object:
    """Answer GET /api/v3/order."""
    orders = _find(call)
    if not call.parameters.get("orderId"):
        hides_ended, hides_all = (kind in call.injected for kind in ("ended_hidden", "client_id_hidden"))
        orders = [order for order in orders if not hides_all and (order.is_open or not hides_ended)]
    if not orders:
        raise Refusal(Code.ORDER_DOES_NOT_EXIST)
    return query_json(_as_shown(call, orders[0]))


def cancel(call: Call) -> object:
    """Answer DELETE /api/v3/order. An unknown, filled or cancelled order is refused with one code (documented)."""
    if call.keys.reads_only:
        raise Refusal(Code.ENDPOINT_NOT_PERMITTED)
    order = next((order for order in _find(call) if order.is_open), None)
    if order is None:
        raise Refusal(Code.UNKNOWN_ORDER)
    cancelled = call.venue.cancel(order, call.now_ms)
    return cancelled_json(order if "former_state" in call.injected else cancelled)


def cancel_all(call: Call) -> object:
    """Answer DELETE /api/v3/openOrders: of at most five symbols, separated by commas (documented)."""
    if call.keys.reads_only:
        raise Refusal(Code.ENDPOINT_NOT_PERMITTED)
    names = call.parameters.require("symbol").split(",")
    if len(names) > _CANCEL_SYMBOLS:
        raise Refusal(Code.PARAMETER_ERROR)
    for name in names:
        call.venue.market(name, call.now_ms)
    orders = [order for order in _open_orders(call) if order.symbol in names]
    return [cancelled_json(call.venue.cancel(order, call.now_ms)) for order in orders]


def cancel_all_symbols(call: Call) -> object:
    """Answer DELETE /api/v3/order/all: of all symbols. The reply names no order (observed)."""
    if call.keys.reads_only:
        raise Refusal(Code.ENDPOINT_NOT_PERMITTED)
    for order in _open_orders(call):
        call.venue.cancel(order, call.now_ms)
    return {"code": 200, "msg": "success", "timestamp": call.now_ms}


def open_orders(call: Call) -> object:
    """Answer GET /api/v3/openOrders: of one symbol or of all."""
    if call.parameters.get("symbol"):
        name = call.market().symbol.symbol
        return [open_json(order) for order in _open_orders(call) if order.symbol == name]
    return [open_json(order) for order in _open_orders(call)]


def all_orders(call: Call) -> object:
    """Answer GET /api/v3/allOrders: newest first, of the last 24 hours by default and 7 days at most."""
    name = call.market().symbol.symbol
    end_ms = call.parameters.integer("endTime", call.now_ms)
    start_ms = call.parameters.integer("startTime", end_ms - _DAY_MS)
    start_ms = max(start_ms, call.now_ms - _ORDERS_BACK_MS)
    limit = min(call.parameters.integer("limit", 500), 1_000)
    orders = call.venue.book.placed_between(name, start_ms, end_ms, limit, call.now_ms)
    return [query_json(_as_shown(call, order)) for order in orders]


def my_trades(call: Call) -> object:
    """Answer GET /api/v3/myTrades: newest first, of the last month."""
    name = call.market().symbol.symbol
    end_ms = call.parameters.integer("endTime", call.now_ms)
    start_ms = max(call.parameters.integer("startTime", 0), call.now_ms - _TRADES_BACK_MS)
    limit = min(call.parameters.integer("limit", 100), 100)
    order_id = call.parameters.get("orderId")
    trades = call.venue.book.traded_between(name, order_id, start_ms, end_ms, limit, call.now_ms)
    return [trade_json(order, fill) for order, fill in trades]


def account(call: Call) -> object:
    """Answer GET /api/v3/account."""
    balances = sorted(call.venue.account.balances().items())
    return {
        "canTrade": "no_trading" not in call.injected,
        "canWithdraw": True,
        "canDeposit": True,
        "updateTime": None,
        "accountType": "SPOT",
        "balances": [
            {"asset": asset, "free": plain(balance.free), "locked": plain(balance.locked)}
            for asset, balance in balances
            if balance.free or balance.locked
        ],
        "permissions": ["SPOT"],
    }


def trade_fee(call: Call) -> object:
    """Answer GET /api/v3/tradeFee."""
    symbol = call.market().symbol
    fees = {
        "makerCommission": msgspec.Raw(plain(symbol.maker_fee).encode()),  # numbers here, not strings
        "takerCommission": msgspec.Raw(plain(symbol.taker_fee).encode()),
    }
    return {"data": fees, "code": 0, "msg": "success", "timestamp": call.now_ms}


def currencies(call: Call) -> object:
    """Answer GET /api/v3/capital/config/getall: the assets, all without deposits and withdrawals."""
    assets = {symbol.base_asset for symbol in call.shown()}
    assets |= set(call.venue.account.balances())
    return [{"coin": asset, "name": asset, "networkList": []} for asset in sorted(assets)]


def _as_shown(call: Call, order: Order) -> Order:
    """Return an order as shown at this time; the fault `filled_early` shows a part of its quantity as executed."""
    early = call.injected.get("filled_early")
    if early is None or order.status is not Status.FILLED or call.now_ms >= order.placed_ms + early.delay_ms:
        return order
    executed, value = order.executed * early.share, order.executed_value * early.share
    return msgspec.structs.replace(order, executed=executed, executed_value=value)


def _ticket(call: Call, parameters: Parameters) -> Ticket:
    """Read an order. A key that cannot trade its pair gets the code of a symbol without API trading."""
    ticket = read_ticket(parameters)
    if call.keys.reads_only:
        raise Refusal(Code.ENDPOINT_NOT_PERMITTED)
    if not call.keys.may_trade(ticket.symbol):
        raise Refusal(Code.SYMBOL_NOT_SUPPORTED)
    return ticket


def _place(call: Call, parameters: Parameters) -> Order:
    invisible, duplicate, immediate = (
        call.injected.get(kind) for kind in ("invisible", "duplicate_refused", "type_refused")
    )
    ticket = _ticket(call, parameters)
    if immediate and ticket.type in (OrderType.IMMEDIATE_OR_CANCEL, OrderType.FILL_OR_KILL):
        raise Refusal(Code(immediate.code or Code.ORDER_TYPE_NOT_ALLOWED.value))
    return call.venue.place(
        ticket,
        call.now_ms,
        invisible_ms=invisible.delay_ms if invisible else 0,
        repeated=Code(duplicate.code or Code.DUPLICATE_ORDER.value) if duplicate else None,
    )


def _items(parameters: Parameters) -> list[dict[str, Any]]:
    try:
        return _BATCH.decode(parameters.require("batchOrders"))
    except msgspec.DecodeError:
        raise Refusal(Code.PARAMETER_ERROR) from None


def _place_item(call: Call, item: Mapping[str, Any]) -> dict[str, object]:
    client_order_id = item.get("newClientOrderId")
    named = {"newClientOrderId": str(client_order_id)} if client_order_id is not None else {}
    try:
        order = _place(call, Parameters.of_item(item))
    except Refusal as refusal:
        return named | refusal.envelope()
    return {"symbol": order.symbol, "orderId": order.order_id, "orderListId": -1} | named


def _find(call: Call) -> list[Order]:
    """Return the orders that a request names, newest first: several can have the same client order id."""
    order_id, client_order_id = call.parameters.get("orderId"), call.parameters.get("origClientOrderId")
    name = call.market().symbol.symbol
    if order_id:
        found = call.venue.book.by_order_id(order_id, call.now_ms)
    elif client_order_id:
        found = call.venue.book.by_client_order_id(client_order_id, call.now_ms)
    else:
        message = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null"
        raise Refusal(Code.PARAMETER_MISSING, message=message)
    return [order for order in found if order.symbol == name]


def _open_orders(call: Call) -> list[Order]:
    return [order for order in call.venue.open_orders.values() if order.visible_ms <= call.now_ms]
