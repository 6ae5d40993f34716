"""Launches: the pairs whose orders are attempted around their open, with the rhythm of each.

This is memory only: after a start, the rhythm begins anew with the next refusal.
"""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from daemon.core.values.orders import Order


class Launch(msgspec.Struct):
    """One pair. Times are Unix milliseconds."""

    order_ids: dict[str, None] = {}  # in their launch window, and not placed yet
    next_ms: int = 0  # when the next attempt may be made
    was_early: bool = False  # an attempt was refused, because the pair was not open
    opened_ms: int | None = None  # when an answer showed that the pair is open
    goes_first: str | None = None  # id of the order that goes first after refusals for the pair's rules


class _Cap(NamedTuple):
    price: Decimal
    until_ms: int


class Launches:
    """The pairs, by name, for which orders wait."""

    def __init__(self) -> None:
        self._by_symbol: dict[str, Launch] = {}
        self._caps: dict[str, _Cap] = {}

    @property
    def attempted(self) -> int:
        """The number of pairs for which attempts are repeated."""
        return sum(launch.was_early for launch in self._by_symbol.values())

    def of(self, symbol: str) -> Launch | None:
        """Return a pair's launch; ``None`` if no order is in its window."""
        return self._by_symbol.get(symbol)

    def note_cap(self, symbol: str, price: Decimal, now_ms: int, until_ms: int) -> None:
        """Note the highest price of a BUY of a pair, as the exchange stated it, and forget what no longer counts."""
        self._caps = {name: cap for name, cap in self._caps.items() if cap.until_ms >= now_ms}
        self._caps[symbol] = _Cap(price, until_ms)

    def cap_of(self, symbol: str, now_ms: int) -> Decimal | None:
        """Return the highest price of a BUY of a pair, if the exchange has stated it and it still counts."""
        cap = self._caps.get(symbol)
        return None if cap is None or cap.until_ms < now_ms else cap.price

    def join(self, order: Order) -> Launch:
        """Count an order among those of its pair."""
        launch = self._by_symbol.setdefault(order.symbol, Launch())
        launch.order_ids[order.order_id] = None
        return launch

    def leave(self, order: Order) -> None:
        """Count an order no longer."""
        launch = self._by_symbol.get(order.symbol)
        if launch is not None and launch.order_ids.pop(order.order_id, order) is None and not launch.order_ids:
            del self._by_symbol[order.symbol]
