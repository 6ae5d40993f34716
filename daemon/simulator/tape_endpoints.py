"""The public endpoints about past trades: single trades, aggregated ones, the average price.

Only the last thousand trades of a symbol are kept, none from before the start of the server. MEXC shows no trade ids
there (documented: null).
"""

from decimal import Decimal

from daemon.simulator.errors import Code, Refusal
from daemon.simulator.market import Deal
from daemon.simulator.market_endpoints import Call
from daemon.simulator.money import plain, quotient
from daemon.simulator.orders import Side

_AVERAGE_MINUTES = 5


def trades(call: Call) -> object:
    """Answer GET /api/v3/trades and GET /api/v3/historicalTrades: newest first."""
    return [_trade_json(deal) for deal in _last(call, list(call.market().deals))]


def aggregate_trades(call: Call) -> object:
    """Answer GET /api/v3/aggTrades: newest first, between two times that are sent together (documented)."""
    deals = list(call.market().deals)
    bounds = [call.parameters.get(name) for name in ("startTime", "endTime")]
    if any(bounds) and not all(bounds):
        raise Refusal(Code.INPUT_INVALID)
    if all(bounds):
        start_ms, end_ms = call.parameters.integer("startTime"), call.parameters.integer("endTime")
        deals = [deal for deal in deals if start_ms <= deal.at_ms <= end_ms]
    return [_aggregate_json(deal) for deal in _last(call, _aggregated(deals))]


def average_price(call: Call) -> object:
    """Answer GET /api/v3/avgPrice: of the last five minutes in which the market moved."""
    market = call.market()
    closed = [candle.closed for candle in list(market.candles)[-_AVERAGE_MINUTES:]] or [market.last]
    average = quotient(sum(closed, Decimal(0)), Decimal(len(closed)), market.symbol.price_decimals)
    return {"mins": _AVERAGE_MINUTES, "price": plain(average)}


def _last(call: Call, deals: list[Deal]) -> list[Deal]:
    limit = min(call.parameters.integer("limit", 500), 1_000)
    return deals[::-1][:limit]


def _aggregated(deals: list[Deal]) -> list[Deal]:
    """Add up the quantities of trades that one order made at one price: those of one time, price and side."""
    merged: dict[tuple[int, Decimal, Side], Decimal] = {}
    for deal in deals:
        key = (deal.at_ms, deal.price, deal.taker)
        merged[key] = merged.get(key, Decimal(0)) + deal.quantity
    return [Deal(at_ms, price, quantity, taker) for (at_ms, price, taker), quantity in merged.items()]


def _trade_json(deal: Deal) -> dict[str, object]:
    return {
        "id": None,
        "price": plain(deal.price),
        "qty": plain(deal.quantity),
        "quoteQty": plain(deal.price * deal.quantity),
        "time": deal.at_ms,
        "isBuyerMaker": deal.taker is Side.SELL,
        "isBestMatch": True,
        "tradeType": "BID" if deal.taker is Side.BUY else "ASK",  # not in the document; ccxt and typed-mexc read it
    }


def _aggregate_json(deal: Deal) -> dict[str, object]:
    return {
        "a": None,
        "f": None,
        "l": None,
        "p": plain(deal.price),
        "q": plain(deal.quantity),
        "T": deal.at_ms,
        "m": deal.taker is Side.SELL,
        "M": True,
    }
