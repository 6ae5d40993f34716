"""The lead: how long before its instant an order leaves, so that it arrives at the instant."""

from daemon.config.trading_tables import LaunchTable

NS_PER_MS = 1_000_000

MARGIN_NS = 500_000
"""By how much "auto" is shorter than the measured way there: a request that the firing thread writes passes no event
loop, and is quicker than the measured one by some tenths of a millisecond. Early costs a refusal and the wait for the
next attempt, late costs the margin."""


def lead_ns(table: LaunchTable, way_there_ns: int) -> int:
    """Return the lead in nanoseconds. To a server that is very near it is negative.

    Args:
        table: [launch].
        way_there_ns: the quickest way to the exchange, as far as it is known; 0 if it is not.

    """
    if table.lead_ms == "auto":
        return way_there_ns - MARGIN_NS if way_there_ns else 0
    return round(table.lead_ms * NS_PER_MS)
