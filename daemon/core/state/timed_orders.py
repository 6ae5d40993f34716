"""The orders that wait for an instant, by pair: those whose listing is watched."""

from collections import Counter
from collections.abc import Iterator

from daemon.core.values.orders import Order
from daemon.core.values.states import WAITING


class TimedOrders:
    """Ids of waiting and armed orders with an instant, and these instants (Unix ms of the exchange's clock)."""

    def __init__(self) -> None:
        self.by_pair: dict[str, dict[str, int]] = {}
        self.unchecked: dict[str, None] = {}  # ids of those to be compared with what is known of their pair
        self._asked: dict[str, int] = {}  # the signal's instants of those that were moved
        self._counts: Counter[int] = Counter()  # how many have each of these instants

    def note(self, order: Order) -> None:
        """Note a new or changed order that has an instant."""
        if order.execute_at_ms is None or order.state not in WAITING:
            self._drop(order)
            return
        of_pair = self.by_pair.setdefault(order.symbol, {})
        if order.order_id not in of_pair:
            self.unchecked[order.order_id] = None
        self._count(of_pair.get(order.order_id), order.execute_at_ms)
        of_pair[order.order_id] = order.execute_at_ms
        if order.asked_execute_at_ms is not None:
            self._count(self._asked.get(order.order_id), order.asked_execute_at_ms)
            self._asked[order.order_id] = order.asked_execute_at_ms

    def instants(self) -> Iterator[int]:
        """Yield each instant once, also those that moved orders had first: very many orders may wait for one open."""
        return iter(self._counts)

    def within(self, from_ms: int, until_ms: int) -> list[str]:
        """Return the ids of the orders whose instants lie in a span."""
        found = (each for of_pair in self.by_pair.values() for each in of_pair.items())
        return [order_id for order_id, at_ms in found if from_ms <= at_ms <= until_ms]

    def check(self, symbol: str) -> None:
        """Compare the orders of a pair with what is known of it."""
        self.unchecked |= dict.fromkeys(self.by_pair.get(symbol, ()))

    def _drop(self, order: Order) -> None:
        of_pair = self.by_pair.get(order.symbol)
        at_ms = None if of_pair is None else of_pair.pop(order.order_id, None)
        if of_pair is None or at_ms is None:
            return
        self._count(at_ms, None)
        if not of_pair:
            del self.by_pair[order.symbol]
        self.unchecked.pop(order.order_id, None)
        self._count(self._asked.pop(order.order_id, None), None)

    def _count(self, before_ms: int | None, after_ms: int | None) -> None:
        """Count an instant in place of another; ``None``: there is none."""
        if before_ms == after_ms:
            return
        if before_ms is not None:
            self._counts[before_ms] -= 1
            if not self._counts[before_ms]:
                del self._counts[before_ms]
        if after_ms is not None:
            self._counts[after_ms] += 1
