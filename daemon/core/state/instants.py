"""The instants of the orders that have one, so that what they need is there in time."""

from bisect import bisect_left, bisect_right, insort


class Instants:
    """Instants of the exchange's clock (Unix ms) with the ids of their orders, sorted.

    An entry is not removed when its order leaves, or is moved: a reader looks at the order.
    """

    def __init__(self) -> None:
        self._sorted: list[tuple[int, str]] = []

    def add(self, at_ms: int, order_id: str, now_ms: int) -> None:
        """Add an order's instant, and forget those that have passed."""
        del self._sorted[: bisect_left(self._sorted, (now_ms, ""))]
        entry = at_ms, order_id
        place = bisect_left(self._sorted, entry)
        if self._sorted[place : place + 1] != [entry]:
            insort(self._sorted, entry)

    def until(self, now_ms: int, until_ms: int, limit: int) -> list[str]:
        """Return the ids of the orders whose instants come until then, the nearest first, at most ``limit``."""
        first = bisect_left(self._sorted, (now_ms, ""))
        end = bisect_right(self._sorted, (until_ms + 1, ""))
        return [order_id for _, order_id in self._sorted[first : min(end, first + limit)]]

    def next_ms(self, now_ms: int) -> int | None:
        """Return the next instant from now on."""
        place = bisect_left(self._sorted, (now_ms, ""))
        return self._sorted[place][0] if place < len(self._sorted) else None
