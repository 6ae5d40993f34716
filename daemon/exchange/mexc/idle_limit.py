"""How long an idle connection may be used again: as long as no server was seen to close one sooner.

No document of MEXC says how long its servers keep idle connections, and a router between may keep them for less. A
request that meets the server's end on its way is lost, with an unknown outcome.
"""

LONGEST_S = 45.0
"""A connection that was idle for longer is not used again: a router may have dropped it without a word."""

MARGIN = 0.7
"""The share of the shortest idle time after which a connection was found closed: the server's timer may have begun
before the last answer arrived, and its word takes time."""

SHORTEST_S = 0.5
"""The limit never becomes shorter: a server that restarts closes all connections, whatever their age."""


class IdleLimit:
    """The limit as it is known now, in seconds."""

    def __init__(self, closed_after_s: float | None = None) -> None:
        """Begin; ``closed_after_s`` is what the live probe measured, if it saw the server close a connection."""
        self.usable_s = LONGEST_S
        if closed_after_s is not None:
            self.closed_after(closed_after_s)

    def closed_after(self, idle_s: float) -> None:
        """Note that a connection was found closed after it was idle for ``idle_s``."""
        self.usable_s = max(SHORTEST_S, min(self.usable_s, idle_s * MARGIN))
