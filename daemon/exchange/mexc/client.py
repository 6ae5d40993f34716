"""The MEXC client: the exchange port over signed requests."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

import anyio

from daemon.clock import Clock
from daemon.config.credentials import Credentials
from daemon.config.tables import ExchangeTable
from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.values.account import Account
from daemon.core.values.attempts import Attempt
from daemon.core.values.exchange_replies import (
    CancelAnswer,
    PreflightResult,
    PreflightVerdict,
    QueryResult,
    Source,
)
from daemon.core.values.orders import Order, Side
from daemon.core.values.symbols import FRESH_MS, SymbolRules
from daemon.errors import NotReady
from daemon.exchange.mexc import views
from daemon.exchange.mexc.codes import SERVER_CODES
from daemon.exchange.mexc.order_request import ORDER, MexcOrderRequest
from daemon.exchange.mexc.own_connection import Dial
from daemon.exchange.mexc.preflight import run_preflight
from daemon.exchange.mexc.prices import LastPrices
from daemon.exchange.mexc.replies import SUCCESS, envelope, raw
from daemon.exchange.mexc.requests import BAD_REQUEST, OK, Requests
from daemon.exchange.mexc.shot_connections import ShotConnections
from daemon.exchange.mexc.shot_request import MexcShotRequest
from daemon.exchange.mexc.signing import Parameters
from daemon.exchange.mexc.sources import Sources, names
from daemon.exchange.mexc.symbols import parse
from daemon.exchange.mexc.transport import Reply, Transport
from daemon.exchange.port import Health

PAUSE_MS = 1_000
"""The pause after a failed query for rules; meanwhile signals are refused at once instead of waiting in a row."""
TOGETHER_MS = 10_000
"""Unknown pairs of this time share a request for all: only the first is queried alone, because that answer is short."""
UNREADABLE_RULES = "the exchange's trading rules are not known and not available now; send the signal again"


class MexcExchange:
    """MEXC, or a server with the same API."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        clock: Clock,
        table: ExchangeTable,
        duplicate_codes: Collection[int] = (),
        dial: Dial | None = None,
    ) -> None:
        """Build the client.

        Args:
            transport: carries requests.
            credentials: the account's key.
            clock: the daemon's clock.
            table: [exchange].
            duplicate_codes: the codes that refuse a client order id that was used before.
            dial: opens connections for orders that leave at an instant; without it they leave like any other.

        """
        self._requests = Requests(transport, credentials, clock, table)
        self._duplicate_codes = duplicate_codes
        self._idle_limit = transport.idle_limit
        self._shots = None if dial is None else ShotConnections(dial, self._requests.ping, transport.idle_limit)
        self._sources = Sources(self._requests)
        self._prices = LastPrices(self._requests)
        self._clock = clock
        self._rules: dict[str, SymbolRules] = {}
        self._read_ms: dict[str, int] = {}  # pair → when the last answered query was sent
        self._shown: dict[str, SymbolRules] = {}  # the last answer with all pairs
        self._shown_ms = 0  # when it was asked for
        self._alone = ("", 0)  # the last unknown pair that was queried alone, and when
        self._not_before_ms = 0  # after a failure, rules are not queried before then
        self._asking = asyncio.Lock()
        self._loading = asyncio.Lock()

    @property
    def clock(self) -> ExchangeClock:
        """The exchange's clock."""
        return self._requests.exchange_clock

    def on_clock_measured(self, listener: Callable[[], None]) -> None:
        """Call a listener after each sample of the exchange's clock."""
        self._requests.on_measured = listener

    def reload(self, table: ExchangeTable) -> None:
        """Take a new configuration, for all requests from the next one on."""
        self._requests.reload(table)

    def prepare(self, order: Order, attempt: Attempt) -> MexcOrderRequest:
        """Sign and build the request of one attempt."""
        spare = _none if self._shots is None else self._shots.take_spare
        return MexcOrderRequest(self._requests, self._duplicate_codes, order, attempt, spare=spare)

    @property
    def warm_s(self) -> float:
        """How long connections stay warm without a request: half of the time for which they may be idle."""
        return self._idle_limit.usable_s / 2

    def prepare_shot(self, fire_ms: int) -> MexcShotRequest | None:
        """Begin a request for an instant; ``None`` without connections for that."""
        if self._shots is None:
            return None
        return MexcShotRequest(self._requests, self._duplicate_codes, self._shots, fire_ms)

    async def tend_connections(self, wanted: int, *, sample: bool) -> bool:
        """Have so many connections for shots open, which no shot has yet; return whether any is open."""
        return self._shots is not None and await self._shots.tend(wanted, sample=sample)

    async def query(self, order: Order, source: Source, due_ms: int) -> QueryResult:
        """Query one source for an order."""
        return await self._sources.query(order, source, due_ms)

    async def cancel(self, order: Order) -> CancelAnswer:
        """Ask the exchange to cancel an order, by MEXC's id if it is known.

        The limit of queries does not delay it: orders have a limit of their own.
        """
        wait_ms = self._requests.pacer.orders_backoff_until_ms - self._clock.now_ms()
        if wait_ms > 0:
            why = f"nothing was sent: the exchange asked to wait, for another {wait_ms} ms"
            return CancelAnswer("refused", f"DELETE {ORDER}", why)
        answer = await self._requests.cancel(ORDER, names(order))
        if answer is None:
            return CancelAnswer("refused", f"DELETE {ORDER}", "nothing was sent: the lease of this member has ended")
        reply = answer.reply
        if not isinstance(reply, Reply):
            return CancelAnswer("unknown", answer.asked, reply.why)
        return CancelAnswer(_cancelled(reply), answer.asked, f"HTTP {reply.status} {raw(reply.body)}")

    async def balances(self) -> list[views.Balance]:
        """Return the account's balances.

        Raises:
            NotReady: the exchange gave no readable answer.

        """
        answer = await self._requests.private("GET", "/api/v3/account", [], weight=10)
        if isinstance(answer.reply, Reply) and answer.reply.status == OK:
            try:
                return views.balances(answer.reply.body)
            except views.UnreadableError:
                pass
        raise NotReady(f"the exchange shows no account: {answer.reply}")

    async def account(self) -> Account:
        """Query the balances, and the pairs that this key may trade."""
        asked_ms = self._clock.now_ms()
        try:
            free = {balance.asset: balance.free for balance in await self.balances()}
        except NotReady:
            free = None
        answer = await self._requests.private("GET", "/api/v3/selfSymbols", [], weight=1)
        reply = answer.reply
        permitted = views.permitted(reply.body) if isinstance(reply, Reply) and reply.status == OK else None
        return Account(free=free, permitted=permitted, seen_ms=asked_ms)

    def is_warm(self) -> bool:
        """Whether a connection is open that can carry an order at once."""
        return (self._shots is not None and self._shots.is_warm) or self._requests.transport.is_warm()

    def known_rules(self, symbol: str) -> SymbolRules | None:
        """Return a pair's rules if they are known without a query."""
        return self._rules.get(symbol)

    async def rules(self, symbol: str) -> SymbolRules | None:
        """Return a pair's rules; query them if they are not known."""
        return self._rules.get(symbol) or await self.fresh_rules(symbol, self._clock.now_ms() - FRESH_MS)

    async def fresh_rules(self, symbol: str, since_ms: int) -> SymbolRules | None:
        """Return a pair's rules; query them unless that was done after ``since_ms``.

        Several unknown pairs are queried by one request for all: a request costs the same for one pair as for all. A
        pair that such an answer lacks may have been listed since, so an earlier answer does not count for it.
        """
        asked_ms = self._clock.now_ms()
        together = symbol not in self._rules and self._has_company(symbol)
        async with self._loading if together else self._asking:
            shown_ms = self._shown_ms if symbol in self._rules or self._shown_ms >= asked_ms else 0
            if max(self._read_ms.get(symbol, 0), shown_ms) <= since_ms:
                if self._clock.now_ms() < max(self._not_before_ms, self._requests.pacer.backoff_until_ms):
                    raise NotReady(UNREADABLE_RULES)
                await self._load_for(symbol, together=together)
            return self._rules.get(symbol)

    async def last_price(self, symbol: str) -> Decimal | None:
        """Return a pair's last price; query it if it is not fresh."""
        return await self._prices.last(symbol)

    async def market_price(self, symbol: str, side: Side) -> Decimal | None:
        """Return a pair's recent last price; before its first trade, the best price of the other side of its book."""
        return await self._prices.last(symbol) or await self._prices.best(symbol, side)

    def pair_of(self, contract: str) -> str | None:
        """Return the known USDT pair of a contract's coin; ``None`` if there is none, or several.

        Addresses that begin with 0x are compared without regard to case, all others exactly.
        """
        wanted = _address(contract)
        found = [
            rules.symbol
            for rules in self._rules.values()
            if rules.quote_asset == "USDT" and rules.contract is not None and _address(rules.contract) == wanted
        ]
        return found[0] if len(found) == 1 else None

    async def load_rules(self, since_ms: int | None = None) -> Mapping[str, SymbolRules]:
        """Load the rules of all pairs, so that no signal waits for them; return those that the exchange shows.

        Rules that were queried after ``since_ms`` are not queried again.

        Raises:
            NotReady: the rules are not available now.

        """
        async with self._loading:
            if since_ms is None or self._shown_ms <= since_ms:
                await self._load([])
            return self._shown

    async def preflight(self) -> PreflightResult:
        """Check whether this account can trade here, and whether the exchange lists any pair."""
        result = await run_preflight(self._requests)
        if result.verdict is not PreflightVerdict.FIT or self._requests.table.is_test:
            return result
        async with self._loading:
            try:
                return (
                    result
                    if self._rules or await self._load([])
                    else PreflightResult(PreflightVerdict.UNKNOWN, "it lists no pair")
                )
            except NotReady as error:
                return PreflightResult(PreflightVerdict.UNKNOWN, str(error))

    async def measure_clock(self) -> bool:
        """Measure the exchange's clock against ours."""
        return await self._requests.measure_clock()

    def clock_steps(self, step_ms: int) -> None:
        """Prepare for a jump of our clock, forward by ``step_ms``; in a fleet it may be negative."""
        if step_ms < 0:  # what was read is of the future then
            self._read_ms.clear()
            self._shown_ms = self._not_before_ms = 0
        self._requests.clock_steps(step_ms)

    def back_off(self, until_ms: int) -> None:
        """Send no request before then: the exchange asked an earlier process to wait."""
        self._requests.pacer.back_off(until_ms, orders=True)

    def admit_until(self, until_ms: int) -> None:
        """Let no order or cancel be admitted after an instant of the exchange's clock."""
        self._requests.until_ms = until_ms

    def end_backoffs(self) -> None:
        """End every wait that the exchange asked for."""
        self._requests.pacer.end_backoffs()
        self._not_before_ms = 0

    def health(self) -> Health:
        """Return the state of the client."""
        return self._requests.health()

    def _has_company(self, symbol: str) -> bool:
        """Return whether other unknown pairs are queried now, or were a moment ago."""
        other, asked_ms = self._alone
        return self._loading.locked() or (other != symbol and self._clock.now_ms() < asked_ms + TOGETHER_MS)

    async def _load(self, parameters: Parameters) -> int:
        answer = await self._requests.public("/api/v3/exchangeInfo", parameters, weight=25)
        reply = answer.reply
        found = None
        if isinstance(reply, Reply) and reply.status == OK:
            found = parse(reply.body)
        elif isinstance(reply, Reply) and reply.status == BAD_REQUEST and parameters:
            found = []  # there is no such pair
        if found is None:
            self._not_before_ms = self._clock.now_ms() + PAUSE_MS
            raise NotReady(UNREADABLE_RULES)
        shown = {rules.symbol: rules for rules in found}
        self._rules.update(shown)
        if parameters:
            self._read_ms.update(dict.fromkeys(shown, answer.began_ms))
        else:
            self._shown, self._shown_ms = shown, answer.began_ms
        return len(found)

    async def _load_for(self, symbol: str, *, together: bool) -> None:
        """Load a pair's rules within the time limit of one request, so that no signal waits long for the rate limit."""
        now_ms = self._clock.now_ms()
        if symbol not in self._rules and not together:
            self._alone = (symbol, now_ms)
        with anyio.move_on_after(self._requests.table.timeout_ms / 1_000) as scope:
            await self._load([] if together else [("symbol", symbol)])
        if scope.cancelled_caught:
            self._not_before_ms = self._clock.now_ms() + PAUSE_MS
            raise NotReady(UNREADABLE_RULES)
        known = self._read_ms.items()
        self._read_ms = {pair: at_ms for pair, at_ms in known if pair in self._rules or now_ms < at_ms + FRESH_MS}
        self._read_ms[symbol] = max(now_ms, self._read_ms.get(symbol, 0))  # also where there is no such pair


def _none() -> None:
    """Return none: there is no spare connection."""


def _address(contract: str) -> str:
    return contract.lower() if contract[:2].lower() == "0x" else contract


def _cancelled(reply: Reply) -> str:
    """Read the answer to a cancel. The code shows a failure too: it may come with HTTP 200."""
    found = envelope(reply.body)
    if found is None or found.code in SERVER_CODES:
        return "unknown"
    if reply.status == OK and found.code in SUCCESS:
        return "accepted"
    return "refused" if reply.status == BAD_REQUEST else "unknown"
