"""The running ``sniperd top`` in Textual's test mode: what it shows, and its keys."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
from rich.text import Text
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import DataTable, Static

from daemon.cli.top.app import Live, Top
from daemon.cli.top.screens import AskReason
from tests.support import Daemon

COLUMNS, ROWS = 80, 24


class View:
    """The running view: reads what it shows, and presses keys."""

    def __init__(self, app: Top, pilot: "Pilot[None]") -> None:
        self.app = app
        self.pilot = pilot

    @property
    def live(self) -> Screen[None]:
        """The screen with the sections, whatever is before it."""
        found = self.app.screen_stack[0]
        assert isinstance(found, Live)
        return found

    def head(self) -> str:
        """Return the lines above the sections."""
        return str(self.live.query_one("#head", Static).content)

    def rows(self, name: str) -> list[list[str]]:
        """Return a section's cells."""
        table: DataTable[Text] = self.live.query_one(f"#{name}", DataTable)
        return [[str(cell) for cell in table.get_row_at(number)] for number in range(table.row_count)]

    def lines(self) -> list[str]:
        """Return the rows of the terminal, as they are painted."""
        return ["".join(segment.text for segment in strip) for strip in self.app.screen._compositor.render_strips()]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds."""
        with anyio.move_on_after(15):
            while not condition():
                await self.pilot.pause(0.02)
        assert condition(), "\n".join([what, self.head(), *self.lines()])

    async def give_reason(self, text: str) -> None:
        """Type a reason into the open question and confirm it."""
        await self.until(lambda: isinstance(self.app.screen, AskReason), "the question for a reason")
        await self.pilot.press(*text.replace(" ", "_"), "enter")


@asynccontextmanager
async def view(
    daemon: Daemon, *, columns: int = COLUMNS, rows: int = ROWS, shows: str = "ready"
) -> AsyncIterator[View]:
    """Run the view of a daemon in a terminal."""
    app = Top(daemon.status, daemon.signals)
    async with app.run_test(size=(columns, rows)) as pilot:
        shown = View(app, pilot)
        await shown.until(lambda: shows in shown.head(), "the daemon's state")
        yield shown
