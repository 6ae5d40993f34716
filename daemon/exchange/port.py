"""The port to an exchange: what the engine asks of one.

An exchange answers with values (:mod:`daemon.core.values.exchange_replies`): a failure is an answer too, and whether
it is a refusal or an unknown outcome is the one thing that must not be lost on the way.
"""

from decimal import Decimal
from typing import Protocol

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.exchange_replies import Answer, CancelAnswer, PreflightResult, QueryResult, Source
from daemon.core.values.orders import Order
from daemon.core.values.symbols import SymbolRules


class NotConnected(Exception):
    """No connection to the exchange stands: nothing was written."""


class OrderRequest(Protocol):
    """The request of one attempt, signed and built. It is written once, or never.

    The engine calls :meth:`connect`, makes sure that the attempt is durable, waits for :meth:`rate_slot`, asks whether
    the order may still go, and calls :meth:`write`, with nothing in between. All of this has :attr:`timeout_s`.
    """

    timeout_s: float

    async def connect(self) -> None:
        """Get a connection that stands: TCP and TLS. Again, where :meth:`write` found that it does no longer.

        Raises:
            NotConnected: there is none.

        """
        ...

    async def rate_slot(self) -> None:
        """Wait until the exchange's rate has room for an order on the wire, and count it."""
        ...

    def write(self) -> bool:
        """Write it at once; ``False`` where the server has given the connection up: nothing was written."""
        ...

    async def answer(self) -> Answer:
        """Read the answer to what was written."""
        ...

    def not_written(self, why: str) -> Answer:
        """Return the answer of a request that could not be written in time."""
        ...

    def release(self) -> None:
        """Give the connection back, if nothing was written on it."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The state of the exchange's client."""

    reachable: bool | None  # None: not tried yet
    offset_ms: int | None  # the exchange's clock minus ours
    round_trip_ms: int | None
    measured_ms: int | None  # when
    weight_used: int  # in the running window
    weight_limit: int
    backoff_until_ms: int = msgspec.field(name="blockedUntilMs")  # as the exchange asked
    error: str | None


class Exchange(Protocol):
    """A place to trade."""

    def prepare(self, order: Order, attempt: Attempt) -> OrderRequest:
        """Sign and build the request of one attempt."""
        ...

    async def query(self, order: Order, source: Source, due_ms: int) -> QueryResult:
        """Query one source for an order.

        Args:
            order: the order.
            source: where to query.
            due_ms: since when the query is due. A list that was queried later, for another order, serves as well.

        """
        ...

    async def cancel(self, order: Order) -> CancelAnswer:
        """Ask for an order's cancel."""
        ...

    async def rules(self, symbol: str) -> SymbolRules | None:
        """Return a trading pair's rules; ``None`` where there is no such pair.

        Raises:
            NotReady: they are not known and cannot be had now.

        """
        ...

    async def fresh_rules(self, symbol: str, since_ms: int) -> SymbolRules | None:
        """Return a trading pair's rules as they were after an instant; ``None`` where there is no such pair.

        Raises:
            NotReady: they cannot be had now.

        """
        ...

    async def last_price(self, symbol: str) -> Decimal | None:
        """Return a pair's last price, at most a moment old, in quote per base; ``None`` where it cannot be had now."""
        ...

    async def load_rules(self) -> int:
        """Load the rules of all trading pairs; return how many there are.

        Raises:
            NotReady: they cannot be had now.

        """
        ...

    async def preflight(self) -> PreflightResult:
        """Check whether this account can trade here, without placing anything."""
        ...

    async def measure_clock(self) -> bool:
        """Measure the exchange's clock against ours; return whether it answered."""
        ...

    def clock_stepped(self, step_ms: int) -> None:
        """Take note that our clock jumped forward by so much: its difference from the exchange's is another one."""
        ...

    def back_off(self, until_ms: int) -> None:
        """Ask nothing before then: the exchange said so to an earlier process."""
        ...

    def end_backoffs(self) -> None:
        """End every wait that the exchange asked for, on the operator's order."""
        ...

    def health(self) -> Health:
        """Return the state of the client."""
        ...
