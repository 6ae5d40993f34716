"""ccxt's arguments as a signal, and an order of the daemon and its trades as ccxt's structures.

Source: ``create_spot_order_request``, ``parse_order`` and ``parse_trade`` in ``ccxt/mexc.py``, ``safe_order`` in
``ccxt/base/exchange.py``. Numbers are floats, as ccxt's are; every sum is made with exact decimals before.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from daemon.client.ccxt_errors import ArgumentsRequired, BadSymbol, InvalidOrder, NotSupported
from daemon.client.shapes import Order, Signal

Number = float | int | str | Decimal
"""An amount as scripts give it. A float stands for the shortest decimal number that it is printed as."""

RENAMED = {
    "BEYONDPROTOCOL": "BEYOND", "BIFI": "BIFIF", "BYN": "BEYONDFI", "COFI": "COFIX", "DFI": "DFISTARTER",
    "DFT": "DFUTURE", "DRK": "DRK", "EGC": "EGORASCREDIT", "FLUX1": "FLUX", "FLUX": "FLUX1", "FREE": "FREEROSSDAO",
    "GAS": "GASDAO", "GASNEO": "GAS", "GMT": "GMTTOKEN", "STEPN": "GMT", "HERO": "STEPHERO", "MIMO": "MIMOSA",
    "PROS": "PROSFINANCE", "SIN": "SINCITYTOKEN", "SOUL": "SOULSWAP", "BCHSV": "BSV", "XBT": "XBT",
}  # fmt: skip
"""MEXC's currencies that ccxt calls by another name: ``commonCurrencies``. ccxt's GMT is MEXC's STEPN."""

QUOTES = ("USDT", "USDC", "USDE", "USD1", "BTC", "ETH", "EUR", "BRL")
"""The quote currencies by which the symbol of an order is split that this object did not send."""

_CAN = {
    "spot", "createOrder", "createLimitOrder", "createLimitBuyOrder", "createLimitSellOrder", "createMarketOrder",
    "createMarketBuyOrder", "createMarketSellOrder", "createMarketOrderWithCost", "createMarketBuyOrderWithCost",
    "createMarketSellOrderWithCost", "createPostOnlyOrder", "cancelOrder", "fetchOrder", "fetchOpenOrders",
    "fetchOrderTrades",
}  # fmt: skip
_CANNOT = {
    "swap", "future", "option", "margin", "createOrders", "editOrder", "cancelOrders", "cancelAllOrders",
    "fetchOrders", "fetchClosedOrders", "fetchCanceledOrders", "fetchMyTrades", "fetchBalance",
    "fetchMarkets", "fetchTicker", "fetchOrderBook", "fetchOHLCV", "fetchTrades",
}  # fmt: skip
HAS = dict.fromkeys(_CAN, True) | dict.fromkeys(_CANNOT, False)
"""What the object can: ccxt's ``has``."""

STATUS = {
    "queued": "open",
    "armed": "open",
    "in_flight": "open",
    "in_doubt": "open",
    "open": "open",
    "partially_filled": "open",
    "filled": "closed",
    "canceled": "canceled",
    "partially_canceled": "canceled",
    "withdrawn": "canceled",
    "rejected": "rejected",
    "dead_letter": "rejected",
    "expired": "expired",
    "lost": None,  # the exchange does not show it, and it may exist
}
"""ccxt's status of each state. The tests compare the states with the daemon's."""

_TIMES_IN_FORCE = {
    "LIMIT": "GTC",
    "LIMIT_MAKER": "POST_ONLY",
    "IMMEDIATE_OR_CANCEL": "IOC",
    "FILL_OR_KILL": "FOK",
    "MARKET": "IOC",
}
_TYPES = {"GTC": "LIMIT", "IOC": "IMMEDIATE_OR_CANCEL", "FOK": "FILL_OR_KILL", "PO": "LIMIT_MAKER"}
_KNOWN = {"clientOrderId", "newClientOrderId", "cost", "quoteOrderQty", "timeInForce", "postOnly", "deadlineMs"}
_BASES = {name: code for code, name in RENAMED.items()}


def market_id(symbol: str) -> str:
    """Return MEXC's symbol for ccxt's ``BASE/QUOTE``; MEXC's own is returned as it is.

    Raises:
        BadSymbol: ccxt has no such symbol.
        NotSupported: it is a contract's.

    """
    base, slash, quote = symbol.partition("/")
    if not slash:
        return symbol
    if ":" in quote:
        raise NotSupported(f"sniperd trades spot pairs only, and {symbol} is a contract")
    if not base or not quote or (base in RENAMED and base not in _BASES):
        raise BadSymbol(f"sniperd does not have market symbol {symbol}")
    return _BASES.get(base, base) + quote


def unified(symbol: str) -> str:
    """Return ccxt's symbol for MEXC's, or MEXC's where its quote currency is not one of :data:`QUOTES`."""
    for quote in QUOTES:
        base = symbol.removesuffix(quote)
        if base and base != symbol:
            return f"{RENAMED.get(base, base)}/{quote}"
    return symbol


