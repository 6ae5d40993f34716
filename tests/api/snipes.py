"""Signals for pairs that open, and the check that such an order bought once, at the open."""

from tests.support import Daemon, Exchange
from tests.support.signals import Signal, resting_buy

AHEAD_MS = 6_000
"""Far enough for the exchange to be asked before the order is armed."""

EARLY_MS = 20
"""An order leaves before its instant by half of the best round trip, so it may arrive a little early."""


def snipe(symbol: str, at_ms: int | None, **changes: object) -> Signal:
    return resting_buy(symbol=symbol, quantity="400.12345", price="0.05", executeAt=at_ms, **changes)


def bought_once_at(daemon: Daemon, exchange: Exchange, order_id: str, opens_ms: int) -> None:
    """Check that the first request arrived at the open, and that one bought."""
    order = daemon.until(order_id, "filled")
    assert order["executeAtMs"] == opens_ms
    early_ms = [opens_ms - arrival["receivedMs"] for arrival in exchange.arrivals(order_id)]
    assert max(early_ms) <= EARLY_MS, early_ms
    assert [each <= 0 for each in early_ms].count(True) == 1, daemon.explain(order_id)["attempts"]
    assert len(exchange.orders(order_id)) == 1
