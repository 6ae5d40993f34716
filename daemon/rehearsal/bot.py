"""The bot of a rehearsal."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import anyio

from daemon.client import Client, ClientError, Order, Signal
from daemon.rehearsal.members import Member

EVERY_S = 0.5
RETRY_S = 0.5
"""How long it tries a member that does not answer, before it tries the other."""

DEADLINE_MS = 30_000
"""Longer than a takeover takes, so that the signals before it are still worth sending after it."""


class Bot:
    """Sends a signal to each member in turn, and the same signal to another where one does not answer."""

    def __init__(self, members: Sequence[Member], say: Callable[[str], None]) -> None:
        self.sent = 0
        self.orders: dict[int, Order] = {}  # the outcomes, by the signal's number
        self._members = members
        self._say = say
        self._is_over = False

    def stop(self) -> None:
        """Send nothing new."""
        self._is_over = True

    async def run(self) -> None:
        """Send signals until stopped, and return once each has its outcome."""
        async with anyio.create_task_group() as tasks:
            while not self._is_over:
                self.sent += 1
                tasks.start_soon(self._send, self.sent)
                await anyio.sleep(EVERY_S)

    async def _send(self, number: int) -> None:
        signal = Signal(
            symbol="BTCUSDT", side="BUY", quote_order_qty="10", owner_id="rehearsal",
            snipe_target_id=f"target-{number}", deadline_ms=DEADLINE_MS,
        )  # fmt: skip
        began_s, turn = anyio.current_time(), number
        while number not in self.orders:
            member = self._members[turn % len(self._members)]
            turn += 1
            with suppress(ClientError):
                async with Client(member.signals, retry_s=RETRY_S) as client:
                    order = self.orders[number] = await client.submit(signal)
                took_ms = (anyio.current_time() - began_s) * 1_000
                self._say(f"  signal {number} at {member.name}: {order.state} after {took_ms:,.0f} ms")
