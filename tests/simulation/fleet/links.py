"""What lies between a member and the outside: its clock, its ways to the database and to the exchange."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar
from urllib.parse import parse_qs

import anyio
import msgspec

from daemon.clock import NS_PER_MS
from daemon.errors import BackendFailed
from daemon.fleet.memory import Link, MemoryBackend, MemoryDatabase
from daemon.fleet.port import Entry, Lease
from daemon.simulator import messages
from daemon.simulator.book import Book
from daemon.simulator.exchange import DelayedRequest, SimulatedExchange
from tests.simulation.fleet.processes import FleetLoop
from tests.simulation.seams import EPOCH_MS

BOUND_S = 1.0
"""How long an operation of the database takes at most: it fails then, with an unknown outcome."""

ORDER = "/api/v3/order"
OUT_OF_WINDOW = b"700003"

T = TypeVar("T")


class OwnClock:
    """A clock of the loop's time and an offset. A member's goes on from the latest instant in the log."""

    def __init__(self, loop: FleetLoop, offset_ms: int) -> None:
        self._loop = loop
        self._ahead_ns = (EPOCH_MS + offset_ms) * NS_PER_MS

    def now_ns(self) -> int:
        """Return Unix nanoseconds."""
        return self._ahead_ns + round(self._loop.time() * 1_000_000_000)

    def now_ms(self) -> int:
        """Return Unix milliseconds."""
        return self.now_ns() // NS_PER_MS

    async def reach(self, at_ms: int) -> None:
        """Wait until an instant."""
        await anyio.sleep(max(0, at_ms - self.now_ms()) / 1_000)

    def begin(self, at_ms: int, before: Callable[[int], None]) -> None:
        """Jump to an instant, also back; ``before`` is called first, with the step."""
        step_ms = at_ms - self.now_ms()
        before(step_ms)
        self._ahead_ns += step_ms * NS_PER_MS


class Cut:
    """What is wrong with a member's way to the outside."""

    def __init__(self) -> None:
        self.is_cut = False
        self.is_hard = False  # connections are reset at once, instead of losing everything silently
        self.loses = 0.0  # share of answers that are lost
        self.slow_s = 0.0  # the longest extra time of an operation

    def heal(self) -> None:
        """Remove every disturbance."""
        self.is_cut, self.loses, self.slow_s = False, 0.0, 0.0


class OwnLink(Link):
    """One member's way to the database."""

    def __init__(self, cut: Cut, dice: Random, slowest_s: float) -> None:
        self._cut = cut
        self._dice = dice
        self._slowest_s = slowest_s

    async def to_database(self, operation: str) -> None:
        """Let an operation travel; raise if it is lost."""
        await self._travel(operation)

    async def from_database(self, operation: str) -> None:
        """Let its answer travel; raise if it is lost."""
        if self._dice.random() < self._cut.loses:
            raise BackendFailed(f"the answer to {operation} was lost")
        await self._travel(operation)

    async def _travel(self, operation: str) -> None:
        if operation != "notices":  # which arrive with what they tell of, since members look at once
            await asyncio.sleep(self._dice.uniform(0.0002, self._slowest_s) + self._dice.random() * self._cut.slow_s)
        if not self._cut.is_cut:
            return
        if not self._cut.is_hard and operation != "notices":
            await asyncio.sleep(BOUND_S)
        raise BackendFailed(f"{operation}: the connection to the database is cut")


ACCOUNT = "the account"
"""Whose ledger it is."""


class OwnBackend(MemoryBackend):
    """The database as one member reaches it. What was sent takes effect even if its sender stops or dies meanwhile."""

    def __init__(self, database: MemoryDatabase, link: Link, loop: FleetLoop, asks: Callable[[Entry], None]) -> None:
        """Build it; ``asks`` gets the entry of each takeover that the member asks for."""
        super().__init__(database, link)
        self._loop = loop
        self._asks = asks

    async def append(self, entry: Entry) -> None:
        """Write an entry."""
        await self._sent(super().append(entry))

    async def take(self, seen: Lease, lease: Lease, entry: Entry) -> bool:
        """Write a new lease and the entry of its takeover."""
        self._asks(entry)
        return await self._sent(super().take(seen, lease, entry))

    async def renew(self, lease: Lease, *, hands_over: bool = False) -> bool:
        """Set the end of the lease."""
        return await self._sent(super().renew(lease, hands_over=hands_over))

    async def answer(self, call_id: str, answer: bytes) -> None:
        """Answer a call."""
        await self._sent(super().answer(call_id, answer))

    async def _sent(self, operation: Coroutine[Any, Any, T]) -> T:
        return await asyncio.shield(self._loop.outside(operation))


class WatchedDatabase(MemoryDatabase):
    """The database, with a witness of the lease."""

    def __init__(
        self, now_ms: Callable[[], int], lease_set: Callable[[Lease], None], *, fences_the_log: bool = True
    ) -> None:
        super().__init__(now_ms, account=ACCOUNT, fences_the_log=fences_the_log)
        self._lease_set = lease_set

    def set_lease(self, lease: Lease) -> None:
        """Set the lease."""
        self._lease_set(lease)
        super().set_lease(lease)


class WatchedExchange:
    """The exchange as one machine reaches it, with a witness of the orders that it admits."""

    def __init__(
        self,
        exchange: SimulatedExchange,
        book: Book,
        *,
        address: str,
        admitted: Callable[[str, int], None],
        was_late: Callable[[], None],
    ) -> None:
        """Build it.

        Args:
            exchange: what answers.
            book: the exchange's.
            address: the machine's, by which the exchange limits requests.
            admitted: gets an order's client order id, and the time of the exchange.
            was_late: is called for an order that came after its window.

        """
        self._exchange = exchange
        self._book = book
        self._address = address
        self._admitted = admitted
        self._was_late = was_late

    def handle(self, request: messages.Request, now_ms: int) -> messages.Reply | DelayedRequest:
        """Answer a request."""
        request = msgspec.structs.replace(request, remote=self._address)
        if request.method != "POST" or request.path != ORDER:
            return self._exchange.handle(request, now_ms)
        client_order_id = parse_qs(request.query)["newClientOrderId"][0]
        was_there = self._book.has_client_order_id(client_order_id)
        reply = self._exchange.handle(request, now_ms)
        if not was_there and self._book.has_client_order_id(client_order_id):
            self._admitted(client_order_id, now_ms)
        elif isinstance(reply, messages.Reply) and OUT_OF_WINDOW in reply.body:
            self._was_late()
        return reply

    def resume(self, later: DelayedRequest, now_ms: int) -> messages.Reply:
        """Execute a delayed request. It was admitted before, so what it places is not counted here."""
        return self._exchange.resume(later, now_ms)


def carrier(loop: FleetLoop) -> Callable[..., object]:
    """Return what runs the tasks that carry requests: they belong to no process."""

    def start(carry: Callable[..., Coroutine[Any, Any, None]], *args: object) -> object:
        return loop.outside(carry(*args))

    return start
