"""The account and the exchange's condition, as far as they matter for orders whose instant is near."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the exchange shows of the account. ``None`` is not known."""

    free: Mapping[str, Decimal] | None  # balances, by asset
    permitted: frozenset[str] | None  # pairs that this key may trade
    seen_ms: int  # when, by our clock


class ExchangeCondition(msgspec.Struct, frozen=True, kw_only=True):
    """The condition of the exchange's client at one moment."""

    reachable: bool | None  # None: not tried yet
    uncertainty_ms: float | None  # by how much the offset of its clock is wrong at most
    measured_ms: int | None  # when, by our clock
    warm: bool | None  # whether a connection is open, so that an order need not open one
