"""Readiness: what an order whose instant is near still lacks.

Everything here is a warning to the operator. Nothing here keeps an order from being sent: the exchange decides.
"""

from decimal import Decimal
from enum import StrEnum

import msgspec

from daemon.core.values.account import Account, ExchangeCondition
from daemon.core.values.decimals import product
from daemon.core.values.listings import Listing
from daemon.core.values.orders import Order, Side
from daemon.core.values.quote_assets import quote_asset
from daemon.core.values.symbols import UNFIT

OLD_MS = 180_000
"""What the exchange showed of the account longer ago than this means nothing any more."""

UNCERTAIN_MS = 250
"""From this on the exchange's clock is not known well enough to hit an instant."""


class Lack(StrEnum):
    """What an order lacks."""

    LISTING = "listing"
    TRADABLE = "tradable"
    AMOUNTS = "amounts"
    FUNDS = "funds"
    PERMISSION = "permission"
    EXCHANGE = "exchange"
    CLOCK = "clock"
    TRADING = "trading"


MEANS: dict[Lack, str] = {
    Lack.LISTING: "its pair is neither shown by the exchange nor in the calendar",
    Lack.TRADABLE: "its pair is closed, and no open is announced until its instant",
    Lack.AMOUNTS: "the pair's rules refuse its amounts",
    Lack.FUNDS: "the balance does not cover the orders of its instant",
    Lack.PERMISSION: "the API key may not trade its pair",
    Lack.EXCHANGE: "the exchange does not answer",
    Lack.CLOCK: "the exchange's clock is not known well enough",
    Lack.TRADING: "trading is halted, or has not begun",
}
"""What each word means, for the operator."""


class Need(msgspec.Struct, frozen=True):
    """What an order spends at once."""

    asset: str
    amount: Decimal


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an order's chances. ``None`` is not known, or cannot be said."""

    funded: bool | None
    permitted: bool | None
    lacks: list[Lack]


def need(order: Order, listing: Listing | None) -> Need | None:
    """Return what an order spends; ``None`` if that cannot be said."""
    rules = None if listing is None else listing.rules
    asset = quote_asset(order.symbol, None if rules is None else rules.quote_asset)
    if asset is None:
        return None
    if order.side is Side.SELL:
        asset = order.symbol.removesuffix(asset) if rules is None else rules.base_asset
        return None if order.quantity is None else Need(asset, order.quantity)
    if order.quote_quantity is not None:
        return Need(asset, order.quote_quantity)
    if order.quantity is None or order.price is None:
        return None
    return Need(asset, product(order.quantity, order.price))


def readiness(
    order: Order,
    listing: Listing | None,
    needed: Need | None,
    account: Account | None,
    condition: ExchangeCondition,
    now_ms: int,
    *,
    sends: bool,
) -> Readiness:
    """Return what an order lacks.

    Args:
        order: a waiting or armed order with an instant.
        listing: what is known of its pair.
        needed: what all orders of its instant need of the asset that it spends.
        account: what the exchange showed of the account.
        condition: of the exchange's client.
        now_ms: the time.
        sends: whether orders are sent at all.

    """
    if account is not None and account.seen_ms < now_ms - OLD_MS:
        account = None
    funded, permitted = _funded(needed, account), _permitted(order, listing, account)
    found = {
        Lack.LISTING: listing is not None and listing.seen_ms is not None and _is_unknown(listing),
        Lack.TRADABLE: listing is not None and _stays_closed(order, listing),
        Lack.AMOUNTS: order.reason is not None and order.reason.startswith(UNFIT),
        Lack.FUNDS: funded is False,
        Lack.PERMISSION: permitted is False,
        Lack.EXCHANGE: condition.reachable is False,
        Lack.CLOCK: _is_uncertain(condition, now_ms),
        Lack.TRADING: not sends,
    }
    return Readiness(funded=funded, permitted=permitted, lacks=[lack for lack, lacks in found.items() if lacks])


def _funded(needed: Need | None, account: Account | None) -> bool | None:
    if needed is None or account is None or account.free is None:
        return None
    return account.free.get(needed.asset, Decimal(0)) >= needed.amount


def _permitted(order: Order, listing: Listing | None, account: Account | None) -> bool | None:
    """A pair that is not tradable yet is in no list, so its absence says nothing."""
    if account is None or account.permitted is None:
        return None
    if order.symbol in account.permitted:
        return True
    return False if listing is not None and listing.is_tradable else None


def _is_unknown(listing: Listing) -> bool:
    return listing.rules is None and listing.calendar_ms is None


def _stays_closed(order: Order, listing: Listing) -> bool:
    """Whether a pair is closed, or opens later than an order's instant, as far as the exchange shows."""
    opens_ms = listing.opens_ms
    if opens_ms is not None and opens_ms > (order.execute_at_ms or 0):
        return True
    is_opening = opens_ms is not None and listing.seen_ms is not None and opens_ms > listing.seen_ms
    return listing.rules is not None and not listing.is_tradable and not is_opening


def _is_uncertain(condition: ExchangeCondition, now_ms: int) -> bool:
    if condition.uncertainty_ms is None or condition.measured_ms is None:
        return True
    return condition.uncertainty_ms > UNCERTAIN_MS or condition.measured_ms < now_ms - OLD_MS
