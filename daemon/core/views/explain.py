"""What happens to an order next, when, what follows that, and what the operator can do: the head of ``explain``."""

from collections.abc import Sequence

import msgspec

from daemon.core.rules.fills import is_complete
from daemon.core.rules.reconciliation import grace_over_ms
from daemon.core.state.trading_state import TradingState
from daemon.core.values.fills import Fill
from daemon.core.values.instants import instant_text
from daemon.core.values.orders import Order
from daemon.core.values.states import MEANINGS, State


class Outlook(msgspec.Struct, frozen=True, rename="camel"):
    """What comes next. ``at_ms`` is the instant by our clock, where one is known."""

    what: str
    at_ms: int | None = None


def outlook(state: TradingState, order: Order, now_ms: int, *, ahead: int | None = None) -> Outlook:
    """Return what happens next. ``ahead`` is how many orders go before it, if they were counted."""
    if order.finished_ms is not None:
        return Outlook(MEANINGS[order.state].over.replace("ID", order.order_id))
    if order.state is State.QUEUED:
        return _queued(state, order, now_ms, ahead)
    if order.state is State.ARMED:
        return Outlook(MEANINGS[order.state].ahead, order.sent_ms)
    if order.state is State.IN_DOUBT and now_ms >= grace_over_ms(order, state.rules):
        return Outlook("it is searched for at every source; misses count now", _next_search_ms(state, order))
    return Outlook(MEANINGS[order.state].ahead.replace("ID", order.order_id), _next_search_ms(state, order))


def afterwards(state: TradingState, order: Order, now_ms: int) -> Outlook | None:
    """Return what follows if what comes next changes nothing; ``None`` if that is the same again."""
    if order.state is State.QUEUED and state.gate.halted is None:
        return Outlook("it expires, unless it has been sent", state.deadline_ms(order))
    if order.state is not State.IN_DOUBT:
        return None
    grace_over = grace_over_ms(order, state.rules)
    if now_ms < grace_over:
        return Outlook("misses begin to count", grace_over)
    search = state.searches.get(order.order_id)
    left = state.rules.config.reconcile.negatives - (0 if search is None else search.misses)
    return Outlook(f"it is marked lost after {left} more complete searches without a result")


def advice(state: TradingState, order: Order, *, has_events: bool = True) -> str | None:
    """Return what the operator can do about an order, with the command; or why its history is gone."""
    if order.state is State.QUEUED and state.gate.halted is not None:
        return "`sniperd resume --reason …` lets orders go again"
    if order.finished_ms is not None and not has_events:
        return "its events and attempts are past their retention and were removed; a backup from before has them"
    if order.finished_ms is not None and order.state is not State.DEAD_LETTER:
        return None
    return MEANINGS[order.state].advice.replace("ID", order.order_id) or None


def fills_missing(order: Order, fills: Sequence[Fill], *, is_over: bool) -> str | None:
    """Say why the known fills are not all that was executed; ``None`` if they are. ``is_over``: no more are read."""
    if is_complete(order.executed_quantity, (fill.quantity for fill in fills)):
        return None
    if is_over:
        return "the exchange does not show all of them; the rest, and its fees, stay unknown"
    return "not all known yet" if fills else "not known yet"


def _queued(state: TradingState, order: Order, now_ms: int, ahead: int | None) -> Outlook:
    if state.gate.halted is not None:
        return Outlook(f"it waits for `sniperd resume` ({state.gate.halted}), or expires", state.deadline_ms(order))
    why = state.gate.why_no_turn(state.exchange_time.exchange_ms(now_ms))
    if why is not None:
        return Outlook(f"it waits: {why}")
    if order.order_id not in state.queue:
        return Outlook(f"it waits for its time{_why_not_earlier(state, order)}", state.start_ms(order))
    holder = state.locks.blocker(order.resource)
    if holder is not None and holder.order_id != order.order_id and not order.skip_lock:
        return Outlook(f"it waits for {order.resource}, held by {holder.order_id or holder.owner_id}")
    before = "" if ahead is None else f", {ahead} before it"
    return Outlook(f"it waits for its turn{before}, within the exchange's rate", max(now_ms, order.not_before_ms))


def _why_not_earlier(state: TradingState, order: Order) -> str:
    """Say that an order keeps its own instant, if its pair opens before that."""
    listing = state.listings.known.get(order.symbol)
    if listing is None or listing.seen_ms is None or listing.opens_ms is None or order.execute_at_ms is None:
        return ""
    if not listing.seen_ms < listing.opens_ms < order.execute_at_ms:
        return ""
    chosen = "the operator chose it" if order.instant_is_manual else "its signal asked for it"
    return f", although its pair opens earlier, at {instant_text(listing.opens_ms)}: {chosen}"


def _next_search_ms(state: TradingState, order: Order) -> int | None:
    search = state.searches.get(order.order_id)
    return None if search is None else search.next_ms
