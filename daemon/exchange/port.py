"""The port to an exchange: the interface that the engine uses.

An exchange answers with values (:mod:`daemon.core.values.exchange_replies`). A failure is an answer too: the value
keeps the difference between a refusal and an unknown outcome.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.values.account import Account
from daemon.core.values.attempts import Attempt
from daemon.core.values.exchange_replies import Answer, CancelAnswer, PreflightResult, QueryResult, Source
from daemon.core.values.orders import Order, Side
from daemon.core.values.symbols import SymbolRules


class NotConnected(Exception):
    """There is no connection to the exchange: nothing was written."""


class OrderRequest(Protocol):
    """The request of one attempt, signed and built. It is written at most once.

    The engine calls :meth:`connect`, waits until the attempt is durable, waits for :meth:`rate_slot`, checks that the
    order may still be sent, and calls :meth:`write` without a further wait. All of this takes :attr:`timeout_s` at
    most. Where neither a connection nor a rate slot has to be waited for, :meth:`connect_now` and :meth:`rate_slot_now`
    take their places.
    """

    timeout_s: float
    fresh_s: float  # one that is not written by then is prepared again: it is valid for a limited time

    async def connect(self) -> None:
        """Get an open connection, with TLS; called again if :meth:`write` found the connection closed.

        Raises:
            NotConnected: no connection could be opened.

        """
        ...

    def connect_now(self) -> bool:
        """Get an open connection from the pool; return false if there is none."""
        ...

    async def rate_slot(self) -> None:
        """Wait until the exchange's rate limit has room for an order, and count the order."""
        ...

    def rate_slot_now(self) -> bool:
        """Count the order, if the exchange's rate limit has room for it now; otherwise return false."""
        ...

    def write(self) -> bool:
        """Write the request at once; ``False`` if the server has closed the connection: nothing was written."""
        ...

    async def answer(self) -> Answer:
        """Read the answer."""
        ...

    def not_written(self, why: str) -> Answer:
        """Return the answer of a request that could not be written in time."""
        ...

    def release(self) -> None:
        """Give the connection back, if nothing was written on it."""
        ...


class ShotRequest(Protocol):
    """The request of attempts of one pair at an instant, signed for it, on a connection of its own.

    The engine calls :meth:`connect`, :meth:`reserve_rate_slot` and :meth:`sign`, and then :meth:`write` at the instant,
    in any thread. Until then it may sign it again for other attempts. It is written at most once.
    """

    timeout_s: float
    fresh_s: float  # it is valid for a limited time after its instant

    async def connect(self) -> None:
        """Get an open connection, with TLS.

        Raises:
            NotConnected: no connection could be opened.

        """
        ...

    def reserve_rate_slot(self, at_ms: int) -> bool:
        """Count the request at an instant of our clock, if the exchange's rate limit has room for it then."""
        ...

    def sign(self, attempts: Sequence[tuple[Order, Attempt]]) -> None:
        """Sign and build it for these attempts, one to twenty."""
        ...

    def write(self) -> bool:
        """Write the request at once; ``False`` only if not one byte was written."""
        ...

    async def answers(self) -> Mapping[str, Answer]:
        """Read the answer to each attempt, by client order id."""
        ...

    def release(self) -> None:
        """Give back the connection and the rate slot, if nothing was written."""
        ...

    def watch(self, dropped: Callable[[], None]) -> None:
        """Call ``dropped`` in the loop when the connection can be read: the server has given it up, or answers.

        It is called until the connection is released, or not watched any more, or its answer is read.
        """
        ...

    def unwatch(self) -> None:
        """Watch the connection no more."""
        ...


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The state of the exchange's client."""

    reachable: bool | None  # None: not tried yet
    unreachable_since_ms: int | None = None  # while it does not answer: since when
    offset_ms: int | None  # the exchange's clock minus ours
    uncertainty_ms: float | None  # by how much the offset is wrong at most
    round_trip_ms: int | None  # of the best sample
    measured_ms: int | None  # when
    weight_used: int  # in the running window
    weight_limit: int
    backoff_until_ms: int = msgspec.field(name="blockedUntilMs")  # as the exchange asked
    error: str | None


