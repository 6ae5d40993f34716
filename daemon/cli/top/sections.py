"""The sections: a title and a table each, of which one is chosen; they share the rows of the terminal."""

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import DataTable, Static

from daemon.cli.top.kinds import KINDS, Kind
from daemon.cli.top.rows import Row
from daemon.cli.top.sharing import share

ORDERS = next(number for number, kind in enumerate(KINDS) if kind.name == "orders")


class Section(Vertical):
    """One section."""

    DEFAULT_CSS = """
    Section { height: auto; }
    Section > Static { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    Section > DataTable { scrollbar-size-horizontal: 0; }
    """

    def __init__(self, number: int, kind: Kind) -> None:
        super().__init__()
        self._number = number
        self._kind = kind
        self._title = Static(Text(""))
        self.table: DataTable[Text] = DataTable(id=kind.name, cursor_type="row")
        self.rows: Sequence[Row] = ()
        self.is_open = True
        self._note = ""

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        yield self._title
        yield self.table

    def on_mount(self) -> None:
        """Set up the table."""
        self.table.add_columns(*self._kind.columns)

    @property
    def wants(self) -> int:
        """The height of the whole table; 0 if it is collapsed or empty."""
        return len(self.rows) + self.table.header_height if self.is_open and self.rows else 0

    def fill(self, rows: Sequence[Row], note: str = "") -> None:
        """Replace the rows; the cursor stays on the same order, lock or event, even if its row has moved."""
        selected, place, scrolled = self.selected(), self.table.cursor_row, self.table.scroll_y
        self.rows, self._note = rows, note
        self.table.clear()
        for row in rows:
            self.table.add_row(*row.cells, key=row.key)
        if rows:
            keys = [row.key for row in rows]
            is_found = selected is not None and selected.key in keys and (place > 0 or not self._kind.is_newest_first)
            at = keys.index(selected.key) if is_found and selected is not None else min(place, len(keys) - 1)
            self.table.move_cursor(row=at, animate=False)
            self.table.scroll_to(y=scrolled, animate=False)

    def selected(self) -> Row | None:
        """Return the row under the cursor."""
        return self.rows[self.table.cursor_row] if self.table.cursor_row < len(self.rows) else None

    def lay_out(self, height: int, *, is_chosen: bool, is_shown: bool) -> None:
        """Show the title, and the table with ``height`` lines, the column names included."""
        self.display = is_shown
        self.table.display = height > 0
        self.table.styles.height = height
        self.table.show_cursor = is_chosen
        count = f"{len(self.rows)}{self._note}" if self.rows else "none"
        title = Text(f"{'▾' if self.is_open else '▸'} {self._number} {self._kind.title}")
        title.stylize("bold reverse" if is_chosen else "bold")
        self._title.update(title.append(f"  {count}", style="dim" if not self.rows else ""))


class Sections(Vertical):
    """All sections."""

    DEFAULT_CSS = "Sections { height: 1fr; overflow: hidden; }"

    def __init__(self) -> None:
        super().__init__()
        self._sections = [Section(number, kind) for number, kind in enumerate(KINDS, start=1)]
        self._chosen = ORDERS

    def compose(self) -> ComposeResult:
        """Create the widgets."""
        yield from self._sections

    def on_resize(self) -> None:
        """Share the rows again: the height of the terminal has changed."""
        self._share_rows()

    def show(self, rows: Mapping[str, Sequence[Row]], notes: Mapping[str, str]) -> None:
        """Show the rows of each section; a note follows their number in the title."""
        for kind, section in zip(KINDS, self._sections, strict=True):
            section.fill(rows[kind.name], notes.get(kind.name, ""))
        self._share_rows()

    def selected(self) -> Row | None:
        """Return the row under the cursor of the chosen section."""
        section = self._sections[self._chosen]
        return section.selected() if section.is_open else None

    def choose(self, number: int) -> None:
        """Choose a section, and open it; collapse it if it was chosen and open."""
        section = self._sections[number]
        section.is_open = not (section.is_open and number == self._chosen)
        self._chosen = number
        self._share_rows()

    def next(self, step: int) -> None:
        """Choose the section after the chosen one, or before it with ``step`` -1."""
        self._chosen = (self._chosen + step) % len(self._sections)
        self._share_rows()

    def _share_rows(self) -> None:
        shares = share(self.size.height, [section.wants for section in self._sections], self._chosen)
        for number, (section, height) in enumerate(zip(self._sections, shares.heights, strict=True)):
            is_chosen = number == self._chosen
            section.lay_out(height, is_chosen=is_chosen, is_shown=is_chosen or not shares.is_alone)
        table = self._sections[self._chosen].table
        focused = table if table.display else None
        if self.screen.focused is not focused:
            self.screen.set_focus(focused)
