"""The public streams: which channels exist, and what of a market is news for a subscription.

    spot@public.aggre.deals.v3.api.pb@(10ms|100ms)@SYMBOL        public trades
    spot@public.aggre.depth.v3.api.pb@(10ms|100ms)@SYMBOL        changed levels, with versions
    spot@public.aggre.bookTicker.v3.api.pb@(10ms|100ms)@SYMBOL   the best bid and ask
    spot@public.limit.depth.v3.api.pb@SYMBOL@(5|10|20)           the best levels

Channels and fields are those of MEXC's "Websocket Market Streams" (September 2025) and of
github.com/mexcdevelop/websocket-proto (June 2026). News is pushed with the change that causes it, not 10 or 100 ms
later. The first message about best prices or levels comes with the subscription; MEXC sends it with the next change,
which on a real market is at once. Candles and mini tickers are not pushed.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

from daemon.simulator.market import Market
from daemon.simulator.money import ZERO, plain
from daemon.simulator.order_book import Level
from daemon.simulator.orders import Side
from daemon.simulator.push_messages import Field, message, side_number, wrapped

_CHANNEL = re.compile(
    r"(?P<event>spot@public\.aggre\.(?P<kind>deals|depth|bookTicker)\.v3\.api\.pb@(10|100)ms)@(?P<symbol>[^@]+)"
    r"|(?P<limit_event>spot@public\.limit\.depth\.v3\.api\.pb)@(?P<limit_symbol>[^@]+)@(?P<levels>5|10|20)"
)
_LIMIT_DEPTH_BODY, _DEPTH_BODY, _DEALS_BODY, _BOOK_TICKER_BODY = 303, 313, 314, 315
_ALL_LEVELS = 5_000

Levels = dict[Side, list[Level]]


class Feed(ABC):
    """One subscription to a market's news."""

    def __init__(self, channel: str, symbol: str, event_type: str) -> None:
        self.symbol = symbol
        self._channel = channel
        self._event_type = event_type

    def news(self, market: Market, now_ms: int) -> bytes | None:
        """Return what has changed since the last call, encoded; None: nothing."""
        body = self._body(market)
        return None if body is None else wrapped(self._channel, self.symbol, body, now_ms)

    @abstractmethod
    def _body(self, market: Market) -> Field | None: ...


class _Deals(Feed):
    def __init__(self, channel: str, symbol: str, event_type: str, market: Market) -> None:
        super().__init__(channel, symbol, event_type)
        self._made = market.deals_made

    def _body(self, market: Market) -> Field | None:
        count, self._made = market.deals_made - self._made, market.deals_made
        if not count:
            return None
        deals = [
            message([(1, plain(deal.price)), (2, plain(deal.quantity)), (3, side_number(deal.taker)), (4, deal.at_ms)])
            for deal in list(market.deals)[-count:]
        ]
        return _DEALS_BODY, message([*((1, deal) for deal in deals), (2, self._event_type)])


class _Depth(Feed):
    """Changed levels. A client adds them to a snapshot, GET /api/v3/depth, whose version is not smaller."""

    def __init__(self, channel: str, symbol: str, event_type: str, market: Market) -> None:
        super().__init__(channel, symbol, event_type)
        self._version = market.book.version
        self._levels = _levels(market, _ALL_LEVELS)

    def _body(self, market: Market) -> Field | None:
        if market.book.version == self._version:
            return None
        levels = _levels(market, _ALL_LEVELS)
        changed = {side: _changes(self._levels[side], levels[side]) for side in Side}
        if not any(changed.values()):
            return None
        first, self._version, self._levels = self._version + 1, market.book.version, levels
        versions: list[Field] = [(4, str(first)), (5, str(self._version))]
        return _DEPTH_BODY, message([*_level_fields(changed), (3, self._event_type), *versions])


class _LimitDepth(Feed):
    def __init__(self, channel: str, symbol: str, event_type: str, count: int) -> None:
        super().__init__(channel, symbol, event_type)
        self._count = count
        self._levels: Levels | None = None

    def _body(self, market: Market) -> Field | None:
        levels = _levels(market, self._count)
        if levels == self._levels:
            return None
        self._levels = levels
        return _LIMIT_DEPTH_BODY, message(
            [*_level_fields(levels), (3, self._event_type), (4, str(market.book.version))]
        )


class _BookTicker(Feed):
    _best: Levels | None = None

    def _body(self, market: Market) -> Field | None:
        best = _levels(market, 1)
        if best == self._best:
            return None
        self._best = best
        (bid, bid_quantity), (ask, ask_quantity) = ((best[side] or [(ZERO, ZERO)])[0] for side in (Side.BUY, Side.SELL))
        prices: list[Field] = [(1, plain(bid)), (2, plain(bid_quantity)), (3, plain(ask)), (4, plain(ask_quantity))]
        return _BOOK_TICKER_BODY, message([*prices, (5, str(market.book.version))])


def symbol_of(channel: str) -> str | None:
    """Return the symbol of a public channel, None for another channel."""
    found = _CHANNEL.fullmatch(channel)
    return None if found is None else found["symbol"] or found["limit_symbol"]


def open_feed(channel: str, market: Market) -> Feed:
    """Subscribe to a public channel."""
    found = _CHANNEL.fullmatch(channel)
    assert found is not None, channel
    symbol = market.symbol.symbol
    match found["kind"]:
        case "deals":
            return _Deals(channel, symbol, found["event"], market)
        case "depth":
            return _Depth(channel, symbol, found["event"], market)
        case "bookTicker":
            return _BookTicker(channel, symbol, found["event"])
    return _LimitDepth(channel, symbol, found["limit_event"], int(found["levels"]))


def _levels(market: Market, count: int) -> Levels:
    return {side: market.book.depth(side, count) for side in Side}


def _changes(before: Sequence[Level], after: Sequence[Level]) -> list[Level]:
    """Return the levels that differ, each with its new quantity; 0: it is gone."""
    old, new = dict(before), dict(after)
    gone = [(price, ZERO) for price in old if price not in new]
    return [*gone, *((price, quantity) for price, quantity in after if old.get(price) != quantity)]


def _level_fields(levels: Levels) -> list[Field]:
    return [
        (number, message([(1, plain(price)), (2, plain(quantity))]))
        for number, side in ((1, Side.SELL), (2, Side.BUY))
        for price, quantity in levels[side]
    ]
