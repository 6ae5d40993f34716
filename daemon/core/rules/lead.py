"""The lead: how long before its instant an order leaves, so that it arrives at the instant."""

from daemon.clock import NS_PER_MS
from daemon.config.trading_tables import LaunchTable
from daemon.core.rules.exchange_clock import ExchangeClock


def leave_ns(table: LaunchTable, clock: ExchangeClock, instant_ms: int) -> int:
    """Return when an order for an instant of the exchange's clock is to leave, in nanoseconds of the daemon's clock."""
    if table.lead_ms == "auto":
        return clock.leave_ns(instant_ms)
    return clock.local_ns(instant_ms) - round(table.lead_ms * NS_PER_MS)
