"""An order's request for an instant: signed for it, on a warm connection of its own (:mod:`daemon.exchange.port`)."""

from collections.abc import Callable, Collection

from daemon.core.values.attempts import Attempt
from daemon.core.values.orders import Order
from daemon.exchange.mexc.order_request import MexcOrderRequest
from daemon.exchange.mexc.requests import Requests
from daemon.exchange.mexc.shot_connections import KeptConnection, ShotConnections
from daemon.exchange.mexc.transport import describe
from daemon.exchange.port import NotConnected


class MexcShotRequest(MexcOrderRequest):
    """The request of one attempt at an instant."""

    def __init__(
        self,
        requests: Requests,
        duplicate_codes: Collection[int],
        order: Order,
        attempt: Attempt,
        connections: ShotConnections,
        fire_ms: int,
    ) -> None:
        """Sign and build the request, with the instant as its timestamp."""
        super().__init__(requests, duplicate_codes, order, attempt, at_ms=fire_ms)
        self._connections = connections
        self._kept: KeptConnection | None = None
        self._reserved_ms: int | None = None  # a rate slot
        self._is_written = False

    async def connect(self) -> None:
        """Take a warm connection, or open one.

        Raises:
            NotConnected: no connection could be opened.

        """
        try:
            self._connection = self._kept = self._connections.take() or await self._connections.open(self.timeout_s)
        except OSError as error:
            raise NotConnected(describe(error)) from None

    def reserve_rate_slot(self, at_ms: int) -> bool:
        """Count the order at an instant of our clock, if the exchange's rate limit has room for it then."""
        if not self._requests.pacer.reserve_order_slot(at_ms):
            return False
        self._reserved_ms = at_ms
        return True

    def watch(self, dropped: Callable[[], None]) -> None:
        """Call ``dropped`` in the loop when the connection can be read: the server has given it up, or answers."""
        assert self._kept is not None
        self._kept.watch(dropped)

    def unwatch(self) -> None:
        """Watch the connection no more."""
        assert self._kept is not None
        self._kept.unwatch()

    def write(self) -> bool:
        """Write the request at once, in any thread; ``False`` if not one byte was written."""
        self._is_written = super().write()
        return self._is_written

    def release(self) -> None:
        """Give back the connection and the rate slot, if nothing was written."""
        super().release()
        if self._reserved_ms is not None and not self._is_written:
            self._requests.pacer.release_order_slot(self._reserved_ms)
            self._reserved_ms = None
