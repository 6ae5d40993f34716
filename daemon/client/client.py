"""Asking the daemon."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode
from uuid import uuid4

import anyio
import msgspec

from daemon.client.errors import WrongState
from daemon.client.events import Event, Reset, follow
from daemon.client.lock import HeldLock, OnLost
from daemon.client.shapes import Explanation, Order, Signal, Status
from daemon.client.wire import FIRST_PAUSE_S, LONGEST_PAUSE_S, Tries, Wire, wall_ms

WAIT_S = 30.0
RETRY_S = 60.0
MAX_WAIT_S = 120.0
"""The longest that the daemon lets one request wait."""

DEADLINE_MS = {"BUY": 5_000, "SELL": 60_000}
"""The daemon's own defaults, used where a signal without a deadline is sent again."""

_CANCELLED = frozenset({"withdrawn", "canceled", "partially_canceled"})


class Client:
    """A daemon behind a Unix socket; used in ``async with``. One client serves any number of tasks.

    Args:
        path: of ``signals.sock``.
        retry_s: so long each call asks again where the daemon does not answer, is starting, or drains.

    Every call raises :class:`Refused` where the daemon will not, and :class:`Unreachable` where nobody answered.

    """

    def __init__(self, path: str | os.PathLike[str], *, retry_s: float = RETRY_S) -> None:
        self._wire = Wire(Path(path))
        self._retry_s = retry_s

    async def __aenter__(self) -> Self:
        """Make ready; nothing is connected yet."""
        self._wire.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection."""
        with anyio.CancelScope(shield=True):
            await self._wire.close()

    async def submit(self, signal: Signal, *, wait_s: float = WAIT_S) -> Order:
        """Send a signal, and wait for its outcome for so long; return the order as it stands then.

        However often it has to be sent, it is one order, and no order is sent later than the first sending allowed:
        a repetition keeps the first one's deadline.

        Raises:
            Invalid, Halted, Full, KeyConflict, NotAllowed: nothing was placed. ``Invalid`` with the field ``executeAt``
                also says that the deadline passed before the daemon could be reached.
            Unreachable: what became of it is unknown; submit it again with ``idempotency_key`` set to its ``key``.

        """
        own = signal.idempotency_key is None
        asked = msgspec.structs.replace(signal, idempotency_key=f"py-{uuid4().hex}") if own else signal
        until_s, tries = anyio.current_time() + wait_s, Tries(self._retry_s)
        again = _pinned(asked, wall_ms())
        order = await self._wire.ask(
            "POST",
            "/v1/signals",
            Order,
            tries=tries,
            body=lambda: again if tries.failed else asked,
            wait_s=lambda: min(until_s - anyio.current_time(), MAX_WAIT_S),
            key=asked.idempotency_key,
        )
        order = await self._outcome(order, until_s)
        return msgspec.structs.replace(order, replayed=False) if own else order

    async def order(self, order_id: str) -> Order:
        """Read an order.

        Raises:
            Unknown: there is no such order.

        """
        return await self._wire.ask("GET", _of(order_id), Order, tries=self._tries())

    async def explain(self, order_id: str) -> Explanation:
        """Read everything about an order: its attempts, every event with time and reason, and what comes next.

        Raises:
            Unknown: there is no such order.

        """
        return await self._wire.ask("GET", f"{_of(order_id)}/explain", Explanation, tries=self._tries())

    async def cancel(self, order_id: str, reason: str = "cancelled by the caller") -> Order:
        """Withdraw an order that was not sent, discard a dead letter, or ask the exchange to cancel one that rests.

        Returns:
            The order as it stands then: cancelled, filled meanwhile, or, after some seconds, still resting as far as is
            known.

        Raises:
            Unknown: there is no such order.
            WrongState: its outcome is unknown, or there is nothing to cancel. What is cancelled already is returned.

        """
        try:
            target = f"{_of(order_id)}?reason={quote(reason, safe='')}"
            return await self._wire.ask("DELETE", target, Order, tries=self._tries())
        except WrongState:
            order = await self.order(order_id)
            if order.state in _CANCELLED:  # maybe by a try of ours whose answer was lost
                return order
            raise

    async def status(self) -> Status:
        """Read how the daemon stands."""
        return await self._wire.ask("GET", "/v1/status", Status, tries=self._tries())

    def events(
        self, after: str | None = None, *, name: str = "", order_id: str | None = None
    ) -> AsyncIterator[Event | Reset]:
        """Follow what happens, from now on: ``async for event in client.events()``.

        A lost connection is made again, and nothing is missed by it; where something is, as after a restart of the
        daemon, a :class:`Reset` says so, and what is still known follows.

        Args:
            after: the id of an event; go on after it. ``"0"`` begins with the oldest that is still known.
            name: only events whose name begins so, like ``"order."``.
            order_id: only events of this order.

        Raises:
            Unreachable: nobody answered for ``retry_s``, at first or after a lost connection.

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
        """Return a lock, which ``async with`` takes, keeps and releases.

        Args:
            timeout_ms: its lease, which ends by itself where nobody renews it any more.
            wait_s: so long to stand in line, in order of ``priority`` (1 is most urgent), then of arrival; whoever
                loses the connection stands in line anew.
            idempotency_key: makes this the same wish as an earlier one; see :class:`AlreadyDone`.
            data: any JSON, kept with the lock.
            on_lost: called with the reason, at once, if the lock ends before the body does.

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
        """Look until an accepted order has its outcome. It is not sent again: a refused one's key is free by then."""
        replayed, pause_s = order.replayed, FIRST_PAUSE_S
        while not order.outcome_known and anyio.current_time() < until_s:
            await anyio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            order = await self.order(order.id)
        return msgspec.structs.replace(order, replayed=replayed)


def _of(order_id: str) -> str:
    return f"/v1/orders/{quote(order_id, safe='')}"


def _pinned(signal: Signal, now_ms: int) -> Signal:
    """Return the signal as it is sent again: to be sent now, as it was then, so that its deadline stays where it is."""
    if signal.execute_at is not None:
        return signal
    deadline_ms = signal.deadline_ms or DEADLINE_MS.get(signal.side.strip().upper(), DEADLINE_MS["BUY"])
    return msgspec.structs.replace(signal, execute_at=now_ms, deadline_ms=deadline_ms)
