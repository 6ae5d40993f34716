"""Searches: which orders are searched for on the exchange, and which one is next.

Orders in doubt go first, because their locks and keys are held until the doubt ends. Every fourth search is for another
order, so that placed orders are still followed when many are in doubt.
"""

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush

from daemon.core.rules.reconciliation import Search
from daemon.core.values.orders import Order
from daemon.core.values.states import State

OTHERS_EVERY = 4
"""One search in this number is for an order that is not in doubt, if one is due."""


class Searches(Mapping[str, Search]):
    """The searches, by order id."""

    def __init__(self, orders: Mapping[str, Order]) -> None:
        """``orders`` are those in memory, by id."""
        self.running: set[str] = set()  # ids of orders whose search is running
        self.odd_rows: set[str] = set()  # rows of other orders that were reported as unreadable
        self._orders = orders
        self._searches: dict[str, Search] = {}
        self._doubts: list[tuple[int, str]] = []  # a heap; an entry counts only while it agrees with the search
        self._others: list[tuple[int, str]] = []  # the same
        self._taken = 0  # calls of :meth:`due` since the start

    def __getitem__(self, order_id: str) -> Search:
        return self._searches[order_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._searches)

    def __len__(self) -> int:
        return len(self._searches)

    def schedule(self, order: Order, search: Search) -> None:
        """Search for an order at the instant of its search."""
        self._searches[order.order_id] = search
        heap = self._doubts if order.state is State.IN_DOUBT else self._others
        heappush(heap, (search.next_ms, order.order_id))

    def amend(self, order_id: str, search: Search) -> None:
        """Replace a search that is due at the same instant."""
        self._searches[order_id] = search

    def end(self, order_id: str) -> None:
        """Stop searching for an order."""
        self._searches.pop(order_id, None)

    def due(self, now_ms: int) -> Order | None:
        """Return an order whose search is due; it is not due again before the search has ended."""
        self._taken += 1
        is_others_turn = self._taken % OTHERS_EVERY == 0
        for heap in (self._others, self._doubts) if is_others_turn else (self._doubts, self._others):
            self._drop_stale(heap)
            if heap and heap[0][0] <= now_ms:
                order_id = heappop(heap)[1]
                self.running.add(order_id)
                return self._orders[order_id]
        return None

    def next_ms(self) -> int | None:
        """Return when the next search is due (Unix ms)."""
        heaps = (self._doubts, self._others)
        for heap in heaps:
            self._drop_stale(heap)
        return min((heap[0][0] for heap in heaps if heap), default=None)

    def _drop_stale(self, heap: list[tuple[int, str]]) -> None:
        while heap:
            at_ms, order_id = heap[0]
            search = self._searches.get(order_id)
            if search is not None and search.next_ms == at_ms and order_id not in self.running:
                return
            heappop(heap)
