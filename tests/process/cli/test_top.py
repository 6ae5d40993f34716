"""top: the live view and its keys, in Textual's test mode, against a real daemon."""

import re
import threading
from functools import partial
from pathlib import Path

import anyio
import pytest
from textual.widgets import DataTable, Input, Static

from daemon.cli.top.keys import LINES
from daemon.cli.top.kinds import KINDS
from daemon.cli.top.rows import Board, read
from daemon.cli.top.screens import AskReason, Explanation, Keys
from daemon.core.values.exchange_replies import Advice
from daemon.exchange.mexc.codes import ADVICE
from tests.process.cli.command import Command
from tests.process.cli.top_view import View, view
from tests.support import Daemon, Exchange, wall_ms
from tests.support.pending import Pending
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage
from tests.support.waiting import eventually


async def ask(daemon: Daemon, method: str, target: str, body: object = None) -> int:
    """Send a request to the daemon without blocking the view."""
    answer = await anyio.to_thread.run_sync(lambda: daemon.ask(method, target, body))
    return answer.status


async def test_every_order_is_in_one_section_with_its_age(own_daemon: Daemon, own_exchange: Exchange) -> None:
    own_exchange.inject({"kind": "invisible", "delay_ms": 3_600_000, "count": 1}, "reply_lost")
    doubted = own_daemon.send(market_buy())
    own_daemon.until(doubted, "in_doubt", "lost")
    own_daemon.submit(resting_buy(), wait_s=10)
    later = wall_ms() + 3_600_000
    own_daemon.accept(market_buy(executeAt=later))
    own_daemon.accept(market_buy(side="SELL", quoteOrderQty=None, quantity="1", executeAt=later))
    async with view(own_daemon) as shown:
        await shown.until(lambda: len(shown.rows("orders")) == 3, "three orders")
        assert [row[0] for row in shown.rows("orders")] == ["queued", "queued", "open"]
        assert shown.rows("orders")[0][3].startswith("its time; expires in 1.0 h")
        [[state, age, _, comes, owner]] = shown.rows("unknown")
        assert state in {"in_doubt", "lost"}
        assert comes.startswith("next query")
        assert owner == "bot"
        [[held, held_since, left, held_for, owner, token]] = shown.rows("locks")
        assert (held.partition(":")[0], held_for, owner, token) == ("trade", doubted, "bot", "1")
        assert left == "overdue" or left.endswith(" s")
        ages = [age, held_since, *(row[1] for row in shown.rows("orders")), *(row[0] for row in shown.rows("events"))]
        assert all(re.fullmatch(r"[0-9]+ (s|min)", each) for each in ages), ages
        assert "queue 2" in shown.head()


async def test_a_caller_that_waits_for_a_lease_is_in_the_queue(daemon: Daemon) -> None:
    body = {"resourceId": "wallet:queue", "ownerId": "first", "timeoutMs": 60_000}
    assert await ask(daemon, "POST", "/v1/locks", body) == 201
    waiting = Pending(daemon.signals, "POST", "/v1/locks", body | {"ownerId": "second"}, headers={"Prefer": "wait=60"})
    async with view(daemon) as shown:
        await shown.until(lambda: shown.rows("queue"), "the caller")
        [[place, _, comes, who, owner, _]] = shown.rows("queue")
        assert (place, comes, who, owner) == ("#1", "first to release", "lease of wallet:queue", "second")
    waiting.leave()


async def test_what_happened_before_it_was_started_is_shown_and_what_happens(daemon: Daemon) -> None:
    before = daemon.submit(market_buy(), wait_s=10).json["id"]
    async with view(daemon) as shown:

        def has_events_of(order_id: str) -> bool:
            return any(order_id in row[3] for row in shown.rows("events"))

        await shown.until(lambda: has_events_of(before), "the events before its start")
        after = (await anyio.to_thread.run_sync(lambda: daemon.submit(market_buy(), wait_s=10))).json["id"]
        await shown.until(lambda: has_events_of(after), "new events")
        assert "events are missing" not in str(shown.rows("events"))


async def test_an_alert_says_what_is_wrong_since_when_and_what_to_do(own_daemon: Daemon) -> None:
    """A halt that lasts is one."""
    assert own_daemon.ask("POST", "/v1/admin/halt", {"reason": "maintenance"}).status == 200
    async with view(own_daemon) as shown:
        await shown.until(lambda: [row[0] for row in shown.rows("alerts")] == ["trading_halted"], "the alert")
        [[_, since, wrong]] = shown.rows("alerts")
        assert re.fullmatch(r"[0-9]+ (s|min)", since)
        assert "sniperd resume" in wrong


