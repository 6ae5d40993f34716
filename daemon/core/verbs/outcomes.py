"""Outcomes: an answer arrived, or a search attempt."""

from collections.abc import Sequence
from typing import Any

import msgspec

from daemon.core.rules.backoff import FIRST_PAGE_MS, FIRST_WAIT_MS
from daemon.core.rules.order_reports import completed, is_news, may_lack_fills, spent_less
from daemon.core.rules.reconciliation import Conclusion, Search, conclude, is_confirmed
from daemon.core.rules.retries import Verdict, judge, unsent
from daemon.core.state.decision import Decision
from daemon.core.state.trading_state import BACKOFF_FACT, TradingState
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
from daemon.core.values.states import KEY_FREE, SIGHTINGS, WAITING, OrderEvent, State
from daemon.core.values.symbols import SymbolRules
from daemon.core.verbs.dispatch import expire
from daemon.core.verbs.operator import halt, withdraw

MAX_ODD_ROWS = 1_000
"""Odd rows that are remembered as reported."""


def answered(
    ledger: TradingState,
    step: Decision,
    attempt: Attempt,
    answer: Answer,
    now_ms: int,
    *,
    new_rules: SymbolRules | None = None,
) -> Verdict | None:
    """Record the answer to an attempt and what follows from it; ``new_rules`` were read because of the answer.

    Returns:
        What was decided about a refusal, so that the caller can measure the clock again if that is called for.

    """
    known = ledger.flying.pop(attempt.client_order_id, None)
    if known is None:
        return None
    attempt = known
    ledger.capacity.give_back()
    step.attempts[attempt.client_order_id] = _closed(attempt, answer, now_ms)
    _note_backoff(ledger, step, attempt.client_order_id, answer, now_ms)
    order = ledger.orders.get(attempt.order_id)
    if order is None or order.state is not State.IN_FLIGHT or order.client_order_id != attempt.client_order_id:
        ledger.tell(step, "order.late_answer", now_ms, order, answer=type(answer).__name__)
        return None
    match answer:
        case Placed():
            _placed(ledger, step, order, attempt, answer, now_ms)
        case Unclear():
            ledger.back_off(step, now_ms + (answer.retry_after_ms or 0), now_ms)
            in_doubt(ledger, step, order, answer.why, now_ms)
        case Refused():
            verdict = judge(order, answer, ledger.rules.config.retry, now_ms, new_rules)
            _refused(ledger, step, order, verdict, now_ms)
            return verdict
        case _:  # not sent
            _refused(ledger, step, order, unsent(answer), now_ms)
    return None


def searched(ledger: TradingState, step: Decision, order_id: str, results: Sequence[QueryResult], now_ms: int) -> None:
    """Record a search attempt for an order and what it concludes.

    Every look is kept as evidence but those that show once more what is known.
    """
    ledger.searching.discard(order_id)
    order = step.orders[order_id] = ledger.orders[order_id]
    search = ledger.searches.get(order_id, Search(next_ms=now_ms))
    was_odd = search.odd
    for result in results:
        ledger.back_off(step, result.at_ms + (result.retry_after_ms or 0), now_ms)
    conclusion, report, search = conclude(order, search, results, now_ms, ledger.rules)
    _report_passed_over(ledger, step, order, results, now_ms)
    is_odd_news = search.odd is not None and search.odd != was_odd
    if is_odd_news:
        ledger.tell(step, "order.contradicted", now_ms, order, reason=search.odd)
    if report is not None:
        report = completed(order, report)
    is_nothing_new = report is not None and not is_news(order, report)
    for result in results if is_odd_news or not is_nothing_new else ():
        _record_query(ledger, step, order, result)
    if report is not None and not is_nothing_new:
        _believe(ledger, step, order, report, now_ms)
    elif conclusion is Conclusion.LOST:
        _lost(ledger, step, order, search, now_ms)
    elif conclusion is Conclusion.MISSING:
        _missing(ledger, step, order, search, now_ms)
    else:
        _nothing_new(ledger, step, order, search, now_ms)
    if order_id in ledger.searches:
        # What is odd was reported, though the search begins anew because the order changed.
        ledger.searches[order_id] = msgspec.structs.replace(ledger.searches[order_id], odd=search.odd)


def in_doubt(ledger: TradingState, step: Decision, order: Order, why: str, now_ms: int, **changes: object) -> None:
    """Begin to look for an order that may or may not exist, with what else changes about it."""
    order = ledger.move(step, order, OrderEvent.DOUBT, now_ms, reason=why, doubt_ms=now_ms, **changes)
    ledger.tell(step, "order.in_doubt", now_ms, order, reason=why)


