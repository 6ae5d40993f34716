"""The backoff: whether the exchange accepts orders at all at the moment.

Two answers concern every order, not only the one that got it: "too many requests", and a page of the exchange's edge
(HTTP 403, or 5xx without the exchange's envelope). The next order would get the same. So after the first such answer
nothing is sent for a while, then only one order. The others follow after the exchange has answered that one. The waits
grow. A wait that the exchange states can make them longer, never shorter.
"""

import msgspec

FIRST_WAIT_MS = 500
"""After the first "too many requests", unless the exchange states a longer wait. Nothing was placed."""

FIRST_PAGE_MS = 2_000
"""After the first page of the edge. Each order that gets one is in doubt, so there should be few."""

FACTOR, LONGEST_MS = 2, 60_000


class Backoff(msgspec.Struct):
    """Whether orders may be sent. While it is shut, one order at a time tries."""

    why: str | None = None  # what the exchange said; None while it is open
    since_ms: int = 0
    next_ms: int = 0  # when the next order may try
    trying: str | None = None  # client order id of the order that tries
    turned_away: int = 0  # refusals in a row

    def shut(self, why: str, client_order_id: str, now_ms: int, *, first_ms: int, stated_ms: int = 0) -> bool:
        """Send nothing for a while; return whether that is news.

        Orders that were already sent when it shut get the same answer, which is not news.
        """
        if self.why is not None and client_order_id != self.trying:
            return False
        if self.why is None:
            self.since_ms, self.turned_away = now_ms, 0
        own_ms = min(LONGEST_MS, first_ms * FACTOR ** min(self.turned_away, 10))
        self.turned_away += 1
        self.why, self.trying, self.next_ms = why, None, now_ms + max(own_ms, stated_ms)
        return True

    def open(self) -> None:
        """Let orders be sent."""
        self.why = self.trying = None
        self.next_ms = 0

    def try_now(self) -> None:
        """Let the next order try without a wait."""
        self.next_ms = 0

    def ready_ms(self, now_ms: int) -> int | None:
        """Return when an order may be sent (Unix ms); ``None``: after the answer to the order that tries."""
        if self.why is None:
            return now_ms
        return None if self.trying is not None else max(now_ms, self.next_ms)

    def against(self, client_order_id: str) -> str | None:
        """Return why a request may not be sent now, or ``None``."""
        if self.why is None or self.trying == client_order_id:
            return None
        return f"the exchange accepts no orders: {self.why}"
