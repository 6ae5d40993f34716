"""The account: free and locked balances, and how a trade changes them.

A fee is deducted from the asset that the trade brings in. For a BUY this is the base asset, so the account receives
less than was filled (MEXC does so at times, observed; this is the harder case for a client). For a SELL it is the quote
asset.

Invariant: apart from fees, a trade changes the sum of both balances by exactly its amount.
"""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from daemon.simulator.money import ZERO
from daemon.simulator.orders import Order, Side
from daemon.simulator.symbols import QUOTE, Symbol


class Balance(msgspec.Struct, frozen=True):
    """One asset of the account."""

    free: Decimal = ZERO
    locked: Decimal = ZERO
    """By open orders."""


class Account:
    """The one account of the exchange."""

    def __init__(self, balances: Mapping[str, Balance]) -> None:
        self._balances = dict(balances)
        self.changed: dict[str, Balance] = {}
        """The previous value of each unsaved balance, by asset. The caller clears it after saving."""

    def balance(self, asset: str) -> Balance:
        """Return an asset's balance; zero for an asset that was never held."""
        return self._balances.get(asset, Balance())

    def balances(self) -> dict[str, Balance]:
        """Return all balances by asset."""
        return dict(self._balances)

    def can_lock(self, order: Order, symbol: Symbol) -> bool:
        """Return whether the account can pay for an order."""
        return order.locked <= self.balance(_paid_with(order, symbol)).free

    def lock(self, order: Order, symbol: Symbol) -> None:
        """Lock the most that an order can cost."""
        self._move(_paid_with(order, symbol), free=-order.locked, locked=order.locked)

    def release(self, order: Order, symbol: Symbol) -> None:
        """Unlock what an order had locked; `order` is its last open state."""
        self._move(_paid_with(order, symbol), free=order.locked, locked=-order.locked)

    def settle(
        self, before: Order, after: Order, price: Decimal, fee_rate: Decimal, symbol: Symbol
    ) -> tuple[Decimal, str]:
        """Apply a fill to the balances, and return its fee and the fee's asset.

        For a BUY filled below its limit the difference is unlocked.
        """
        quantity = after.executed - before.executed
        value = quantity * price
        base_asset = symbol.base_asset
        if before.side is Side.BUY:
            unlocked = before.locked - after.locked
            fee = quantity * fee_rate
            self._move(QUOTE, free=unlocked - value, locked=-unlocked)
            self._move(base_asset, free=quantity - fee)
            return fee, base_asset
        fee = value * fee_rate
        self._move(base_asset, locked=-quantity)
        self._move(QUOTE, free=value - fee)
        return fee, QUOTE

    def set_free(self, asset: str, amount: Decimal) -> None:
        """Set an asset's free balance."""
        self._move(asset, free=amount - self.balance(asset).free)

    def _move(self, asset: str, free: Decimal = ZERO, locked: Decimal = ZERO) -> None:
        old = self.balance(asset)
        new = Balance(old.free + free, old.locked + locked)
        assert new.free >= 0, (asset, new)
        assert new.locked >= 0, (asset, new)
        self._balances[asset] = new
        self.changed.setdefault(asset, old)


def _paid_with(order: Order, symbol: Symbol) -> str:
    return QUOTE if order.side is Side.BUY else symbol.base_asset
