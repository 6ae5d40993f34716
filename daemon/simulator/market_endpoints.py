"""The public endpoints: the time, the symbols' rules, prices; also the key's own symbols.

Each function answers one endpoint: it takes the call and returns the content of the JSON body. The shapes follow MEXC's
documentation and the clients that read them. An unknown symbol is refused with -1121 everywhere.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import reduce

import msgspec

from daemon.simulator.authentication import KeyPair
from daemon.simulator.errors import Code, Refusal
from daemon.simulator.faults import Injected
from daemon.simulator.listings import announcements_json, as_shown, calendar_json, is_known, is_open, is_shown
from daemon.simulator.market import MINUTE_MS, Candle, Market
from daemon.simulator.messages import Parameters
from daemon.simulator.money import ZERO, plain, quotient
from daemon.simulator.orders import Side
from daemon.simulator.streams import ListenKeys
from daemon.simulator.symbols import ONLINE, Symbol, rules_json
from daemon.simulator.venue import Venue

_DAY_MS = 86_400_000
_INTERVAL_MINUTES = {
    "1m": 1,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "60m": 60,
    "4h": 240,
    "1d": 1_440,
    "1W": 10_080,  # weeks and months of 30 days, counted from 1970
    "1M": 43_200,
}


class Call(msgspec.Struct, frozen=True):
    """One admitted request with everything that its endpoint needs."""

    venue: Venue
    parameters: Parameters
    now_ms: int
    injected: Injected
    keys: KeyPair
    listen_keys: ListenKeys

    def market(self) -> Market:
        """Return the market of the request's `symbol`.

        Raises:
            Refusal: the symbol is missing or unknown.
        """
        name = self.parameters.require("symbol")
        if not is_known(self.venue.symbol(name), self.now_ms):
            raise Refusal(Code.INVALID_SYMBOL)
        return self.venue.market(name, self.now_ms)

    def shown(self) -> list[Symbol]:
        """Return the symbols that `exchangeInfo` contains, with the rules that it shows."""
        symbols = (market.symbol for market in self.venue.markets.values())
        return [as_shown(symbol, self.now_ms) for symbol in symbols if is_shown(symbol, self.now_ms)]


def ping(_call: Call) -> object:
    """Answer GET /api/v3/ping."""
    return {}


def server_time(call: Call) -> object:
    """Answer GET /api/v3/time."""
    return {"serverTime": call.now_ms}


def default_symbols(call: Call) -> object:
    """Answer GET /api/v3/defaultSymbols: the symbols that the API can trade."""
    return {"code": 0, "data": _tradable(call), "msg": "success", "timestamp": call.now_ms}


def self_symbols(call: Call) -> object:
    """Answer GET /api/v3/selfSymbols: the symbols that this key can trade."""
    names = [name for name in _tradable(call) if call.keys.may_trade(name)]
    return {"code": 0, "data": names, "msg": "success", "timestamp": call.now_ms}


def offline_symbols(call: Call) -> object:
    """Answer GET /api/v3/symbol/offline: the paused and delisted symbols. `offlineTime` can be missing (documented)."""
    gone = [symbol for symbol in call.shown() if symbol.status != ONLINE]
    return {"data": [{"symbol": symbol.symbol, "state": int(symbol.status)} for symbol in gone]}


def announcements(call: Call) -> object:
    """Answer GET /api/v3/announcements with the coming listings, in the form that a client reads (observed)."""
    page, limit = call.parameters.integer("page", 1), call.parameters.integer("limit", 20)
    every = announcements_json([market.symbol for market in call.venue.markets.values()], call.now_ms)
    details = every[max(page - 1, 0) * limit :][:limit]
    return {"code": 0, "msg": "success", "data": [{"details": details}], "timestamp": call.now_ms}


def exchange_info(call: Call) -> object:
    """Answer GET /api/v3/exchangeInfo: all symbols, `symbol`, or `symbols` separated by commas."""
    asked = call.parameters.get("symbols") or call.parameters.get("symbol")
    symbols = call.shown()
    if asked:
        by_name = {symbol.symbol: symbol for symbol in symbols}
        names = asked.split(",")
        if not by_name.keys() >= set(names):
            raise Refusal(Code.INVALID_SYMBOL)
        symbols = [by_name[name] for name in names]
    return {
        "timezone": "CST",
        "serverTime": call.now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [rules_json(symbol) for symbol in symbols],
    }


def depth(call: Call) -> object:
    """Answer GET /api/v3/depth."""
    book = call.market().book
    limit = min(call.parameters.integer("limit", 100), 5_000)
    return {
        "lastUpdateId": book.version,
        "bids": [[plain(price), plain(quantity)] for price, quantity in book.depth(Side.BUY, limit)],
        "asks": [[plain(price), plain(quantity)] for price, quantity in book.depth(Side.SELL, limit)],
        "timestamp": call.now_ms,
    }


def klines(call: Call) -> object:
    """Answer GET /api/v3/klines: at most one day, and nothing from before the start of the server."""
    minutes = _INTERVAL_MINUTES.get(call.parameters.require("interval"))
    if minutes is None:
        raise Refusal(Code.INPUT_INVALID)
    start_ms = call.parameters.integer("startTime", 0)
    end_ms = call.parameters.integer("endTime", call.now_ms)
    limit = min(call.parameters.integer("limit", 500), 1_000)
    candles = _merged(call.market(), minutes * MINUTE_MS)
    asked = [candle for candle in candles if start_ms <= candle.opened_ms <= end_ms]
    return [_kline(candle, minutes * MINUTE_MS) for candle in asked[-limit:]] if limit else []


def ticker_24h(call: Call) -> object:
    """Answer GET /api/v3/ticker/24hr, for one symbol or all."""
    return _for_one_or_all(call, _ticker)


def ticker_price(call: Call) -> object:
    """Answer GET /api/v3/ticker/price, for one symbol or all."""
    return _for_one_or_all(call, lambda market, _: {"symbol": market.symbol.symbol, "price": plain(market.last)})


def ticker_book(call: Call) -> object:
    """Answer GET /api/v3/ticker/bookTicker, for one symbol or all."""
    return _for_one_or_all(call, lambda market, _: {"symbol": market.symbol.symbol} | _best(market))


def contracts(_call: Call) -> object:
    """Answer GET /api/v1/contract/detail of the futures API with an empty list, because ccxt queries it."""
    return {"success": True, "code": 0, "data": []}


def calendar(call: Call) -> object:
    """Answer GET /api/operation/new_coin_calendar of the web site: the coming listings."""
    return calendar_json([market.symbol for market in call.venue.markets.values()], call.now_ms)


def _tradable(call: Call) -> list[str]:
    return [symbol.symbol for symbol in call.shown() if symbol.status == ONLINE and symbol.tradable_by_api]


def _for_one_or_all(call: Call, show: Callable[[Market, int], dict[str, object]]) -> object:
    if call.parameters.get("symbol"):
        return show(call.market(), call.now_ms)
    names = [name for name, market in call.venue.markets.items() if is_open(market.symbol, call.now_ms)]
    return [show(call.venue.market(name, call.now_ms), call.now_ms) for name in names]


def _best(market: Market) -> dict[str, object]:
    bids, asks = market.book.depth(Side.BUY, 1), market.book.depth(Side.SELL, 1)
    (bid, bid_quantity), (ask, ask_quantity) = (bids or [(ZERO, ZERO)])[0], (asks or [(ZERO, ZERO)])[0]
    return {
        "bidPrice": plain(bid),
        "bidQty": plain(bid_quantity),
        "askPrice": plain(ask),
        "askQty": plain(ask_quantity),
    }


def _ticker(market: Market, now_ms: int) -> dict[str, object]:
    day = reduce(Candle.then, market.candles) if market.candles else _flat_candle(market, now_ms)
    change = market.last - day.opened
    return {
        "symbol": market.symbol.symbol,
        "priceChange": plain(change),
        "priceChangePercent": plain(quotient(change, day.opened, 8)),
        "prevClosePrice": plain(day.opened),
        "lastPrice": plain(market.last),
        **_best(market),
        "openPrice": plain(day.opened),
        "highPrice": plain(day.highest),
        "lowPrice": plain(day.lowest),
        "volume": plain(day.quantity),
        "quoteVolume": plain(day.value),
        "openTime": now_ms - _DAY_MS,
        "closeTime": now_ms,
        "count": None,
    }


def _flat_candle(market: Market, now_ms: int) -> Candle:
    """Return the candle of a market that has not moved yet: a symbol before its opening."""
    return Candle(now_ms, market.last, market.last, market.last, market.last, Decimal(0), Decimal(0))


def _merged(market: Market, interval_ms: int) -> list[Candle]:
    """Return a market's candles merged to an interval, oldest first."""
    merged: list[Candle] = []
    for candle in market.candles:
        opened_ms = candle.opened_ms // interval_ms * interval_ms
        if merged and merged[-1].opened_ms == opened_ms:
            merged[-1] = merged[-1].then(candle)
        else:
            merged.append(msgspec.structs.replace(candle, opened_ms=opened_ms))
    return merged


def _kline(candle: Candle, interval_ms: int) -> list[object]:
    prices = (candle.opened, candle.highest, candle.lowest, candle.closed, candle.quantity)
    return [candle.opened_ms, *map(plain, prices), candle.opened_ms + interval_ms, plain(candle.value)]
