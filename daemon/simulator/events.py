"""What happened to the account: told to the private streams, kept nowhere."""

import msgspec

from daemon.simulator.accounts import Balance
from daemon.simulator.orders import Fill, Order


class OrderChanged(msgspec.Struct, frozen=True):
    """An order was accepted, filled or cancelled."""

    order: Order
    """As it is since."""
    fill: Fill | None
    """What filled it; None: something else happened to it."""
    at_ms: int


class BalanceChanged(msgspec.Struct, frozen=True):
    """A balance is another than before."""

    asset: str
    before: Balance
    after: Balance


Event = OrderChanged | BalanceChanged
