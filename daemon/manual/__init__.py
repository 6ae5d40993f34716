"""The handbook: Markdown pages, shipped in the package. ``sniperd manual`` and the man pages show them.

A page begins with its title and a paragraph of one sentence, which describes it in the list of topics. Links between
pages are relative, as they work in the repository.
"""

import re
from collections.abc import Callable
from importlib.resources import files
from typing import NamedTuple

_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?!\w+:)(?P<target>[^)#]*)(?:#[^)]*)?\)")
"""A link or an image with a relative address."""


class Topic(NamedTuple):
    """A page of the handbook."""

    name: str
    title: str
    about: str  # one sentence
    text: str  # Markdown below these two

    def linked(self, show: Callable[[str], str]) -> str:
        """Return the text for a place where relative links lead nowhere; ``show`` writes the name of another topic."""

        def replaced(link: re.Match[str]) -> str:
            name, is_page, _ = link["target"].rpartition(".md")
            return f"{link['text']} ({show(name)})" if is_page and "/" not in name else link["text"]

        return _LINK.sub(replaced, self.text)


def topics() -> dict[str, Topic]:
    """Return every topic by its name, in alphabetical order."""
    pages = (page for page in files(__name__).iterdir() if page.name.endswith(".md"))
    return {
        name: _topic(name, page.read_text(encoding="utf-8"))
        for name, page in sorted((page.name.removesuffix(".md"), page) for page in pages)
    }


def _topic(name: str, page: str) -> Topic:
    title, about, text = _COMMENT.sub("", page).split("\n\n", 2)
    return Topic(name, title.removeprefix("# "), " ".join(about.split()), text.strip() + "\n")
