"""Webhooks: send messages. Each webhook has its own task and short queue, so one that hangs does not delay the others.

Alerts and messages about trades have a :class:`Webhooks` each, with queues and tasks of their own, so neither waits for
the other. A message is sent a bounded number of times at growing intervals, and given up when the server refuses it for
good. A message that finds the queue full is dropped and logged: messages are few, so the webhook has failed for long.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp
import anyio
import msgspec
from yarl import URL

from daemon.clock import Clock
from daemon.config.tables import AlertsTable
from daemon.core.values.events import Event
from daemon.monitoring.messages import Message, body, make_test_notice
from daemon.monitoring.webhook_file import MAX_WEBHOOKS, Subject, Webhook

MAX_WAITING = 50
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0
OK, REDIRECT, TIMEOUT, TOO_EARLY, TOO_MANY, ERROR = 200, 300, 408, 425, 429, 500


class Delivery(msgspec.Struct, frozen=True):
    """The result of one message; ``error`` is ``None`` on success."""

    webhook: str
    error: str | None = None
    final: bool = False  # another attempt is useless


class Webhooks:
    """Sends the messages about one subject to every webhook that takes them."""

    def __init__(
        self,
        webhooks: Sequence[Webhook],
        session: aiohttp.ClientSession,
        *,
        mode: str,
        table: AlertsTable,
        clock: Clock,
        emit: Callable[[Event], None],
        subject: Subject = Subject.ALERT,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self.table = table
        self._session = session
        self._mode = mode
        self._clock = clock
        self._emit = emit
        self._subject = subject
        self._first_pause_s = first_pause_s
        self._queues: list[tuple[Webhook, asyncio.Queue[Message]]] = [
            (webhook, asyncio.Queue(MAX_WAITING)) for webhook in webhooks
        ]

    def send(self, message: Message) -> None:
        """Queue a message for all webhooks that take it; never waits."""
        for webhook, queue in self._queues:
            if not webhook.takes(self._subject):
                continue
            try:
                queue.put_nowait(message)
            except asyncio.QueueFull:
                error = f"{MAX_WAITING} {self._subject.word}s already wait"
                self._emit_result("undelivered", webhook, message, error=error)

    async def test(self, now_ms: int) -> list[Delivery]:
        """Send a test to all webhooks at once, without retries; return the results."""
        done: dict[str, Delivery] = {}

        async def one(webhook: Webhook) -> None:
            done[webhook.name] = await self._post(webhook, make_test_notice(now_ms))

        async with anyio.create_task_group() as tasks:
            for webhook, _ in self._queues:
                tasks.start_soon(one, webhook)
        return [done[webhook.name] for webhook, _ in self._queues]

    async def run(self) -> None:
        """Send queued messages, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for webhook, queue in self._queues:
                tasks.start_soon(self._serve, webhook, queue)

    async def _serve(self, webhook: Webhook, queue: "asyncio.Queue[Message]") -> None:
        while True:
            await self._deliver(webhook, await queue.get())

    async def _deliver(self, webhook: Webhook, message: Message) -> None:
        pause_s = self._first_pause_s
        for attempt in range(1, self.table.webhook_attempts + 1):
            delivery = await self._post(webhook, message)
            if delivery.error is None:
                self._emit_result("delivered", webhook, message, attempt=attempt)
                return
            if delivery.final:
                break
            if attempt < self.table.webhook_attempts:
                await anyio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._emit_result("undelivered", webhook, message, error=delivery.error or "")

    async def _post(self, webhook: Webhook, message: Message) -> Delivery:
        """Make one attempt. The text of an error may quote the address, so it is not passed on."""
        try:
            async with (
                asyncio.timeout(self.table.webhook_timeout_ms / 1_000),
                self._session.post(
                    URL(webhook.url.reveal()),
                    data=body(webhook, message, self._mode),
                    headers={"Content-Type": "application/json"},
                    allow_redirects=False,
                ) as response,
            ):
                return _judged(webhook, response.status)
        except TimeoutError:
            return Delivery(webhook.name, f"no answer within {self.table.webhook_timeout_ms / 1_000:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Delivery(webhook.name, f"{type(error).__name__}: is the address right, and its server reachable?")

    def _emit_result(self, result: str, webhook: Webhook, message: Message, **more: str | int) -> None:
        detail = {"webhook": webhook.name, self._subject.word: message.name, **more}
        self._emit(Event(name=f"{self._subject.word}.{result}", at_ms=self._clock.now_ms(), detail=dict(detail)))


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open the HTTP session of the webhooks: few connections, separate from the exchange's.

    A webhook has at most one request of each subject and one test, so none waits for a connection.
    """
    connector = aiohttp.TCPConnector(limit=(len(Subject) + 1) * MAX_WEBHOOKS, keepalive_timeout=15)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session


def _judged(webhook: Webhook, status: int) -> Delivery:
    if OK <= status < REDIRECT:
        return Delivery(webhook.name)
    passes = status >= ERROR or status in {TIMEOUT, TOO_EARLY, TOO_MANY}
    hint = "" if passes else ": it refuses this message; is the address still valid?"
    return Delivery(webhook.name, f"HTTP {status}{hint}", final=not passes)
