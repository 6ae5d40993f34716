"""A simulated market for one symbol: a random walk of the price, levels around it, and its candles.

It moves in ticks, at whole multiples of `TICK_MS` since 1970. Each tick uses a generator seeded with the exchange's
seed, the symbol and the tick's time. So a market's path depends neither on trades nor on other markets, and continues
unchanged after a restart. A pull towards the first price keeps the price within about a percent: an order 5 % away
never fills by itself.

The market of a symbol that is not online does not move and fills nothing. After a longer pause only the last
`_MAX_TICKS` ticks are computed: the market did not move before them. Candles (at most one day) and pinned levels are
not stored: they end with the server.

The price is not realistic: it has no trend, no news, no volume profile.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal
from random import Random

import msgspec

from daemon.simulator.listings import is_open
from daemon.simulator.money import ZERO, floor_to, quotient, step
from daemon.simulator.order_book import Interest, Level, OrderBook
from daemon.simulator.orders import Side
from daemon.simulator.symbols import ONLINE, Symbol

TICK_MS = 500
_MAX_TICKS = 120
_MAX_DEALS = 1_000
_LEVELS = 20
_PULL = 64  # each tick moves the price by 1/_PULL of its distance to the first price
_BASIS_POINT = Decimal("0.0001")

MINUTE_MS = 60_000
_DAY_MINUTES = 1_440


class Candle(msgspec.Struct, frozen=True):
    """The prices of an interval; the volume counts the account's trades only."""

    opened_ms: int
    opened: Decimal
    highest: Decimal
    lowest: Decimal
    closed: Decimal
    quantity: Decimal
    value: Decimal

    def then(self, other: "Candle") -> "Candle":
        """Return the candle that covers this one and the following one."""
        return Candle(
            self.opened_ms,
            self.opened,
            max(self.highest, other.highest),
            min(self.lowest, other.lowest),
            other.closed,
            self.quantity + other.quantity,
            self.value + other.value,
        )


class Deal(msgspec.Struct, frozen=True):
    """A public trade."""

    at_ms: int
    price: Decimal
    quantity: Decimal
    taker: Side
    """The side of the order that arrived."""