async def test_the_question_mark_shows_the_keys_that_the_help_has(command: Command, daemon: Daemon) -> None:
    async with view(daemon) as shown:
        await shown.pilot.press("?")
        await shown.until(lambda: isinstance(shown.app.screen, Keys), "the keys")
        await shown.pilot.pause()
        painted = "\n".join(shown.lines())
        await shown.pilot.press("?")
        await shown.until(lambda: not isinstance(shown.app.screen, Keys), "its end")
    help_text = command("top", "--help").output
    for line in LINES:
        assert line in painted
        assert line in help_text


async def test_a_section_is_chosen_by_its_number_and_collapsed_by_the_same_key(daemon: Daemon) -> None:
    await ask(daemon, "POST", "/v1/locks", {"resourceId": "wallet:2", "ownerId": "me", "timeoutMs": 600_000})
    async with view(daemon) as shown:
        locks = shown.live.query_one("#locks", DataTable)
        await shown.until(lambda: locks.display, "the lock")
        await shown.pilot.press("4")
        assert shown.live.focused is locks
        await shown.pilot.press("4")
        await shown.until(lambda: "▸ 4 locks" in str(shown.lines()), "the title alone")
        assert not locks.display
        await shown.pilot.press("tab", "shift+tab", "4")
        await shown.until(lambda: "▾ 4 locks" in str(shown.lines()), "the lock again")
        assert shown.live.focused is locks


async def test_a_small_terminal_shows_the_chosen_section_and_a_larger_one_all(own_daemon: Daemon) -> None:
    await ask(own_daemon, "POST", "/v1/locks", {"resourceId": "wallet:3", "ownerId": "me", "timeoutMs": 600_000})
    async with view(own_daemon, columns=40, rows=10) as shown:
        await shown.pilot.press("4")
        await shown.until(lambda: "wallet:3" in str(shown.lines()), "the lock")
        assert "3 orders" not in str(shown.lines())
        assert {len(line) for line in shown.lines()} == {40}
        await shown.pilot.press("?", "down", "?", "h", "escape", "tab", "tab")
        await shown.until(lambda: "6 events" in str(shown.lines()), "the last section")
        await shown.pilot.resize_terminal(80, 24)
        titles = [f"{number} {kind.title}" for number, kind in enumerate(KINDS, start=1)]
        await shown.until(lambda: all(title in str(shown.lines()) for title in titles), "all sections")
        for columns, rows in ((1, 1), (5, 3), (200, 60)):
            await shown.pilot.resize_terminal(columns, rows)
            await shown.until(partial(has_size, shown, columns, rows), "the new size")


def has_size(shown: View, columns: int, rows: int) -> bool:
    """Return whether the terminal is painted in its size."""
    return len(shown.lines()) == rows and {len(line) for line in shown.lines()} == {columns}


