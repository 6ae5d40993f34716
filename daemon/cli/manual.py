"""``sniperd manual``."""

import shutil
import sys
from io import StringIO

import click
from click.shell_completion import CompletionItem

from daemon.cli import show
from daemon.manual import topics

WIDEST = 100
"""Largest width of a page, in columns: longer lines are hard to read."""

REFERENCE = "reference-"


def _complete(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(topic.name, help=topic.about) for topic in topics().values() if topic.name.startswith(incomplete)
    ]


@click.command()
@click.argument("topic", required=False, shell_complete=_complete)
def manual(topic: str | None) -> None:
    """Show a page of the handbook; without a topic, list the topics.

    The prefix of reference pages may be left out: `sniperd manual events`. At a terminal the page is
    shown in the program that $PAGER names.
    """
    known = topics()
    if topic is None:
        show.table(["topic", "about"], [[each.name, each.about] for each in known.values()])
        return
    found = known.get(topic) or known.get(REFERENCE + topic)
    if found is None:
        raise click.BadParameter(f"{topic!r} is not one of the topics: {', '.join(known)}", param_hint="TOPIC")
    text = f"# {found.title}\n\n{found.about}\n\n{found.linked(_command)}"
    if sys.stdout.isatty():
        click.echo_via_pager(_rendered(text))
    else:
        click.echo(text, nl=False)


def _command(topic: str) -> str:
    return f"`sniperd manual {topic}`"


def _rendered(text: str) -> str:
    """Render Markdown for this terminal; without the optional library, return it unchanged."""
    try:
        from rich.console import Console  # noqa: PLC0415  # only for this, and optional
        from rich.markdown import Markdown  # noqa: PLC0415
    except ModuleNotFoundError:
        return text
    width = min(shutil.get_terminal_size().columns, WIDEST)
    page = StringIO()
    Console(file=page, force_terminal=True, width=width).print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    return page.getvalue()
