"""Signed, paced requests, and what they tell of the exchange's health and clock."""

import msgspec

from daemon.clock import Clock
from daemon.credentials import Credentials
from daemon.exchange.mexc.answers import GATEWAY
from daemon.exchange.mexc.pacing import Pacer
from daemon.exchange.mexc.signing import Parameters, encode, signed
from daemon.exchange.mexc.transport import Failure, Reply, Stopped, Transport
from daemon.exchange.port import Gate, Health


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to speak with the exchange (config.toml: ``[exchange]``)."""

    recv_window_ms: int
    timeout_ms: int
    weight_limit: int  # per 10 s, of MEXC's 300


class Asked(msgspec.Struct, frozen=True):
    """A request without its signature, for the record, and the answer to it."""

    asked: str
    reply: Reply | Failure | Stopped
    began_ms: int  # when it was handed over, after any wait for room


class Requests:
    """Signs, paces and sends."""

    def __init__(self, transport: Transport, credentials: Credentials, clock: Clock, settings: Settings) -> None:
        self.settings = settings
        self.clock = clock
        self.pacer = Pacer(clock, settings.weight_limit)
        self.offset_ms: int | None = None  # the exchange's clock minus ours
        self.round_trip_ms: float | None = None
        self.measured_ms: int | None = None
        self.reachable: bool | None = None
        self.error: str | None = None
        self._transport = transport
        self._credentials = credentials
        self._headers = {
            "X-MEXC-APIKEY": credentials.api_key.reveal(),
            "Content-Type": "application/json",
        }
        self._public_headers = {"Content-Type": "application/json"}

    def set_settings(self, settings: Settings) -> None:
        """Take new settings; they count from the next request on."""
        self.settings = settings
        self.pacer.limit = settings.weight_limit

    def exchange_ms(self, local_ms: int) -> int:
        """Translate an instant of ours into the exchange's time."""
        return local_ms + (self.offset_ms or 0)

    async def public(self, path: str, parameters: Parameters, *, weight: int) -> Asked:
        """Ask what needs no key."""
        query = encode(parameters)
        target = f"{path}?{query}" if query else path
        await self.pacer.wait(weight)
        began_ms = self.clock.now_ms()
        reply = await self._send("GET", target, self._public_headers, None)
        return Asked(f"GET {target}", reply, began_ms)

    async def private(self, method: str, path: str, parameters: Parameters, *, weight: int) -> Asked:
        """Ask what needs a signature, when there is room."""
        await self.pacer.wait(weight)
        return await self._signed(method, path, parameters, None)

    async def order(self, path: str, parameters: Parameters, gate: Gate) -> Asked:
        """Post an order once the gate opens. It does not wait for room: that was decided where priorities are known."""
        self.pacer.count(1)
        return await self._signed("POST", path, parameters, gate)

    def health(self) -> Health:
        """Tell how the exchange stands, as far as is known."""
        return Health(
            reachable=self.reachable,
            offset_ms=self.offset_ms,
            round_trip_ms=self.round_trip_ms,
            measured_ms=self.measured_ms,
            weight_used=self.pacer.used(),
            weight_limit=self.pacer.limit,
            blocked_until_ms=self.pacer.blocked_until_ms,
            error=self.error,
        )

    async def _signed(self, method: str, path: str, parameters: Parameters, gate: Gate | None) -> Asked:
        began_ms = self.clock.now_ms()
        timestamp = str(self.exchange_ms(began_ms))
        window = str(self.settings.recv_window_ms)
        query = encode([*parameters, ("recvWindow", window), ("timestamp", timestamp)])
        target = f"{path}?{signed(self._credentials, query)}"
        reply = await self._send(method, target, self._headers, gate)
        return Asked(f"{method} {path}?{query}", reply, began_ms)

    async def _send(
        self, method: str, target: str, headers: dict[str, str], gate: Gate | None
    ) -> Reply | Failure | Stopped:
        timeout_s = self.settings.timeout_ms / 1_000
        reply = await self._transport.request(method, target, headers, timeout_s=timeout_s, gate=gate)
        if isinstance(reply, Failure):
            self.reachable, self.error = False, reply.why
        elif isinstance(reply, Reply):
            self.reachable, self.error = True, None
            if reply.status in GATEWAY:
                wait_ms = GATEWAY[reply.status] if reply.retry_after_ms is None else reply.retry_after_ms
                self.pacer.block(self.clock.now_ms() + wait_ms)
        return reply