class Calendar(Protocol):
    """A calendar of coming listings."""

    async def opens(self) -> Mapping[str, int] | None:
        """Return when pairs open, in Unix ms of the exchange's clock; ``None`` if it is not available now."""
        ...


class Exchange(Protocol):
    """An exchange."""

    @property
    def clock(self) -> ExchangeClock:
        """The exchange's clock: converts its instants to ours, from any thread."""
        ...

    @property
    def warm_s(self) -> float:
        """How long connections stay warm without a request, as far as it is known."""
        ...

    def prepare(self, order: Order, attempt: Attempt) -> OrderRequest:
        """Sign and build the request of one attempt."""
        ...

    def prepare_shot(self, fire_ms: int) -> ShotRequest | None:
        """Begin a request for an instant of the exchange's clock; ``None`` if that is not possible."""
        ...

    async def tend_connections(self, wanted: int, *, sample: bool) -> bool:
        """Have so many connections for shots open, which no shot has yet; return whether any is open.

        With ``sample``, the exchange's clock is measured on one of them.
        """
        ...

    async def query(self, order: Order, source: Source, due_ms: int) -> QueryResult:
        """Query one source for an order.

        Args:
            order: the order.
            source: where to query.
            due_ms: when the query was due. A list that was queried later for another order may be used.

        """
        ...

    async def cancel(self, order: Order) -> CancelAnswer:
        """Ask the exchange to cancel an order."""
        ...

    def known_rules(self, symbol: str) -> SymbolRules | None:
        """Return a trading pair's rules if they are known without a query."""
        ...

    async def rules(self, symbol: str) -> SymbolRules | None:
        """Return a trading pair's rules; ``None`` if there is no such pair.

        Raises:
            NotReady: the rules are not known and not available now.

        """
        ...

    async def fresh_rules(self, symbol: str, since_ms: int) -> SymbolRules | None:
        """Return a trading pair's rules, queried after an instant; ``None`` if there is no such pair.

        Raises:
            NotReady: the rules are not available now.

        """
        ...

    async def last_price(self, symbol: str) -> Decimal | None:
        """Return a pair's recent last price in quote per base; ``None`` if it is not available now."""
        ...

    async def market_price(self, symbol: str, side: Side) -> Decimal | None:
        """Return a pair's recent last price; before its first trade, the best price of the other side of its book."""
        ...

    async def load_rules(self, since_ms: int | None = None) -> Mapping[str, SymbolRules]:
        """Load the rules of all trading pairs, unless that was done after ``since_ms``; return those that are shown.

        Raises:
            NotReady: the rules are not available now.

        """
        ...

    async def account(self) -> Account:
        """Query the balances, and the pairs that this key may trade; what is not available is ``None``."""
        ...

    def is_warm(self) -> bool | None:
        """Whether a connection is open that can carry an order at once; ``None``: not known."""
        ...

    async def preflight(self) -> PreflightResult:
        """Check whether this account can trade here, without placing anything."""
        ...

    async def measure_clock(self) -> bool:
        """Measure the exchange's clock against ours; return whether it answered."""
        ...

    def on_clock_measured(self, listener: Callable[[], None]) -> None:
        """Call a listener after each sample of the exchange's clock."""
        ...

    def clock_steps(self, step_ms: int) -> None:
        """Prepare for a jump of our clock, forward by ``step_ms``: its offset to the exchange's clock changes."""
        ...

    def back_off(self, until_ms: int) -> None:
        """Send no request before then: the exchange asked an earlier process to wait."""
        ...

    def admit_until(self, until_ms: int) -> None:
        """Let no order or cancel be admitted after an instant of the exchange's clock: the end of a fleet's lease."""
        ...

    def end_backoffs(self) -> None:
        """End every wait that the exchange asked for; the operator decided so."""
        ...

    def health(self) -> Health:
        """Return the state of the client."""
        ...
