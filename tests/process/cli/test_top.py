"""top: the live view and its keys, at a real terminal and in Textual's test mode, against a real daemon."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, RichLog, Static

from daemon.cli.top.app import Top
from daemon.cli.top.rows import Board, read
from daemon.cli.top.screens import AskReason, Explanation
from daemon.core.values.exchange_replies import Advice
from daemon.exchange.mexc.codes import ADVICE
from tests.process.cli.command import Command
from tests.support import Daemon, Exchange, wall_ms
from tests.support.signals import market_buy, resting_buy
from tests.support.stage import Stage
from tests.support.waiting import eventually

INTERRUPTED, NO_DAEMON = 130, 69


@pytest.fixture
def own_exchange(shared_stage: Stage) -> Exchange:
    """An exchange that no other test uses."""
    return shared_stage.exchange()


@pytest.fixture
def own_daemon(shared_stage: Stage, own_exchange: Exchange) -> Daemon:
    """A daemon that no other test uses."""
    found = shared_stage.daemon(own_exchange)
    found.start(with_rules=True)
    return found


@pytest.fixture
def own_command(own_daemon: Daemon) -> Command:
    """The command of a user of that daemon."""
    return Command(own_daemon.environ | {"SNIPERD_CONFIG": str(own_daemon.config_path)}, own_daemon.directory)


class View:
    """The running view: reads what it shows, and presses keys."""

    def __init__(self, app: Top, pilot: "Pilot[None]") -> None:
        self.app = app
        self.pilot = pilot

    def text(self, name: str) -> str:
        """Return the text of one of the head lines."""
        return str(self.app.screen_stack[0].query_one(f"#{name}", Static).content)

    def rows(self, name: str) -> list[list[str]]:
        """Return a table's cells."""
        table: DataTable[Text] = self.app.screen_stack[0].query_one(f"#{name}", DataTable)
        return [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds."""
        with anyio.move_on_after(15):
            while not condition():
                await self.pilot.pause(0.02)
        assert condition(), f"{what}: {self.text('head')} {self.rows('orders')} {self.rows('locks')}"

    async def give_reason(self, text: str) -> None:
        """Type a reason into the open question and confirm it."""
        await self.until(lambda: isinstance(self.app.screen, AskReason), "the question for a reason")
        await self.pilot.press(*text.replace(" ", "_"), "enter")


@asynccontextmanager
async def view(daemon: Daemon) -> AsyncIterator[View]:
    """Run the view of a daemon in a terminal of 80 by 24."""
    app = Top(daemon.status, daemon.signals)
    async with app.run_test(size=(80, 24)) as pilot:
        shown = View(app, pilot)
        await shown.until(lambda: "ready" in shown.text("head"), "the daemon's state")
        yield shown


async def ask(daemon: Daemon, method: str, target: str, body: object = None) -> int:
    """Send a request to the daemon without blocking the view."""
    answer = await anyio.to_thread.run_sync(lambda: daemon.ask(method, target, body))
    return answer.status


async def test_orders_that_need_the_operator_come_first_then_the_queue_in_order_of_service(
    own_daemon: Daemon, own_exchange: Exchange
) -> None:
    own_exchange.inject({"kind": "invisible", "delay_ms": 3_600_000, "count": 1}, "reply_lost")
    doubted = own_daemon.send(market_buy())
    own_daemon.until(doubted, "in_doubt", "lost")
    own_daemon.submit(resting_buy(), wait_s=10)
    later = wall_ms() + 3_600_000
    own_daemon.accept(market_buy(executeAt=later))
    own_daemon.accept(market_buy(side="SELL", quoteOrderQty=None, quantity="1", executeAt=later))
    async with view(own_daemon) as shown:
        await shown.until(lambda: len(shown.rows("orders")) == 4, "four orders")
        states = [row[0] for row in shown.rows("orders")]
        assert states[0] in {"in_doubt", "lost"}
        assert states[1:] == ["queued", "queued", "open"]
        assert shown.rows("orders")[0][2].startswith("next query")
        assert shown.rows("orders")[1][2].startswith("its time; expires in 1.0 h")
        [[held, left, held_for, owner, token]] = shown.rows("locks")
        assert (held.partition(":")[0], held_for, owner, token) == ("trade", doubted, "bot", "1")
        assert left == "overdue" or left.endswith(" s")
        assert "queue 2" in shown.text("tiles")


async def test_an_orders_events_appear(daemon: Daemon) -> None:
    async with view(daemon) as shown:
        order_id = (await anyio.to_thread.run_sync(lambda: daemon.submit(market_buy(), wait_s=10))).json["id"]
        log = shown.app.query_one("#events", RichLog)
        await shown.until(lambda: any(order_id in line.text for line in log.lines), "its events")


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
        await shown.until(lambda: "HALTED: too_hot" in shown.text("head"), "the kill switch")
        await shown.pilot.press("R")
        await shown.give_reason("cool again")
        await shown.until(lambda: "HALTED" not in shown.text("head"), "the end of it")


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
        await shown.pilot.press("tab", *["down"] * place, "r")
        await shown.give_reason("its owner died")
        await shown.until(lambda: all(row[0] != "wallet:1" for row in shown.rows("locks")), "its end")
    assert daemon.wait_for("lock.force_released", resource="wallet:1")["reason"] == "its_owner_died"


async def test_a_refusal_is_shown_and_the_typed_reason_is_kept(own_daemon: Daemon, own_exchange: Exchange) -> None:
    own_exchange.inject({"kind": "invisible", "delay_ms": 3_600_000, "count": 1}, "reply_lost")
    own_daemon.until(own_daemon.send(market_buy()), "in_doubt", "lost")
    async with view(own_daemon) as shown:
        await shown.until(lambda: shown.rows("locks"), "the lock")
        await shown.pilot.press("tab", "r")
        await shown.give_reason("let go")
        await shown.until(lambda: _refusal(shown) != "", "the refusal")
        assert shown.app.screen.query_one(Input).value == "let_go"
    assert own_daemon.process.events("lock.force_released") == []


def _refusal(shown: View) -> str:
    asked = shown.app.screen
    return str(list(asked.query(Static))[1].content) if isinstance(asked, AskReason) and asked.is_mounted else ""


async def test_the_selected_order_is_explained(own_daemon: Daemon) -> None:
    order_id = own_daemon.accept(market_buy(executeAt=wall_ms() + 3_600_000))
    async with view(own_daemon) as shown:
        await shown.until(lambda: shown.rows("orders"), "the order")
        await shown.pilot.press("e")
        await shown.until(lambda: isinstance(shown.app.screen, Explanation), "the explanation")

        def is_explained() -> bool:
            return order_id in str(shown.app.screen.query_one("#explanation", Static).content)

        await shown.until(is_explained, "the order")
        await shown.pilot.press("escape")
        await shown.until(lambda: not isinstance(shown.app.screen, Explanation), "its end")


async def test_markup_in_a_name_is_shown_literally(daemon: Daemon) -> None:
    name = "[red]x[/red][@click=app.quit]y"
    async with view(daemon) as shown:
        await ask(daemon, "POST", "/v1/locks", {"resourceId": name, "ownerId": "[/]", "timeoutMs": 60_000})
        await shown.until(lambda: any(row[0] == name and row[3] == "[/]" for row in shown.rows("locks")), "the lock")


def test_at_a_terminal_it_reconnects_after_a_restart_and_q_ends_it(own_command: Command, own_daemon: Daemon) -> None:
    with own_command.terminal("top", columns=80, rows=24) as terminal:
        terminal.wait_for("ready")
        own_daemon.kill()
        terminal.wait_for("connection lost")
        own_daemon.start()
        terminal.wait_for("daemon.ready")
        terminal.type("q")
        terminal.rest()
        assert terminal.exit_code() == 0


def test_at_a_terminal_the_kill_switch_is_set_and_ctrl_c_ends_it(own_command: Command, own_daemon: Daemon) -> None:
    with own_command.terminal("top", columns=80, rows=24) as terminal:
        terminal.wait_for("ready")
        terminal.type("h")
        terminal.wait_for("Halt:")
        terminal.type("hot\r")
        assert own_daemon.wait_for("trading.halted")["reason"] == "hot"
        terminal.wait_for("HALTED")
        terminal.type("\x03")
        terminal.rest()
        assert terminal.exit_code() == INTERRUPTED


async def test_shadow_mode_is_shown_as_shadow(shared_stage: Stage, own_exchange: Exchange) -> None:
    shadow = shared_stage.daemon(None, {"exchange": {"shadow": True, "base_url": own_exchange.url}})
    shadow.start(with_rules=True)
    async with view(shadow) as shown:
        assert f"SHADOW of {own_exchange.url}" in shown.text("head")


def test_without_a_daemon_it_fails_like_every_command(shared_stage: Stage) -> None:
    directory = shared_stage.subdirectory("nobody")
    ran = Command({"HOME": str(directory), "XDG_RUNTIME_DIR": str(directory)}, directory)("top")
    assert (ran.code, ran.output) == (NO_DAEMON, "")


def test_without_its_library_it_names_the_command_that_installs_it(command: Command) -> None:
    ran = command.python(
        "import sys; sys.modules['textual'] = None; sys.argv = ['sniperd', 'top'];"
        "from daemon.__main__ import main; main()"
    )
    assert ran.code == 1
    assert ".ci/setup" in ran.errors
