"""Fitting: an order that waits is rounded to its pair's rules, which may appear or change before its instant."""

from daemon.core.state.decision import Decision
from daemon.core.values.orders import Order
from daemon.core.values.states import OrderEvent
from daemon.core.values.symbols import UNFIT, SymbolRules, amounts_changed, fit_again
from daemon.errors import Invalid


def refit(d: Decision, order: Order, rules: SymbolRules) -> Order:
    """Round a waiting order's amounts to its pair's rules.

    Raises:
        Invalid: the rules refuse them; nothing was changed.

    """
    changes = amounts_changed(order, fit_again(order, rules, d.exchange_ms))
    if not changes:
        return order
    order = d.change(order, **changes)
    d.record("order.refitted", order, **changes)
    return order


def fitted_at_arming(d: Decision, order: Order) -> Order | None:
    """Round a queued order with an instant a last time before it is armed, and before each later attempt.

    Rules that are not known change nothing: the exchange decides. If they refuse the amounts, the order ends, and
    ``None`` is returned; after an attempt, when its instant has come, the exchange decides.
    """
    instant, rules = d.state.instant_ms(order), d.state.pair_rules(order.symbol)
    if instant is None or rules is None:
        return order
    try:
        return refit(d, order, rules)
    except Invalid as refusal:
        if order.attempts and instant <= d.now_ms:
            return order
        d.state.leave(order)
        order = d.move(order, OrderEvent.SET_ASIDE, reason=f"{UNFIT}{refusal}")
        d.free_lock(order, error=order.reason)
        d.record("order.dead_letter", order, reason=order.reason)
        return None
