"""Handbook pages as man pages: MyST parses the Markdown, docutils writes roff."""

from functools import cache

from docutils import nodes
from docutils.core import publish_doctree, publish_from_doctree
from myst_parser.parsers.docutils_ import Parser

from daemon import __version__
from daemon.installing.share import page_of
from daemon.manual import Topic, topics

SETTINGS = {
    "input_encoding": "unicode",
    "output_encoding": "unicode",
    "myst_suppress_warnings": ["myst.header"],  # the title is not part of the text
    "syntax_highlight": "none",
    "halt_level": 2,  # a warning is an error: a page must not be installed with a part missing
    "_disable_config": True,
}


@cache
def man_page(topic: Topic) -> str:
    """Return a topic's man page in roff."""
    text = f"{topic.linked(_named)}\n## See also\n\n{_see_also(topic)}\n"
    document = publish_doctree(text, parser=Parser(), settings_overrides=SETTINGS)
    name, section = page_of(topic.name)
    first = next(index for index, node in enumerate(document.children) if isinstance(node, nodes.section))
    before = document.children[:first]
    described = [nodes.section("", nodes.title("", "Description"), *before)] if before else []
    document.children = [
        nodes.title("", name),
        nodes.subtitle("", topic.about.replace("`", "").rstrip(".")),
        nodes.docinfo("", nodes.version("", f"sniperd {__version__}"), _field("manual_section", str(section))),
        nodes.raw("", ".ad l", format="manpage"),  # left-aligned: narrow table columns cannot be justified
        *described,
        *document.children[first:],
    ]
    for node in document.children:
        node.parent = document
    return str(publish_from_doctree(document, writer="manpage", settings_overrides=SETTINGS))


def _see_also(topic: Topic) -> str:
    """Return a reference to the command's page; on that page, references to all others."""
    others = [each for each in topics().values() if each.name != topic.name]
    if page_of(topic.name) == ("sniperd", 1):
        return "\n".join(f"- {_named(each.name)}: {each.about}" for each in others)
    return "sniperd(1), which lists the pages of the handbook; `sniperd manual`, which shows them."


def _named(topic: str) -> str:
    name, section = page_of(topic)
    return f"{name}({section})"


def _field(name: str, text: str) -> nodes.field:
    return nodes.field("", nodes.field_name("", name), nodes.field_body("", nodes.paragraph("", text)))
