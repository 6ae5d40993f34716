"""Signed, paced requests, and the exchange's health and clock according to the answers."""

import asyncio

import msgspec

from daemon.clock import Clock
from daemon.config.credentials import Credentials
from daemon.config.tables import ExchangeTable
from daemon.core.values.exchange_replies import Advice
from daemon.exchange.mexc import views
from daemon.exchange.mexc.pacing import Pacer
from daemon.exchange.mexc.replies import BAN, advice_of, envelope, waiting_ms
from daemon.exchange.mexc.signing import Parameters, encode, redacted, signed
from daemon.exchange.mexc.transport import Failure, Reply, Transport
from daemon.exchange.port import Health

OK, BAD_REQUEST = 200, 400
FIRST_WAIT_MS = 500
"""The shortest pause of queries after a refusal of the gateway, whose stated wait may be zero; doubled after each
further refusal, up to a minute. Orders have their own waits (:mod:`daemon.core.rules.backoff`)."""
LONGEST_ENVELOPE = 4_000
"""The longest answer that is searched for a code, in bytes: a longer one is a list."""


class ExchangeCall(msgspec.Struct, frozen=True):
    """A request without its signature, its answer, and when they were sent and received."""

    asked: str
    reply: Reply | Failure
    began_ms: int
    ended_ms: int


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
        self.transport = transport
        self._credentials = credentials
        self._public_headers = "Content-Type: application/json\r\n"
        self._headers = f"X-MEXC-APIKEY: {credentials.api_key.reveal()}\r\n{self._public_headers}"
        self._offset_ms: int | None = None  # the exchange's clock minus ours
        self._round_trip_ms: int | None = None
        self._measured_ms: int | None = None
        self._reachable: bool | None = None
        self._error: str | None = None
        self._measuring = asyncio.Lock()
        self._refused_in_a_row = 0  # by the gateway
        self._stepped_ms = 0  # by how much our clock has jumped forward since the start

    def reload(self, table: ExchangeTable) -> None:
        """Take a new configuration, for all requests from the next one on."""
        self.table = self.pacer.table = table

    def exchange_ms(self, local_ms: int) -> int:
        """Convert an instant of our clock into the exchange's time."""
        return local_ms + (self._offset_ms or 0)

    async def public(self, path: str, parameters: Parameters, *, weight: int) -> ExchangeCall:
        """Send a request that needs no key, once the rate limit has room."""
        query = encode(parameters)
        target = f"{path}?{query}" if query else path
        await self.pacer.wait(weight)
        request = self.transport.build("GET", target, self._public_headers)
        return await self._send(Prepared(f"GET {target}", target, request, repeatable=True))

    async def private(self, method: str, path: str, parameters: Parameters, *, weight: int) -> ExchangeCall:
        """Send a signed request, once the rate limit has room."""
        await self.pacer.wait(weight)
        answer = await self._send(self.signed(method, path, encode(parameters)))
        if _clock_refused(answer.reply):
            await self.measure_clock()
        return answer

    async def cancel(self, path: str, parameters: Parameters) -> ExchangeCall:
        """Send a cancel; it counts as an order."""
        await self.pacer.wait_for_order()
        return await self._send(self.signed("DELETE", path, encode(parameters)))

    async def measure_clock(self) -> bool:
        """Measure the exchange's clock against ours, at the middle of the round trip.

        Concurrent callers share one measurement. A measurement that took longer than a request is valid is too
        imprecise to replace a shorter one.
        """
        asked_ms = self.clock.now_ms()
        async with self._measuring:
            if self._measured_ms is not None and self._measured_ms > asked_ms:
                return True
            answer = await self.public("/api/v3/time", [], weight=1)
            server_ms = _server_ms(answer.reply)
            round_trip_ms = answer.ended_ms - answer.began_ms
            if server_ms is None:
                return False
            if self._offset_ms is None or round_trip_ms <= self.table.recv_window_ms:
                self._offset_ms = server_ms - (answer.began_ms + answer.ended_ms) // 2
                self._round_trip_ms = round_trip_ms
                self._measured_ms = answer.ended_ms
            return True

    def clock_stepped(self, step_ms: int) -> None:
        """Record that our clock jumped forward, so that requests are still signed with the exchange's time."""
        self._stepped_ms += step_ms
        if self._offset_ms is not None:
            self._offset_ms -= step_ms
        self.pacer.clock_stepped(step_ms)

    def health(self) -> Health:
        """Return the state of the client."""
        return Health(
            reachable=self._reachable,
            offset_ms=self._offset_ms,
            round_trip_ms=self._round_trip_ms,
            measured_ms=self._measured_ms,
            weight_used=self.pacer.used(),
            weight_limit=self.table.weight_per_10s,
            backoff_until_ms=self.pacer.backoff_until_ms,
            error=self._error,
        )

    def signed(self, method: str, path: str, parameters: str, until_ms: int | None = None) -> Prepared:
        """Sign a request that is valid for the configured window, and not after an instant of our clock.

        Args:
            method: GET, POST or DELETE.
            path: the path.
            parameters: the request's own parameters, as a query string.
            until_ms: an order's deadline: after it the exchange itself refuses the request as stale.

        """
        now_ms = self.clock.now_ms()
        window_ms = self.table.recv_window_ms
        if until_ms is not None:
            window_ms = max(1, min(window_ms, until_ms - now_ms))  # what 0 means to MEXC is not documented
        query = f"{parameters}{parameters and '&'}recvWindow={window_ms}&timestamp={self.exchange_ms(now_ms)}"
        target = f"{path}?{signed(self._credentials, query)}"
        request = self.transport.build(method, target, self._headers)
        return Prepared(f"{method} {path}?{query}", target, request, repeatable=method != "POST")

    def received(self, prepared: Prepared, reply: Reply | Failure) -> Reply | Failure:
        """Update health and clock from an answer; return it without our keys and the signature."""
        reply = self._redacted(reply, prepared.target)
        if isinstance(reply, Failure):
            self._reachable, self._error = False, reply.why
            return reply
        self._reachable, self._error = True, None
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

    async def _send(self, prepared: Prepared) -> ExchangeCall:
        began_ms, stepped_ms = self.clock.now_ms(), self._stepped_ms
        timeout_s = self.table.timeout_ms / 1_000
        reply = await self.transport.request(prepared.request, timeout_s, repeatable=prepared.repeatable)
        ended_ms = self.clock.now_ms()
        began_ms += self._stepped_ms - stepped_ms  # as our clock shows it now, so that the difference is a duration
        return ExchangeCall(prepared.asked, self.received(prepared, reply), began_ms, ended_ms)

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
