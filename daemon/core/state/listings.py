"""Listings: what is known of the pairs, and of the account, for orders that wait for their instant; in memory only."""

from daemon.core.values.account import Account
from daemon.core.values.listings import Listing


class Listings:
    """The listings, by pair."""

    def __init__(self) -> None:
        self.known: dict[str, Listing] = {}
        self.account: Account | None = None
