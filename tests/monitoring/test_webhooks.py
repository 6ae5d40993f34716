"""Webhooks: the format of each kind, bounded retries, and one that hangs delays no other."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from daemon.config.tables import AlertsTable
from daemon.core.values.events import Event
from daemon.monitoring.messages import Notice, body, make_test_notice
from daemon.monitoring.webhook_file import parse
from daemon.monitoring.webhooks import MAX_WAITING, Webhooks, open_session
from tests.exchange.mexc.clocks import LoopClock
from tests.monitoring.emitting import Emitting
from tests.monitoring.receiver import Receiver, receiver

NOTICE = Notice(
    alert="order_lost",
    severity="critical",
    state="firing",
    summary="orders that are lost: 1 <&>",
    todo="`sniperd orders --state lost`",
    value=1,
    at_ms=1_790_000_000_000,
)
TOKEN = "T0KEN-that-nobody-may-see"


class Sending(Emitting):
    """Running webhooks, and the events that they emit."""

    def __init__(self, webhooks: Webhooks, emitted: list[Event]) -> None:
        super().__init__(emitted)
        self.webhooks = webhooks


@asynccontextmanager
async def sending(*lines: str, timeout_s: float = 5, attempts: int = 3) -> AsyncIterator[Sending]:
    """Let webhooks work."""
    emitted: list[Event] = []
    async with open_session() as session, anyio.create_task_group() as tasks:
        webhooks = Webhooks(
            parse("\n".join(lines), Path("webhooks")),
            session,
            mode="paper",
            table=AlertsTable(webhook_timeout_ms=round(timeout_s * 1_000), webhook_attempts=attempts),
            clock=LoopClock(),
            emit=emitted.append,
            first_pause_s=0.01,
        )
        tasks.start_soon(webhooks.run)
        yield Sending(webhooks, emitted)
        tasks.cancel_scope.cancel()


def lines(server: Receiver) -> list[str]:
    url = server.url(f"/{TOKEN}")
    return [f"json {url}", f"slack {url}", f"discord {url}", f"telegram {url} -100123"]


def shaped(line: str, notice: Notice = NOTICE) -> Any:
    (webhook,) = parse(line, Path("webhooks"))
    return json.loads(body(webhook, notice, "live"))


def test_the_generic_shape_has_every_fact_under_a_name() -> None:
    assert shaped("json https://example.org/x") == {
        "source": "sniperd",
        "mode": "live",
        "atMs": 1_790_000_000_000,
        "alert": "order_lost",
        "severity": "critical",
        "state": "firing",
        "summary": "orders that are lost: 1 <&>",
        "todo": "`sniperd orders --state lost`",
        "value": 1.0,
    }


TEXT = (
    "FIRING (critical): order_lost, sniperd live\norders that are lost: 1 {}\nWhat to do: `sniperd orders --state lost`"
)


def test_slacks_shape_is_a_text_in_which_nothing_is_a_link_or_a_mention() -> None:
    assert shaped("slack https://example.org/x") == {"text": TEXT.format("&lt;&amp;&gt;")}


def test_a_message_for_discord_mentions_no_user() -> None:
    assert shaped("discord https://example.org/x") == {
        "content": TEXT.format("<&>"),
        "allowed_mentions": {"parse": []},
    }


def test_telegrams_shape_names_the_chat() -> None:
    found = shaped("telegram https://example.org/x @ours")
    assert (found["chat_id"], found["text"]) == ("@ours", TEXT.format("<&>"))
    assert "parse_mode" not in found, "a text that is no markup cannot be a wrong one"


def test_a_resolved_alert_has_nothing_to_do() -> None:
    resolved = Notice(
        alert="disk_low", severity="critical", state="resolved", summary="s", todo="nothing", value=1, at_ms=0
    )
    assert shaped("slack https://example.org/x", resolved)["text"] == "RESOLVED (critical): disk_low, sniperd live\ns"


async def test_a_notice_reaches_every_webhook() -> None:
    with receiver() as server:
        async with sending(*lines(server)) as at_work:
            at_work.webhooks.send(NOTICE)
            await at_work.until_told("alert.delivered", 4)
        assert len(server.posted) == 4


@pytest.mark.parametrize("status", [500, 503, 429, 408])
async def test_a_webhook_that_fails_for_now_is_tried_again(status: int) -> None:
    with receiver(status, status, 200) as server:
        async with sending(f"json {server.url()}") as at_work:
            at_work.webhooks.send(NOTICE)
            (emitted,) = await at_work.until_told("alert.delivered")
            assert emitted.detail == {"webhook": "json 1", "alert": "order_lost", "attempt": 3}


async def test_a_webhook_that_fails_for_ever_is_given_up_and_the_next_message_is_tried() -> None:
    with receiver(500, 500, 500, 200) as server:
        async with sending(f"json {server.url()}") as at_work:
            at_work.webhooks.send(NOTICE)
            (emitted,) = await at_work.until_told("alert.undelivered")
            assert emitted.detail == {"webhook": "json 1", "alert": "order_lost", "error": "HTTP 500"}
            at_work.webhooks.send(make_test_notice(0))
            await at_work.until_told("alert.delivered")


@pytest.mark.parametrize("status", [301, 400, 403, 404])
async def test_a_message_that_a_webhook_refuses_for_good_is_not_sent_again(status: int) -> None:
    with receiver(status) as server:
        async with sending(f"slack {server.url()}") as at_work:
            at_work.webhooks.send(NOTICE)
            (emitted,) = await at_work.until_told("alert.undelivered")
            assert f"HTTP {status}" in str(emitted.detail["error"])
        assert len(server.posted) == 1


async def test_a_webhook_that_hangs_delays_no_other() -> None:
    """The other webhooks get their messages; messages that find its queue full are dropped and logged."""
    with receiver(None) as dead, receiver() as well:
        async with sending(f"json {dead.url()}", f"json {well.url()}", timeout_s=60) as at_work:
            for number in range(1, MAX_WAITING + 10):
                at_work.webhooks.send(NOTICE)
                delivered = await at_work.until_told("alert.delivered", number)
            dropped = await at_work.until_told("alert.undelivered")
            assert {event.detail["webhook"] for event in dropped} == {"json 1"}
            assert {event.detail["webhook"] for event in delivered} == {"json 2"}
        assert len(dead.posted) == 1


async def test_a_webhook_that_does_not_answer_in_time_is_tried_again_within_bounds() -> None:
    with receiver(None) as dead:
        async with sending(f"json {dead.url()}", timeout_s=0.1, attempts=2) as at_work:
            at_work.webhooks.send(NOTICE)
            (emitted,) = await at_work.until_told("alert.undelivered")
            assert emitted.detail["error"] == "no answer within 0.1 s"
        assert len(dead.posted) == 2


async def test_a_test_returns_the_result_of_each_webhook() -> None:
    with receiver() as well, receiver(404) as gone:
        async with sending(f"slack {well.url()}", f"discord {gone.url()}", "json http://127.0.0.1:1/x") as at_work:
            found = await at_work.webhooks.test(0)
        assert [(each.webhook, each.error is None) for each in found] == [
            ("slack 1", True),
            ("discord 2", False),
            ("json 3", False),
        ]
        assert "test" in well.posted[0].body["text"]


async def test_no_error_quotes_an_address(unused: Callable[[], int]) -> None:
    async with sending(f"json http://127.0.0.1:{unused()}/{TOKEN}", attempts=1) as at_work:
        at_work.webhooks.send(NOTICE)
        (emitted,) = await at_work.until_told("alert.undelivered")
        (delivery,) = await at_work.webhooks.test(0)
    assert "is the address right" in (delivery.error or "")
    assert TOKEN not in f"{emitted.detail}{delivery}"


@pytest.fixture
def unused() -> Callable[[], int]:
    """Return the address of a port without a listener."""

    def find() -> int:
        with receiver() as gone:
            return int(gone.server_address[1])

    return find
