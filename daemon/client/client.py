"""The client: signals, orders, events and locks of one daemon."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode
from uuid import uuid4

import anyio
import msgspec

from daemon.client.events import Event, Reset, follow
from daemon.client.lock import HeldLock, OnLost
from daemon.client.shapes import Explanation, Order, Page, Signal, Status
from daemon.client.wire import FIRST_PAUSE_S, LONGEST_PAUSE_S, Tries, Wire

WAIT_S = 30.0
RETRY_S = 60.0
MAX_WAIT_S = 120.0
"""The longest wait that the daemon allows for one request."""

PAGE = 1_000
"""The most orders that the daemon shows at once."""

DEADLINE_MS = {"BUY": 5_000, "SELL": 60_000}
"""The daemon's defaults, for the repetition of a signal without a deadline."""

LONG_AGO_MS = 1
"""An instant whose deadline is over by every clock."""


class Client:
    """A daemon behind a Unix socket; used in ``async with``. One client serves any number of tasks.

    Args:
        path: of ``signals.sock``.
        retry_s: how long each call repeats its request while the daemon does not answer, starts or drains; seconds.

    Every call raises :class:`Refused` if the daemon refuses the request, and :class:`Unreachable` if it did not answer.

    """

    def __init__(self, path: str | os.PathLike[str], *, retry_s: float = RETRY_S) -> None:
        self._wire = Wire(Path(path))
        self._retry_s = retry_s

    async def __aenter__(self) -> Self:
        """Open the connection pool; the first request connects."""
        self._wire.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        with anyio.CancelScope(shield=True):
            await self._wire.close()

    async def submit(self, signal: Signal, *, wait_s: float = WAIT_S) -> Order:
        """Send a signal, wait for its outcome for up to ``wait_s`` seconds, and return the order in its current state.

        A BUY of a target is one order, however often it is submitted: its key follows from the target. Any other signal
        without a key gets a new one, so each call is a new order. Within a call the signal is sent again after a lost
        connection; that makes one order, and keeps the first submission's deadline.

        Raises:
            Invalid, Halted, Full, KeyConflict, NotAllowed: nothing was placed. ``Invalid`` with the field ``executeAt``
                also means that the deadline passed before the daemon could be reached.
            Unreachable: the outcome is unknown; submit the signal again with ``idempotency_key`` set to the
                exception's ``key``.

        """
        makes_key = signal.idempotency_key is None and not _is_bought_once(signal)
        asked = msgspec.structs.replace(signal, idempotency_key=f"py-{uuid4().hex}") if makes_key else signal
        began_s, tries = anyio.current_time(), Tries(self._retry_s)
        until_s = began_s + wait_s
        order = await self._wire.ask(
            "POST",
            "/v1/signals",
            Order,
            tries=tries,
            body=lambda: _again(asked, anyio.current_time() - began_s) if tries.failed else asked,
            wait_s=lambda: min(until_s - anyio.current_time(), MAX_WAIT_S),
            key=asked.idempotency_key,
        )
        order = await self._outcome(order, until_s)
        if signal.idempotency_key is not None:
            return order
        # After a lost connection the earlier submission is this call's own, as far as can be told.
        return msgspec.structs.replace(order, replayed=order.replayed and not makes_key and not tries.failed)

    async def order(self, order_id: str) -> Order:
        """Read an order.

        Raises:
            Unknown: there is no such order.

        """
        return await self._wire.ask("GET", _of(order_id), Order, tries=self._tries())

    async def orders(
        self, *, state: str | None = None, symbol: str | None = None, owner_id: str | None = None
    ) -> AsyncIterator[Order]:
        """Read orders, newest first: ``async for order in client.orders(state="open")``. Where absent, all of them."""
        wanted = {"limit": str(PAGE), "state": state, "symbol": symbol, "owner": owner_id}
        query: dict[str, str] = {name: value for name, value in wanted.items() if value is not None}
        while True:
            page = await self._wire.ask("GET", f"/v1/orders?{urlencode(query)}", Page, tries=self._tries())
            for order in page.orders:
                yield order
            if page.next is None:
                return
            query["cursor"] = page.next

    async def explain(self, order_id: str) -> Explanation:
        """Read everything about an order: its attempts, every event with time and reason, and what comes next.

        Raises:
            Unknown: there is no such order.

        """
        return await self._wire.ask("GET", f"{_of(order_id)}/explain", Explanation, tries=self._tries())

    async def cancel(self, order_id: str, reason: str = "cancelled by the caller") -> Order:
        """Withdraw an unsent order, discard a dead letter, or ask the exchange to cancel a resting order.

        Returns:
            The order: cancelled, filled meanwhile, or, if the outcome is not known after some seconds, still resting.

        Raises:
            Unknown: there is no such order.
            WrongState: its outcome is unknown, or there is nothing to cancel. An order that is cancelled already is
                returned instead.

        """
        target = f"{_of(order_id)}?reason={quote(reason, safe='')}"
        return await self._wire.ask("DELETE", target, Order, tries=self._tries())

    async def status(self) -> Status:
        """Read the daemon's status."""
        return await self._wire.ask("GET", "/v1/status", Status, tries=self._tries())

    def events(
        self, after: str | None = None, *, name: str = "", order_id: str | None = None
    ) -> AsyncIterator[Event | Reset]:
        """Stream events from now on: ``async for event in client.events()``.

        The client reconnects after a lost connection and continues after the last event. If events were missed, as
        after a restart of the daemon, it yields a :class:`Reset`, and then the events that the daemon still holds.

        Args:
            after: the id of an event; start after it. ``"0"`` starts with the oldest event that the daemon holds.
            name: only events whose name begins with this text, like ``"order."``.
            order_id: only events of this order.

        Raises:
            Unreachable: the daemon did not answer for ``retry_s``, at first or after a lost connection.

        """
        wanted = {key: value for key, value in (("name", name), ("orderId", order_id)) if value}
        return follow(self._wire, f"/v1/events?{urlencode(wanted)}", after, self._retry_s)

    def lock(
        self,
        resource_id: str,
        owner_id: str,
        *,
        timeout_ms: int = 30_000,
        wait_s: float = 0.0,
        priority: int | None = None,
        idempotency_key: str | None = None,
        data: object = None,
        on_lost: OnLost | None = None,
    ) -> HeldLock:
        """Return a lock. ``async with`` acquires, renews and releases it.

        Args:
            timeout_ms: length of the lease, which ends unless it is renewed.
            wait_s: how long to wait in the queue. A client that loses its connection loses its place, and joins again.
            priority: order in the queue, before the time of arrival; 1 is most urgent.
            idempotency_key: makes this the same request as an earlier one; see :class:`AlreadyDone`.
            data: any JSON, kept with the lock.
            on_lost: called at once with the reason if the lock ends before the body does.

        """
        asked: dict[str, Any] = {
            "resourceId": resource_id,
            "ownerId": owner_id,
            "timeoutMs": timeout_ms,
            "priority": priority,
            "idempotencyKey": idempotency_key,
            "transactionData": data,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        return HeldLock(self._wire, given, wait_s=wait_s, retry_s=self._retry_s, on_lost=on_lost)

    def _tries(self) -> Tries:
        return Tries(self._retry_s)

    async def _outcome(self, order: Order, until_s: float) -> Order:
        """Query an accepted order until its outcome is known.

        The signal is not sent again: if the order was refused, its key is free, and a new order would be made.
        """
        replayed, pause_s = order.replayed, FIRST_PAUSE_S
        while not order.outcome_known and anyio.current_time() < until_s:
            await anyio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            order = await self.order(order.id)
        return msgspec.structs.replace(order, replayed=replayed)


def _of(order_id: str) -> str:
    return f"/v1/orders/{quote(order_id, safe='')}"


def _is_bought_once(signal: Signal) -> bool:
    """Return whether the daemon derives the signal's key from its target, which is then bought once."""
    return signal.snipe_target_id is not None and signal.side.strip().upper() == "BUY"


def _again(signal: Signal, after_s: float) -> Signal:
    """Return the signal for a repetition so long after the first submission: with what is left of its deadline.

    If nothing is left, a new order is refused, and an order that the first submission became still answers. An instant
    of the client's clock would not do: the daemon reads ``execute_at`` by the exchange's clock.
    """
    if signal.execute_at is not None:
        return signal
    deadline_ms = signal.deadline_ms or DEADLINE_MS.get(signal.side.strip().upper(), DEADLINE_MS["BUY"])
    left_ms = deadline_ms - int(after_s * 1_000)
    if left_ms > 0:
        return msgspec.structs.replace(signal, deadline_ms=left_ms)
    return msgspec.structs.replace(signal, execute_at=LONG_AGO_MS, deadline_ms=1)
