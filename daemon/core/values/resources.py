"""Resources: the names of what a lock is for, and which of them exclude one another.

A trade's resource is ``trade:{symbol}:{side}:{target}``, or ``trade:{symbol}`` where ``[locks] scope`` is ``symbol``.
Locks of both forms can exist at the same time: the scope was changed while an outcome is unknown, or a caller acquired
a lease of the other form. So ``trade:{symbol}``, the *whole*, excludes each of its *parts*, and each part excludes the
whole, whatever the scope is. Two parts do not exclude each other, and no other names do.
"""

from collections import Counter
from functools import lru_cache
from sys import intern

TRADE = "trade"
_TRADE_PARTS = 4


def trade_resource(symbol: str, side: str, target_id: str | None, *, per_symbol: bool) -> str:
    """Return the resource of a trade."""
    if per_symbol:
        return f"{TRADE}:{symbol}"
    return f"{TRADE}:{symbol}:{side}:{target_id or 'manual'}"


def one_spelling(name: str) -> str:
    """Return a resource's one name: in a trade's, case and outer spaces do not count except in the target."""
    parts = [part.strip() for part in name.split(":", _TRADE_PARTS - 1)]
    if parts[0].lower() != TRADE:
        return name
    return ":".join([TRADE, *(part.upper() for part in parts[1:3]), *parts[3:]])


@lru_cache(maxsize=1_024)  # a decision asks for each name several times
def family_of(resource: str) -> str:
    """Return the whole of which a resource is a part, or the name itself if it is a whole or no trade's."""
    kind, _, rest = resource.partition(":")
    symbol, is_part, _ = rest.partition(":")
    return intern(f"{kind}:{symbol}") if kind == TRADE and is_part else resource


class HeldResources:
    """The held names, and which others they exclude."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._held_parts: Counter[str] = Counter()  # by whole

    def add(self, resource: str) -> None:
        """Add a name, unless it is held already."""
        if resource not in self._names:
            self._names.add(resource)
            whole = family_of(resource)
            if whole != resource:
                self._held_parts[whole] += 1

    def discard(self, resource: str) -> None:
        """Remove a name, if it is held."""
        if resource in self._names:
            self._names.discard(resource)
            whole = family_of(resource)
            if whole != resource:
                self._held_parts[whole] -= 1
                if not self._held_parts[whole]:
                    del self._held_parts[whole]

    def __contains__(self, resource: str) -> bool:
        return resource in self._names

    def exclude_within_family(self, resource: str) -> bool:
        """Whether a name is held, or is the whole of one that is. Its own whole is not looked at."""
        return resource in self._names or resource in self._held_parts
