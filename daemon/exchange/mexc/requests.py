"""Signed, paced requests, and the exchange's health and clock according to the answers."""

import asyncio
from collections.abc import Callable

import anyio
import msgspec

from daemon.clock import NS_PER_MS, Clock
from daemon.config.credentials import Credentials
from daemon.config.tables import ExchangeTable
from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.rules.lease_fence import LEAST_WINDOW_MS
from daemon.core.values.exchange_replies import Advice
from daemon.exchange.mexc import views
from daemon.exchange.mexc.pacing import EndpointPacer, Pacer
from daemon.exchange.mexc.replies import BAN, advice_of, envelope, waiting_ms
from daemon.exchange.mexc.signing import Parameters, encode, redacted, signed
from daemon.exchange.mexc.transport import Connection, Failure, Reply, Transport
from daemon.exchange.port import Health

OK, BAD_REQUEST = 200, 400
FIRST_WAIT_MS = 500
"""The shortest pause of queries after a refusal of the gateway, whose stated wait may be zero; doubled after each
further refusal, up to a minute. Orders have their own waits (:mod:`daemon.core.rules.backoff`)."""
ENDPOINT_RATES = {"/api/v3/account": 2}
"""Requests per second that an endpoint takes (documented)."""
TIME = "/api/v3/time"
LONGEST_ENVELOPE = 4_000
"""The longest answer that is searched for a code, in bytes: a longer one is a list."""
LONG_BODY = 100_000
"""From this length on, decoding an answer takes milliseconds, in one call that no other thread can interrupt: 30 ms for
exchangeInfo of all pairs, whose 1.7 MB are 2,500 pairs."""
QUIET_MS, AFTER_MS, LONGEST_QUIET_S = 100, 10, 1.0
"""A long answer waits from so long before an order's instant until so long after it, and a second at most."""
RENEWAL_S = 1.0
"""How long an owner in a fleet waits for the exchange's time. Without it the lease is not renewed, so an answer that is
lost must not keep the next measurement waiting."""
SAMPLES_AT_ONCE = 3
"""Requests of one measurement of the clock at most: one that opens the connection, one that contradicts what is known,
and one that confirms it."""


class ExchangeCall(msgspec.Struct, frozen=True):
    """A request without its signature, its answer, and when they were sent and received."""

    asked: str
    reply: Reply | Failure
    written_ns: int  # when its last byte was to be written; if nothing was written: when it was to be sent
    ended_ns: int
    fresh_connection: bool  # the connection carried no request before

    @property
    def began_ms(self) -> int:
        """When it was written, in Unix ms."""
        return self.written_ns // NS_PER_MS

    @property
    def ended_ms(self) -> int:
        """When the answer was there, in Unix ms."""
        return self.ended_ns // NS_PER_MS


class Prepared(msgspec.Struct, frozen=True):
    """A request that is built, and signed if necessary."""

    asked: str  # without its signature, for the record
    target: str  # path and query as they are sent
    request: bytes
    repeatable: bool  # written once more if its connection drops before the answer


