"""An order's request: signed and built at once, then connected, written and answered (:mod:`daemon.exchange.port`)."""

from collections.abc import Callable, Collection

import aiohttp

from daemon.core.values.attempts import Attempt
from daemon.core.values.decimals import plain
from daemon.core.values.exchange_replies import UNREACHABLE, Advice, Answer, Refused, Unclear
from daemon.core.values.orders import Order
from daemon.exchange.mexc.replies import placed_or_not
from daemon.exchange.mexc.requests import Requests
from daemon.exchange.mexc.signing import escaped
from daemon.exchange.mexc.transport import GIVEN_UP, Connection, Failure, Reply, describe
from daemon.exchange.port import NotConnected

ORDER = "/api/v3/order"


class MexcOrderRequest:
    """The request of one attempt."""

    def __init__(
        self,
        requests: Requests,
        duplicate_codes: Collection[int],
        order: Order,
        attempt: Attempt,
        *,
        spare: Callable[[], Connection | None] = lambda: None,
    ) -> None:
        """Sign and build the request; it is valid until the order's deadline, or a fleet's lease ends, at most.

        Args:
            requests: signs, paces and sends.
            duplicate_codes: codes that refuse a client order id that was used before.
            order: the order.
            attempt: the attempt.
            spare: takes an open connection outside the pool, if there is one to spare.

        """
        self.timeout_s = requests.table.timeout_ms / 1_000
        self.fresh_s = max(0, requests.left_ms()) / 4_000
        self._requests = requests
        self._duplicate_codes = duplicate_codes
        has_instant = order.execute_at_ms is not None  # its deadline counts by the exchange's clock then
        until_ms = order.deadline_ms if has_instant else requests.exchange_ms(order.deadline_ms)
        self._prepared = requests.signed("POST", ORDER, parameters(order, attempt), until_ms)
        self._spare = spare
        self._connection: Connection | None = None

    async def connect(self) -> None:
        """Get an open connection, with TLS.

        Raises:
            NotConnected: no connection could be opened.

        """
        if self._connection is not None and not self._connection.reused:
            raise NotConnected(GIVEN_UP)
        if self.connect_now():
            return
        try:
            self._connection = await self._requests.transport.connect(self.timeout_s)
        except (aiohttp.ClientError, OSError) as error:
            raise NotConnected(describe(error)) from None

    def connect_now(self) -> bool:
        """Get an open connection from the pool, or a spare one; return false if there is none."""
        self._connection = self._requests.transport.pooled() or self._spare()
        return self._connection is not None

    async def rate_slot(self) -> None:
        """Wait until the exchange's rate limit has room for an order, and count the order."""
        await self._requests.pacer.wait_for_order()

    def rate_slot_now(self) -> bool:
        """Count the order, if the exchange's rate limit has room for it now; otherwise return false."""
        return self._requests.pacer.take_order_slot()

    def write(self) -> bool:
        """Write the request at once; ``False`` if the server has closed the connection: nothing was written."""
        assert self._connection is not None
        return self._connection.write(self._prepared.request)

    async def answer(self) -> Answer:
        """Read the answer."""
        assert self._connection is not None
        return self._judged(await self._connection.reply(self.timeout_s))

    def not_written(self, why: str) -> Answer:
        """Return the answer of a request that could not be written in time."""
        return self._judged(Failure(written=False, why=why))

    def release(self) -> None:
        """Give the connection back, if nothing was written on it."""
        if self._connection is not None:
            self._connection.release()

    def _judged(self, reply: Reply | Failure) -> Answer:
        asked = self._prepared.asked
        reply = self._requests.received(self._prepared, reply)
        if isinstance(reply, Failure):
            return not_answered(reply, asked)
        return placed_or_not(reply.status, reply.body, reply.retry_after_ms, asked, self._duplicate_codes)


def not_answered(failure: Failure, asked: str) -> Answer:
    """Return what a request without an answer means for its order."""
    if failure.written:
        return Unclear(failure.why, asked, "")
    return Refused(advice=Advice.RETRY, code=UNREACHABLE, message=failure.why, asked=asked, answered="nothing was sent")


def parameters(order: Order, attempt: Attempt) -> str:
    """Return the parameters as a query string; amounts and the exchange's own words need no escape."""
    query = f"symbol={escaped(order.symbol)}&side={order.side}&type={order.type}"
    if order.quantity is not None:
        query += f"&quantity={plain(order.quantity)}"
    if order.quote_quantity is not None:
        query += f"&quoteOrderQty={plain(order.quote_quantity)}"
    if attempt.price is not None:
        query += f"&price={plain(attempt.price)}"
    return f"{query}&newClientOrderId={escaped(attempt.client_order_id)}"
