"""The orders that wait for an instant, by pair: those whose listing is watched."""

from collections.abc import Iterator
from itertools import chain

from daemon.core.values.orders import Order
from daemon.core.values.states import WAITING


class TimedOrders:
    """Ids of waiting and armed orders with an instant, and these instants (Unix ms of the exchange's clock)."""

    def __init__(self) -> None:
        self.by_pair: dict[str, dict[str, int]] = {}
        self.unchecked: dict[str, None] = {}  # ids of those to be compared with what is known of their pair
        self._asked: dict[str, int] = {}  # the signal's instants of those that were moved

    def note(self, order: Order) -> None:
        """Note a new or changed order that has an instant."""
        if order.execute_at_ms is None or order.state not in WAITING:
            self._drop(order)
            return
        of_pair = self.by_pair.setdefault(order.symbol, {})
        if order.order_id not in of_pair:
            self.unchecked[order.order_id] = None
        of_pair[order.order_id] = order.execute_at_ms
        if order.asked_execute_at_ms is not None:
            self._asked[order.order_id] = order.asked_execute_at_ms

    def instants(self) -> Iterator[int]:
        """Yield the instants, and those that moved orders had first."""
        return chain(self._asked.values(), *(of_pair.values() for of_pair in self.by_pair.values()))

    def within(self, from_ms: int, until_ms: int) -> list[str]:
        """Return the ids of the orders whose instants lie in a span."""
        found = (each for of_pair in self.by_pair.values() for each in of_pair.items())
        return [order_id for order_id, at_ms in found if from_ms <= at_ms <= until_ms]

    def check(self, symbol: str) -> None:
        """Compare the orders of a pair with what is known of it."""
        self.unchecked |= dict.fromkeys(self.by_pair.get(symbol, ()))

    def _drop(self, order: Order) -> None:
        of_pair = self.by_pair.get(order.symbol)
        if of_pair is None or of_pair.pop(order.order_id, None) is None:
            return
        if not of_pair:
            del self.by_pair[order.symbol]
        self.unchecked.pop(order.order_id, None)
        self._asked.pop(order.order_id, None)
