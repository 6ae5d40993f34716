"""Outcomes: an answer arrived, or a search attempt ended."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from daemon.core.rules.backoff import FIRST_PAGE_MS, FIRST_WAIT_MS
from daemon.core.rules.order_reports import completed, is_news, may_lack_fills, spent_less
from daemon.core.rules.reconciliation import Conclusion, Search, conclude, is_confirmed
from daemon.core.rules.retries import Verdict, judge, unsent
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import BACKOFF_FACT
from daemon.core.values.attempts import Attempt, AttemptState
from daemon.core.values.decimals import plain
from daemon.core.values.events import DAEMON
from daemon.core.values.exchange_replies import (
    UNREACHABLE,
    Advice,
    Answer,
    NotSent,
    OrderReport,
    Placed,
    QueryResult,
    Refused,
    Unclear,
)
from daemon.core.values.orders import Order
from daemon.core.values.states import KEY_FREE, REPORT_EVENTS, WAITING, OrderEvent, State
from daemon.core.values.symbols import SymbolRules, amounts_changed
from daemon.core.verbs import launching
from daemon.core.verbs.dispatch import expire
from daemon.core.verbs.fills import keep_fills
from daemon.core.verbs.operator import halt, withdraw

MAX_ODD_ROWS = 1_000
"""Odd rows that are remembered as reported."""


def answered(
    d: Decision,
    attempt: Attempt,
    answer: Answer,
    *,
    new_rules: SymbolRules | None = None,
    last_price: Decimal | None = None,
) -> Verdict | None:
    """Record the answer to an attempt and what follows.

    Args:
        attempt: the attempt.
        answer: its answer.
        new_rules: the pair's rules, if they were read because of the answer.
        last_price: the pair's last price, if it was queried because of the answer.

    Returns:
        The verdict on a refusal, so that the caller can measure the clock again if that is needed.

    """
    known = d.state.open_attempts.pop(attempt.client_order_id, None)
    if known is None:
        return None
    attempt = known
    d.state.rate_budget.give_back()
    d.changes.attempts[attempt.client_order_id] = _closed(attempt, answer, d.now_ms)
    _note_backoff(d, attempt.client_order_id, answer)
    order = d.state.orders.get(attempt.order_id)
    if order is None or order.state is not State.IN_FLIGHT or order.client_order_id != attempt.client_order_id:
        d.record("order.late_answer", order, answer=type(answer).__name__)
        return None
    launching.note_cap(d, order, answer)
    launching.note_open(d, order, answer)
    match answer:
        case Placed():
            _placed(d, order, attempt, answer)
        case Unclear():
            d.back_off(d.now_ms + (answer.retry_after_ms or 0))
            in_doubt(d, order, answer.why)
        case Refused():
            retry, deadline_ms = d.state.rules.config.retry, d.state.deadline_ms(order)
            verdict = launching.judge_early(d, order, answer) or judge(
                order,
                answer,
                retry,
                d.now_ms,
                new_rules=new_rules,
                pair=d.state.pair_rules(order.symbol),
                last_price=last_price,
                deadline_ms=deadline_ms,
            )
            verdict = launching.one_first(d, order, verdict)
            _refused(d, order, verdict)
            return verdict
        case _:  # not sent
            _refused(d, order, unsent(answer))
    return None


def searched(d: Decision, order_id: str, results: Sequence[QueryResult]) -> None:
    """Record a search attempt for an order and what it concludes.

    Every query is stored as evidence, except those that only repeat what is known.
    """
    d.state.searches.running.discard(order_id)
    order = d.changes.orders[order_id] = d.state.orders[order_id]
    search = d.state.searches.get(order_id, Search(next_ms=d.now_ms))
    was_odd = search.odd
    for result in results:
        d.back_off(result.at_ms + (result.retry_after_ms or 0))
        keep_fills(d, order_id, result.fills)
    conclusion, report, search = conclude(order, search, results, d.now_ms, d.state.rules)
    _report_passed_over(d, order, results)
    is_odd_news = search.odd is not None and search.odd != was_odd
    if is_odd_news:
        d.record("order.contradicted", order, reason=search.odd)
    if report is not None:
        report = completed(order, report)
    is_nothing_new = report is not None and not is_news(order, report)
    for result in results if is_odd_news or not is_nothing_new else ():
        _record_query(d, order, result)
    if report is not None and not is_nothing_new:
        _believe(d, order, report)
    elif conclusion is Conclusion.LOST:
        _lost(d, order, search)
    elif conclusion is Conclusion.MISSING:
        _missing(d, order, search)
    else:
        _nothing_new(d, order, search)
    if order_id in d.state.searches:
        # The contradiction is recorded already; the new search keeps it, so that it is not recorded again.
        d.state.searches.amend(order_id, msgspec.structs.replace(d.state.searches[order_id], odd=search.odd))


def in_doubt(d: Decision, order: Order, why: str, **changes: object) -> None:
    """Begin to search for an order that may or may not exist; ``changes`` are its other new fields."""
    order = d.move(order, OrderEvent.DOUBT, reason=why, doubt_ms=d.now_ms, **changes)
    d.record("order.in_doubt", order, reason=why)


def _note_backoff(d: Decision, client_order_id: str, answer: Answer) -> None:
    """Note from an answer whether the exchange accepts orders at all."""
    backoff = d.state.backoff
    tried = client_order_id == backoff.trying
    if isinstance(answer, NotSent) or (isinstance(answer, Refused) and answer.code == UNREACHABLE):
        backoff.trying = None if tried else backoff.trying  # the exchange was not asked: another may try
        return
    match answer:
        case Refused(advice=Advice.WAIT):
            why = f"HTTP {answer.code}: {answer.message}"
            shut = backoff.shut(
                why, client_order_id, d.now_ms, first_ms=FIRST_WAIT_MS, stated_ms=answer.retry_after_ms or 0
            )
        case Unclear() if answer.turned_away or tried:
            shut = backoff.shut(answer.why, client_order_id, d.now_ms, first_ms=FIRST_PAGE_MS)
        case _:
            if tried:
                d.end_backoff()
            return
    if shut:
        d.changes.facts[BACKOFF_FACT] = backoff.why or ""
        d.record(
            "exchange.turned_away",
            reason=backoff.why,
            next_ms=backoff.next_ms,
            in_a_row=backoff.turned_away,
        )


def _closed(attempt: Attempt, answer: Answer, now_ms: int) -> Attempt:
    """Return the attempt with its answer."""
    replace = msgspec.structs.replace
    match answer:
        case Placed(exchange_order_id, asked, raw):
            return replace(
                attempt,
                state=AttemptState.PLACED,
                answered_ms=now_ms,
                exchange_order_id=exchange_order_id,
                asked=asked,
                answered=raw,
            )
        case Refused():
            return replace(
                attempt,
                state=AttemptState.REFUSED,
                answered_ms=now_ms,
                code=answer.code,
                message=answer.message,
                asked=answer.asked,
                answered=answer.answered,
            )
        case Unclear(why, asked, raw):
            return replace(
                attempt, state=AttemptState.UNKNOWN, answered_ms=now_ms, message=why, asked=asked, answered=raw
            )
        case _:  # not sent
            return replace(attempt, state=AttemptState.NOT_SENT, answered_ms=now_ms, message=answer.why)


def _placed(d: Decision, order: Order, attempt: Attempt, placed: Placed) -> None:
    order = d.move(order, OrderEvent.PLACE, exchange_order_id=placed.exchange_order_id, doubt_ms=None)
    d.free_lock(order, result=_result(order))
    d.record(
        "order.placed",
        order,
        exchange_order_id=placed.exchange_order_id,
        took_ms=d.now_ms - attempt.started_ms,
    )


def _refused(d: Decision, order: Order, verdict: Verdict) -> None:
    d.back_off(verdict.backoff_until_ms)
    if verdict.event is OrderEvent.DEFER:
        _deferred(d, order, verdict)
    else:
        order = d.move(order, verdict.event, reason=verdict.reason)
        d.free_lock(order, error=verdict.reason)
        d.record(f"order.{order.state.value}", order, reason=verdict.reason)
    if verdict.halt:
        halt(d, reason=f"the exchange does not accept our key: {verdict.reason}")


def _deferred(d: Decision, order: Order, verdict: Verdict) -> None:
    rounded = {} if verdict.refitted is None else amounts_changed(order, verdict.refitted)
    repriced = {} if verdict.repriced is None else amounts_changed(order, verdict.repriced)
    order = d.move(
        order,
        OrderEvent.DEFER,
        reason=verdict.reason,
        not_before_ms=verdict.not_before_ms,
        refitted=order.refitted or bool(rounded),
        repriced=order.repriced or bool(repriced),
        market_refused=order.market_refused or verdict.market_refused,
        **repriced,
        **rounded,
    )
    if rounded:
        d.record("order.refitted", order, **rounded)
    d.record(
        "order.deferred",
        order,
        reason=verdict.reason,
        not_before_ms=verdict.not_before_ms,
        price=repriced.get("price"),
        quantity=repriced.get("quantity"),
    )
    if d.now_ms > d.state.deadline_ms(order):
        expire(d, order)
    else:
        d.enqueue(order)


def _nothing_new(d: Decision, order: Order, search: Search) -> None:
    """Search again later, unless the order has ended and was confirmed often enough since."""
    if order.order_id not in d.state.searches:
        return
    if not is_confirmed(order, search):
        d.state.searches.schedule(order, search)
        return
    seen_ms = order.seen_ms if search.misses else d.now_ms
    if order.executed_sum is not None:
        order = d.change(order, seen_ms=seen_ms, finished_ms=d.now_ms)
        if order.ended_empty and order.key_bound:
            order = d.change(order, key_bound=False)
            d.record("order.key_freed", order, key=order.key)
        return
    reason = (
        f"the exchange shows no sum for the {plain(order.executed_quantity)} that were filled; the price is unknown"
    )
    order = d.change(order, seen_ms=seen_ms, finished_ms=d.now_ms, reason=reason)
    d.record("order.price_unknown", order, reason=reason)


def _believe(d: Decision, order: Order, report: OrderReport) -> None:
    """Believe what the exchange shows over what was concluded before.

    An order that was believed not placed may have a successor: the same signal came again and became a new order. If
    the successor is not sent yet, it is withdrawn, because it would be the second order.
    """
    was, ended_empty = order.state, order.ended_empty
    successor = None if order.key_bound else d.state.orders.by_key(order.key)
    if successor is not None and successor.state in WAITING:
        successor = withdraw(d, successor, reason=f"{order.order_id} was placed after all", actor=DAEMON)
    if successor is not None and successor.state is State.WITHDRAWN:
        del d.changes.orders[order.order_id]  # written after the successor, which must let the key go first
        successor = None
    order = d.move(
        order,
        REPORT_EVENTS[report.state],
        reason=spent_less(order, report),
        exchange_order_id=report.exchange_order_id,
        executed_quantity=report.executed_quantity,
        executed_quote=report.executed_quote,
        seen_ms=d.now_ms,
        key_bound=successor is None,
        finished_ms=None,
        client_order_id=_name(order, report),
    )
    if may_lack_fills(order, report):
        order = d.change(order, finished_ms=None)  # reported as filled, and queried again
    d.free_lock(order, result=_result(order))
    instant_ms = d.state.instant_ms(order)
    d.record(
        "order.seen_late" if was in KEY_FREE or ended_empty else "order.seen",
        order,
        exchange_order_id=report.exchange_order_id,
        executed_quantity=order.executed_quantity,
        executed_quote=order.executed_sum,
        was=was,
        side=order.side,
        after_ms=d.now_ms - (order.accepted_ms if instant_ms is None else instant_ms),
        quote_asset=d.state.quote_asset(order.symbol),
    )


def _name(order: Order, report: OrderReport) -> str | None:
    """Return the client order id under which an order was found: after a restore it may be a later attempt's."""
    name = report.client_order_id or ""
    is_ours = name.startswith(f"{order.order_id}-") and name.rpartition("-")[2].isdecimal()
    return name if is_ours else order.client_order_id


