"""The live view: refreshed every second and after every event; keys act on the selected row."""

import asyncio
import math
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Footer, RichLog, Static

from daemon.cli.client import Fail, ask, in_path
from daemon.cli.show import COLOURS
from daemon.cli.top.rows import TIMEOUT_S, Board, LockRow, OrderRow, read
from daemon.cli.top.screens import AskReason, Explanation
from daemon.client import Client, Event
from daemon.core.values.texts import printable
from daemon.exit_codes import INTERRUPTED

REFRESH_S = 1.0
MIN_REFRESH_S = 0.2
"""Shortest time between two refreshes, however many events arrive."""

_LOUD = {"warning": "yellow", "error": "red", "critical": "bold red"}


class Top(App[None]):
    """The live view."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head, #tiles { height: 1; padding: 0 1; }
    #orders { height: 3fr; } #locks { height: 2fr; }
    #events { height: 2fr; overflow-x: hidden; border-top: solid $accent; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e,enter", "explain", "explain"),
        Binding("r", "release", "requeue/release"),
        Binding("c", "cancel", "cancel"),
        Binding("h", "halt", "halt"),
        Binding("R", "resume", "resume"),
        Binding("tab", "app.focus_next", "other table"),
        Binding("q", "quit", "quit"),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(self, status: Path, signals: Path) -> None:
        super().__init__()
        self._status = status
        self._signals = signals
        self._board = Board({}, [], [])
        self._refresh_now = asyncio.Event()

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        yield Static(Text("sniperd"), id="head")
        yield Static(Text(""), id="tiles")
        yield DataTable[Text](id="orders", cursor_type="row", zebra_stripes=True)
        yield DataTable[Text](id="locks", cursor_type="row", zebra_stripes=True)
        yield RichLog(id="events", max_lines=200, wrap=False)
        yield Footer()

    def on_mount(self) -> None:
        """Set up the tables and start the workers."""
        self._orders.add_columns("state", "order", "waits for", "age", "owner")
        self._locks.add_columns("held", "lease left", "for", "owner", "token")
        self.query_one("#events").can_focus = False
        self._orders.focus()
        self.run_worker(self._refresh_board())
        self.run_worker(self._follow_events())

    @property
    def _orders(self) -> "DataTable[Text]":
        return self.query_one("#orders", DataTable)

    @property
    def _locks(self) -> "DataTable[Text]":
        return self.query_one("#locks", DataTable)

    # Display.

    async def _refresh_board(self) -> None:
        while True:
            board, lost = None, ""
            try:
                board = await asyncio.to_thread(read, self._status)
            except Fail as failure:
                lost = failure.message
            if not self.is_running:  # closed while reading: its widgets are being removed
                return
            if board is None:
                self._head().update(Text(f"connection lost: {lost}", style="bold white on red"))
            else:
                self._show(board)
            await asyncio.sleep(MIN_REFRESH_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._refresh_now.wait(), REFRESH_S - MIN_REFRESH_S)
            self._refresh_now.clear()

    async def _follow_events(self) -> None:
        events = self.query_one("#events", RichLog)
        async with Client(self._status, retry_s=math.inf) as client:
            async for item in client.events():
                self._refresh_now.set()
                if not isinstance(item, Event):
                    events.write(Text("the daemon was restarted, or events are missing at this point", style="yellow"))
                elif item.level != "debug":
                    events.write(_event(item))

    def _show(self, board: Board) -> None:
        self._board = board
        self._head().update(_headline(board.status))
        self.query_one("#tiles", Static).update(_tiles(board.status))
        with self.batch_update():
            _fill(self._orders, [(row.id, _order_cells(row)) for row in board.orders])
            _fill(self._locks, [(row.id, _lock_cells(row)) for row in board.locks])

    def _head(self) -> Static:
        return self.screen_stack[0].query_one("#head", Static)

    # Actions.

    def action_interrupt(self) -> None:
        """End with the exit code of an interrupted command."""
        self.exit(return_code=INTERRUPTED)

    def action_explain(self) -> None:
        """Explain the selected order, or the order that holds the selected lock."""
        lock = self._selected_lock()
        order_id = self._selected_order_id() if lock is None else lock.order_id
        if order_id is None:
            self._say("select an order, or a lock that an order holds, to explain it")
        else:
            self.push_screen(Explanation(self._status, order_id))

    def action_release(self) -> None:
        """Release the selected lock, or requeue the selected dead letter."""
        lock, order = self._selected_lock(), self._selected_order()
        if lock is not None:
            target = f"/v1/admin/locks/{in_path(lock.id)}/force-release"
            self._change(f"Release {lock.resource}, held by {lock.owner}?", "POST", target)
        elif order is not None and order.state == "dead_letter":
            target = f"/v1/admin/orders/{in_path(order.id)}/requeue"
            self._change(f"Send {order.what} back into the queue? {order.id}", "POST", target)
        else:
            self._say("select a dead letter to requeue it, or a lock (Tab) to release it")

    def action_cancel(self) -> None:
        """Cancel the selected order."""
        order = self._selected_order()
        if order is None:
            self._say("select an order to cancel")
        else:
            self._change(f"Cancel {order.what}? {order.id}", "DELETE", f"/v1/orders/{in_path(order.id)}")

    def action_halt(self) -> None:
        """Set the kill switch."""
        self._change("Halt: send nothing new until you resume?", "POST", "/v1/admin/halt")

    def action_resume(self) -> None:
        """Release the kill switch."""
        self._change("Resume: send orders again?", "POST", "/v1/admin/resume")

    @work
    async def _change(self, question: str, method: str, target: str) -> None:
        """Ask for the reason and send the request; if it is refused, ask again with the reason already typed."""
        reason: str | None = ""
        refused = ""
        while reason := await self.push_screen_wait(AskReason(question, reason or "", refused)):
            body = {"reason": reason} if method == "POST" else None
            full = target if body else f"{target}?reason={in_path(reason)}"
            try:
                await asyncio.to_thread(ask, self._signals, method, full, body, timeout_s=TIMEOUT_S)
            except Fail as failure:
                refused = failure.message
            else:
                self._say(f"done: {question.partition('?')[0]}")
                self._refresh_now.set()
                return

    def _selected_lock(self) -> LockRow | None:
        key = _selected(self._locks) if self.focused is self._locks else None
        return next((row for row in self._board.locks if row.id == key), None)

    def _selected_order(self) -> OrderRow | None:
        key = self._selected_order_id()
        return next((row for row in self._board.orders if row.id == key), None)

    def _selected_order_id(self) -> str | None:
        return _selected(self._orders) if self.focused is self._orders else None

    def _say(self, text: str) -> None:
        self.notify(text, markup=False)


def _selected(table: "DataTable[Text]") -> str | None:
    """Return the key of the row under the cursor."""
    return table.ordered_rows[table.cursor_row].key.value if table.is_valid_row_index(table.cursor_row) else None


def _fill(table: "DataTable[Text]", rows: list[tuple[str, list[Text]]]) -> None:
    """Replace the rows; the cursor stays on the same order or lock, even if its row has moved."""
    selected, place, scrolled = _selected(table), table.cursor_row, table.scroll_y
    table.clear()
    for key, cells in rows:
        table.add_row(*cells, key=key)
    keys = [key for key, _ in rows]
    if keys:
        row = keys.index(selected) if selected in keys else min(place, len(keys) - 1)
        table.move_cursor(row=row, animate=False)
        table.scroll_to(y=scrolled, animate=False)


def _headline(status: dict[str, Any]) -> Text:
    exchange = status["exchange"]
    weight = f"weight {exchange['weightUsed']}/{exchange['weightLimit']}"
    text = Text(f"sniperd {status['version']}  ")
    if status["shadowOf"] is None:
        text.append(status["mode"])
    else:
        text.append(f"SHADOW of {status['shadowOf']}", style="bold magenta")
    text.append(f"  {weight}  ")
    text.append(status["stage"], style="bold green" if status["stage"] == "ready" else "bold yellow")
    if status["halted"]:
        text.append(f"  HALTED: {status['halted']}", style="bold white on red")
    if exchange["reachable"] is False:
        text.append("  exchange unreachable", style="bold red")
    return text


def _tiles(status: dict[str, Any]) -> Text:
    text = Text()
    for name, count, style in (
        ("queue", status["queueLength"], "bold"),
        ("in flight", status["inFlight"], "bold"),
        ("in doubt", status["inDoubt"], "bold yellow"),
        ("lost", status["lost"], "bold red"),
        ("dead", status["deadLetters"], "bold red"),
    ):
        text.append(f"{name} ").append(str(count), style=style if count else "dim").append("  ")
    return text.append(f"rate {status['ordersLastSecond']}/{status['ordersPerSecond']} a second")


def _order_cells(row: OrderRow) -> list[Text]:
    state = Text(row.state, style=COLOURS.get(row.state, ""))
    return [state, *(Text(cell) for cell in (row.what, row.waits, row.age, row.owner))]


def _lock_cells(row: LockRow) -> list[Text]:
    left = Text(row.left, style="bold red" if row.overdue else "")
    return [Text(row.resource), left, *(Text(cell) for cell in (row.order_id or "lease", row.owner, row.token))]


def _event(event: Event) -> Text:
    instant = time.strftime("%H:%M:%S", time.localtime(event.at_ms / 1_000))
    detail = " ".join(f"{name}={value}" for name, value in event.detail.items() if value is not None)
    about = event.order_id or event.resource or ""
    text = Text(f"{instant} ", style="dim", no_wrap=True)
    text.append(event.name.ljust(18), style=_LOUD.get(event.level, "bold"))
    return text.append(printable(f" {about} {detail}"), style="")
