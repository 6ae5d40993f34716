"""The lead: how long before its instant an order leaves, so that it arrives at the instant."""

from daemon.config.trading_tables import LaunchTable

NS_PER_MS = 1_000_000


def lead_ns(table: LaunchTable, round_trip_ns: int | None) -> int:
    """Return the lead in nanoseconds.

    Args:
        table: [launch].
        round_trip_ns: the best round trip that was measured; without one, "auto" is no lead.

    """
    if table.lead_ms == "auto":
        return 0 if round_trip_ns is None else round_trip_ns // 2
    return round(table.lead_ms * NS_PER_MS)