class Requests:
    """Signs, paces and sends; measures the exchange's clock."""

    def __init__(self, transport: Transport, credentials: Credentials, clock: Clock, table: ExchangeTable) -> None:
        self.table = table
        self.clock = clock
        self.pacer = Pacer(clock, table)
        self._endpoint_pacers = {path: EndpointPacer(clock, per_s) for path, per_s in ENDPOINT_RATES.items()}
        self.transport = transport
        self._credentials = credentials
        self._public_headers = "Content-Type: application/json\r\n"
        self._headers = f"X-MEXC-APIKEY: {credentials.api_key.reveal()}\r\n{self._public_headers}"
        self.exchange_clock = ExchangeClock()
        self.on_measured: Callable[[], None] = lambda: None  # is called after each sample of the exchange's clock
        self.until_ms: int | None = None  # by the exchange's clock: the end of a fleet's lease
        self._reachable: bool | None = None
        self._unreachable_since_ms: int | None = None
        self._error: str | None = None
        self._measuring = asyncio.Lock()
        self._refused_in_a_row = 0  # by the gateway
        self._stepped_ns = 0  # by how much our clock has jumped forward since the start

    def reload(self, table: ExchangeTable) -> None:
        """Take a new configuration, for all requests from the next one on."""
        self.table = self.pacer.table = table

    def exchange_ms(self, local_ms: int) -> int:
        """Convert an instant of our clock into the exchange's time."""
        return self.exchange_clock.exchange_ns(local_ms * NS_PER_MS) // NS_PER_MS

    def left_ms(self) -> int:
        """Return how long orders and cancels that are signed now may be admitted: the configured window, or less."""
        window_ms = self.table.recv_window_ms
        if self.until_ms is None:
            return window_ms
        return min(window_ms, self.until_ms - self.exchange_ms(self.clock.now_ms()))

    async def public(self, path: str, parameters: Parameters, *, weight: int) -> ExchangeCall:
        """Send a request that needs no key, once the rate limit has room."""
        query = encode(parameters)
        await self.pacer.wait(weight)
        return await self._send_public(f"{path}?{query}" if query else path)

    async def _send_public(self, target: str, within_s: float | None = None) -> ExchangeCall:
        request = self.transport.build("GET", target, self._public_headers)
        return await self._send(Prepared(f"GET {target}", target, request, repeatable=True), within_s)

    async def private(self, method: str, path: str, parameters: Parameters, *, weight: int) -> ExchangeCall:
        """Send a signed request, once the rate limit has room."""
        if path in self._endpoint_pacers:
            await self._endpoint_pacers[path].wait()
        await self.pacer.wait(weight)
        return await self._send_signed(method, path, parameters)

    async def search(self, path: str, parameters: Parameters, *, weight: int) -> ExchangeCall:
        """Send a signed query for orders, once the rate limit has room that no other request waits for."""
        await self.pacer.wait_to_search(weight)
        return await self._send_signed("GET", path, parameters)

    async def _send_signed(self, method: str, path: str, parameters: Parameters) -> ExchangeCall:
        answer = await self._send(self.signed(method, path, encode(parameters)))
        if _clock_refused(answer.reply):
            await self.measure_clock()
        return answer

    async def cancel(self, path: str, parameters: Parameters) -> ExchangeCall | None:
        """Send a cancel; it counts as an order. Return ``None`` if the fleet's lease leaves no time for it."""
        await self.pacer.wait_for_order()
        if self.left_ms() < LEAST_WINDOW_MS:
            return None
        return await self._send(self.signed("DELETE", path, encode(parameters)))

    async def measure_clock(self) -> bool:
        """Sample the exchange's clock, and once more at once where a sample is not enough; return whether it answered.

        Concurrent callers share one measurement.
        """
        asked_ns = self.clock.now_ns()
        async with self._measuring:
            known = self.exchange_clock.known
            if known is not None and known.at_ns > asked_ns:
                return True
            has_answered = False
            for _ in range(SAMPLES_AT_ONCE):
                if self.until_ms is None:
                    answer = await self.public(TIME, [], weight=1)
                else:  # the owner in a fleet, who would lose the lease behind many queries
                    await self.pacer.wait_for_time()
                    answer = await self._send_public(TIME, RENEWAL_S)
                server_ms = _server_ms(answer.reply)
                if server_ms is None:
                    break
                has_answered = True
                is_enough = self.exchange_clock.sample(
                    answer.written_ns, answer.ended_ns, server_ms, fresh_connection=answer.fresh_connection
                )
                self.on_measured()
                if is_enough:
                    break
            return has_answered

    def clock_steps(self, step_ms: int) -> None:
        """Prepare for a jump of our clock, so that requests are still signed with the exchange's time."""
        self._stepped_ns += step_ms * NS_PER_MS
        self.exchange_clock.stepped(step_ms * NS_PER_MS)
        self.pacer.clock_steps(step_ms)

    def health(self) -> Health:
        """Return the state of the client."""
        known = self.exchange_clock.known
        aged = None if known is None else known.aged(self.clock.now_ns())
        return Health(
            reachable=self._reachable,
            unreachable_since_ms=self._unreachable_since_ms,
            offset_ms=None if known is None else known.middle_ns // NS_PER_MS,
            uncertainty_ms=None if aged is None else aged.uncertainty_ns / NS_PER_MS,
            round_trip_ms=None if known is None else round(known.round_trip_ns / NS_PER_MS),
            measured_ms=None if known is None else known.at_ns // NS_PER_MS,
            weight_used=self.pacer.used(),
            weight_limit=self.table.weight_per_10s,
            backoff_until_ms=self.pacer.backoff_until_ms,
            error=self._error,
        )

    async def ping(self, connection: Connection) -> bool:
        """Make the cheapest request on a connection, once the rate limit has room; return whether it was answered.

        It asks for the time, which weighs as little as a ping: the clock is sampled on the very way of the next order.
        """
        await self.pacer.wait(1)
        request = self.transport.build("GET", TIME, self._public_headers)
        is_fresh, stepped_ns, written_ns = not connection.reused, self._stepped_ns, self.clock.now_ns()
        if not connection.write(request):
            return False
        reply = await connection.reply(self.table.timeout_ms / 1_000)
        received_ns = self.clock.now_ns()
        reply = self.received(Prepared(f"GET {TIME}", TIME, request, repeatable=True), reply)
        server_ms = _server_ms(reply)
        if server_ms is not None:
            written_ns += self._stepped_ns - stepped_ns
            self.exchange_clock.sample(written_ns, received_ns, server_ms, fresh_connection=is_fresh)
            self.on_measured()
        return isinstance(reply, Reply)

    def signed(
        self, method: str, path: str, parameters: str, until_ms: int | None = None, at_ms: int | None = None
    ) -> Prepared:
        """Sign a request that is valid for the configured window, and not after an instant.

        In a fleet it is not valid after the end of the lease, unless it only queries.

        Args:
            method: GET, POST or DELETE.
            path: the path.
            parameters: the request's own parameters, as a query string.
            until_ms: an order's deadline by the exchange's clock: after it the exchange itself refuses the request as
                stale.
            at_ms: when it is to arrive, by the exchange's clock; default: now.

        """
        now_ms = self.exchange_ms(self.clock.now_ms()) if at_ms is None else at_ms
        window_ms = self.table.recv_window_ms
        if self.until_ms is not None and method != "GET":
            until_ms = self.until_ms if until_ms is None else min(until_ms, self.until_ms)
        if until_ms is not None:
            window_ms = max(1, min(window_ms, until_ms - now_ms))  # what 0 means to MEXC is not documented
        query = f"{parameters}{parameters and '&'}recvWindow={window_ms}&timestamp={now_ms}"
        target = f"{path}?{signed(self._credentials, query)}"
        request = self.transport.build(method, target, self._headers)
        return Prepared(f"{method} {path}?{query}", target, request, repeatable=method != "POST")

    def received(self, prepared: Prepared, reply: Reply | Failure) -> Reply | Failure:
        """Update health and clock from an answer; return it without our keys and the signature."""
        reply = self._redacted(reply, prepared.target)
        if isinstance(reply, Failure):
            self._reachable, self._error = False, reply.why
            self._unreachable_since_ms = self._unreachable_since_ms or self.clock.now_ms()
            return reply
        self._reachable, self._unreachable_since_ms, self._error = True, None, None
        stated_ms = must_wait_ms(reply)
        if stated_ms is None:
            self._refused_in_a_row = 0
        else:
            wait_ms = max(stated_ms, FIRST_WAIT_MS * 2 ** min(self._refused_in_a_row, 7))
            self._refused_in_a_row += 1
            self._error = f"HTTP {reply.status}: the exchange asked to wait {stated_ms} ms; waiting {wait_ms} ms"
            is_query = prepared.asked.startswith("GET ")
            self.pacer.back_off(self.clock.now_ms() + wait_ms, orders=not is_query or _is_ban(reply))
        return reply

    async def _send(self, prepared: Prepared, within_s: float | None = None) -> ExchangeCall:
        written_ns, stepped_ns, is_fresh = self.clock.now_ns(), self._stepped_ns, False

        def before_write(connection: Connection) -> None:
            nonlocal written_ns, stepped_ns, is_fresh
            written_ns, stepped_ns, is_fresh = self.clock.now_ns(), self._stepped_ns, not connection.reused

        reply = await self.transport.request(
            prepared.request,
            within_s or self.table.timeout_ms / 1_000,
            repeatable=prepared.repeatable,
            before_write=before_write,
        )
        ended_ns = self.clock.now_ns()
        if isinstance(reply, Reply) and len(reply.body) > LONG_BODY:
            await self._until_no_order_is_near()
        written_ns += self._stepped_ns - stepped_ns  # as our clock shows it now, so that the difference is a duration
        return ExchangeCall(prepared.asked, self.received(prepared, reply), written_ns, ended_ns, is_fresh)

    async def _until_no_order_is_near(self) -> None:
        """Wait until no order is about to leave at its instant: decoding would keep the interpreter from its thread."""
        with anyio.move_on_after(LONGEST_QUIET_S):
            while (next_ms := self.pacer.next_reserved_ms()) is not None:
                left_ms = next_ms - self.clock.now_ms()
                if left_ms > QUIET_MS:
                    return
                await anyio.sleep((left_ms + AFTER_MS) / 1_000)

    def _redacted(self, reply: Reply | Failure, target: str) -> Reply | Failure:
        """Redact our keys and the request's signature in an answer: a gateway's page may quote the request."""
        if isinstance(reply, Reply):
            body = redacted(reply.body, self._credentials, target)
            return reply if body is reply.body else msgspec.structs.replace(reply, body=body)
        why = redacted(reply.why.encode(), self._credentials, target).decode()
        return msgspec.structs.replace(reply, why=why)


def must_wait_ms(reply: Reply) -> int | None:
    """Return how long the exchange's gateway asks to back off; ``None`` where it does not."""
    found = envelope(reply.body) if len(reply.body) < LONGEST_ENVELOPE else None
    return waiting_ms(reply.status, None if found is None else found.code, reply.retry_after_ms)


def _is_ban(reply: Reply) -> bool:
    """Return whether the gateway refuses our address as a whole, and not only the requests above a limit."""
    found = envelope(reply.body) if len(reply.body) < LONGEST_ENVELOPE else None
    return reply.status == BAN or (found is not None and found.code == BAN)


def _clock_refused(reply: Reply | Failure) -> bool:
    return isinstance(reply, Reply) and reply.status == BAD_REQUEST and advice_of(reply.body) is Advice.RESYNC


def _server_ms(reply: Reply | Failure) -> int | None:
    if not isinstance(reply, Reply) or reply.status != OK:
        return None
    try:
        return views.server_time(reply.body)
    except views.UnreadableError:
        return None
