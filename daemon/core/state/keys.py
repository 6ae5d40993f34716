"""Keys: which order an idempotency key is bound to.

The keys of the orders in memory are held here; the others are on disk. If a key was freed in memory and the disk does
not show that yet, memory is right.
"""

from collections.abc import Callable, Mapping

from daemon.core.values.orders import Order

MAX_ABSENT = 3_000
"""Keys that are remembered as not on disk: a signal has up to 3, and a batch looks up each several times."""


class Keys:
    """The bound keys, in memory and on disk."""

    def __init__(self, orders: Mapping[str, Order], recall: Callable[[str], Order | None]) -> None:
        """``orders`` are those in memory, by id; ``recall`` finds on disk the order that a key is bound to."""
        self._orders = orders
        self._recall = recall
        self._bound: dict[str, str] = {}  # ids of orders in memory, by key
        self._absent: set[str] = set()  # keys that were not on disk, and that no order has got since

    def order_of(self, key: str) -> Order | None:
        """Return the order that a key is bound to, from memory or disk.

        The disk is queried once for a key that it does not have: only :meth:`note` can change that.
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
        """Note whether the key of a new or changed order is bound to it."""
        if order.key_bound:
            self._bound[order.key] = order.order_id
            self._absent.discard(order.key)
        else:
            self.forget(order)

    def forget(self, order: Order) -> None:
        """Remove an order that leaves memory."""
        if self._bound.get(order.key) == order.order_id:
            del self._bound[order.key]

    def _remember_absent(self, key: str) -> None:
        if len(self._absent) >= MAX_ABSENT:
            self._absent.clear()
        self._absent.add(key)
