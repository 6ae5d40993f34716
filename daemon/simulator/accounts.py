"""The account: what is free, what is locked by open orders, and what a trade moves.

A fee comes out of what a trade brings in: a BUY's out of the base asset, so that less arrives than was filled
(MEXC does so at times, observed; the harder case for a client), a SELL's out of the quote asset.

Nothing is created here and nothing is lost but fees: the sum over both balances changes by exactly the trade.
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
        """The balances to be written down, by asset and as they were; whoever writes them clears it."""

    def balance(self, asset: str) -> Balance:
        """Return an asset's balance; nothing of an asset that was never held."""
        return self._balances.get(asset, Balance())

    def balances(self) -> dict[str, Balance]:
        """Return all balances by asset."""
        return dict(self._balances)

    def can_lock(self, order: Order, symbol: Symbol) -> bool:
        """Whether the account can pay for an order."""
        return order.locked <= self.balance(_paid_with(order, symbol)).free

    def lock(self, order: Order, symbol: Symbol) -> None:
        """Set aside what an order may cost."""
        self._move(_paid_with(order, symbol), free=-order.locked, locked=order.locked)

    def release(self, order: Order, symbol: Symbol) -> None:
        """Give back what an order had set aside; `order` is as it was while open."""
        self._move(_paid_with(order, symbol), free=order.locked, locked=-order.locked)

    def settle(
        self, before: Order, after: Order, price: Decimal, fee_rate: Decimal, symbol: Symbol
    ) -> tuple[Decimal, str]:
        """Move what a fill moves, and return its fee and the fee's asset.

        A BUY filled below its limit gets the difference back.
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
        """Put an asset's free balance at an amount."""
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
