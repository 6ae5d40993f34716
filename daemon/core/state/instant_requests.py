"""The requests of armed orders, and which orders share one.

An armed order has a request of its own. Where the rate has no room for another request at its instant, it joins the
request of another order of its pair for the same instant, and the request becomes a batch. MEXC takes up to twenty
orders of one pair in a batch, two batches per second, and counts a batch as one of the requests that place and cancel
(documented). This module alone counts the batches: an order that cannot leave in one at its instant leaves by itself.

This is memory only: after a start, no order is armed.
"""

import msgspec

from daemon.core.rules.rate import WINDOW_MS

BATCH_SIZE = 20
BATCHES_PER_S = 2


class InstantRequest(msgspec.Struct):
    """One request."""

    name: str  # the client order id of the order that it was made for
    instant: tuple[str, int]  # its pair and instant
    sent_ms: int  # its place in the rate budget, by our clock
    orders: dict[str, None]  # their client order ids

    @property
    def is_batch(self) -> bool:
        """Whether several orders share it."""
        return len(self.orders) > 1


class InstantRequests:
    """The requests for instants, by pair and instant (Unix ms of the exchange's clock)."""

    def __init__(self) -> None:
        self._by_instant: dict[tuple[str, int], list[InstantRequest]] = {}
        self._of: dict[str, InstantRequest] = {}  # by client order id

    def make(self, client_order_id: str, symbol: str, fire_ms: int, sent_ms: int) -> None:
        """Note an armed order's own request."""
        request = InstantRequest(client_order_id, (symbol, fire_ms), sent_ms, {client_order_id: None})
        self._by_instant.setdefault(request.instant, []).append(request)
        self._of[client_order_id] = request

    def to_join(self, symbol: str, fire_ms: int) -> InstantRequest | None:
        """Return the request that another order may join: a batch with room, or else the last one of a single order.

        One order keeps a request of its own: its place in the rate can be given to a SELL.
        """
        requests = self._by_instant.get((symbol, fire_ms), [])
        for request in requests:
            if request.is_batch and len(request.orders) < BATCH_SIZE:
                return request
        own = [request for request in requests if not request.is_batch]
        return own[-1] if len(own) > 1 and self._batches_near(own[-1].sent_ms) < BATCHES_PER_S else None

    def join(self, request: InstantRequest, client_order_id: str) -> None:
        """Add an order to a request."""
        request.orders[client_order_id] = None
        self._of[client_order_id] = request

    def is_shared(self, client_order_id: str) -> bool:
        """Whether an order shares its request: it cannot give the request's place in the rate to another."""
        request = self._of.get(client_order_id)
        return request is not None and request.is_batch

    def leave(self, client_order_id: str) -> InstantRequest | None:
        """Remove an order from its request, and the request if it was the last; return the request if it has one."""
        request = self._of.pop(client_order_id, None)
        if request is None:
            return None
        del request.orders[client_order_id]
        if not request.orders:
            left = [each for each in self._by_instant.pop(request.instant) if each is not request]
            if left:
                self._by_instant[request.instant] = left
        return request

    def forget(self, now_ms: int) -> None:
        """Remove the requests that share no window of the rate with another from now on."""
        kept = {key: left for key, all_of in self._by_instant.items() if (left := _recent(all_of, now_ms))}
        if kept != self._by_instant:
            self._by_instant = kept
            self._of = {each: request for all_of in kept.values() for request in all_of for each in request.orders}

    def _batches_near(self, sent_ms: int) -> int:
        """Count the batches that share a window of the rate with a request."""
        everything = (request for requests in self._by_instant.values() for request in requests)
        return sum(request.is_batch and abs(request.sent_ms - sent_ms) < WINDOW_MS for request in everything)


def _recent(requests: list[InstantRequest], now_ms: int) -> list[InstantRequest]:
    return [request for request in requests if request.sent_ms > now_ms - WINDOW_MS]
