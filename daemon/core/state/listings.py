"""Listings: what is known of the pairs for which orders wait for their instant. It is in memory only."""

from daemon.core.values.listings import Listing


class Listings:
    """The listings, by pair."""

    def __init__(self) -> None:
        self.known: dict[str, Listing] = {}