class Market:
    """One symbol's price, order book and public trades.

    Each tick is a trade of the smallest quantity at the new price, so that the last price is that of the last trade.
    """

    def __init__(self, symbol: Symbol, seed: int, price: Decimal | None = None, ticked_ms: int = 0) -> None:
        """Continue a saved market, or start a new one: `ticked_ms` 0."""
        self.symbol = symbol
        self.price = self.last = price or symbol.price
        self.ticked_ms = ticked_ms
        self.book = OrderBook()
        self.candles: deque[Candle] = deque(maxlen=_DAY_MINUTES)
        self.deals: deque[Deal] = deque(maxlen=_MAX_DEALS)
        self.deals_made = 0
        """The number of trades since the start of the server; `deals` has the last of them."""
        self._seed = seed
        self._is_pinned = False
        if ticked_ms:
            self._draw(ticked_ms)

    def count_on(self, before: "Market") -> None:
        """Continue the numbers of the market that this one replaces, so that they never become smaller."""
        self.deals_made = before.deals_made
        self.book.version = before.book.version + 1

    def advance(self, now_ms: int) -> list[tuple[int, Interest]]:
        """Compute the ticks up to now, and return the fills of own orders, each with its tick's time."""
        due = self._due(now_ms)
        if not due:
            return []
        traded: list[tuple[int, Interest]] = []
        waits = self.book.has_own_orders()
        for at_ms in due:
            self._move(at_ms)
            if not self._is_pinned and (waits or at_ms == due[-1]):
                traded.extend((at_ms, interest) for interest in self._draw(at_ms))
        return traded

    def jump(self, price: Decimal, at_ms: int) -> list[Interest]:
        """Set the market's price, around which it moves from then on."""
        self.symbol = msgspec.structs.replace(self.symbol, price=price)
        self.price, self._is_pinned = price, False
        if not is_open(self.symbol, at_ms):
            return []
        self._trade_alone(at_ms, price)
        self.ticked_ms = at_ms // TICK_MS * TICK_MS
        return self._draw(self.ticked_ms)

    def pin(self, bids: Sequence[Level], asks: Sequence[Level], at_ms: int) -> list[Interest]:
        """Offer exactly these levels, until they are filled or `jump` is called."""
        self._is_pinned = True
        best = asks or bids
        self._trade_alone(at_ms, best[0][0] if best else self.last)
        return self.book.refresh(bids, asks)

    def traded(self, price: Decimal, quantity: Decimal, at_ms: int, taker: Side | None) -> None:
        """Record a trade of the account; `taker` None: the other side of a self-trade, which is one public trade."""
        self._record(at_ms, price, quantity)
        if taker is not None:
            self._publish(Deal(at_ms, price, quantity, taker))

    def _due(self, now_ms: int) -> range:
        """Return the times of the ticks to compute; a new market starts with the current tick."""
        latest_ms = now_ms // TICK_MS * TICK_MS
        if not is_open(self.symbol, now_ms) or self.symbol.status != ONLINE:
            return range(0)
        first_ms = max(self.ticked_ms + TICK_MS, latest_ms - (_MAX_TICKS - 1) * TICK_MS)
        return range(first_ms if self.ticked_ms else latest_ms, latest_ms + 1, TICK_MS)

    def _move(self, at_ms: int) -> None:
        """Move the price; a market's first tick only records it."""
        if not self._is_pinned:
            if self.ticked_ms:
                self.price = moved(self.price, self.symbol, self._random(at_ms, "price"))
            self._trade_alone(max(at_ms, self.symbol.opens_ms), self.price)  # the first tick may be before the opening
        self.ticked_ms = at_ms

    def _draw(self, at_ms: int) -> list[Interest]:
        """Draw the levels around the price, and return the fills of own orders."""
        return self.book.refresh(*levels(self.price, self.symbol, self._random(at_ms, "levels")))

    def _random(self, at_ms: int, purpose: str) -> Random:
        return Random(f"{self._seed}/{self.symbol.symbol}/{at_ms}/{purpose}")  # noqa: S311 - a simulation

    def _trade_alone(self, at_ms: int, price: Decimal) -> None:
        """Record a trade without the account: of the smallest quantity, by a buyer if the price has not fallen."""
        taker = Side.BUY if price >= self.last else Side.SELL
        self._record(at_ms, price)
        if is_open(self.symbol, at_ms):
            self._publish(Deal(at_ms, price, step(self.symbol.quantity_decimals), taker))

    def _publish(self, deal: Deal) -> None:
        self.deals.append(deal)
        self.deals_made += 1

    def _record(self, at_ms: int, price: Decimal, quantity: Decimal = ZERO) -> None:
        self.last = price
        minute_ms = at_ms // MINUTE_MS * MINUTE_MS
        if self.candles:  # trades are recorded after the ticks of one advance, so an older time can follow a newer one
            minute_ms = max(minute_ms, self.candles[-1].opened_ms)
        candle = Candle(minute_ms, price, price, price, price, quantity, quantity * price)
        if self.candles and self.candles[-1].opened_ms == minute_ms:
            candle = self.candles.pop().then(candle)
        self.candles.append(candle)


def moved(price: Decimal, symbol: Symbol, random: Random) -> Decimal:
    """Return the price of the next tick."""
    unit = _unit(symbol)
    drawn = unit * random.randint(-symbol.volatility, symbol.volatility)
    pull = quotient(symbol.price - price, Decimal(_PULL), symbol.price_decimals)
    return max(price + drawn + pull, unit)


def levels(price: Decimal, symbol: Symbol, random: Random) -> tuple[list[Level], list[Level]]:
    """Return bids and asks around a price, best first, without empty levels."""
    unit = _unit(symbol)
    bids: list[Level] = []
    asks: list[Level] = []
    percent = symbol.depth_value / 100
    for distance in range(1, _LEVELS + 1):
        for side, at in ((bids, price - unit * distance), (asks, price + unit * distance)):
            value = percent * random.randint(1, 100)
            if at > 0 and value:
                quantity = quotient(value, at, symbol.quantity_decimals)
                side.append((at, max(quantity, step(symbol.quantity_decimals))))
    return bids, asks


def _unit(symbol: Symbol) -> Decimal:
    """Return the market's smallest movement: a basis point of its first price, but at least one price step."""
    return max(floor_to(symbol.price * _BASIS_POINT, symbol.price_decimals), step(symbol.price_decimals))
