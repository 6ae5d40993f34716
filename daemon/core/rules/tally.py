"""The tally: how many orders were filled today, and when the last signal became an order, as people are shown them.

Days are those of UTC, as for the guards. Finished orders leave memory, so a start reads both figures from the disk.
"""

import msgspec

from daemon.core.rules.exposure import DAY_MS


class Tally(msgspec.Struct):
    """The two figures. Nothing is decided by them."""

    accepted_ms: int | None = None  # when the last new order was accepted; None: never
    day: int = 0  # the day that is counted, since 1970
    fills: int = 0  # orders that were filled on it

    def accept(self, at_ms: int) -> None:
        """Note that an order was accepted."""
        self.accepted_ms = max(at_ms, self.accepted_ms or 0)

    def fill(self, at_ms: int) -> None:
        """Count an order that was filled."""
        day = at_ms // DAY_MS
        if day != self.day:
            self.day, self.fills = day, 0
        self.fills += 1

    def filled(self, now_ms: int) -> int:
        """Return how many orders were filled on the day of an instant."""
        return self.fills if self.day == now_ms // DAY_MS else 0
