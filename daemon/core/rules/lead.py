"""The lead: how long before its instant an order leaves, so that it arrives at the instant."""

from daemon.config.trading_tables import LaunchTable

NS_PER_MS = 1_000_000

MARGIN_NS = 1_000_000
"""By how much "auto" is shorter than the measured way there. The exchange cuts its time to whole milliseconds, so the
quickest way there may be shorter than is known by nearly one. The firing thread's requests, which pass no event loop,
are quicker too, by some tenths. An early order costs a refusal and the wait for the next attempt, a hundred times the
margin."""


def lead_ns(table: LaunchTable, way_there_ns: int) -> int:
    """Return the lead in nanoseconds. To a server that is very near it is negative.

    Args:
        table: [launch].
        way_there_ns: the quickest way to the exchange, as far as it is known; 0 if it is not.

    """
    if table.lead_ms == "auto":
        return way_there_ns - MARGIN_NS if way_there_ns else 0
    return round(table.lead_ms * NS_PER_MS)
