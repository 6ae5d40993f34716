"""Reconciliation rules: when to search for an order, at which sources, and what the results conclude.

Two kinds of order are searched for. One *in doubt* may or may not exist; one *placed* exists and is followed to its
end. Attempts come at growing intervals, so that a fresh question is answered soon and an old one costs little.

Absence is never proved. MEXC checks a request's timestamp at its gateway, documents no check before the matching
engine, and its reads lag its writes (observed: a fresh order answers ``-2013`` "quite often"). So "not found" is worth
something only after ``recvWindow`` and a grace, from *all* sources, several times in a row; and even then the order
is only called lost, which frees nothing. One order report at any time wins.

A cancelled order is queried again after its end, because a fill may be reported after the cancel. So is an order that
is shown filled with less than was asked: only when that view repeats itself is the order taken to have ended so. A
placed order that no complete search has ever found is a doubt like any other. A fill whose sum is missing is queried
again until the sum is known: the order's own view may show 0 where its fills have the sum.

An order that the operator resolved as not placed is searched for a few times more, because the operator may have
looked too early.
"""

from collections.abc import Sequence
from enum import Enum, auto

import msgspec

from daemon.core.rules.order_reports import (
    combined,
    exceeds,
    falls_short,
    lacks_sum,
    may_lack_fills,
    not_ended,
    settled,
    with_known_fills,
)
from daemon.core.rules.trading_rules import Rules
from daemon.core.values.decimals import ZERO, plain
from daemon.core.values.exchange_replies import OrderReport, QueryResult, Source
from daemon.core.values.orders import Order
from daemon.core.values.states import MEANINGS, OUTCOME_UNKNOWN, SearchPolicy, State

CONFIRM_MS = (2_000, 10_000)
"""When a cancelled order is queried again, after it was seen cancelled."""

RULED_MS = (2_000, 10_000, 60_000)
"""When to search for an order that the operator resolved as not placed: after that, and after each miss."""

SUM_ATTEMPTS = 12
"""Attempts that ask for the sum of a fill, at growing intervals: some minutes with the defaults. Then it is unknown."""


class Conclusion(Enum):
    """What a search attempt says."""

    SEEN = auto()  # one order report wins
    NOTHING = auto()  # no evidence yet
    MISSED = auto()  # a miss that counts
    MISSING = auto()  # enough complete searches in a row have never found an order that was placed
    LOST = auto()  # enough complete searches in a row did not find an order in doubt


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of the search for one order, since the order last changed."""

    next_ms: int
    attempts: int = 0
    seen: int = 0  # attempts that found it
    misses: int = 0  # misses in a row that count
    complete: int = 0  # of those, complete ones: every source was queried, after the grace
    short: int = 0  # attempts that showed an end which contradicts what was executed
    odd: str | None = None  # what contradicted what was sent or known, or could not be read


def begin(order: Order, now_ms: int, rules: Rules) -> Search:
    """Return the first search for an order, or a new one because the order changed."""
    table = rules.config.reconcile
    match MEANINGS[order.state].search:
        case SearchPolicy.LOST:
            delay_ms = table.lost_every_ms
        case SearchPolicy.CANCELED:
            delay_ms = CONFIRM_MS[0]
        case SearchPolicy.SUM:
            delay_ms = table.first_ms if order.executed_sum is None else CONFIRM_MS[0]
        case SearchPolicy.RULED_OUT:
            delay_ms = RULED_MS[0]
        case _:
            delay_ms = 0
    return Search(next_ms=now_ms + delay_ms)


def everywhere(order: Order) -> tuple[Source, ...]:
    """Return all sources that can show an order; a query by the exchange's id needs that id."""
    return tuple(each for each in Source if each is not Source.ORDER_ID or order.exchange_order_id is not None)


def sources(order: Order, search: Search, now_ms: int, rules: Rules) -> tuple[Source, ...]:
    """Return the sources to query: the order itself, or all of them if a miss would count or has just happened."""
    counts = search.misses > 0
    if order.state in OUTCOME_UNKNOWN:
        counts = not rules.shows_ended or now_ms >= grace_over_ms(order, rules)
    is_ruled_out = MEANINGS[order.state].search is SearchPolicy.RULED_OUT
    return everywhere(order) if counts or is_ruled_out else everywhere(order)[:1]


def further_source(order: Order, search: Search, results: Sequence[QueryResult]) -> Source | None:
    """Return the source that has what a search attempt lacks: fills have what the order's own view does not show.

    The last attempt before an order is taken to be cancelled with nothing executed queries its fills as well: after
    that its key is free, and the order's own view may lag.
    """
    report = combined(results)
    if report is None or any(result.source is Source.MY_TRADES for result in results):
        return None
    is_known = order.executed_quantity == report.executed_quantity and order.executed_sum is not None
    lacks = falls_short(order, report) or may_lack_fills(order, report) or (lacks_sum(report) and not is_known)
    return Source.MY_TRADES if lacks or _is_last_of_empty(order, search, report) else None


def conclude(
    order: Order, search: Search, results: Sequence[QueryResult], now_ms: int, rules: Rules
) -> tuple[Conclusion, OrderReport | None, Search]:
    """Conclude from one search attempt at the sources that :func:`sources` and :func:`further_source` returned."""
    replace = msgspec.structs.replace
    shown = combined(results)
    after = replace(search, attempts=search.attempts + 1, odd=_odd(order, search, shown, results))
    conclusion, report = Conclusion.NOTHING, None
    if shown is not None:
        conclusion, report = Conclusion.SEEN, settled(order, shown)
        after = replace(
            after, seen=search.seen + (not _fills_unread(order, search, shown, results)), misses=0, complete=0
        )
        if falls_short(order, report):
            after = replace(after, short=search.short + 1)
            is_final = after.short > len(CONFIRM_MS)
            report = settled(order, with_known_fills(order, report)) if is_final else not_ended(report)
    elif _counts(order, results, now_ms, rules):
        is_complete = _is_complete(order, results, now_ms, rules)
        after = replace(after, misses=search.misses + 1, complete=search.complete + is_complete)
        conclusion = _missed(order, after, rules)
    return conclusion, report, replace(after, next_ms=now_ms + _delay_ms(order, after, now_ms, rules))


