"""What follows a refusal: another attempt, or the end.

This is for refusals only. After an unknown outcome there is no next attempt, so there is no rule for one. Refusals
around the open of a pair have a rule of their own (:mod:`daemon.core.rules.launch_window`).
"""

from decimal import Decimal

import msgspec

from daemon.config.trading_tables import RetryTable
from daemon.core.rules.capping import may_cap
from daemon.core.rules.repricing import at_limit, limit_of
from daemon.core.values.exchange_replies import Advice, NotSent, Refused
from daemon.core.values.ids import MAX_ATTEMPTS
from daemon.core.values.orders import Order
from daemon.core.values.states import OrderEvent
from daemon.core.values.symbols import SymbolRules, refit


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of the order."""

    event: OrderEvent
    reason: str
    not_before_ms: int = 0
    refitted: Order | None = None  # the order rounded to the pair's new rules, for the next attempt
    repriced: Order | None = None  # the order at the worst price that the exchange accepts, for the next attempt
    market_refused: bool = False  # the next attempt goes at the order's cap
    halt: bool = False  # trading stops until the operator resumes it
    resync: bool = False  # the exchange's clock is measured before the next attempt
    backoff_until_ms: int = 0  # no request at all before then


_FINAL = {
    Advice.STOP: OrderEvent.REFUSE,
    Advice.CHECK_FUNDS: OrderEvent.REFUSE,
    Advice.ALERT: OrderEvent.REFUSE,
    Advice.DEAD_LETTER: OrderEvent.SET_ASIDE,
    Advice.HALT: OrderEvent.SET_ASIDE,
}


def may_refit(order: Order, refused: Refused) -> bool:
    """Whether an order may be sent once more because its pair's rules may have changed."""
    return refused.doubts_rules and refused.advice in _FINAL and not order.refitted


def needs_last_price(order: Order, refused: Refused) -> bool:
    """Whether the price at which an order may be sent once more follows from the last price."""
    return refused.advice is Advice.REPRICE and refused.price_cap is None and not order.repriced


def judge(
    order: Order,
    refused: Refused,
    policy: RetryTable,
    now_ms: int,
    *,
    new_rules: SymbolRules | None = None,
    pair: SymbolRules | None = None,
    last_price: Decimal | None = None,
    deadline_ms: int | None = None,
) -> Verdict:
    """Decide what becomes of an order whose attempt was refused.

    Args:
        order: the order.
        refused: the answer.
        policy: how attempts are repeated.
        now_ms: the time.
        new_rules: the pair's rules, where they were read after the answer.
        pair: the pair's rules as they are known.
        last_price: the pair's last price, where it was queried after the answer.
        deadline_ms: the order's deadline by our clock; by default its own, which is by our clock if it has no instant.

    """
    deadline_ms = order.deadline_ms if deadline_ms is None else deadline_ms
    reason = why_refused(refused)
    if has_attempt_left(order, policy) and now_ms <= deadline_ms:
        once_more = _once_more(order, refused, reason, now_ms, new_rules)
        if once_more is not None:
            return once_more
    if refused.advice in _FINAL:
        return Verdict(event=_FINAL[refused.advice], reason=reason, halt=refused.advice is Advice.HALT)
    wait_ms = max(refused.retry_after_ms or 0, delay_ms(order.attempts, policy))
    verdict = Verdict(
        event=OrderEvent.DEFER,
        reason=reason,
        not_before_ms=now_ms + wait_ms,
        resync=refused.advice is Advice.RESYNC,
        backoff_until_ms=now_ms + wait_ms if refused.advice is Advice.WAIT else 0,
    )
    if not has_attempt_left(order, policy):
        return msgspec.structs.replace(
            verdict, event=OrderEvent.SET_ASIDE, reason=f"{reason}; {order.attempts} attempts made"
        )
    if refused.advice is Advice.REPRICE:
        limit = None if order.repriced else limit_of(order, refused, pair, last_price)
        return _reprice(reason, None if limit is None else at_limit(order, limit, pair, now_ms), now_ms)
    if verdict.not_before_ms > deadline_ms:
        return msgspec.structs.replace(
            verdict, event=OrderEvent.REFUSE, reason=f"{reason}; the next attempt would come after the deadline"
        )
    return verdict


def unsent(not_sent: NotSent) -> Verdict:
    """Decide what becomes of an order whose request was not sent: it waits again, or expires."""
    return Verdict(event=OrderEvent.DEFER, reason=not_sent.why)


def delay_ms(attempts: int, policy: RetryTable) -> int:
    """Return the wait after the n-th refused attempt: growing, bounded."""
    exponent = min(attempts - 1, 60)  # beyond that every factor above 1 has reached the bound
    return int(min(policy.longest_ms, policy.first_ms * policy.factor**exponent))


def why_refused(refused: Refused) -> str:
    """Return the exchange's words, as the reason of what follows."""
    return f"refused ({refused.code}): {refused.message}"


def has_attempt_left(order: Order, policy: RetryTable) -> bool:
    """Whether an order may be attempted once more."""
    return order.attempts < min(policy.attempts, MAX_ATTEMPTS)


def _once_more(
    order: Order, refused: Refused, reason: str, now_ms: int, new_rules: SymbolRules | None
) -> Verdict | None:
    """Let an order go once more that new rules, or its cap, can help."""
    if refused.no_market and may_cap(order) and not order.market_refused:
        reason += "; once more as a limit order at its cap"
        return Verdict(event=OrderEvent.DEFER, reason=reason, not_before_ms=now_ms, market_refused=True)
    refitted = refit(order, new_rules, now_ms) if new_rules is not None and may_refit(order, refused) else None
    if refitted is None:
        return None
    reason += "; once more, rounded to the pair's new rules"
    return Verdict(event=OrderEvent.DEFER, reason=reason, not_before_ms=now_ms, refitted=refitted)


def _reprice(reason: str, repriced: Order | None, now_ms: int) -> Verdict:
    if repriced is None:
        return Verdict(event=OrderEvent.REFUSE, reason=reason)
    reason += "; once more at the cap"
    return Verdict(event=OrderEvent.DEFER, reason=reason, not_before_ms=now_ms, repriced=repriced)
