"""Changes of orders and balances, which the private streams push. They are not stored."""

import msgspec

from daemon.simulator.accounts import Balance
from daemon.simulator.orders import Fill, Order


class OrderChanged(msgspec.Struct, frozen=True):
    """An order was accepted, filled or cancelled."""

    order: Order
    """Its state after the change."""
    fill: Fill | None
    """None: the change is not a fill."""
    at_ms: int


class BalanceChanged(msgspec.Struct, frozen=True):
    """A balance has changed."""

    asset: str
    before: Balance
    after: Balance


Event = OrderChanged | BalanceChanged
