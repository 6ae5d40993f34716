"""Notifications: messages about trades, made from durable events and sent to the webhooks, a limited number per minute.

The listener only puts an event into a short queue, or counts it. A task of its own looks up the order and makes the
message; another task per webhook sends it. So a burst of fills costs trading next to nothing, and a webhook that hangs
costs it nothing. What is above the limit, and what the queue has no room for, is counted and told in one message.
"""

import asyncio
import sqlite3
from collections import Counter, deque
from collections.abc import Awaitable, Callable

import anyio
import msgspec

from daemon.clock import Clock, stopwatch_s
from daemon.config.tables import AlertsTable, NotificationsTable, Notified
from daemon.core.values.events import Event
from daemon.engine.engine import Engine
from daemon.monitoring.trade_messages import OrderFacts, TradeMessage, about_halt, about_order, summary, word_of
from daemon.monitoring.webhooks import Webhooks

MAX_EVENTS = 100
"""Events that wait for their message; further ones are only counted."""

WINDOW_S = 60.0
"""The limit is per minute."""

LookUp = Callable[[str], Awaitable[OrderFacts | None]]
"""Finds an order by its id; ``None`` if it cannot be read now."""


class Notifications:
    """Sends messages about trades; trading never waits for it."""

    def __init__(
        self,
        webhooks: Webhooks,
        look_up: LookUp,
        *,
        table: NotificationsTable,
        clock: Clock,
        redacted: Callable[[bytes], bytes],
        window_s: float = WINDOW_S,
    ) -> None:
        """``redacted`` replaces secrets in a line; ``window_s`` is the time over which messages are limited."""
        self._webhooks = webhooks
        self._look_up = look_up
        self._table = table
        self._clock = clock
        self._redacted = redacted
        self._window_s = window_s
        self._waiting: deque[tuple[Notified, Event]] = deque()
        self._more: Counter[str] = Counter()
        self._sent_s: deque[float] = deque()  # when the messages of the last window were sent
        self._wanted = asyncio.Event()

    def reload(self, table: NotificationsTable, alerts: AlertsTable) -> None:
        """Apply a new configuration, from the next event and message on."""
        self._table, self._webhooks.table = table, alerts

    def on_event(self, event: Event) -> None:
        """Queue the message about an event, if one is wanted; never waits."""
        if not self._table.events:
            return
        word = word_of(event)
        if word is None or word not in self._table.events:
            return
        if len(self._waiting) < MAX_EVENTS:
            self._waiting.append((word, event))
        else:
            self._more[word] += 1
        self._wanted.set()

    async def run(self) -> None:
        """Send messages until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._webhooks.run)
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                while self._waiting or self._more:
                    await self._keep_limit()
                    self._webhooks.send(self._safe(await self._next()))

    async def _keep_limit(self) -> None:
        """Wait until another message may be sent; what came meanwhile is told in one."""
        now_s = stopwatch_s()
        while self._sent_s and self._sent_s[0] <= now_s - self._window_s:
            self._sent_s.popleft()
        if len(self._sent_s) >= self._table.per_minute:
            await anyio.sleep(self._sent_s[-self._table.per_minute] + self._window_s - now_s)
            self._more.update(word for word, _ in self._waiting)
            self._waiting.clear()
        self._sent_s.append(stopwatch_s())

    async def _next(self) -> TradeMessage:
        if self._waiting:
            word, event = self._waiting.popleft()
            if event.order_id is None:
                return about_halt(event)
            facts = await self._look_up(event.order_id)
            if facts is not None:
                return about_order(word, event, facts, amounts=self._table.amounts)
            self._more[word] += 1
        more, self._more = self._more, Counter()
        return summary(more, self._clock.now_ms())

    def _safe(self, message: TradeMessage) -> TradeMessage:
        """Return a message without the secrets that a reason could quote."""
        return msgspec.json.decode(self._redacted(msgspec.json.encode(message)), type=TradeMessage)


def finder(engine: Engine) -> LookUp:
    """Return what looks up an order: in memory, or on disk if it is finished; urgent requests go first."""

    async def look_up(order_id: str) -> OrderFacts | None:
        await engine.turns.after_urgent()
        state = engine.state
        try:
            order = state.orders.get(order_id) or await engine.store.order(order_id)
        except sqlite3.Error:
            return None  # another program has the database locked
        if order is None:
            return None
        return OrderFacts(order, state.instant_ms(order), state.quote_asset(order.symbol))

    return look_up
