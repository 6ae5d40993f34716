"""Signals of the client's own type: complete ones, of which a test names only what it is about."""

from typing import Any

from daemon.client import Signal
from tests.support.signals import market_buy, resting_buy

_NAMES = dict(zip(Signal.__struct_encode_fields__, Signal.__struct_fields__, strict=True))


def buy(**changes: Any) -> Signal:
    """Buy for 25 USDT at the market, of a target that no other signal has."""
    return _signal(market_buy(), changes)


def resting(**changes: Any) -> Signal:
    """Buy far below the market: the order rests on the book."""
    return _signal(resting_buy(), changes)


def _signal(wire: dict[str, Any], changes: dict[str, Any]) -> Signal:
    return Signal(**{_NAMES[name]: value for name, value in wire.items()} | changes)
