"""A small exchange with scripted replies, and a client that trades on it."""

import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from daemon.clock import Clock
from daemon.config.credentials import PAPER
from daemon.config.tables import ExchangeTable
from daemon.core.values.attempts import Attempt
from daemon.core.values.orders import Order, OrderType
from daemon.core.values.states import State
from daemon.exchange.mexc.client import MexcExchange
from daemon.exchange.mexc.transport import open_transport
from tests.support import making

from .clocks import BEGIN_MS, ManualClock
from .wire import Connection, Peer, Request, http, serve

UNPACED = ExchangeTable(
    recv_window_ms=2_000,
    timeout_ms=5_000,
    weight_per_10s=1_000_000,
    requests_per_s=1_000_000,
    order_rate_per_s=1_000_000,
)
ORDER_ID = "01K8ZM3V5D0123456789ABCDEF"
CLIENT_ORDER_ID = f"{ORDER_ID}-1"

ORDER_PLACED = "POST /api/v3/order"
ORDER_CANCELLED = "DELETE /api/v3/order"
ORDER = "GET /api/v3/order"
OPEN_ORDERS = "GET /api/v3/openOrders"
ALL_ORDERS = "GET /api/v3/allOrders"
MY_TRADES = "GET /api/v3/myTrades"
EXCHANGE_INFO = "GET /api/v3/exchangeInfo"
TIME = "GET /api/v3/time"
ACCOUNT = "GET /api/v3/account"

Answerer = Callable[[Request], Awaitable[bytes]]
HANG_UP = b""


def ok(found: object) -> bytes:
    """Return a successful reply."""
    return http(200, json.dumps(found, ensure_ascii=False))


def bad(code: int, message: str = "so it is", *, status: int = 400) -> bytes:
    """Return an error reply in MEXC's envelope."""
    return http(status, json.dumps({"msg": message, "code": code, "_extend": None}))


class ScriptedExchange:
    """Sends each endpoint's scripted replies in order; the last one is repeated."""

    def __init__(self, peer: Peer) -> None:
        self.url = peer.url
        self._peer = peer
        self._answers: dict[str, deque[bytes | Answerer]] = {}

    def on(self, endpoint: str, *answers: bytes | Answerer) -> None:
        """Replace the replies of an endpoint."""
        self._answers[endpoint] = deque(answers)

    def requests(self, endpoint: str | None = None) -> list[Request]:
        """Return the requests so far, to one endpoint or all."""
        return [request for request in self._peer.requests if endpoint in {None, _endpoint(request)}]

    async def serve(self, peer: Peer, connection: Connection) -> None:
        """Answer one connection's requests."""
        while True:
            request = await peer.next_request(connection)
            answers = self._answers.get(_endpoint(request), deque([http(404, "not scripted")]))
            answer = answers.popleft() if len(answers) > 1 else answers[0]
            written = answer if isinstance(answer, bytes) else await answer(request)
            if written == HANG_UP:
                return
            await connection.send(written)


def _endpoint(request: Request) -> str:
    return f"{request.method} {request.path}"


@asynccontextmanager
async def scripted() -> AsyncIterator[ScriptedExchange]:
    """Run a scripted exchange."""
    script: list[ScriptedExchange] = []

    async def behave(peer: Peer, connection: Connection) -> None:
        await script[0].serve(peer, connection)

    async with serve(behave) as peer:
        script.append(ScriptedExchange(peer))
        yield script[0]


@asynccontextmanager
async def trading(url: str, clock: Clock | None = None, table: ExchangeTable = UNPACED) -> AsyncIterator[MexcExchange]:
    """Open a client of an exchange."""
    async with open_transport(url) as transport:
        yield MexcExchange(transport, PAPER, clock or ManualClock(), table)


def an_order(**changes: Any) -> Order:
    """Make a sent order that is in doubt."""
    given: dict[str, Any] = {
        "order_id": ORDER_ID,
        "state": State.IN_DOUBT,
        "type": OrderType.LIMIT,
        "quantity": Decimal(1),
        "quote_quantity": None,
        "price": Decimal(11),
        "accepted_ms": BEGIN_MS - 1_000,
        "deadline_ms": BEGIN_MS + 4_000,
        "attempts": 1,
        "client_order_id": CLIENT_ORDER_ID,
        "sent_ms": BEGIN_MS - 500,
    }
    return making.order(**given | changes)


def an_attempt(order: Order, **changes: Any) -> Attempt:
    """Make the attempt with which an order is sent."""
    return making.attempt(order, **{"client_order_id": order.client_order_id} | changes)
