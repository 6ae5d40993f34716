"""Keys: which order an idempotency key is bound to.

Memory knows the keys of the orders that it holds; the disk knows the others. Where memory has let a key go and the disk
does not know yet, memory is right.
"""

from collections.abc import Callable, Mapping

from daemon.core.values.orders import Order

MAX_ABSENT = 3_000
"""Keys that are remembered as not on disk: a batch asks several times for each of its own, and a signal has up to 3."""


class Keys:
    """The bound keys, in memory and on disk."""

    def __init__(self, orders: Mapping[str, Order], recall: Callable[[str], Order | None]) -> None:
        """``orders`` are those in memory, by id; ``recall`` finds on disk the order that a key is bound to."""
        self._orders = orders
        self._recall = recall
        self._bound: dict[str, str] = {}  # ids of orders in memory, by key
        self._absent: set[str] = set()  # keys that the disk does not have, and that no order has taken since

    def order_of(self, key: str) -> Order | None:
        """Return the order that a key is bound to, from memory or disk.

        The disk is asked once for a key that it does not have: only :meth:`note` can change that.
        """
        order_id = self._bound.get(key)
        if order_id is not None:
            return self._orders[order_id]
        if key in self._absent:
            return None
        found = self._recall(key)
        if found is None:
            self._remember_absent(key)
            return None
        newest = self._orders.get(found.order_id, found)
        return newest if newest.key_bound else None

    def note(self, order: Order) -> None:
        """Take from a new or changed order whether its key is bound to it."""
        if order.key_bound:
            self._bound[order.key] = order.order_id
            self._absent.discard(order.key)
        else:
            self.forget(order)

    def forget(self, order: Order) -> None:
        """Let go of an order that leaves memory."""
        if self._bound.get(order.key) == order.order_id:
            del self._bound[order.key]

    def _remember_absent(self, key: str) -> None:
        if len(self._absent) >= MAX_ABSENT:
            self._absent.clear()
        self._absent.add(key)
