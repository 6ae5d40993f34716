"""Complete signals as a bot sends them; a test names only the fields that matter to it."""

import itertools
import os
from typing import Any

Signal = dict[str, Any]

_numbers = itertools.count(1)


def market_buy(**changes: Any) -> Signal:
    """Buy for 25 USDT at the market, with a unique target."""
    return _given({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "25"}, changes)


def market_sell(**changes: Any) -> Signal:
    """Sell a little at the market."""
    return _given({"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.001"}, changes)


def resting_buy(**changes: Any) -> Signal:
    """Buy far below the market: the order rests on the book."""
    given = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.001", "price": "50000"}
    return _given(given, changes)


def _given(signal: Signal, changes: Signal) -> Signal:
    """Complete a signal; a change to ``None`` removes a field."""
    number = next(_numbers)
    complete = {"ownerId": "bot", "snipeTargetId": f"target-{os.getpid()}-{number}"} | signal | changes
    return {name: value for name, value in complete.items() if value is not None}
