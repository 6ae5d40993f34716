"""The backoff: whether the exchange takes orders at all at the moment.

A page of the exchange's edge instead of an answer (HTTP 403, or 5xx without the exchange's envelope), or "too many
requests", is no matter of one order: the next one would meet the same. So after the first such answer nothing is sent
for a while, then one order alone, and only when the exchange has answered that one do the others follow. The waits
grow, and what the exchange states of them only makes them longer: a stated wait of zero is no wait.
"""

import msgspec

FIRST_WAIT_MS = 500
"""After the first "too many requests", where the exchange states no longer wait. Nothing was taken."""

FIRST_PAGE_MS = 2_000
"""After the first page of the edge. Each order that meets one is in doubt, so few should."""

FACTOR, LONGEST_MS = 2, 60_000


class Backoff(msgspec.Struct):
    """What is known of it. One order at a time tries while it is shut."""

    why: str | None = None  # what the exchange said; None while it is open
    since_ms: int = 0
    next_ms: int = 0  # then the next order may try
    trying: str | None = None  # client order id of the one that tries
    turned_away: int = 0  # in a row

    def shut(self, why: str, client_order_id: str, now_ms: int, *, first_ms: int, stated_ms: int = 0) -> bool:
        """Let nothing pass for a while; return whether that is news.

        Orders that were under way already when it shut meet the same, and say nothing new.
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
        """Let everything pass."""
        self.why = self.trying = None
        self.next_ms = 0

    def try_now(self) -> None:
        """Let the next order try without a wait."""
        self.next_ms = 0

    def ready_ms(self, now_ms: int) -> int | None:
        """Tell when an order may go; ``None``: when the answer to the one that tries has come."""
        if self.why is None:
            return now_ms
        return None if self.trying is not None else max(now_ms, self.next_ms)

    def against(self, client_order_id: str) -> str | None:
        """Tell what speaks against writing a request now."""
        if self.why is None or self.trying == client_order_id:
            return None
        return f"the exchange takes no orders: {self.why}"
