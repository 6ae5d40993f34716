"""Complete signals of the client's own type; a test gives only the fields that matter to it."""

from typing import Any

from daemon.client import Signal
from tests.support.signals import market_buy, resting_buy

_NAMES = dict(zip(Signal.__struct_encode_fields__, Signal.__struct_fields__, strict=True))


def buy(**changes: Any) -> Signal:
    """Return a market buy for 25 USDT with a new target."""
    return _signal(market_buy(), changes)


def resting(**changes: Any) -> Signal:
    """Return a buy far below the market price, which rests on the book."""
    return _signal(resting_buy(), changes)


def _signal(wire: dict[str, Any], changes: dict[str, Any]) -> Signal:
    return Signal(**{_NAMES[name]: value for name, value in wire.items()} | changes)