def exact(number: Number, name: str) -> Decimal:
    """Return the number that a script means.

    Raises:
        InvalidOrder: it is no finite number.

    """
    try:
        found = Decimal(str(number))
    except InvalidOperation:
        raise InvalidOrder(f"sniperd: {name} {number!r} is no number") from None
    if not found.is_finite():
        raise InvalidOrder(f"sniperd: {name} {number!r} is no number")
    return found


def signal_of(
    symbol: str,
    kind: str,
    side: str,
    amount: Number | None,
    price: Number | None,
    params: Mapping[str, Any],
    owner_id: str,
) -> Signal:
    """Return the signal for the arguments of ``create_order``, with ccxt's meaning of them for MEXC.

    A market order with ``cost`` trades that amount of quote currency, one with a price ``amount`` times ``price``.

    Raises:
        NotSupported: a parameter is unknown. It may change the order, so it is not ignored.
        ArgumentsRequired, BadSymbol, InvalidOrder: the arguments do not make an order.

    """
    unknown = sorted(set(params) - _KNOWN)
    if unknown:
        raise NotSupported(f"sniperd create_order() does not know the parameter {', '.join(unknown)}")
    if not kind or not side:
        raise ArgumentsRequired("sniperd create_order() requires a type and a side argument")
    wire_type = _type(kind.upper(), params)
    cost = params.get("cost", params.get("quoteOrderQty")) if wire_type == "MARKET" else None
    quantity = amount
    if wire_type == "MARKET" and cost is None and price is not None and amount is not None:
        cost = exact(amount, "amount") * exact(price, "price")
    if cost is not None:
        quantity = None
    elif quantity is None:
        raise ArgumentsRequired("sniperd create_order() requires an amount")
    return Signal(
        symbol=market_id(symbol),
        side=side.upper(),
        type=wire_type,
        owner_id=owner_id,
        quantity=None if quantity is None else f"{exact(quantity, 'amount'):f}",
        quote_order_qty=None if cost is None else f"{exact(cost, 'cost'):f}",
        price=None if price is None or wire_type == "MARKET" else f"{exact(price, 'price'):f}",
        idempotency_key=params.get("clientOrderId", params.get("newClientOrderId")),
        deadline_ms=params.get("deadlineMs"),
        allow_repeat=True,  # two calls of a script mean two orders; a repeated call has its key
    )


def order_structure(order: Order, symbol: str) -> dict[str, Any]:
    """Return ccxt's structure of an order."""
    status = STATUS.get(order.state)
    filled = Decimal(order.executed_quantity)
    amount = None if order.quantity is None else Decimal(order.quantity)
    if amount is None and status == "closed":
        amount = filled
    is_market = (order.asked_type or order.type) == "MARKET"
    average = _float(order.average_price)
    return {
        "id": order.id,
        "clientOrderId": order.idempotency_key,
        "timestamp": order.accepted_at_ms,
        "datetime": None if order.accepted_at_ms is None else _iso8601(order.accepted_at_ms),
        "lastTradeTimestamp": None,
        "lastUpdateTimestamp": order.updated_at_ms,
        "symbol": symbol,
        "type": "market" if is_market else "limit",
        "timeInForce": _TIMES_IN_FORCE.get(order.type),
        "postOnly": order.type == "LIMIT_MAKER",
        "reduceOnly": None,
        "side": order.side.lower(),
        "price": average if is_market else _float(order.price),
        "stopPrice": None,
        "triggerPrice": None,
        "takeProfitPrice": None,
        "stopLossPrice": None,
        "amount": _float(amount),
        "cost": _float(order.executed_quote),
        "average": average,
        "filled": float(filled),
        "remaining": None if amount is None else float(amount - filled),
        "status": status,
        "fee": None,  # MEXC's answer about an order has no fees, so ccxt has none here either: they are in its trades
        "fees": [],
        "trades": [],
        "info": msgspec.to_builtins(order),
    }


def trade_structure(order: Order, fill: Mapping[str, Any], symbol: str) -> dict[str, Any]:
    """Return ccxt's structure of a trade."""
    asset = fill["feeAsset"]
    fee = {"currency": RENAMED.get(asset, asset), "cost": float(fill["fee"])}
    return {
        "id": fill["tradeId"],
        "order": order.id,
        "timestamp": fill["at"],
        "datetime": _iso8601(fill["at"]),
        "symbol": symbol,
        "type": None,
        "side": order.side.lower(),
        "takerOrMaker": "maker" if fill["isMaker"] else "taker",
        "price": float(fill["price"]),
        "amount": float(fill["quantity"]),
        "cost": float(fill["quote"]),
        "fee": fee,
        "fees": [fee],
        "info": dict(fill),
    }


def _type(kind: str, params: Mapping[str, Any]) -> str:
    """Return MEXC's type of an order."""
    in_force = "PO" if params.get("postOnly") else params.get("timeInForce")
    if in_force is None:
        return kind
    if kind == "MARKET" or in_force not in _TYPES:
        raise InvalidOrder(f"sniperd: a {kind.lower()} order cannot have timeInForce {in_force}")
    return _TYPES[in_force]


def _float(number: str | Decimal | None) -> float | None:
    return None if number is None else float(number)


def _iso8601(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms // 1_000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at_ms % 1_000:03}Z"
