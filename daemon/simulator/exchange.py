"""The simulated exchange: a synchronous object that answers requests. No asyncio, no clock, no socket.

A request passes the gateway (limits, key, signature, time), then its faults are drawn, then the endpoint executes it.
Its changes are committed before its reply leaves this module. The time and the random generator are arguments: the same
requests at the same times with the same seed give the same replies and the same book.

The returned value describes a delay or a cut connection. `server` applies it over HTTP; a simulation under virtual time
calls `handle` directly and applies it in its own way.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, localcontext
from random import Random
from typing import TypeVar

import msgspec
import structlog

from daemon.simulator.authentication import EXAMPLE_KEYS, KeyPair, authenticate, without_signature
from daemon.simulator.book import Book
from daemon.simulator.control import (
    CONTROL_PREFIX,
    MarketChange,
    add_listing,
    change_listing,
    change_market,
    change_venue,
    orders_json,
)
from daemon.simulator.endpoints import ENDPOINTS, Endpoint
from daemon.simulator.errors import Code, ConfigurationInvalid, Refusal
from daemon.simulator.fault_kinds import STREAMS
from daemon.simulator.faults import (
    Fault,
    FaultPlan,
    Injected,
    after_accept,
    before_accept,
    read_faults,
)
from daemon.simulator.limits import Banned, Limits, RateLimiter
from daemon.simulator.listings import Listing, ListingChange
from daemon.simulator.market_endpoints import Call
from daemon.simulator.messages import Parameters, Reply, Request
from daemon.simulator.money import EXACT, quotient
from daemon.simulator.order_book import Level
from daemon.simulator.streams import MAX_CONNECTIONS, ListenKeys, Stream
from daemon.simulator.symbols import QUOTE, Symbol, default_symbols
from daemon.simulator.venue import Venue

_MAX_REQUESTS_KEPT = 10_000
_DEFAULT_QUOTE = Decimal(1_000_000)
_DEFAULT_BASE_VALUE = Decimal(200_000)  # of each base asset, in the quote asset

Result = TypeVar("Result")

log = structlog.get_logger()


class Arrival(msgspec.Struct, rename="camel"):
    """A request as received, recorded in memory for tests."""

    received_ms: int
    method: str
    path: str
    query: str
    """Without its signature, like the body."""
    body: str
    faults: list[str] = []
    status: int = 0
    """Of the reply; 0: no reply was sent, or not yet."""


class Connection(msgspec.Struct, frozen=True, rename="camel"):
    """An open connection to the streams."""

    listen_key: str
    channels: list[str]
    """The subscribed ones, sorted."""


class DelayedRequest(msgspec.Struct, frozen=True):
    """A request that has passed the gateway. The caller passes it to `resume` after `delay_ms`."""

    delay_ms: int
    endpoint: Endpoint
    parameters: Parameters
    injected: Injected
    arrival: Arrival


class SimulatedExchange:
    """MEXC's spot API with one account, moving markets, and faults on demand."""

    def __init__(
        self,
        book: Book,
        *,
        rng: Random,
        keys: KeyPair = EXAMPLE_KEYS,
        limits: Limits | None = None,
        faults: Iterable[Fault] = (),
        listings: Iterable[Listing] = (),
        balances: Mapping[str, Decimal] | None = None,
        spends_all: bool = False,
    ) -> None:
        """Continue a book, or start a new one with `balances` (None: a million USDT, and some of each asset).

        With `spends_all` a MARKET BUY by `quoteOrderQty` spends the whole amount, see `Venue`.

        A listing that the book already has continues from its saved state. The caller closes the book.
        """
        self._book = book
        self._keys = keys
        self._limiter = RateLimiter(limits or Limits())
        self._plan = FaultPlan(faults)
        self._seed = rng.getrandbits(63)
        self._rng = rng
        self._listen_keys = ListenKeys(Random(rng.getrandbits(63)))  # noqa: S311 - a simulation, and one seed one run
        self._streams: list[Stream] = []
        self._arrivals: deque[Arrival] = deque(maxlen=_MAX_REQUESTS_KEPT)
        self._venue: Venue | None = None
        self._spends_all = spends_all
        with localcontext(EXACT):
            venue = self._current_venue()
            if not venue.account.balances():
                venue.set_balances(default_balances() if balances is None else balances)
            for listing in listings:
                if not venue.knows(listing.symbol, listing.opens_at):
                    add_listing(venue, listing)
            self._commit(venue, 0)

    def handle(self, request: Request, now_ms: int) -> Reply | DelayedRequest:
        """Answer a request; never raises. Its changes are committed when this returns."""
        arrival = Arrival(
            now_ms,
            request.method,
            request.path,
            without_signature(request.query),
            without_signature(request.body.decode("utf-8", "replace")),
        )
        return self._answer(arrival, now_ms, lambda venue: self._handle(venue, request, arrival, now_ms))

    def resume(self, later: DelayedRequest, now_ms: int) -> Reply:
        """Execute a delayed request; never raises."""
        return self._answer(later.arrival, now_ms, lambda venue: self._carry_out(venue, later, now_ms))

    def advance(self, now_ms: int) -> None:
        """Move the markets that have open orders or subscriptions; never raises. The others move at a request."""
        watched = {name for stream in self._streams for name in stream.watched()}
        self._attempt("advance", now_ms, lambda venue: venue.advance(now_ms, watched))

    def open_stream(self, listen_key: str, now_ms: int) -> Stream:
        """Open a connection to the streams; its outbox receives events from now on."""
        is_one_too_many = sum(stream.listen_key == listen_key for stream in self._streams) >= MAX_CONNECTIONS
        stream = Stream(self._listen_keys, listen_key, now_ms)
        stream.is_refused = bool(listen_key) and is_one_too_many
        self._streams.append(stream)
        return stream

    def receive(self, stream: Stream, text: str, now_ms: int) -> None:
        """Process a message of a connection's client; never raises."""

        def work(venue: Venue) -> None:
            stream.receive(text, now_ms, lambda name: venue.known_market(name, now_ms, moved=True))

        self._attempt("stream", now_ms, work)

    def close_stream(self, stream: Stream) -> None:
        """Close a connection."""
        self._streams.remove(stream)

    # For tests; the control routes do the same over HTTP.

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the plan of faults."""
        self._plan = FaultPlan(faults)

    def faults(self) -> list[dict[str, object]]:
        """Return the active faults, each with the number of its injections."""
        return self._plan.report()

    def orders(self) -> list[dict[str, object]]:
        """Return every order with its fills, visible or not, oldest first."""
        with localcontext(EXACT):
            return orders_json(self._book)

    def requests(self) -> list[Arrival]:
        """Return the last requests as received, executed or not, oldest first."""
        return list(self._arrivals)

    def connections(self) -> list[Connection]:
        """Return the streams' connections, oldest first."""
        return [Connection(each.listen_key, each.subscriptions()) for each in self._streams]

    def list_symbol(self, listing: Listing) -> None:
        """List a symbol that opens at a given time."""
        with localcontext(EXACT):
            venue = self._current_venue()
            add_listing(venue, listing)
            self._commit(venue, 0)

    def change_listing(self, change: ListingChange, now_ms: int) -> None:
        """Postpone a listing, or change it in another way.

        Raises:
            Refusal: the symbol is unknown.
            ValueError: its price does not fit the new decimals.
        """
        with localcontext(EXACT):
            venue = self._current_venue()
            change_listing(venue, change, now_ms)
            self._commit(venue, now_ms)

    def change_market(self, change: MarketChange, now_ms: int) -> None:
        """Change a symbol's rules, or its market's price or levels.

        Raises:
            Refusal: the symbol is unknown.
            ValueError: a number does not fit the symbol.
        """
        with localcontext(EXACT):
            venue = self._current_venue()
            change_market(venue, change, now_ms)
            self._commit(venue, now_ms)

    def symbols_with_open_orders(self) -> list[str]:
        """Return the symbols that have open orders, sorted."""
        return [] if self._venue is None else sorted({order.symbol for order in self._venue.open_orders.values()})

    def replace_rules(self, symbols: Iterable[Symbol], *, are_all: bool = True) -> None:
        """Use a real market's rules for these symbols. With `are_all`, other symbols go offline.

        The order book of a new symbol is empty until `replace_book`.
        """
        with localcontext(EXACT):
            venue = self._current_venue()
            venue.replace_rules(symbols, are_all=are_all)
            self._commit(venue, 0)

    def replace_book(self, symbol: str, bids: list[Level], asks: list[Level], now_ms: int) -> None:
        """Replace the levels of a symbol's market."""
        with localcontext(EXACT):
            venue = self._current_venue()
            venue.pin(symbol, bids, asks, now_ms)
            self._commit(venue, now_ms)

    # Keeping memory and book consistent.

    def _current_venue(self) -> Venue:
        """Return the state in memory, rebuilt from the book after a failure."""
        if self._venue is None:
            self._venue = Venue(self._book, self._seed, spends_all=self._spends_all)
        return self._venue

    def _commit(self, venue: Venue, now_ms: int) -> None:
        """Commit the changes, then push them to the streams; at time 0, not known, markets' news waits for the next."""
        venue.save()
        self._book.commit()
        for event in venue.events if self._streams else ():
            injected = self._plan.draw(STREAMS, self._rng)
            for stream in self._streams if "event_lost" not in injected else ():
                stream.push(event, now_ms)
                stream.is_cut |= "stream_cut" in injected
        venue.events.clear()
        for stream in self._streams if now_ms else ():
            stream.publish(lambda name: venue.known_market(name, now_ms), now_ms)

    def _attempt(self, what: str, now_ms: int, work: Callable[[Venue], Result]) -> Result | None:
        """Run `work` and commit its changes. On an unexpected error log it, undo the changes, and return None.

        The streams are cut then: what they pushed may be undone.
        """
        with localcontext(EXACT):
            try:
                venue = self._current_venue()
                result = work(venue)
                self._commit(venue, now_ms)
            except Exception:
                log.exception("exchange.failed", during=what)
                self._book.rollback()
                self._venue = None
                for stream in self._streams:
                    stream.is_cut = True
                return None
            return result

    def _answer(self, arrival: Arrival, now_ms: int, work: Callable[[Venue], Result]) -> Result | Reply:
        """Execute a request and record the status of its reply."""
        done = self._attempt(f"{arrival.method} {arrival.path}", now_ms, work)
        answer = Reply.refusing(Refusal(Code.INTERNAL_ERROR)) if done is None else done
        if isinstance(answer, Reply):
            arrival.status = 0 if answer.drop_reply else answer.status
        return answer

    # The path of a request.

    def _handle(self, venue: Venue, request: Request, arrival: Arrival, now_ms: int) -> Reply | DelayedRequest:
        if request.path.startswith(CONTROL_PREFIX):
            return self._control(venue, request, now_ms)
        self._arrivals.append(arrival)
        try:
            admitted = self._pass_gateway(request, arrival, now_ms)
            if reply := before_accept(admitted.injected, request):
                return reply
        except Refusal as refusal:
            return Reply.refusing(refusal)
        except Banned as ban:
            return Reply(418, b"", {"Content-Type": "text/plain", "Retry-After": str(ban.retry_after_s)})
        return admitted if "slow_before" in admitted.injected else self._carry_out(venue, admitted, now_ms)

    def _pass_gateway(self, request: Request, arrival: Arrival, now_ms: int) -> DelayedRequest:
        """Check a request at the gateway and draw its faults."""
        endpoint = ENDPOINTS.get((request.method, request.path))
        name, weight = (endpoint.name, endpoint.weight) if endpoint else ("", 1)
        self._limiter.admit_address(request.remote, name, weight, now_ms)
        if endpoint is None:
            raise Refusal(Code.NOT_FOUND)
        parameters = self._admit(endpoint, request, now_ms)
        injected = self._plan.draw(endpoint.name, self._rng)
        arrival.faults = list(injected)
        delay_ms = injected["slow_before"].delay_ms if "slow_before" in injected else 0
        return DelayedRequest(delay_ms, endpoint, parameters, injected, arrival)

    def _admit(self, endpoint: Endpoint, request: Request, now_ms: int) -> Parameters:
        parameters = authenticate(request, self._keys, now_ms) if endpoint.is_signed else Parameters.of(request)
        account_weight = endpoint.weight if endpoint.is_signed else 0
        orders = endpoint.orders_of(parameters)
        self._limiter.admit_account(request.remote, account_weight, endpoint.budgets, now_ms, orders=orders)
        return parameters

    def _carry_out(self, venue: Venue, admitted: DelayedRequest, now_ms: int) -> Reply:
        venue.advance(now_ms)
        call = Call(venue, admitted.parameters, now_ms, admitted.injected, self._keys, self._listen_keys)
        try:
            reply = Reply.of(admitted.endpoint.answer(call))
        except Refusal as refusal:
            reply = Reply.refusing(refusal)
        return after_accept(admitted.injected, reply)

    def _control(self, venue: Venue, request: Request, now_ms: int) -> Reply:
        try:
            return Reply.of(self._controlled(venue, request, now_ms))
        except Refusal as refusal:
            return Reply.refusing(refusal)
        except (ConfigurationInvalid, ValueError) as error:
            return Reply.of({"error": str(error)}, 400)

    def _controlled(self, venue: Venue, request: Request, now_ms: int) -> object:
        venue.advance(now_ms)
        match request.method, request.path.removeprefix(CONTROL_PREFIX):
            case "GET", "orders":
                return orders_json(self._book)
            case "GET", "requests":
                return self.requests()
            case "GET", "streams":
                return self.connections()
            case "GET", "faults":
                return {"faults": self.faults()}
            case "PUT", "faults":
                self.set_faults(read_faults(msgspec.json.decode(request.body)))
                return {"faults": self.faults()}
        return change_venue(venue, request, now_ms)


def default_balances() -> dict[str, Decimal]:
    """Return the balances of a new book: more than any test spends."""
    symbols = default_symbols().values()
    held = {symbol.base_asset: quotient(_DEFAULT_BASE_VALUE, symbol.price, 0) for symbol in symbols}
    return {QUOTE: _DEFAULT_QUOTE, **held}
