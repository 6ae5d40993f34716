"""How long an idle connection may be used again: as long as no server was seen to close one sooner.

No document of MEXC says how long its servers keep idle connections, and a router between may keep them for less. A
request that meets the server's end on its way is lost, with an unknown outcome.

A server that restarts closes all connections, whatever their age, which says nothing about how long it keeps idle ones.
So the limit becomes longer again when connections are seen to stay open for longer.
"""

from math import inf

LONGEST_S = 45.0
"""A connection that was idle for longer is not used again: a router may have dropped it without a word."""

MARGIN = 0.7
"""The share of the shortest idle time after which a connection was found closed: the server's timer may have begun
before the last answer arrived, and its word takes time."""

SHORTEST_S = 0.5
"""The limit never becomes shorter."""

HOLD_S = 60.0
"""For this time after it became shorter, the limit does not become longer: the servers behind an address may differ,
and those that close connections early count."""


class IdleLimit:
    """The limit as it is known now, in seconds."""

    def __init__(self, closed_after_s: float | None = None) -> None:
        """Begin; ``closed_after_s`` is what the live probe measured, if it saw the server close a connection."""
        self.usable_s = LONGEST_S
        self._held_until_s = -inf
        if closed_after_s is not None:
            self.closed_after(closed_after_s, -inf)

    def closed_after(self, idle_s: float, now_s: float) -> None:
        """Note that a connection was found closed after it was idle for ``idle_s``; ``now_s`` is the loop's time."""
        limit_s = max(SHORTEST_S, idle_s * MARGIN)
        if limit_s <= self.usable_s:
            self.usable_s, self._held_until_s = limit_s, now_s + HOLD_S

    def stayed_open(self, idle_s: float, now_s: float) -> None:
        """Note that a connection has been idle for ``idle_s`` and is open."""
        if now_s >= self._held_until_s:
            self.usable_s = max(self.usable_s, min(LONGEST_S, idle_s) * MARGIN)
