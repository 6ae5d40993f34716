"""What the report says of a simulated day, and what the exchange's own book adds up to, to the last digit."""

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from daemon.core.values.fills import Fill
from daemon.core.values.orders import Side
from daemon.core.views.report import Bookkeeping, assets_by_name
from daemon.core.views.results import Period
from daemon.store.traded_orders import traded_from, traded_orders
from tests.support.steps import at_once

MANY = 1_000_000

ByPair = dict[str, dict[str, Decimal]]
"""By pair, the amounts bought and sold, and the fees by asset; what is 0 is left out."""


class Sums:
    """What the trades of the book add up to."""

    def __init__(self) -> None:
        self.by_pair: ByPair = {}

    def add(self, entry: dict[str, Any], stored: Sequence[Fill]) -> None:
        """Add an order of the book.

        Args:
            entry: the order, with its trades.
            stored: its fills on disk. A report knows no other fees; those of a resting order may be missing there.

        """
        verb = "bought" if entry["side"] == Side.BUY else "sold"
        amounts = [
            *((f"{verb} quantity", Decimal(each["qty"])) for each in entry["fills"]),
            *((f"{verb} value", Decimal(each["quoteQty"])) for each in entry["fills"]),
            *((f"fees in {fill.fee_asset}", fill.fee) for fill in stored),
        ]
        for name, amount in amounts:
            if amount:
                sums = self.by_pair.setdefault(entry["symbol"], {})
                sums[name] = sums.get(name, Decimal(0)) + amount


def reported(disk: sqlite3.Connection) -> ByPair:
    """Return the same by the report over all orders on disk."""
    period = Period(since_ms=0, until_ms=None, now_ms=0)
    books = Bookkeeping(period, assets_by_name, targets=1)
    for row in traded_orders(period, None, MANY)(disk):
        books.add(traded_from(row))
    found = {}
    for pair in at_once(books.report()).pairs:
        sums = pair.sums
        amounts = {
            "bought quantity": sums.bought_quantity,
            "bought value": sums.bought_value,
            "sold quantity": sums.sold_quantity,
            "sold value": sums.sold_value,
            **{f"fees in {asset}": fee for asset, fee in sums.fees.items()},
        }
        if any(amounts.values()):
            found[pair.symbol] = {name: amount for name, amount in amounts.items() if amount}
    return found
