"""Fills: the orders whose fills are still to be read, and the fills that are known of them.

The orders are those on disk that ended with something executed, and whose fills do not add up to it. So nothing has to
be written for them when they end: a start finds them on the disk again, and those that this has no room for.
"""

from collections.abc import Sequence
from decimal import Decimal
from heapq import heappop, heappush

import msgspec

from daemon.core.rules.fills import is_complete, wait_ms
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order

MOST = 1_000
"""Orders that are kept here. The others are read from the disk when there is room."""


class Lacking(msgspec.Struct, frozen=True):
    """An order whose fills are not all known."""

    order: Order
    next_ms: int  # when they are read next
    reads: int = 0  # answers that did not bring all of them
    failures: int = 0  # reads without an answer, in a row


class Fills:
    """The orders that lack fills, and the fills that are known of these and of orders that have not ended."""

    def __init__(self) -> None:
        self.lacking: dict[str, Lacking] = {}  # by order id
        self.more_on_disk = True
        self._known: dict[str, dict[str, Decimal]] = {}  # quantities by trade id, by order id
        self._heap: list[tuple[int, str]] = []  # an entry counts only while it agrees with its order

    @property
    def room(self) -> int:
        """How many more orders can be kept here."""
        return MOST - len(self.lacking)

    def add(self, order_id: str, fills: Sequence[Fill]) -> list[Fill]:
        """Note fills of an order, and return those that were not known."""
        if not fills:
            return []
        known = self._known.setdefault(order_id, {})
        new = {fill.trade_id: fill for fill in fills if fill.trade_id not in known}
        known.update({trade_id: fill.quantity for trade_id, fill in new.items()})
        return list(new.values())

    def is_complete(self, order: Order) -> bool:
        """Whether all fills of an order are known."""
        return is_complete(order.executed_quantity, self._known.get(order.order_id, {}).values())

    def known(self, order_id: str) -> int:
        """Count the fills that are known of an order that has not ended, or lacks some."""
        return len(self._known.get(order_id, ()))

    def ended(self, order: Order, now_ms: int) -> None:
        """Note that an order has ended: its fills are read, unless they are known."""
        if self.is_complete(order):
            self.forget(order.order_id)
        elif (lacking := self.lacking.get(order.order_id)) is not None:
            self.schedule(msgspec.structs.replace(lacking, order=order))
        elif self.room:
            self.schedule(Lacking(order, now_ms + wait_ms(0)))
        else:
            self.more_on_disk = True
            self.forget(order.order_id)

    def schedule(self, lacking: Lacking) -> None:
        """Read an order's fills at the instant that is set for it."""
        self.lacking[lacking.order.order_id] = lacking
        heappush(self._heap, (lacking.next_ms, lacking.order.order_id))

    def forget(self, order_id: str) -> None:
        """Read no more fills of an order."""
        self.lacking.pop(order_id, None)
        self._known.pop(order_id, None)

    def next_ms(self) -> int | None:
        """Return when fills are to be read next (Unix ms)."""
        while self._heap:
            at_ms, order_id = self._heap[0]
            lacking = self.lacking.get(order_id)
            if lacking is not None and lacking.next_ms == at_ms:
                return at_ms
            heappop(self._heap)
        return None

    def due(self, now_ms: int, limit: int) -> list[Order]:
        """Return the orders of one pair whose fills are due, at most ``limit``; the order that was sent first is first.

        One request serves all of them.
        """
        at_ms = self.next_ms()
        if at_ms is None or at_ms > now_ms:
            return []
        symbol = self.lacking[self._heap[0][1]].order.symbol
        due = (each for each in self.lacking.values() if each.order.symbol == symbol and each.next_ms <= now_ms)
        first = sorted(due, key=lambda each: (each.next_ms, each.order.seq))[:limit]
        return sorted((each.order for each in first), key=lambda order: (order.sent_ms or order.accepted_ms, order.seq))
