"""Which of two views of an order is the newer one.

MEXC's reads lag its writes (observed): after a cancel a query may still show the order open, and fills may be
reported after the cancel. So an order report counts as newer than what is known only when it shows more:
more filled, or a later state with the same fills. The sum paid decides last, and only between views of one state:
sources round it differently.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from daemon.core.values.decimals import ZERO, plain, product, quotient
from daemon.core.values.exchange_replies import OrderReport, QueryResult
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import ENDED, MEANINGS, REPORT_EVENTS, RESTING, State

_LATENESS = {state: meaning.shown.lateness for state, meaning in MEANINGS.items() if meaning.shown is not None}
SPENT_SHARE = Decimal("0.99")
"""A market buy that spent less of its amount gets a reason. The remainder of a quantity step costs less than 1 %."""
_SMALLEST = Decimal("1e-40")
"""Below every amount that can be executed."""


def is_news(order: Order, report: OrderReport) -> bool:
    """Whether an order report shows more than is known of the order."""
    if order.state not in REPORT_EVENTS:
        return True
    if report.executed_quantity != order.executed_quantity:
        return report.executed_quantity > order.executed_quantity
    later = _LATENESS[report.state] - _LATENESS[order.state]
    if later > 0 or order.seen_ms is None:
        return True
    return later == 0 and report.executed_quote > order.executed_quote


def lacks_sum(report: OrderReport) -> bool:
    """Whether an order report shows a fill without its sum."""
    return report.executed_quantity > ZERO and not report.executed_quote


def combined(results: Iterable[QueryResult]) -> OrderReport | None:
    """Return one order report from a search attempt's results: the first, with the executed amounts of a later one.

    A later one counts if it has a sum and shows a larger quantity, or the same quantity where the first has no sum.
    Fills with a smaller quantity than the order shows are incomplete, so their sum is not used.
    """
    found = None
    for report in (result.report for result in results if result.report is not None):
        if found is None:
            found = report
        elif not lacks_sum(report) and (report.executed_quantity, not lacks_sum(report)) > (
            found.executed_quantity,
            not lacks_sum(found),
        ):
            found = msgspec.structs.replace(
                found, executed_quantity=report.executed_quantity, executed_quote=report.executed_quote
            )
    return found


def completed(order: Order, report: OrderReport) -> OrderReport:
    """Complete an order report with the known sum, or the order with the report's, if both show the same fills.

    An order report without a sum keeps the known one. An order without a sum takes that of its fills, and keeps
    its state: fills do not show how an order ended.
    """
    if order.state not in REPORT_EVENTS or report.executed_quantity != order.executed_quantity:
        return report
    if lacks_sum(report):
        return msgspec.structs.replace(report, executed_quote=order.executed_quote)
    if order.executed_sum is None and _LATENESS[report.state] < _LATENESS[order.state]:
        return msgspec.structs.replace(report, state=order.state)
    return report


def settled(order: Order, report: OrderReport) -> OrderReport:
    """Bring an order report's state into line with its fills, and its fills with what was asked.

    MEXC documents ``CANCELED`` for orders without and ``PARTIALLY_CANCELED`` for those with fills, but a cancel may
    show the former beside an executed quantity; the quantity is believed. No more can be executed than was asked: what
    is shown beyond that is cut, and the price stays what it was.
    """
    replace = msgspec.structs.replace
    if exceeds(order, report):
        asked = order.quantity or ZERO
        quote = quotient(product(report.executed_quote, asked), report.executed_quantity)
        report = replace(report, executed_quantity=asked, executed_quote=quote)
    state = report.state
    if state is State.CANCELED and report.executed_quantity > ZERO:
        state = State.PARTIALLY_CANCELED
    elif state is State.OPEN and report.executed_quantity > ZERO:
        state = State.PARTIALLY_FILLED
    return report if state is report.state else replace(report, state=state)


def exceeds(order: Order, report: OrderReport) -> bool:
    """Whether an order report shows more executed than was asked."""
    return order.quantity is not None and report.executed_quantity > order.quantity


def falls_short(order: Order, report: OrderReport) -> bool:
    """Whether an order report shows an end that contradicts what was executed.

    *Filled* with less than was asked, or with nothing, contradicts itself; an end with less than an earlier view
    showed contradicts that one. Either may be a view that is not complete yet.
    """
    if order.state is State.FILLED or report.state not in ENDED:
        return False
    asked = _SMALLEST if order.quantity is None else min(order.quantity, report.quantity or order.quantity)
    if report.state is State.FILLED and report.executed_quantity < asked:
        return True
    return order.state in RESTING and report.executed_quantity < order.executed_quantity


def may_lack_fills(order: Order, report: OrderReport) -> bool:
    """Whether an order that spends an amount is shown as filled with less than the quantity that the exchange shows.

    What was sent states no quantity, and the exchange's may be an estimate, so this is no contradiction; but it is
    worth another query.
    """
    is_filled = report.state is State.FILLED and order.quantity is None and report.quantity is not None
    return is_filled and report.executed_quantity < (report.quantity or ZERO)


def not_ended(report: OrderReport) -> OrderReport:
    """Return an order report as that of an order that may still change."""
    state = State.PARTIALLY_FILLED if report.executed_quantity else State.OPEN
    return msgspec.structs.replace(report, state=state)


def spent_less(order: Order, report: OrderReport) -> str | None:
    """Return why a filled market buy by amount has not spent all of it; ``None`` if it has, or for other orders.

    MEXC places it as a limit order 5 % above the best price, and buys the quantity that the amount pays for at that
    limit (observed: mexcdevelop/mexc-api-sdk#77). What it buys more cheaply than that is not spent.
    """
    amount, spent = order.quote_quantity, report.executed_quote
    if order.side is not Side.BUY or amount is None or report.state is not State.FILLED or not spent:
        return None
    if spent >= product(amount, SPENT_SHARE):
        return None
    return (
        f"{plain(spent)} of {plain(amount)} spent: the exchange places a market buy as a limit order 5 % above the "
        "best price, and buys the quantity that its amount pays for at that limit"
    )


def with_known_fills(order: Order, report: OrderReport) -> OrderReport:
    """Return an order report with the fills that an earlier view showed, where it shows fewer."""
    if order.state not in RESTING or report.executed_quantity >= order.executed_quantity:
        return report
    return msgspec.structs.replace(
        report, executed_quantity=order.executed_quantity, executed_quote=order.executed_quote
    )