def _lost(d: Decision, order: Order, search: Search) -> None:
    reason = (
        f"{_not_found(order, search, d.now_ms)}; compare with the exchange's own order list for every client order id "
        f"that begins with {order.order_id}-, whatever its number, then run sniperd resolve {order.order_id}"
    )
    order = d.move(order, OrderEvent.LOSE, reason=reason)
    d.record("order.lost", order, reason=reason)


def _missing(d: Decision, order: Order, search: Search) -> None:
    """Put in doubt an order that the exchange accepted and has never shown."""
    reason = f"the exchange accepted it as {order.exchange_order_id} and has never shown it: "
    in_doubt(d, order, reason + _not_found(order, search, d.now_ms))


def _not_found(order: Order, search: Search, now_ms: int) -> str:
    searched_s = 0 if order.sent_ms is None else (now_ms - order.sent_ms) // 1_000
    return f"not found in {search.complete} complete searches, {searched_s} s after it was sent"


def _report_passed_over(d: Decision, order: Order, results: Sequence[QueryResult]) -> None:
    """Report each row of another order that could not be read, once."""
    for result in results:
        for row in sorted(set(result.passed_over) - d.state.searches.odd_rows):
            if len(d.state.searches.odd_rows) >= MAX_ODD_ROWS:
                d.state.searches.odd_rows.clear()
            d.state.searches.odd_rows.add(row)
            d.record("exchange.odd_row", witness=result.source, symbol=order.symbol, row=row)


def _record_query(d: Decision, order: Order, result: QueryResult) -> None:
    d.record(
        "order.looked",
        order,
        at_ms=result.at_ms,
        witness=result.source,
        asked=result.asked,
        answered=result.answered,
        failed=result.failed,
        found=result.report is not None,
    )


def _result(order: Order) -> str:
    """Return what a lock's row shows of its order, as JSON."""
    return msgspec.json.encode(
        {"orderId": order.exchange_order_id, "clientOrderId": order.client_order_id, "state": order.state}
    ).decode()
