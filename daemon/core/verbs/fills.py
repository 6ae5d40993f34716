"""Fills arrived: the trades of orders, with their fees."""

from collections.abc import Mapping, Sequence

import msgspec

from daemon.core.rules.fills import is_over, wait_ms
from daemon.core.state.decision import Decision
from daemon.core.state.fills import Lacking
from daemon.core.values.exchange_replies import QueryResult
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order


def keep_fills(d: Decision, order_id: str, fills: Sequence[Fill]) -> None:
    """Store the fills of an order that are not known."""
    d.changes.fills += d.state.fills.add(order_id, fills)


def trades_read(d: Decision, results: Mapping[str, QueryResult]) -> None:
    """Store what queries for trades brought, by order id; read again later what they lack, or give it up."""
    d.changes.may_wait = True
    for order_id, result in results.items():
        d.back_off(result.at_ms + (result.retry_after_ms or 0))
        lacking = d.state.fills.lacking.get(order_id)
        if lacking is None:
            continue  # a search has brought the rest
        keep_fills(d, order_id, result.fills)
        if d.state.fills.is_complete(lacking.order):
            d.state.fills.forget(order_id)
        else:
            _again(d, lacking, has_answer=not result.failed)


def resume(d: Decision, found: Sequence[tuple[Order, Sequence[Fill]]]) -> None:
    """Read the fills of orders that lacked some on the disk; each comes with those that it had."""
    for order, fills in found:
        if order.order_id in d.state.orders or order.order_id in d.state.fills.lacking:
            continue
        d.state.fills.add(order.order_id, fills)
        d.state.fills.ended(order, d.now_ms)


def _again(d: Decision, lacking: Lacking, *, has_answer: bool) -> None:
    order, fills = lacking.order, d.state.fills
    reads = lacking.reads + has_answer
    failures = 0 if has_answer else lacking.failures + 1
    if is_over(order.finished_ms or d.now_ms, reads, d.now_ms):
        d.record(
            "order.fills_unknown", order, executed_quantity=order.executed_quantity, fills=fills.known(order.order_id)
        )
        fills.forget(order.order_id)
        return
    next_ms = d.now_ms + wait_ms(reads + failures)
    fills.schedule(msgspec.structs.replace(lacking, next_ms=next_ms, reads=reads, failures=failures))
