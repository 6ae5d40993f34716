"""Notifications: what is wanted reaches each kind of webhook; more than the limit is told in one message."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.config.tables import AlertsTable, NotificationsTable, Notified
from daemon.core.values.events import Event
from daemon.core.values.states import State
from daemon.monitoring.messages import make_test_notice
from daemon.monitoring.notifications import MAX_EVENTS, Notifications
from daemon.monitoring.trade_messages import OrderFacts
from daemon.monitoring.webhook_file import Subject, parse
from daemon.monitoring.webhooks import MAX_WAITING, Webhooks, open_session
from tests.exchange.mexc.clocks import LoopClock
from tests.monitoring.emitting import Emitting
from tests.monitoring.receiver import Receiver, receiver
from tests.support import making

SECRET = "the-key-of-the-exchange"  # a test's
ALL: list[Notified] = ["filled", "canceled", "rejected", "expired", "missed", "lost", "halted"]
FACTS = OrderFacts(
    making.order(
        state=State.FILLED,
        executed_quantity=Decimal("0.000249"),
        executed_quote=Decimal("23.80462161"),
        execute_at_ms=making.NOW_MS,
        sent_ms=making.NOW_MS + 8,
    ),
    making.NOW_MS,
    "USDT",
)
FILL = Event(name="order.seen", at_ms=making.NOW_MS, order_id="X", state=State.FILLED, detail={"was": State.OPEN})


class Running(Emitting):
    """Notifications and alerts over the same webhooks, and the events that both emit."""

    def __init__(self, notifications: Notifications, alerts: Webhooks, emitted: list[Event]) -> None:
        super().__init__(emitted)
        self.notifications = notifications
        self.alerts = alerts


@asynccontextmanager
async def running(
    *lines: str,
    table: NotificationsTable | None = None,
    known: OrderFacts | None = FACTS,
    window_s: float = 60,
    timeout_ms: int = 5_000,
) -> AsyncIterator[Running]:
    """Let notifications work."""
    emitted: list[Event] = []
    webhooks = parse("\n".join(lines), Path("webhooks"))
    alerts = AlertsTable(webhook_timeout_ms=timeout_ms, webhook_attempts=1)

    async def look_up(_order_id: str) -> OrderFacts | None:
        return known

    async with open_session() as session, anyio.create_task_group() as tasks:
        about_trades, about_alerts = (
            Webhooks(
                webhooks, session, mode="live", table=alerts, clock=LoopClock(), emit=emitted.append, subject=subject
            )
            for subject in (Subject.NOTIFICATION, Subject.ALERT)
        )
        notifications = Notifications(
            about_trades,
            look_up,
            table=table or NotificationsTable(events=ALL, amounts=True),
            clock=LoopClock(),
            redacted=lambda line: line.replace(SECRET.encode(), b"***"),
            window_s=window_s,
        )
        tasks.start_soon(notifications.run)
        tasks.start_soon(about_alerts.run)
        yield Running(notifications, about_alerts, emitted)
        tasks.cancel_scope.cancel()


def texts(server: Receiver) -> list[Any]:
    """Return the lines that came."""
    return [each.body["text"] for each in server.posted]


async def test_a_fill_reaches_each_kind_of_webhook_in_its_format() -> None:
    shown = "FILLED BUY BTCUSDT 0.000249 @ 95600.89 = 23.80 USDT, 8 ms after its instant"
    with receiver() as server:
        url = server.url()
        async with running(f"json {url}/j", f"slack {url}/s", f"discord {url}/d", f"telegram {url}/t -1001") as at_work:
            at_work.notifications.on_event(FILL)
            told = await at_work.until_told("notification.delivered", 4)
        bodies = {each.path[-1]: each.body for each in server.posted}
    assert {event.detail["notification"] for event in told} == {"filled"}
    assert bodies["s"] == {"text": shown}
    assert bodies["d"] == {"content": shown, "allowed_mentions": {"parse": []}}
    assert bodies["t"] == {"chat_id": "-1001", "text": shown, "disable_web_page_preview": True}
    assert bodies["j"] == {
        "source": "sniperd", "mode": "live", "atMs": making.NOW_MS, "notification": "filled", "line": shown,
        "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.000249", "price": "95600.89", "value": "23.80462161",
        "quoteAsset": "USDT", "afterInstantMs": 8,
    }  # fmt: skip


async def test_only_what_is_asked_for_is_sent_and_by_default_nothing() -> None:
    halted = Event(name="trading.halted", at_ms=0, detail={"reason": "r"})
    with receiver() as server:
        async with running(f"slack {server.url()}", table=NotificationsTable()) as at_work:
            at_work.notifications.on_event(halted)
            at_work.notifications.reload(NotificationsTable(events=["filled"]), AlertsTable())
            at_work.notifications.on_event(halted)
            at_work.notifications.on_event(FILL)
            await at_work.until_told("notification.delivered")
        assert texts(server) == ["FILLED BUY BTCUSDT, 8 ms after its instant"]


async def test_what_is_above_the_limit_is_told_in_one_message() -> None:
    table = NotificationsTable(events=ALL, per_minute=2)
    with receiver() as server:
        async with running(f"slack {server.url()}", table=table, window_s=0.3) as at_work:
            for _ in range(14):
                at_work.notifications.on_event(FILL)
            await at_work.until_told("notification.delivered", 3)
            at_work.notifications.on_event(FILL)
            await at_work.until_told("notification.delivered", 4)
        one = "FILLED BUY BTCUSDT, 8 ms after its instant"
        assert texts(server) == [one, one, "and 12 more filled", one]


async def test_events_for_which_there_is_no_room_are_counted() -> None:
    with receiver() as server:
        table = NotificationsTable(events=ALL, per_minute=1)
        async with running(f"slack {server.url()}", table=table, window_s=0.2) as at_work:
            for _ in range(10 * MAX_EVENTS):
                at_work.notifications.on_event(FILL)
            await at_work.until_told("notification.delivered", 2)
        one = "FILLED BUY BTCUSDT, 8 ms after its instant"
        assert texts(server) == [one, f"and {10 * MAX_EVENTS - 1} more filled"]


async def test_an_order_that_cannot_be_read_is_counted() -> None:
    with receiver() as server:
        async with running(f"slack {server.url()}", known=None) as at_work:
            at_work.notifications.on_event(FILL)
            await at_work.until_told("notification.delivered")
        assert texts(server) == ["and 1 more filled"]


async def test_a_webhook_that_hangs_delays_no_alert_and_no_other_webhook() -> None:
    """It accepts connections and never answers; its messages are dropped and logged."""
    table = NotificationsTable(events=ALL, per_minute=1_000)
    with receiver(None) as dead, receiver() as well:
        lines = f"slack {dead.url()} trades", f"slack {well.url()}"
        async with running(*lines, table=table, timeout_ms=60_000) as at_work:
            for number in range(1, MAX_WAITING + 10):
                at_work.notifications.on_event(FILL)
                await at_work.until_told("notification.delivered", number)
            dropped = await at_work.until_told("notification.undelivered")
            at_work.alerts.send(make_test_notice(0))
            (alert,) = await at_work.until_told("alert.delivered")
    assert {event.detail["webhook"] for event in dropped} == {"slack 1"}
    assert dropped[0].detail["error"] == f"{MAX_WAITING} notifications already wait"
    assert alert.detail["webhook"] == "slack 2"
    assert len(dead.posted) == 1


async def test_a_webhook_gets_only_what_its_line_says() -> None:
    with receiver() as trades, receiver() as alerts:
        async with running(f"slack {trades.url()} trades", f"telegram {alerts.url()} 42 alerts") as at_work:
            at_work.notifications.on_event(FILL)
            at_work.alerts.send(make_test_notice(0))
            await at_work.until_told("notification.delivered")
            await at_work.until_told("alert.delivered")
        assert [text.split()[0] for text in texts(trades) + texts(alerts)] == ["FILLED", "TEST"]


@pytest.mark.parametrize("kind", ["json", "slack"])
async def test_no_message_quotes_a_secret(kind: str) -> None:
    given = Event(name="trading.halted", at_ms=0, detail={"reason": f"the key {SECRET} is wrong"})
    with receiver() as server:
        async with running(f"{kind} {server.url()}") as at_work:
            at_work.notifications.on_event(given)
            await at_work.until_told("notification.delivered")
        assert SECRET not in str(server.posted)
        assert "the key *** is wrong" in str(server.posted)
