"""The simulated exchange: a synchronous object that answers requests. No asyncio, no clock, no socket.

A request goes through the gateway (limits, key, signature, time), meets the faults laid down for it, reaches the
endpoint, and is committed before its reply leaves this module. The time is an argument, randomness a generator that
is handed in: the same requests at the same times with the same seed give the same replies and the same book.

What needs a wait or a cut connection is only described in the returned value. The shell in `server` carries it out
over HTTP; a simulation under virtual time calls `handle` directly and carries it out in its own way.
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
from daemon.simulator.control import MarketChange, add_listing, change_market, orders_json
from daemon.simulator.endpoints import ENDPOINTS, Endpoint
from daemon.simulator.errors import Code, ConfigurationInvalid, Refusal
from daemon.simulator.fault_kinds import STREAMS
from daemon.simulator.faults import (
    Fault,
    FaultPlan,
    Struck,
    after_accept,
    before_accept,
    read_faults,
)
from daemon.simulator.limits import Banned, Limits, RateLimiter
from daemon.simulator.listings import Listing
from daemon.simulator.market_endpoints import Call
from daemon.simulator.messages import Parameters, Reply, Request
from daemon.simulator.money import EXACT, quotient
from daemon.simulator.order_book import Level
from daemon.simulator.streams import ListenKeys, Stream
from daemon.simulator.symbols import QUOTE, Symbol, default_symbols
from daemon.simulator.venue import Venue

CONTROL_PREFIX = "/simulator/"
_MOST_REQUESTS_KEPT = 10_000
_DEFAULT_QUOTE = Decimal(1_000_000)
_DEFAULT_BASE_VALUE = Decimal(200_000)  # of each base asset, in the quote asset

Result = TypeVar("Result")

log = structlog.get_logger()


class Arrival(msgspec.Struct, rename="camel"):
    """A request as it arrived, kept for a test to see; it outlives nothing."""

    received_ms: int
    method: str
    path: str
    query: str
    """Without its signature, and so the body."""
    body: str
    faults: list[str] = []
    status: int = 0
    """Of the reply; 0: none was sent, or not yet."""


class Later(msgspec.Struct, frozen=True):
    """The gateway has admitted a request; after `delay_ms` it is to be handed to `resume`."""

    delay_ms: int
    endpoint: Endpoint
    parameters: Parameters
    struck: Struck
    arrival: Arrival


class SimulatedExchange:
    """MEXC's spot API, one account, a market that moves by itself, and faults on demand."""

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
        """Take up a book, or start a new one with `balances` (left out: a million USDT, and some of each asset).

        With `spends_all` a MARKET BUY by `quoteOrderQty` spends all of it, see `Venue`.

        A listing that the book knows already goes on as it was left. The book stays the caller's: it is closed by
        whoever opened it.
        """
        self._book = book
        self._keys = keys
        self._limiter = RateLimiter(limits or Limits())
        self._plan = FaultPlan(faults)
        self._seed = rng.getrandbits(63)
        self._rng = rng
        self._listen_keys = ListenKeys(Random(rng.getrandbits(63)))  # noqa: S311 - a simulation, and one seed one run
        self._streams: list[Stream] = []
        self._arrivals: deque[Arrival] = deque(maxlen=_MOST_REQUESTS_KEPT)
        self._venue: Venue | None = None
        self._spends_all = spends_all
        with localcontext(EXACT):
            venue = self._take_up()
            if not venue.account.balances():
                venue.set_balances(default_balances() if balances is None else balances)
            for listing in listings:
                if not venue.knows(listing.symbol, listing.opens_at):
                    add_listing(venue, listing)
            self._commit(venue, 0)

    def handle(self, request: Request, now_ms: int) -> Reply | Later:
        """Answer a request; never raises. What it has changed is in the book when this returns."""
        arrival = Arrival(
            now_ms,
            request.method,
            request.path,
            without_signature(request.query),
            without_signature(request.body.decode("utf-8", "replace")),
        )
        return self._answer(arrival, now_ms, lambda venue: self._handle(venue, request, arrival, now_ms))

    def resume(self, later: Later, now_ms: int) -> Reply:
        """Carry out a request that was admitted earlier; never raises."""
        return self._answer(later.arrival, now_ms, lambda venue: self._carry_out(venue, later, now_ms))

    def advance(self, now_ms: int) -> None:
        """Let the markets move in which orders wait; never raises. Without it they catch up at the next request."""
        self._attempt("advance", now_ms, lambda venue: venue.advance(now_ms))

    def open_stream(self, listen_key: str, now_ms: int) -> Stream:
        """Open a connection to the private streams, whose outbox fills from now on."""
        stream = Stream(self._listen_keys, listen_key, now_ms)
        self._streams.append(stream)
        return stream

    def close_stream(self, stream: Stream) -> None:
        """Close a connection."""
        self._streams.remove(stream)

    # What a test may see and set; the control routes do the same over HTTP.

    def set_faults(self, faults: Iterable[Fault]) -> None:
        """Replace the plan of faults."""
        self._plan = FaultPlan(faults)

    def faults(self) -> list[dict[str, object]]:
        """Return the faults in force, each with how often it has struck."""
        return self._plan.report()

    def orders(self) -> list[dict[str, object]]:
        """Return every order with its fills, visible or not, oldest first."""
        with localcontext(EXACT):
            return orders_json(self._book)

    def requests(self) -> list[Arrival]:
        """Return the last requests as they arrived, done or not, oldest first."""
        return list(self._arrivals)

    def list_symbol(self, listing: Listing) -> None:
        """List a symbol that opens at an instant."""
        with localcontext(EXACT):
            venue = self._take_up()
            add_listing(venue, listing)
            self._commit(venue, 0)

    def change_market(self, change: MarketChange, now_ms: int) -> None:
        """Change a symbol's rules, or its market's price or levels.

        Raises:
            Refusal: there is no such symbol.
            ValueError: a number doesn't fit the symbol.
        """
        with localcontext(EXACT):
            venue = self._take_up()
            change_market(venue, change, now_ms)
            self._commit(venue, now_ms)

    def waiting_in(self) -> list[str]:
        """Return the symbols in which own orders wait."""
        return [] if self._venue is None else sorted({order.symbol for order in self._venue.open_orders.values()})

    def take_over_rules(self, symbols: Iterable[Symbol], *, are_all: bool = True) -> None:
        """Let these symbols, and no others where they are all, be traded by these rules.

        Their books are empty until they are shown.
        """
        with localcontext(EXACT):
            venue = self._take_up()
            venue.take_over(symbols, are_all=are_all)
            self._commit(venue, 0)

    def take_over_book(self, symbol: str, bids: list[Level], asks: list[Level], now_ms: int) -> None:
        """Let a symbol's market offer exactly these levels."""
        with localcontext(EXACT):
            venue = self._take_up()
            venue.pin(symbol, bids, asks, now_ms)
            self._commit(venue, now_ms)

    # Keeping memory and book in step.

    def _take_up(self) -> Venue:
        """Return the state in memory, built anew from the book when the last work on it failed."""
        if self._venue is None:
            self._venue = Venue(self._book, self._seed, spends_all=self._spends_all)
        return self._venue

    def _commit(self, venue: Venue, now_ms: int) -> None:
        """Make what happened durable, then tell the streams."""
        venue.save()
        self._book.commit()
        for event in venue.events if self._streams else ():
            struck = self._plan.draw(STREAMS, self._rng)
            for stream in self._streams if "event_lost" not in struck else ():
                stream.push(event, now_ms)
                stream.is_cut |= "stream_cut" in struck
        venue.events.clear()

    def _attempt(self, what: str, now_ms: int, work: Callable[[Venue], Result]) -> Result | None:
        """Do some work and commit it. If that fails within the exchange, log it, undo it all, and return None."""
        with localcontext(EXACT):
            try:
                venue = self._take_up()
                result = work(venue)
                self._commit(venue, now_ms)
            except Exception:
                log.exception("exchange.failed", during=what)
                self._book.rollback()
                self._venue = None
                return None
            return result

    def _answer(self, arrival: Arrival, now_ms: int, work: Callable[[Venue], Result]) -> Result | Reply:
        """Do what a request asks, and note how it was answered."""
        done = self._attempt(f"{arrival.method} {arrival.path}", now_ms, work)
        answer = Reply.refusing(Refusal(Code.INTERNAL_ERROR)) if done is None else done
        if isinstance(answer, Reply):
            arrival.status = 0 if answer.drop_reply else answer.status
        return answer

    # The way of a request.

    def _handle(self, venue: Venue, request: Request, arrival: Arrival, now_ms: int) -> Reply | Later:
        if request.path.startswith(CONTROL_PREFIX):
            return self._control(venue, request, now_ms)
        self._arrivals.append(arrival)
        try:
            admitted = self._through_the_gateway(request, arrival, now_ms)
            if reply := before_accept(admitted.struck, request):
                return reply
        except Refusal as refusal:
            return Reply.refusing(refusal)
        except Banned as ban:
            return Reply(418, b"", {"Content-Type": "text/plain", "Retry-After": str(ban.retry_after_s)})
        return admitted if "slow_before" in admitted.struck else self._carry_out(venue, admitted, now_ms)

    def _through_the_gateway(self, request: Request, arrival: Arrival, now_ms: int) -> Later:
        """Admit a request and draw the faults that strike it."""
        endpoint = ENDPOINTS.get((request.method, request.path))
        self._limiter.admit_address(request.remote, endpoint.weight if endpoint else 1, now_ms)
        if endpoint is None:
            raise Refusal(Code.NOT_FOUND)
        parameters = self._admit(endpoint, request, now_ms)
        struck = self._plan.draw(endpoint.name, self._rng)
        arrival.faults = list(struck)
        delay_ms = struck["slow_before"].delay_ms if "slow_before" in struck else 0
        return Later(delay_ms, endpoint, parameters, struck, arrival)

    def _admit(self, endpoint: Endpoint, request: Request, now_ms: int) -> Parameters:
        if not endpoint.is_signed:
            return Parameters.of(request)
        parameters = authenticate(request, self._keys, now_ms)
        self._limiter.admit_account(request.remote, endpoint.weight, endpoint.budget, now_ms)
        return parameters

    def _carry_out(self, venue: Venue, admitted: Later, now_ms: int) -> Reply:
        venue.advance(now_ms)
        call = Call(venue, admitted.parameters, now_ms, admitted.struck, self._keys, self._listen_keys)
        try:
            reply = Reply.of(admitted.endpoint.answer(call))
        except Refusal as refusal:
            reply = Reply.refusing(refusal)
        return after_accept(admitted.struck, reply)

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
            case "GET", "faults":
                return {"faults": self.faults()}
            case "PUT", "faults":
                self.set_faults(read_faults(msgspec.json.decode(request.body)))
                return {"faults": self.faults()}
            case "POST", "listings":
                return add_listing(venue, msgspec.json.decode(request.body, type=Listing))
            case "POST", "market":
                change = msgspec.json.decode(request.body, type=MarketChange)
                return change_market(venue, change, now_ms)
        raise Refusal(Code.NOT_FOUND)


def default_balances() -> dict[str, Decimal]:
    """Return what a new book's account holds: more than any test spends."""
    symbols = default_symbols().values()
    held = {symbol.base_asset: quotient(_DEFAULT_BASE_VALUE, symbol.price, 0) for symbol in symbols}
    return {QUOTE: _DEFAULT_QUOTE, **held}
