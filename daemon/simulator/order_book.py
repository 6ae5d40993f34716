"""The order book of one symbol, and its matching.

It has two kinds of interest: the simulated market's levels, which every tick replaces, and the account's own orders,
which stay until they are filled or cancelled. The best price comes first. At the same price the market's level comes
before an own order, and an older own order before a newer one.

An arriving order trades at the price of its counterpart, never at its own. This module knows no balances, fees or time.
`match` changes nothing, so that FILL_OR_KILL can be decided before any trade.
"""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import msgspec

from daemon.simulator.money import ZERO, quotient
from daemon.simulator.orders import Side

Level = tuple[Decimal, Decimal]
"""Price and quantity."""


class Interest(msgspec.Struct, frozen=True):
    """Something to trade with."""

    price: Decimal
    quantity: Decimal
    order_sequence: int = 0
    """The sequence of the own order; 0: the simulated market."""


class OrderBook:
    """Both sides of one symbol's book."""

    def __init__(self) -> None:
        self._sides: dict[Side, list[Interest]] = {Side.BUY: [], Side.SELL: []}
        self.version = 0
        """Grows with every change."""

    def best(self, side: Side) -> Decimal | None:
        """Return the best price on a side, None when it is empty."""
        interests = self._sides[side]
        return interests[0].price if interests else None

    def match(self, side: Side, limit: Decimal, quantity: Decimal) -> list[Interest]:
        """Return the interests that an arriving order would trade with, each with the traded quantity."""
        matches = []
        for interest in self._sides[side.opposite]:
            if not quantity or not _reaches(side, limit, interest.price):
                break
            taken = min(quantity, interest.quantity)
            matches.append(msgspec.structs.replace(interest, quantity=taken))
            quantity -= taken
        return matches

    def affordable(self, side: Side, limit: Decimal, value: Decimal, decimals: int) -> tuple[Decimal, Decimal]:
        """Return the quantity that a value buys, level by level, and the worst price of these levels.

        The part of the value that exceeds the levels up to the limit buys at the limit.
        """
        quantity = ZERO
        for interest in self._sides[side.opposite]:
            if not _reaches(side, limit, interest.price):
                break
            taken = min(interest.quantity, quotient(value, interest.price, decimals))
            quantity, value = quantity + taken, value - taken * interest.price
            if taken < interest.quantity:
                return quantity, interest.price
        return quantity + quotient(value, limit, decimals), limit

    def take(self, side: Side, matches: Sequence[Interest]) -> None:
        """Remove an arriving order's matches, as `match` returned them, from the opposite side."""
        self.version += bool(matches)
        interests = self._sides[side.opposite]
        used = interests[: len(matches)]
        left = [
            msgspec.structs.replace(interest, quantity=interest.quantity - match.quantity)
            for interest, match in zip(used, matches, strict=True)
        ]
        interests[: len(matches)] = [interest for interest in left if interest.quantity]

    def rest(self, side: Side, interest: Interest) -> None:
        """Add an own order to the book."""
        self.version += 1
        interests = self._sides[side]
        interests.append(interest)
        interests.sort(key=_rank_of(side))

    def remove(self, side: Side, order_sequence: int) -> None:
        """Remove an own order from the book."""
        self.version += 1
        self._sides[side] = [found for found in self._sides[side] if found.order_sequence != order_sequence]

    def has_own_orders(self) -> bool:
        """Return whether the book has an own order."""
        return any(interest.order_sequence for interests in self._sides.values() for interest in interests)

    def refresh(self, bids: Iterable[Level], asks: Iterable[Level]) -> list[Interest]:
        """Replace the simulated market's levels, and return the fills of own orders.

        A level that reaches an own order trades at that order's price; the book offers only the rest of the level.
        """
        self.version += 1
        for side, interests in self._sides.items():
            self._sides[side] = [interest for interest in interests if interest.order_sequence]
        traded: list[Interest] = []
        offered = {
            Side.BUY: [self._arrive(Side.BUY, level, traded) for level in bids],
            Side.SELL: [self._arrive(Side.SELL, level, traded) for level in asks],
        }
        for side, levels in offered.items():
            self._sides[side].extend(level for level in levels if level.quantity)
            self._sides[side].sort(key=_rank_of(side))
        return traded

    def _arrive(self, side: Side, level: Level, traded: list[Interest]) -> Interest:
        """Match a level of the market with own orders; return the rest of the level."""
        price, quantity = level
        matches = self.match(side, price, quantity)
        if matches:
            self.take(side, matches)
            traded.extend(matches)
            quantity -= sum((match.quantity for match in matches), ZERO)
        return Interest(price, quantity)

    def depth(self, side: Side, limit: int) -> list[Level]:
        """Return the levels of a side, best first; quantities at the same price are added up."""
        levels: list[Level] = []
        for interest in self._sides[side]:
            if levels and levels[-1][0] == interest.price:
                levels[-1] = (interest.price, levels[-1][1] + interest.quantity)
            elif len(levels) == limit:
                break
            else:
                levels.append((interest.price, interest.quantity))
        return levels


def _reaches(side: Side, limit: Decimal, price: Decimal) -> bool:
    return price <= limit if side is Side.BUY else price >= limit


def _rank_of(side: Side) -> Callable[[Interest], tuple[Decimal, int]]:
    """Return the sort key of a side: the best price first, then the market, then own orders by age."""
    sign = -1 if side is Side.BUY else 1
    return lambda interest: (sign * interest.price, interest.order_sequence)
