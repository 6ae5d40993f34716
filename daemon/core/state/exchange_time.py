"""The exchange's time in decisions: ``executeAt``, and a deadline that counts from it, are instants of its clock.

Decisions are made by the daemon's clock. So such an instant is converted to it before it is compared or waited for.
The offset is a value of the trading state, in whole milliseconds, cut, so that an instant never comes early by that. An
armed order's own moment is computed to the nanosecond (:mod:`daemon.core.rules.exchange_clock`).

Before the first measurement the exchange's clock counts as the machine's, from which ours may differ: it never goes
back, so it may have begun ahead. Otherwise a start would end orders that are not due yet.
"""


class ExchangeTime:
    """Converts instants in Unix milliseconds between the exchange's clock and ours."""

    def __init__(self) -> None:
        self.offset_ms = 0  # the exchange's clock minus ours, or the machine's minus ours while it is not measured
        self.is_measured = False
        self.moved_ms = 0  # by how much instants have moved on our clock since armed orders were last armed anew

    def local_ms(self, exchange_ms: int) -> int:
        """Return when the exchange's clock shows an instant, by our clock."""
        return exchange_ms - self.offset_ms

    def exchange_ms(self, local_ms: int) -> int:
        """Return what the exchange's clock shows at an instant of our clock."""
        return local_ms + self.offset_ms
