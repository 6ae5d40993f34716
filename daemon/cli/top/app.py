"""The live view: refreshed every second and after every event; keys act on the selected row."""

import asyncio
import math
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from daemon.cli.client import Fail, ask, in_path
from daemon.cli.top import head
from daemon.cli.top.apart import apart
from daemon.cli.top.happened import BEGINNING, Happened
from daemon.cli.top.keys import KEYS
from daemon.cli.top.rows import READ_S, Board, read
from daemon.cli.top.screens import AskReason, Explanation, Keys
from daemon.cli.top.sections import Sections
from daemon.client import Client
from daemon.clock import stopwatch_s
from daemon.exit_codes import INTERRUPTED

REFRESH_S = 1.0
MIN_REFRESH_S = 0.2
"""Shortest time between two refreshes, however many events arrive."""

LATE_S = 3.0
"""After this time without an answer the view says so."""


class Live(Screen[None]):
    """The head and the sections."""

    DEFAULT_CSS = "Live > #head { padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(names, action, key.label, show=bool(key.label)) for key in KEYS for names, action in key.bindings
    ]

    def __init__(self, status: Path, signals: Path) -> None:
        super().__init__()
        self._status = status
        self._signals = signals
        self._board: Board | None = None
        self._seen_s = stopwatch_s()  # when the board was read
        self._lost = ""  # why there is no connection
        self._happened = Happened()
        self._refresh_now = asyncio.Event()
        self._head = Static(Text("sniperd"), id="head")
        self._sections = Sections()

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        yield self._head
        yield self._sections
        yield Footer()

    def on_mount(self) -> None:
        """Start the workers, and show every second how long there was no answer."""
        self.set_interval(REFRESH_S, self._show_head)
        self.run_worker(self._refresh_board())
        self.run_worker(self._follow_events())

    def on_resize(self) -> None:
        """Cut the lines of the head to the new width."""
        self._show_head()

    # Display.

    async def _refresh_board(self) -> None:
        while True:
            board = None
            try:
                board = await apart(partial(read, self._status))
            except Fail as failure:
                self._lost = failure.message
            if not self.app.is_running:  # closed while reading: its widgets are being removed
                return
            if board is None:
                self._show_head()
            else:
                self._show(board)
            await asyncio.sleep(MIN_REFRESH_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._refresh_now.wait(), REFRESH_S - MIN_REFRESH_S)
            self._refresh_now.clear()

    async def _follow_events(self) -> None:
        async with Client(self._status, retry_s=math.inf) as client:
            async for item in client.events(BEGINNING):
                self._happened.add(item)
                self._refresh_now.set()

    def _show(self, board: Board) -> None:
        self._board, self._seen_s, self._lost = board, stopwatch_s(), ""
        events = self._happened.rows(board.status["nowMs"])
        with self.app.batch_update():
            self._show_head()
            notes = {"orders": f", and {board.unshown} more"} if board.unshown else {}
            self._sections.show({**board.rows, "events": events}, notes)

    def _show_head(self) -> None:
        """Show the state of the daemon; or that it does not answer, above what was read last."""
        lines = [] if self._board is None else head.head(self._board)
        silent_s = stopwatch_s() - self._seen_s
        if self._lost:
            lines[:1] = [Text(f"connection lost {silent_s:.0f} s ago, trying again: {self._lost}", style=head.LOST)]
        elif silent_s >= LATE_S:
            lines[:1] = [Text(f"no answer for {silent_s:.0f} s, waiting for it", style=head.LOST)]
        for line in lines:
            line.truncate(self.size.width - 2, overflow="ellipsis")  # less the padding
        self._head.update(Text("\n").join(lines))

    # Actions.

    def action_keys(self) -> None:
        """Show the keys."""
        self.app.push_screen(Keys())

    def action_choose(self, number: int) -> None:
        """Choose a section, or collapse it."""
        self._sections.choose(number)

    def action_next(self, step: int) -> None:
        """Choose the next section."""
        self._sections.next(step)

    def action_explain(self) -> None:
        """Explain the order of the selected row."""
        row = self._sections.selected()
        if row is None or row.order_id is None:
            self._say("choose a row of an order to explain it")
        else:
            self.app.push_screen(Explanation(self._status, row.order_id))

    def on_data_table_row_selected(self) -> None:
        """Explain the order of the row, at Enter: a table takes that key for itself."""
        self.action_explain()

    def action_release(self) -> None:
        """Release the selected lock, or requeue the selected dead letter."""
        row = self._sections.selected()
        if row is not None and row.lock is not None:
            target = f"/v1/admin/locks/{in_path(row.lock.id)}/force-release"
            self._change(f"Release {row.lock.resource}, held by {row.lock.owner}?", "POST", target)
        elif row is not None and row.order is not None and row.order.state == "dead_letter":
            target = f"/v1/admin/orders/{in_path(row.order.id)}/requeue"
            self._change(f"Send {row.order.what} back into the queue? {row.order.id}", "POST", target)
        else:
            self._say("choose a dead letter to send it again, or a lock to release it")

    def action_cancel(self) -> None:
        """Cancel the selected order."""
        row = self._sections.selected()
        if row is None or row.order is None:
            self._say("choose an order to cancel")
        else:
            order = row.order
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
        while reason := await self.app.push_screen_wait(AskReason(question, reason or "", refused)):
            body = {"reason": reason} if method == "POST" else None
            full = target if body else f"{target}?reason={in_path(reason)}"
            try:
                await apart(partial(ask, self._signals, method, full, body, timeout_s=READ_S))
            except Fail as failure:
                refused = failure.message
            else:
                self._say(f"done: {question.partition('?')[0]}")
                self._refresh_now.set()
                return

    def _say(self, text: str) -> None:
        self.notify(text, markup=False)


class Top(App[None]):
    """The program."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "interrupt", show=False, priority=True)]

    def __init__(self, status: Path, signals: Path) -> None:
        super().__init__(ansi_color="NO_COLOR" in os.environ or None)  # the terminal's own: otherwise it shades grey
        self._live = Live(status, signals)

    def get_default_screen(self) -> Live:
        """Return the first screen."""
        return self._live

    def action_interrupt(self) -> None:
        """End with the exit code of an interrupted command."""
        self.exit(return_code=INTERRUPTED)
