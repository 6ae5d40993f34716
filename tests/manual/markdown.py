"""Pieces of Markdown."""

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Generated from the code: python -m tests.manual.generate -->"


def page(title: str, about: str, *parts: str) -> str:
    """Return a page of the handbook: its title, its sentence in the list of topics, its parts."""
    return "\n\n".join([f"# {title}", about, GENERATED, *(part.strip("\n") for part in parts)]) + "\n"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    return "\n".join(_row(cells) for cells in (heading, ["---"] * len(heading), *rows))


def code(text: object) -> str:
    """Mark a word as code; nothing where there is none."""
    return f"`{text}`" if str(text) else ""


def sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
