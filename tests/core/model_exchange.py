"""An exchange that remembers which requests reached it, which of them it accepted, and everything that it showed.

It decides about an order when the request arrives, and may show it late: an answer can be lost, and a query can miss an
order or show an older state. It never answers *refused* for an order that it accepted, and it never forgets. So a test
can judge the daemon by what really happened, not by what the daemon knew.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from daemon.core.state.changes import Send
from daemon.core.values.exchange_replies import OrderReport
from daemon.core.values.states import REPORT_EVENTS, State

FULL = Decimal(4)
ENDED = {State.FILLED, State.CANCELED, State.PARTIALLY_CANCELED}


@dataclass
class Request:
    """A request that reached the exchange."""

    send: Send
    at_ms: int
    taken: bool
    shown: list[OrderReport] = field(default_factory=list)  # what it showed, oldest first
    settled: bool = False  # known as definitely not executed: by its answer, or by an operator who checked

    @property
    def client_order_id(self) -> str:
        """Return its client order id."""
        return self.send.attempt.client_order_id


class ModelExchange:
    """The requests that reached it, by client order id."""

    def __init__(self) -> None:
        self.requests: dict[str, Request] = {}

    def receive(self, send: Send, now_ms: int, *, taken: bool) -> Request:
        """Receive a request; an accepted order is open from then on."""
        name = send.attempt.client_order_id
        assert name not in self.requests, f"{name} reached the exchange twice"
        request = self.requests[name] = Request(send, now_ms, taken)
        if taken:
            self._show(request, State.OPEN, Decimal(0))
        return request

    def of_key(self, key: str) -> list[Request]:
        """Return all requests that were made for one idempotency key."""
        return [request for request in self.requests.values() if request.send.order.key == key]

    def trade(self, request: Request, state: State, quantity: Decimal) -> None:
        """Let an open order fill, or end."""
        filled = request.shown[-1].executed_quantity
        if state is State.FILLED:
            filled = FULL
        elif state is State.PARTIALLY_FILLED:
            filled = min(filled + quantity, FULL - 1)
        if filled == 0 and state is State.PARTIALLY_FILLED:
            state = State.OPEN
        elif filled > 0 and state is State.CANCELED:
            state = State.PARTIALLY_CANCELED
        self._show(request, state, filled)

    def open_requests(self) -> list[Request]:
        """Return the orders that can still trade."""
        return [request for request in self.requests.values() if request.taken and request.shown[-1].state not in ENDED]

    def _show(self, request: Request, state: State, filled: Decimal) -> None:
        assert state in REPORT_EVENTS
        request.shown.append(
            OrderReport(
                client_order_id=request.client_order_id,
                exchange_order_id=f"C02__{list(self.requests).index(request.client_order_id)}",
                state=state,
                executed_quantity=filled,
                executed_quote=10 * filled,
            )
        )
