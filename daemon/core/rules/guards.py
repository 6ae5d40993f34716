"""Guards: limits on new orders (config.toml: ``[guards]``).

By default only the guard against repeated BUYs is on (``repeat_window_ms``). Guards check new orders only: a repeated
signal places nothing and is always answered. They limit buying: no budget, count or list of symbols ever stops a SELL,
because selling must always be possible. Only the price band applies to a SELL, and an emergency SELL (``skipLock``)
skips that as well. They check once, at acceptance; an order that waits for its instant is not checked again.

A guard that is on and lacks a figure refuses the order: it does not guess.
"""

from collections.abc import Sequence
from decimal import Decimal

from daemon.config.trading_tables import GuardsTable
from daemon.core.rules.exposure import Exposure, worth_of
from daemon.core.values.decimals import ZERO, plain, product, total
from daemon.core.values.orders import Order, Side
from daemon.core.values.signals import Signal
from daemon.errors import Guarded

_PERCENT = Decimal("0.01")


def needs_last_price(signal: Signal, rules: GuardsTable) -> bool:
    """Whether a guard needs the exchange's last price for this signal."""
    if signal.skip_lock:
        return False
    if rules.price_band and signal.max_price is not None:
        return True
    if signal.price is not None:
        return bool(rules.price_band)
    return signal.side is Side.BUY and signal.quantity is not None and rules.limits_notional


def check(order: Order, rules: GuardsTable, counted: Sequence[Exposure], *, allow_repeat: bool) -> None:
    """Check an order at the instant of its acceptance.

    Args:
        order: the new order; it is not counted yet.
        rules: the limits.
        counted: the exposure of the trading state, and of the orders before this one in its batch.
        allow_repeat: whether the signal asks for a second BUY of the symbol.

    Raises:
        Guarded: a guard refuses it.

    """
    if order.skip_lock:
        return
    if order.side is Side.BUY:
        _check_symbol(order, rules)
        if not allow_repeat:
            _check_repeat(order, rules, counted)
        _check_open_buys(order, rules, counted)
        if rules.limits_notional:
            _check_notional(order, rules, counted)
    price = order.max_price if order.price is None else order.price
    if rules.price_band and price is not None:
        _check_price(order, price, rules)
    if rules.price_band and order.slippage_percent is not None:
        _check_slippage(order.slippage_percent, rules)


def _check_symbol(order: Order, rules: GuardsTable) -> None:
    if order.symbol in rules.forbidden:
        raise Guarded(
            f"{order.symbol} must not be bought: it is in [guards] forbidden_symbols; a SELL is accepted",
            guard="forbidden_symbols",
        )
    if rules.allowed and order.symbol not in rules.allowed:
        raise Guarded(
            f"{order.symbol} must not be bought: it is not in [guards] allowed_symbols; add it there and "
            "reload; a SELL is accepted",
            guard="allowed_symbols",
        )


def _check_repeat(order: Order, rules: GuardsTable, counted: Sequence[Exposure]) -> None:
    for exposure in counted if rules.repeat_window_ms else ():
        first = exposure.repeated(order, rules.repeat_window_ms)
        if first is not None:
            raise Guarded(
                f"{order.owner_id} bought {order.symbol} less than {rules.repeat_window_ms} ms ago for another target "
                f"(order {first}), as a double click does ([guards] repeat_window_ms); to buy anyway, send it with "
                "allowRepeat, or later",
                guard="repeat_window_ms",
            )


def _check_open_buys(order: Order, rules: GuardsTable, counted: Sequence[Exposure]) -> None:
    limit = rules.max_open_buys_per_owner
    have = sum(exposure.open_buys(order.owner_id) for exposure in counted) if limit else 0
    if limit and have >= limit:
        raise Guarded(
            f"{order.owner_id} has {have} BUYs that have not ended, the limit is {limit} ([guards] "
            "max_open_buys_per_owner); cancel one, wait for one to end, or raise the limit and reload",
            guard="max_open_buys_per_owner",
        )


def _check_notional(order: Order, rules: GuardsTable, counted: Sequence[Exposure]) -> None:
    asset, worth = rules.asset, worth_of(order)
    guard = "max_notional_per_order" if rules.max_notional_per_order else "max_notional_per_day"
    if not order.symbol.endswith(asset):
        raise Guarded(
            f"what {order.symbol} costs is not paid in {asset} ([guards] notional_asset), so [guards] {guard} cannot "
            f"be kept; buy a pair with {asset}, or change the guard and reload",
            guard=guard,
        )
    if worth is None:
        raise Guarded(
            f"the last price of {order.symbol} cannot be had, so what {plain(order.quantity or ZERO)} of it cost is "
            f"not known, and [guards] {guard} cannot be kept; send it with quoteOrderQty, or as a LIMIT, or later",
            guard=guard,
        )
    if 0 < rules.most_per_order < worth:
        raise Guarded(
            f"the order costs {plain(worth)} {asset}, the limit is {plain(rules.most_per_order)} ([guards] "
            "max_notional_per_order); send a smaller one, or raise the limit and reload",
            guard="max_notional_per_order",
        )
    if rules.max_notional_per_day:
        _check_day(order, worth, rules, counted)


def _check_day(order: Order, worth: Decimal, rules: GuardsTable, counted: Sequence[Exposure]) -> None:
    guard, asset, spent = "max_notional_per_day", rules.asset, ZERO
    for exposure in counted:
        unpriced = exposure.unpriced(order.accepted_ms)
        if unpriced is not None:
            raise Guarded(
                f"what order {unpriced} of this day costs is not known yet, so [guards] {guard} cannot be kept; send "
                f"it again when that order has ended (`sniperd explain {unpriced}`)",
                guard=guard,
            )
        spent = total(spent, exposure.spent(order.accepted_ms))
    if total(spent, worth) > rules.most_per_day:
        raise Guarded(
            f"the day's BUYs cost {plain(spent)} {asset}, with {plain(worth)} more they pass the limit of "
            f"{plain(rules.most_per_day)} ([guards] {guard}); the next day begins at 00:00 UTC; or raise the "
            "limit and reload",
            guard=guard,
        )


def _check_price(order: Order, price: Decimal, rules: GuardsTable) -> None:
    guard, last = "price_band_percent", order.last_price
    if last is None:
        raise Guarded(
            f"the last price of {order.symbol} cannot be had, so [guards] {guard} cannot be kept; send it again in a "
            "moment, or set the guard to 0 and reload: before its first trade a pair has no last price",
            guard=guard,
        )
    buys = order.side is Side.BUY
    band = rules.price_band if buys else rules.price_band.copy_negate()
    limit = product(last, product(100 + band, _PERCENT))
    if price > limit if buys else price < limit:
        raise Guarded(
            f"{order.side} at {plain(price)} is more than {plain(rules.price_band)} % "
            f"{'above' if buys else 'below'} the last price of {order.symbol}, {plain(last)} ([guards] {guard}); "
            f"{'at most' if buys else 'at least'} {plain(limit)} is taken; or widen the band and reload",
            guard=guard,
        )


def _check_slippage(percent: Decimal, rules: GuardsTable) -> None:
    if percent > rules.price_band:
        guard, band = "price_band_percent", plain(rules.price_band)
        raise Guarded(
            f"slippagePercent {plain(percent)} is more than the {band} % by which a price may be worse than the last "
            f"one ([guards] {guard}); send it with {band} at most, or widen the band and reload",
            guard=guard,
        )
