"""The commands, their options and exit codes, from the parser."""

import inspect
from collections.abc import Iterator

import click

from daemon.cli.main import COMMANDS, SUMMARIES, sniperd
from tests.manual import markdown
from tests.manual.markdown import code, items

PROGRAM = "sniperd"


def page() -> str:
    """Return the handbook's page."""
    context = click.Context(sniperd, info_name=PROGRAM, **sniperd.context_settings)
    listed = items(f"{code(name)}: {SUMMARIES[name]}" for name in COMMANDS)
    help_option = "Every command explains itself with `-h` or `--help`."
    parts = [_about(sniperd), _usage(context), _options(context), "## Commands", listed, help_option]
    for name in COMMANDS:
        parts += _command(name, context)
    return markdown.page(
        "Command reference",
        "The commands of sniperd, the daemon between a MEXC sniper bot and the exchange, with their options.",
        *filter(None, parts),
    )


def _command(name: str, parent: click.Context) -> Iterator[str]:
    """Yield the parts of a command, then those of its subcommands."""
    assert isinstance(parent.command, click.Group)
    command = parent.command.get_command(parent, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=parent)
    yield f"## {context.command_path}"
    yield _usage(context)
    yield _about(command)
    if options := _options(context):
        yield options
    if details := _details(context):
        yield f"```text\n{details}\n```"
    if isinstance(command, click.Group):
        for subcommand in command.list_commands(context):
            yield from _command(subcommand, context)


def _usage(context: click.Context) -> str:
    pieces = " ".join(context.command.collect_usage_pieces(context))
    return f"```text\n{context.command_path} {pieces}\n```"


def _about(command: click.Command) -> str:
    """Return a command's help. A paragraph that click must not wrap becomes a block of text."""
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(_paragraph(paragraph) for paragraph in paragraphs)


def _paragraph(text: str) -> str:
    if text.startswith("\b"):
        lines = text.removeprefix("\b").strip("\n")
        return f"```text\n{lines}\n```"
    return " ".join(text.split())


def _options(context: click.Context) -> str:
    parameters = context.command.get_params(context)
    if context.parent is not None:
        parameters = [each for each in parameters if each is not context.command.get_help_option(context)]
    records = filter(None, (each.get_help_record(context) for each in parameters))
    return items(_option(names, about) for names, about in records if names.startswith("-"))


def _option(names: str, about: str) -> str:
    return f"{code(names)}: {' '.join(about.split())}" if about else code(names)


def _details(context: click.Context) -> str:
    """Return what a command's help adds below its options."""
    formatter = context.make_formatter()
    context.command.format_epilog(context, formatter)
    return inspect.cleandoc(formatter.getvalue()).strip()
