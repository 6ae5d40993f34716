"""The screens in front of the sections: the keys, the question for a reason, and an order's explanation."""

import asyncio
from functools import partial
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from daemon.cli import show
from daemon.cli.client import Fail, ask, in_path
from daemon.cli.explaining import lines
from daemon.cli.top.apart import apart
from daemon.cli.top.keys import LINES, REASON
from daemon.cli.top.rows import READ_S

REFRESH_S = 1.0


class AskReason(ModalScreen[str | None]):
    """Asks for a reason; a refresh behind it does not change what is typed."""

    CSS = """
    AskReason { align: center middle; }
    AskReason > Vertical { width: 90%; height: auto; border: round $warning; padding: 0 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "cancel")]

    def __init__(self, question: str, typed: str = "", refused: str = "") -> None:
        super().__init__()
        self._question = question
        self._typed = typed
        self._refused = refused

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        with Vertical():
            yield Static(Text(self._question, style="bold"))
            yield Static(Text(self._refused, style="red"))
            yield Input(
                self._typed, placeholder="reason, for the audit trail; Enter confirms, Esc cancels", max_length=500
            )

    def on_input_submitted(self, submitted: Input.Submitted) -> None:
        """Return the reason unless it is empty."""
        if submitted.value.strip():
            self.dismiss(submitted.value.strip())

    def action_leave(self) -> None:
        """Close without a reason."""
        self.dismiss(None)


class Keys(ModalScreen[None]):
    """Shows the keys."""

    CSS = """
    Keys { align: center middle; }
    Keys > VerticalScroll { width: 90%; height: auto; max-height: 100%; border: round $accent; padding: 0 1;
        background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "leave", "back")]

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        with VerticalScroll():
            yield Static(Text("\n".join([*LINES, "", REASON])))

    def action_leave(self) -> None:
        """Close the text."""
        self.dismiss(None)


class Explanation(ModalScreen[None]):
    """Shows the explanation of an order, live."""

    CSS = """
    Explanation > VerticalScroll { border: round $accent; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,e,q", "leave", "back")]

    def __init__(self, path: Path, order_id: str) -> None:
        super().__init__()
        self._path = path
        self._order_id = order_id

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        with VerticalScroll():
            yield Static(Text("…"), id="explanation")

    def on_mount(self) -> None:
        """Start the refresh."""
        self.run_worker(self._show())

    def action_leave(self) -> None:
        """Close the explanation."""
        self.dismiss(None)

    async def _show(self) -> None:
        shown = self.query_one("#explanation", Static)
        target = f"/v1/orders/{in_path(self._order_id)}/explain"
        while True:
            try:
                found = await apart(partial(ask, self._path, "GET", target, timeout_s=READ_S))
            except Fail as failure:
                shown.update(Text(f"no explanation: {failure.message}", style="bold red"))
            else:
                width = max(40, self.size.width - 8)  # less frame and scroll bar
                shown.update(Text.from_ansi("\n".join(lines(show.escaped(found), width=width))))
            await asyncio.sleep(REFRESH_S)
