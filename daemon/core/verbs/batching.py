"""Batching: armed orders of one pair and instant share a request where the rate has no room for one each.

Only then. Orders that leave one by one reach the exchange at the same moment, each on a connection of its own, and a
lost answer concerns one of them. A batch makes a difference only for those that would leave in the next window of the
rate, 1.1 s later. So the most urgent orders have requests of their own, and those beyond the rate share the last ones.

In a batch an order keeps everything that is its own: attempt, client order id, lock, deadline, and its recall.
"""

from daemon.core.state.decision import Decision
from daemon.core.state.instant_requests import InstantRequest
from daemon.core.values.orders import Order


def to_join(d: Decision, order: Order, ready_ms: int | None) -> InstantRequest | None:
    """Return the request that an order joins, because the rate has no room for its own; ``None`` if it has to wait.

    Args:
        d: the decision.
        order: the first order in the queue.
        ready_ms: when the rate has room for its own request; ``None``: only after an answer.

    """
    instant = d.state.instant_ms(order)
    if not d.state.rules.config.launch.batch_orders or ready_ms is None or instant is None or order.skip_lock:
        return None
    if instant <= d.now_ms or instant < d.state.rate_budget.backoff_until_ms:
        return None
    return d.state.instant_requests.to_join(order.symbol, d.state.exchange_time.exchange_ms(instant))


def reserve(d: Decision, order: Order, client_order_id: str, send_ms: int, joined: InstantRequest | None) -> str | None:
    """Count an order that is sent at an instant, and its request if it has one of its own.

    Returns:
        The name of its request, if it is armed.

    """
    if joined is not None:
        d.state.rate_budget.share()
        d.state.instant_requests.join(joined, client_order_id)
        return joined.name
    d.state.rate_budget.take(d.now_ms, send_ms)
    if send_ms <= d.now_ms:
        return None
    if not order.skip_lock:
        d.state.instant_requests.forget(d.now_ms)
        fire_ms = d.state.exchange_time.exchange_ms(send_ms)
        d.state.instant_requests.make(client_order_id, order.symbol, fire_ms, send_ms)
    return client_order_id


def give_back(d: Decision, order: Order) -> None:
    """Count an order no longer that was not sent; its request neither, if no other order shares it."""
    request = d.state.instant_requests.leave(order.client_order_id or "")
    if request is None:
        d.state.rate_budget.give_back(order.sent_ms)
    else:
        d.state.rate_budget.give_back(None if request.orders else request.sent_ms)