async def test_a_board_that_arrives_while_the_view_closes_is_dropped(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = threading.Event()
    async with view(daemon) as shown:

        def read_until_closing(path: Path) -> Board:
            reading.set()
            eventually(lambda: not shown.app.is_running, "the view closes")
            return read(path)

        monkeypatch.setattr("daemon.cli.top.app.read", read_until_closing)
        await shown.until(reading.is_set, "a refresh")


async def test_halt_and_resume_ask_for_a_reason_and_a_refresh_keeps_what_is_typed(daemon: Daemon) -> None:
    async with view(daemon) as shown:
        await shown.pilot.press("h")
        await shown.until(lambda: isinstance(shown.app.screen, AskReason), "the question")
        await shown.pilot.press("enter")  # an empty reason is not accepted
        await shown.pilot.press(*"too")
        await ask(daemon, "POST", "/v1/locks", {"resourceId": "new", "ownerId": "me", "timeoutMs": 60_000})
        await shown.until(lambda: "new" in str(shown.rows("locks")), "a refresh behind the question")
        assert shown.app.screen.query_one(Input).value == "too"
        await shown.pilot.press(*"_hot", "enter")
        await shown.until(lambda: "is halted (too_hot)" in shown.head(), "the kill switch")
        await shown.pilot.press("R")
        await shown.give_reason("cool again")
        await shown.until(lambda: "is halted" not in shown.head(), "the end of it")


async def test_escape_cancels_the_question(daemon: Daemon) -> None:
    async with view(daemon) as shown:
        await shown.pilot.press("h")
        await shown.until(lambda: isinstance(shown.app.screen, AskReason), "the question")
        await shown.pilot.press("x", "escape")
        await shown.until(lambda: not isinstance(shown.app.screen, AskReason), "its end")
    assert daemon.get("/v1/status")["halted"] is None


async def test_the_selected_order_is_cancelled_although_its_row_has_moved(own_daemon: Daemon) -> None:
    later = wall_ms() + 3_600_000
    first, second = (own_daemon.accept(market_buy(executeAt=later)) for _ in range(2))
    async with view(own_daemon) as shown:
        await shown.until(lambda: len(shown.rows("orders")) == 2, "two orders")
        await shown.pilot.press("down", "c")
        await shown.until(lambda: isinstance(shown.app.screen, AskReason), "the question")
        await ask(own_daemon, "DELETE", f"/v1/orders/{first}")
        await shown.until(lambda: len(shown.rows("orders")) == 1, "one order less")
        await shown.give_reason("not wanted")
        await shown.until(lambda: not shown.rows("orders"), "none")
    assert own_daemon.order(second)["reason"] == "not_wanted"


async def test_a_dead_letter_is_requeued(own_daemon: Daemon, own_exchange: Exchange) -> None:
    own_exchange.inject(
        {
            "kind": "refused",
            "code": min(code for code, advice in ADVICE.items() if advice is Advice.DEAD_LETTER),
            "count": 1,
        }
    )
    order_id = own_daemon.submit(market_buy(), wait_s=10).json["id"]
    assert own_daemon.order(order_id)["state"] == "dead_letter"
    async with view(own_daemon) as shown:
        await shown.until(lambda: shown.rows("orders"), "the dead letter")
        await shown.pilot.press("r")
        await shown.give_reason("mended")
        await anyio.to_thread.run_sync(lambda: own_daemon.wait_for("order.requeued", order_id=order_id))


async def test_the_selected_lock_is_released_with_its_reason(daemon: Daemon) -> None:
    async with view(daemon) as shown:
        await ask(daemon, "POST", "/v1/locks", {"resourceId": "wallet:1", "ownerId": "me", "timeoutMs": 600_000})
        await shown.until(lambda: any(row[0] == "wallet:1" for row in shown.rows("locks")), "the lock")
        place = [row[0] for row in shown.rows("locks")].index("wallet:1")
        await shown.pilot.press("4", *["down"] * place, "r")
        await shown.give_reason("its owner died")
        await shown.until(lambda: all(row[0] != "wallet:1" for row in shown.rows("locks")), "its end")
    assert daemon.wait_for("lock.force_released", resource="wallet:1")["reason"] == "its_owner_died"


async def test_a_refusal_is_shown_and_the_typed_reason_is_kept(own_daemon: Daemon, own_exchange: Exchange) -> None:
    own_exchange.inject({"kind": "invisible", "delay_ms": 3_600_000, "count": 1}, "reply_lost")
    own_daemon.until(own_daemon.send(market_buy()), "in_doubt", "lost")
    async with view(own_daemon) as shown:
        await shown.until(lambda: shown.rows("locks"), "the lock")
        await shown.pilot.press("4", "r")
        await shown.give_reason("let go")
        await shown.until(lambda: _refusal(shown) != "", "the refusal")
        assert shown.app.screen.query_one(Input).value == "let_go"
    assert own_daemon.process.events("lock.force_released") == []


def _refusal(shown: View) -> str:
    asked = shown.app.screen
    return str(list(asked.query(Static))[1].content) if isinstance(asked, AskReason) and asked.is_mounted else ""


@pytest.mark.parametrize("key", ["e", "enter"])
async def test_the_selected_order_is_explained(own_daemon: Daemon, key: str) -> None:
    order_id = own_daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    async with view(own_daemon) as shown:
        await shown.until(lambda: shown.rows("orders"), "the order")
        await shown.pilot.press(key)
        await shown.until(lambda: isinstance(shown.app.screen, Explanation), "the explanation")

        def is_explained() -> bool:
            return order_id in str(shown.app.screen.query_one("#explanation", Static).content)

        await shown.until(is_explained, "the order")
        await shown.pilot.press("escape")
        await shown.until(lambda: not isinstance(shown.app.screen, Explanation), "its end")


async def test_markup_and_escape_sequences_in_a_name_are_shown_literally(daemon: Daemon) -> None:
    name = "[red]x[/red][@click=app.quit]y"
    async with view(daemon) as shown:
        await ask(daemon, "POST", "/v1/locks", {"resourceId": name, "ownerId": "[/]", "timeoutMs": 60_000})
        await shown.until(lambda: any(row[0] == name and row[4] == "[/]" for row in shown.rows("locks")), "the lock")


async def test_shadow_mode_is_shown_as_shadow(shared_stage: Stage, own_exchange: Exchange) -> None:
    shadow = shared_stage.daemon(None, {"exchange": {"shadow": True, "base_url": own_exchange.url}})
    shadow.start(with_rules=True)
    async with view(shadow) as shown:
        assert f"SHADOW of {own_exchange.url}" in shown.head()
