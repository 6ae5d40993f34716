"""Launching: attempts around the open of a pair (:mod:`daemon.core.rules.launch_window`)."""

import msgspec

from daemon.core.rules.launch_window import CAP_COUNTS_MS, is_over, step_ms
from daemon.core.rules.rate import WINDOW_MS
from daemon.core.rules.repricing import at_limit
from daemon.core.rules.retries import Verdict, has_attempt_left, why_refused
from daemon.core.state.decision import Decision
from daemon.core.state.launches import Launch
from daemon.core.values.exchange_replies import Advice, Answer, Placed, Refused
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import OrderEvent, State
from daemon.core.values.symbols import amounts_changed

_SHOW_OPEN = frozenset({Advice.REPRICE, Advice.STOP, Advice.CHECK_FUNDS})
"""Refusals for the price, the type or the funds: the pair takes orders."""

NOT_OPEN = "its pair is not open yet, and other orders of it are attempted first"


def join(d: Decision, order: Order, sent_ms: int) -> None:
    """Count an order among those of its pair from the attempt of an instant on; the next attempt is a step later."""
    instant = d.state.instant_ms(order)
    if instant is None or is_over(instant, sent_ms, d.state.rules.config.launch):
        return
    launch = d.state.launches.join(order)
    launch.next_ms = max(launch.next_ms, sent_ms + _step_ms(d, launch, instant))


def wait_for_turn(d: Decision, order: Order) -> bool:
    """Give an order its turn in the rhythm before its first attempt, if its pair is not open yet.

    The rate has held it back until now. Otherwise all such orders use the whole rate up at once.

    Returns:
        Whether it left the queue until then.

    """
    launch, instant = d.state.launches.of(order.symbol), d.state.instant_ms(order)
    if launch is None or not launch.was_early or launch.opened_ms is not None or order.order_id in launch.order_ids:
        return False
    if instant is None or launch.next_ms <= d.now_ms or is_over(instant, d.now_ms, d.state.rules.config.launch):
        return False
    d.state.leave(order)
    d.state.launches.join(order)
    d.enqueue(d.change(order, reason=NOT_OPEN, not_before_ms=_take_turn(d, launch, order, _next_ms(d, launch))))
    return True


def note_open(d: Decision, order: Order, answer: Answer) -> None:
    """If an answer shows that the order's pair is open, let the other orders go that wait for that."""
    launch = d.state.launches.of(order.symbol)
    is_open = isinstance(answer, Placed) or (isinstance(answer, Refused) and answer.advice in _SHOW_OPEN)
    if launch is None or not is_open:
        return
    launch.opened_ms = d.now_ms
    for order_id in launch.order_ids:
        other = d.state.orders[order_id]
        if other.state is State.QUEUED and order_id in d.state.orders.later:
            d.enqueue(d.change(other, not_before_ms=d.now_ms))


def note_cap(d: Decision, order: Order, answer: Answer) -> None:
    """Note the price cap that an answer states: no other BUY of the pair goes above it for now."""
    if isinstance(answer, Refused) and answer.price_cap is not None and order.side is Side.BUY:
        d.state.launches.note_cap(order.symbol, answer.price_cap, d.now_ms, d.now_ms + CAP_COUNTS_MS)


def at_known_cap(d: Decision, order: Order) -> Order:
    """Lower the price of a BUY to the cap that the exchange has just stated to another order of its pair.

    That is not the move after a refusal of its own, which it may still need, if the cap sinks.
    """
    cap = d.state.launches.cap_of(order.symbol, d.now_ms)
    if cap is None or order.side is not Side.BUY or order.price is None or order.price <= cap:
        return order
    changes = amounts_changed(order, at_limit(order, cap, d.state.pair_rules(order.symbol), d.exchange_ms))
    order = d.change(order, **changes)
    d.record("order.repriced", order, **changes)
    return order


def one_first(d: Decision, order: Order, verdict: Verdict) -> Verdict:
    """Let one order of a pair go first after refusals for the pair's rules, if the rate has no room for more of them.

    It may be refused for its price next. The others go when its answer shows that the pair takes orders, or in the
    rhythm.
    """
    launch = d.state.launches.of(order.symbol)
    if verdict.refitted is None or launch is None or launch.opened_ms is not None:
        return verdict
    if 2 * len(launch.order_ids) <= d.state.rate_budget.room(d.now_ms):
        return verdict
    if launch.goes_first not in launch.order_ids:
        launch.goes_first = order.order_id
    if launch.goes_first == order.order_id:
        return verdict
    return msgspec.structs.replace(verdict, not_before_ms=_take_turn(d, launch, order, _next_ms(d, launch)))


def judge_early(d: Decision, order: Order, refused: Refused) -> Verdict | None:
    """Decide what becomes of an order that came before the open; ``None`` leaves it to the ordinary retries."""
    instant = d.state.instant_ms(order)
    if instant is None or not refused.not_open:
        return None
    if is_over(instant, d.now_ms, d.state.rules.config.launch):
        d.state.launches.leave(order)
        return None
    launch = d.state.launches.join(order)
    is_first, launch.was_early = not launch.was_early, True
    leaves_room = 2 * len(launch.order_ids) <= d.state.rules.config.exchange.order_rate_per_s
    if instant > d.now_ms or (is_first and leaves_room):
        next_ms = d.now_ms  # it waits for the open that is known now; or it may have been early by the clocks' error
    elif launch.opened_ms is not None and (order.sent_ms or 0) < launch.opened_ms:
        next_ms = d.now_ms  # it was on its way when another order showed that the pair is open
    else:
        next_ms = _next_ms(d, launch)
    if d.now_ms >= d.state.deadline_ms(order) or not has_attempt_left(order, d.state.rules.config.retry):
        return None
    next_ms = _take_turn(d, launch, order, next_ms)
    return Verdict(event=OrderEvent.DEFER, reason=why_refused(refused), not_before_ms=next_ms)


def _next_ms(d: Decision, launch: Launch) -> int:
    """Return the next turn in the rhythm at which the rate has room. Otherwise those that wait for it go at once."""
    return d.state.rate_budget.free_ms(max(d.now_ms, launch.next_ms))


def _take_turn(d: Decision, launch: Launch, order: Order, next_ms: int) -> int:
    """Return when an order is attempted, and let the next one follow a step later.

    An order whose turn would come after its deadline has it then: until then another one may show that the pair is
    open.
    """
    deadline_ms = d.state.deadline_ms(order)
    if next_ms > deadline_ms:
        return deadline_ms
    launch.next_ms = max(launch.next_ms, next_ms + _step_ms(d, launch, d.state.instant_ms(order) or 0))
    return next_ms


def _step_ms(d: Decision, launch: Launch, instant: int) -> int:
    config, listings, orders = d.state.rules.config, max(1, d.state.launches.attempted), len(launch.order_ids)
    rate = config.exchange.order_rate_per_s
    is_first_window = d.now_ms < instant + WINDOW_MS
    spread_ms = d.state.rate_budget.spread_ms(d.now_ms, rate - (orders - 1)) if is_first_window else 0
    return step_ms(orders, listings, rate, config.launch, spread_ms)