def _is_last_of_empty(order: Order, search: Search, shown: OrderReport) -> bool:
    """Whether an attempt is the last before an order is taken to be cancelled with nothing executed."""
    ends_empty = order.state is State.CANCELED and not shown.executed_quantity
    return ends_empty and search.seen + 1 >= len(CONFIRM_MS)


def _fills_unread(order: Order, search: Search, shown: OrderReport, results: Sequence[QueryResult]) -> bool:
    """Whether an attempt does not count as the last of an order that ended empty, because its fills could not be read.

    Bounded: a key that may not read fills must not keep an order unfinished for ever.
    """
    failed = any(result.failed and result.source is Source.MY_TRADES for result in results)
    return failed and search.attempts < SUM_ATTEMPTS and _is_last_of_empty(order, search, shown)


def _missed(order: Order, search: Search, rules: Rules) -> Conclusion:
    """Conclude from how often an order was not found."""
    if search.complete < rules.config.reconcile.negatives:
        return Conclusion.MISSED
    if MEANINGS[order.state].search is SearchPolicy.DOUBT:
        return Conclusion.LOST
    return Conclusion.MISSING if order.state is State.OPEN and order.seen_ms is None else Conclusion.MISSED


def _odd(order: Order, search: Search, shown: OrderReport | None, results: Sequence[QueryResult]) -> str | None:
    """Return what is contradictory about an attempt. It stays until a report shows the order without contradiction."""
    for result in results:
        if result.odd is not None:
            return f"{result.source.value}: {result.odd}"
    if shown is None:
        return search.odd
    if exceeds(order, shown):
        return f"shown with {plain(shown.executed_quantity)} executed, {plain(order.quantity or ZERO)} were asked"
    if falls_short(order, shown):
        executed = f"shown as {shown.state.value} with {plain(shown.executed_quantity)} executed"
        if shown.state is State.FILLED:
            return executed if order.quantity is None else f"{executed}, {plain(order.quantity)} were asked"
        return f"{executed}, {plain(order.executed_quantity)} were shown before"
    return None


def is_confirmed(order: Order, search: Search) -> bool:
    """Whether an order that has ended need not be queried again.

    It was seen often enough after its end. One whose sum is missing was asked for it often enough. One
    that the operator resolved as not placed was missed often enough.
    """
    policy = MEANINGS[order.state].search
    if policy is SearchPolicy.RULED_OUT:
        return search.misses >= len(RULED_MS)
    if policy not in {SearchPolicy.CANCELED, SearchPolicy.SUM}:
        return False
    if order.executed_sum is None:
        return max(search.seen, search.misses) >= SUM_ATTEMPTS
    return search.seen >= len(CONFIRM_MS)


def grace_over_ms(order: Order, rules: Rules) -> int:
    """Return from when on misses count for an order in doubt (Unix ms): once its request cannot be admitted any more.

    The instant at which an order was sent is of the clock of the member that sent it. Where another member owns the
    account since, the request cannot be admitted after the end of the former owner's lease, whatever that clock showed.
    """
    admitted_until_ms = (order.sent_ms or order.accepted_ms) + rules.config.exchange.recv_window_ms
    return max(admitted_until_ms, rules.former_until_ms) + rules.grace_ms


def _counts(order: Order, results: Sequence[QueryResult], now_ms: int, rules: Rules) -> bool:
    """Whether a miss counts: nothing failed, and for an order in doubt the attempt was complete and late enough."""
    if not results or any(result.failed for result in results):
        return False
    return order.state not in OUTCOME_UNKNOWN or _is_complete(order, results, now_ms, rules)


def _is_complete(order: Order, results: Sequence[QueryResult], now_ms: int, rules: Rules) -> bool:
    """Whether an attempt queried every source, late enough for a miss to count."""
    return {result.source for result in results} >= set(everywhere(order)) and now_ms >= grace_over_ms(order, rules)


def _delay_ms(order: Order, search: Search, now_ms: int, rules: Rules) -> int:
    policy, table = MEANINGS[order.state].search, rules.config.reconcile
    if policy is SearchPolicy.LOST:
        return table.lost_every_ms
    if search.short and not search.misses:
        return CONFIRM_MS[min(search.short, len(CONFIRM_MS)) - 1]
    is_ended = policy is SearchPolicy.CANCELED or (policy is SearchPolicy.SUM and order.executed_sum is not None)
    if is_ended and search.seen < len(CONFIRM_MS) and not search.misses:
        return CONFIRM_MS[search.seen]
    if policy is SearchPolicy.RULED_OUT:
        return RULED_MS[min(search.misses, len(RULED_MS) - 1)]
    exponent = min(search.attempts - 1, 60)  # beyond that every factor above 1 has reached the bound
    delay_ms = int(min(table.longest_ms, table.first_ms * table.factor**exponent))
    until_grace_ms = grace_over_ms(order, rules) - now_ms
    if policy is SearchPolicy.DOUBT and 0 < until_grace_ms < delay_ms:
        return until_grace_ms  # the first attempt that counts comes as soon as it may
    return delay_ms
