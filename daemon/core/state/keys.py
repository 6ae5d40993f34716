"""Keys: which order an idempotency key is bound to.

The keys of the orders in memory are held here, except those of queued orders whose rows are on disk; all others are on
disk. If a key was freed in memory and the disk does not show that yet, memory is right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from daemon.core.values.orders import Order

MAX_ABSENT = 3_000
"""The newest keys that were not on disk are remembered, at least this many: a signal has up to 3, and a batch of 1,000
looks up each of them twice, when it is checked and when it is drafted."""


class Keys:
    """The bound keys, in memory and on disk."""

    def __init__(self, orders: Mapping[str, Order], recall: Callable[[Sequence[str]], Sequence[Order]]) -> None:
        """``orders`` are those in memory, by id; ``recall`` finds on disk the orders that keys are bound to."""
        self._orders = orders
        self._recall = recall
        self._bound: dict[str, str] = {}  # ids of orders, by key
        self._absent: set[str] = set()  # keys that were not on disk, and that no order has got since
        self._older: set[str] = set()  # the same, from before; forgotten when there are newer ones enough
        self._watchers: list[set[str]] = []

    def order_of(self, key: str) -> Order | None:
        """Return the order that a key is bound to, from memory or disk.

        The disk is queried once for a key that it does not have: only :meth:`note` can change that.
        """
        order_id = self._bound.get(key)
        if order_id is not None:
            return self._orders[order_id]
        if key in self._absent or key in self._older:
            return None
        found = self._recall((key,))
        if not found:
            self._remember_absent(key)
            return None
        newest = self._orders.get(found[0].order_id, found[0])
        return newest if newest.key_bound else None

    def ask(self, keys: Sequence[str]) -> None:
        """Query the disk once for several keys that are looked up next: for a new signal it has none of them."""
        unknown = [key for key in keys if not (key in self._bound or key in self._absent or key in self._older)]
        if unknown:
            on_disk = {order.key for order in self._recall(unknown)}
            for key in unknown:
                if key not in on_disk:
                    self._remember_absent(key)

    def decided(self, keys: Sequence[str]) -> None:
        """Forget that keys were not on disk: their signal is decided, so they are seldom looked up again."""
        self._absent.difference_update(keys)
        self._older.difference_update(keys)

    def note(self, order: Order) -> None:
        """Note whether the key of a new or changed order is bound to it."""
        if order.key_bound:
            self._bound[order.key] = order.order_id
            self._absent.discard(order.key)
            self._older.discard(order.key)
            for rebound in self._watchers:
                rebound.add(order.key)
        else:
            self.forget(order)

    def note_new(self, bound: Mapping[str, str]) -> None:
        """Note the ids of new orders by the keys that are bound to them."""
        self._bound.update(bound)
        self._absent.difference_update(bound)
        self._older.difference_update(bound)
        for rebound in self._watchers:
            rebound.update(bound)

    @contextmanager
    def watch(self) -> Iterator[set[str]]:
        """Collect in a set the keys of which new or changed orders have become the answer meanwhile."""
        rebound: set[str] = set()
        self._watchers.append(rebound)
        try:
            yield rebound
        finally:
            self._watchers = [each for each in self._watchers if each is not rebound]

    def forget(self, order: Order) -> None:
        """Remove the key of an order that leaves memory, or whose row is on disk."""
        if self._bound.get(order.key) == order.order_id:
            del self._bound[order.key]

    def _remember_absent(self, key: str) -> None:
        if len(self._absent) >= MAX_ABSENT:
            self._older, self._absent = self._absent, set()
        self._absent.add(key)