def _note_backoff(ledger: TradingState, step: Decision, client_order_id: str, answer: Answer, now_ms: int) -> None:
    """Take from an answer whether the exchange takes orders at all."""
    backoff = ledger.backoff
    tried = client_order_id == backoff.trying
    if isinstance(answer, NotSent) or (isinstance(answer, Refused) and answer.code == UNREACHABLE):
        backoff.trying = None if tried else backoff.trying  # the exchange was not asked: another may try
        return
    match answer:
        case Refused(advice=Advice.WAIT):
            why = f"HTTP {answer.code}: {answer.message}"
            shut = backoff.shut(
                why, client_order_id, now_ms, first_ms=FIRST_WAIT_MS, stated_ms=answer.retry_after_ms or 0
            )
        case Unclear() if answer.turned_away or tried:
            shut = backoff.shut(answer.why, client_order_id, now_ms, first_ms=FIRST_PAGE_MS)
        case _:
            if tried:
                ledger.end_backoff(step, now_ms)
            return
    if shut:
        step.facts[BACKOFF_FACT] = backoff.why or ""
        ledger.tell(
            step,
            "exchange.turned_away",
            now_ms,
            None,
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


def _placed(ledger: TradingState, step: Decision, order: Order, attempt: Attempt, placed: Placed, now_ms: int) -> None:
    order = ledger.move(
        step, order, OrderEvent.PLACE, now_ms, exchange_order_id=placed.exchange_order_id, doubt_ms=None
    )
    ledger.free(step, order, now_ms, result=_result(order))
    ledger.tell(
        step,
        "order.placed",
        now_ms,
        order,
        exchange_order_id=placed.exchange_order_id,
        took_ms=now_ms - attempt.started_ms,
    )


def _refused(ledger: TradingState, step: Decision, order: Order, verdict: Verdict, now_ms: int) -> None:
    ledger.back_off(step, verdict.backoff_until_ms, now_ms)
    if verdict.happening is OrderEvent.DEFER:
        _deferred(ledger, step, order, verdict, now_ms)
    else:
        order = ledger.move(step, order, verdict.happening, now_ms, reason=verdict.reason)
        ledger.free(step, order, now_ms, error=verdict.reason)
        ledger.tell(step, f"order.{order.state.value}", now_ms, order, reason=verdict.reason)
    if verdict.halt:
        halt(ledger, step, reason=f"the exchange does not accept our key: {verdict.reason}", now_ms=now_ms)


def _deferred(ledger: TradingState, step: Decision, order: Order, verdict: Verdict, now_ms: int) -> None:
    repriced = {} if verdict.price is None else {"price": verdict.price, "repriced": True}
    rounded = {} if verdict.refitted is None else _rounded(order, verdict.refitted)
    order = ledger.move(
        step,
        order,
        OrderEvent.DEFER,
        now_ms,
        reason=verdict.reason,
        not_before_ms=verdict.not_before_ms,
        refitted=order.refitted or bool(rounded),
        **repriced,
        **rounded,
    )
    if rounded:
        ledger.tell(step, "order.refitted", now_ms, order, **rounded)
    ledger.tell(
        step,
        "order.deferred",
        now_ms,
        order,
        reason=verdict.reason,
        not_before_ms=verdict.not_before_ms,
        price=verdict.price,
    )
    if now_ms > order.deadline_ms:
        expire(ledger, step, order, now_ms)
    else:
        ledger.enqueue(order, now_ms)


def _rounded(order: Order, refitted: Order) -> dict[str, Any]:
    """Return what changes about an order that is rounded once more, with the amounts that the signal had."""
    changes: dict[str, Any] = {}
    for name in ("quantity", "quote_quantity", "price"):
        before, after = getattr(order, name), getattr(refitted, name)
        if before != after:
            changes |= {name: after, f"asked_{name}": order.asked.get(name, before)}
    return changes


def _nothing_new(ledger: TradingState, step: Decision, order: Order, search: Search, now_ms: int) -> None:
    """Look again later, unless the order has ended and was looked at often enough since."""
    if order.order_id not in ledger.searches:
        return
    if not is_confirmed(order, search):
        ledger.schedule_search(order, search)
        return
    seen_ms = order.seen_ms if search.misses else now_ms
    if order.executed_sum is not None:
        order = ledger.change(step, order, now_ms, seen_ms=seen_ms, finished_ms=now_ms)
        if order.ended_empty and order.key_bound:
            order = ledger.change(step, order, now_ms, key_bound=False)
            ledger.tell(step, "order.key_freed", now_ms, order, key=order.key)
        return
    reason = (
        f"the exchange shows no sum for the {plain(order.executed_quantity)} that were filled; the price is unknown"
    )
    order = ledger.change(step, order, now_ms, seen_ms=seen_ms, finished_ms=now_ms, reason=reason)
    ledger.tell(step, "order.price_unknown", now_ms, order, reason=reason)


def _believe(ledger: TradingState, step: Decision, order: Order, report: OrderReport, now_ms: int) -> None:
    """Take over what the exchange shows, whatever was concluded before.

    An order that was believed not placed may have an heir: the same signal came again and became a new order. As long
    as that one is not sent it is withdrawn, because it would be the second.
    """
    was, ended_empty = order.state, order.ended_empty
    heir = None if order.key_bound else ledger.keys.order_of(order.key)
    if heir is not None and heir.state in WAITING:
        withdraw(ledger, step, heir, reason=f"{order.order_id} was placed after all", actor=DAEMON, now_ms=now_ms)
        del step.orders[order.order_id]  # to be written behind the heir, which must let the key go first
        heir = None
    order = ledger.move(
        step,
        order,
        SIGHTINGS[report.state],
        now_ms,
        reason=spent_less(order, report),
        exchange_order_id=report.exchange_order_id,
        executed_quantity=report.executed_quantity,
        executed_quote=report.executed_quote,
        seen_ms=now_ms,
        key_bound=heir is None,
        finished_ms=None,
        client_order_id=_name(order, report),
    )
    if may_lack_fills(order, report):
        order = ledger.change(step, order, now_ms, finished_ms=None)  # told as filled, and looked at again
    ledger.free(step, order, now_ms, result=_result(order))
    ledger.tell(
        step,
        "order.seen_late" if was in KEY_FREE or ended_empty else "order.seen",
        now_ms,
        order,
        exchange_order_id=report.exchange_order_id,
        executed_quantity=order.executed_quantity,
        executed_quote=order.executed_sum,
        was=was,
    )


def _name(order: Order, report: OrderReport) -> str | None:
    """Return the client order id under which an order was found: a restored one may be a later attempt's."""
    name = report.client_order_id or ""
    is_ours = name.startswith(f"{order.order_id}-") and name.rpartition("-")[2].isdecimal()
    return name if is_ours else order.client_order_id


def _lost(ledger: TradingState, step: Decision, order: Order, search: Search, now_ms: int) -> None:
    reason = (
        f"{_not_found(order, search, now_ms)}; compare with the exchange's own order list for every client order id "
        f"that begins with {order.order_id}-, whatever its number, then rule: sniperd resolve {order.order_id}"
    )
    order = ledger.move(step, order, OrderEvent.LOSE, now_ms, reason=reason)
    ledger.tell(step, "order.lost", now_ms, order, reason=reason)


def _missing(ledger: TradingState, step: Decision, order: Order, search: Search, now_ms: int) -> None:
    """Doubt an order that the exchange said it took and never showed."""
    reason = f"the exchange took it as {order.exchange_order_id} and has never shown it: "
    in_doubt(ledger, step, order, reason + _not_found(order, search, now_ms), now_ms)


def _not_found(order: Order, search: Search, now_ms: int) -> str:
    looked_s = 0 if order.sent_ms is None else (now_ms - order.sent_ms) // 1_000
    return f"not found in {search.complete} complete searches, {looked_s} s after it was sent"


def _report_passed_over(
    ledger: TradingState, step: Decision, order: Order, results: Sequence[QueryResult], now_ms: int
) -> None:
    """Report each row of another order that could not be read, once."""
    for result in results:
        for row in sorted(set(result.passed_over) - ledger.odd_rows):
            if len(ledger.odd_rows) >= MAX_ODD_ROWS:
                ledger.odd_rows.clear()
            ledger.odd_rows.add(row)
            ledger.tell(step, "exchange.odd_row", now_ms, None, witness=result.source, symbol=order.symbol, row=row)


def _record_query(ledger: TradingState, step: Decision, order: Order, result: QueryResult) -> None:
    ledger.tell(
        step,
        "order.looked",
        result.at_ms,
        order,
        witness=result.source,
        asked=result.asked,
        answered=result.answered,
        failed=result.failed,
        found=result.report is not None,
    )


def _result(order: Order) -> str:
    """Write what a lock's row shows of its order, as JSON."""
    return msgspec.json.encode(
        {"orderId": order.exchange_order_id, "clientOrderId": order.client_order_id, "state": order.state}
    ).decode()
