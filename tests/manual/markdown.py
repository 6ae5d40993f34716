"""Pieces of Markdown."""

from collections.abc import Iterable

GENERATED = "<!-- Generated from the code: python -m tests.manual.generate -->"


def page(title: str, about: str, *parts: str) -> str:
    """Return a page of the handbook: its title, its sentence in the list of topics, its parts."""
    return "\n\n".join([f"# {title}", about, GENERATED, *(part.strip("\n") for part in parts)]) + "\n"


def items(entries: Iterable[str]) -> str:
    """Return a list. It reads well in a terminal and in a man page, where a wide table does not."""
    return "\n".join(f"- {entry}" for entry in entries)


def code(text: object) -> str:
    """Mark a word as code."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."
