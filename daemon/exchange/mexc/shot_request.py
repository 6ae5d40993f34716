"""The request for an instant: signed for it, on a warm connection of its own (:mod:`daemon.exchange.port`).

It places one order (``POST /api/v3/order``), or a batch of one pair (``POST /api/v3/batchOrders``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.exchange_replies import Answer
from daemon.core.values.orders import Order
from daemon.exchange.mexc.batch_answers import each_answer
from daemon.exchange.mexc.order_request import ORDER, not_answered, parameters
from daemon.exchange.mexc.replies import placed_or_not
from daemon.exchange.mexc.requests import Prepared, Requests
from daemon.exchange.mexc.shot_connections import KeptConnection, ShotConnections
from daemon.exchange.mexc.signing import encode
from daemon.exchange.mexc.transport import Failure, describe
from daemon.exchange.port import NotConnected

BATCH = "/api/v3/batchOrders"
BATCH_WEIGHT = 10
"""ccxt counts 10; the documents say 1."""


class MexcShotRequest:
    """The request of one attempt at an instant, or of several."""

    def __init__(
        self, requests: Requests, duplicate_codes: Collection[int], connections: ShotConnections, fire_ms: int
    ) -> None:
        """Begin a request with the instant as its timestamp; :meth:`sign` builds it."""
        self.timeout_s = requests.table.timeout_ms / 1_000
        self.fresh_s = max(0, requests.left_ms()) / 4_000
        self._requests = requests
        self._duplicate_codes = duplicate_codes
        self._connections = connections
        self._fire_ms = fire_ms
        self._prepared: Prepared
        self._asked: dict[str, str] = {}  # for the record of each attempt, by client order id
        self._kept: KeptConnection | None = None
        self._reserved_ms: int | None = None  # a rate slot
        self._weighs_as_batch = False
        self._is_written = False

    async def connect(self) -> None:
        """Take a warm connection, or open one.

        Raises:
            NotConnected: no connection could be opened.

        """
        try:
            self._kept = self._connections.take() or await self._connections.open(self.timeout_s)
        except OSError as error:
            raise NotConnected(describe(error)) from None

    def reserve_rate_slot(self, at_ms: int) -> bool:
        """Count the request at an instant of our clock, if the exchange's rate limit has room for it then."""
        if not self._requests.pacer.reserve_order_slot(at_ms):
            return False
        self._reserved_ms = at_ms
        return True

    def sign(self, attempts: Sequence[tuple[Order, Attempt]]) -> None:
        """Sign and build it for these attempts.

        It is valid until the first deadline of their orders, or the end of a fleet's lease, at most.
        """
        self.fresh_s = max(0, self._requests.left_ms()) / 4_000
        until_ms = min(order.deadline_ms for order, _ in attempts)
        queries = {attempt.client_order_id: parameters(order, attempt) for order, attempt in attempts}
        if len(queries) == 1:
            ((client_order_id, query),) = queries.items()
            self._prepared = self._requests.signed("POST", ORDER, query, until_ms, self._fire_ms)
            self._asked = {client_order_id: self._prepared.asked}
            return
        items = msgspec.json.encode([dict(parse_qsl(query)) for query in queries.values()]).decode()
        self._prepared = self._requests.signed("POST", BATCH, encode([("batchOrders", items)]), until_ms, self._fire_ms)
        self._asked = {
            client_order_id: f"POST {BATCH}, order {number} of {len(queries)}: {query}"
            for number, (client_order_id, query) in enumerate(queries.items(), 1)
        }
        if self._reserved_ms is not None and not self._weighs_as_batch:
            self._weighs_as_batch = True
            self._requests.pacer.count_batch(self._reserved_ms, weight=BATCH_WEIGHT)

    def watch(self, dropped: Callable[[], None]) -> None:
        """Call ``dropped`` in the loop when the connection can be read: the server has given it up, or answers."""
        self._connection.watch(dropped)

    def unwatch(self) -> None:
        """Watch the connection no more."""
        self._connection.unwatch()

    def write(self) -> bool:
        """Write the request at once, in any thread; ``False`` if not one byte was written."""
        self._is_written = self._connection.write(self._prepared.request)
        return self._is_written

    async def answers(self) -> Mapping[str, Answer]:
        """Read the answer to each attempt, by client order id."""
        reply = self._requests.received(self._prepared, await self._connection.reply(self.timeout_s))
        if isinstance(reply, Failure):
            return {each: not_answered(reply, asked) for each, asked in self._asked.items()}
        if len(self._asked) > 1:
            return each_answer(reply.status, reply.body, reply.retry_after_ms, self._asked, self._duplicate_codes)
        return {
            each: placed_or_not(reply.status, reply.body, reply.retry_after_ms, asked, self._duplicate_codes)
            for each, asked in self._asked.items()
        }

    def release(self) -> None:
        """Give back the connection and the rate slot, if nothing was written."""
        if self._kept is not None:
            self._kept.release()
        if self._reserved_ms is not None and not self._is_written:
            self._requests.pacer.release_order_slot(self._reserved_ms)
            self._reserved_ms = None

    @property
    def _connection(self) -> KeptConnection:
        assert self._kept is not None
        return self._kept
