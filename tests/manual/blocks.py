"""The fenced blocks of README and handbook, and the markers that say how a test executes each of them.

A block's language says how it is executed. Where that is not enough, a comment on the line above says it::

    <!-- block: HOW ARGUMENTS -->       executed here, in the way that tests.process.manual.test_blocks has for HOW
    <!-- block: NAME; PATH; REASON -->  executed elsewhere: the file at PATH fetches the block by its name
"""

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

from tests.manual.generate import GENERATED, ROOT

MANUAL = ROOT / "daemon" / "manual"
_BLOCK = re.compile(
    r"(?:^ *<!-- block: (?P<marker>.*?) -->\n)?^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block."""

    path: Path
    line: int
    language: str
    marker: str
    text: str

    @property
    def place(self) -> str:
        """Its place, for messages."""
        return f"{self.path.relative_to(ROOT)}:{self.line}"

    @property
    def name(self) -> str:
        """By what name another file fetches it; empty where it is executed here."""
        return self.marker.partition(";")[0] if ";" in self.marker else ""


def pages() -> list[Path]:
    """Return README and the hand-written pages of the handbook."""
    generated = {ROOT / name for name in GENERATED}
    return [ROOT / "README.md", *(path for path in sorted(MANUAL.glob("*.md")) if path not in generated)]


def text() -> str:
    """Return all of it."""
    return "\n".join(path.read_text(encoding="utf-8") for path in pages())


def blocks() -> list[Block]:
    """Return every block, page by page."""
    return [block for path in pages() for block in _blocks_of(path)]


def named(name: str) -> str:
    """Return the text of the one block that has a name."""
    [found] = [block for block in blocks() if block.name == name]
    return found.text


def commands(name: str) -> list[str]:
    """Return the commands of a block that is a list of them, without what each is for."""
    return [re.split(r" {2,}", line)[0] for line in named(name).splitlines() if not line.startswith(" ")]


def _blocks_of(path: Path) -> list[Block]:
    page = path.read_text(encoding="utf-8")
    fences = len(re.findall(r"^ *```", page, re.MULTILINE))
    found = [
        Block(
            path,
            page.count("\n", 0, match.start()) + 1,
            match["language"],
            match["marker"] or "",
            textwrap.dedent(match["text"]),
        )
        for match in _BLOCK.finditer(page)
    ]
    assert fences == 2 * len(found), f"{path} has a fence that is not read as a block"
    return found
