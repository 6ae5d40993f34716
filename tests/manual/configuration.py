"""The configuration's keys, as ``config.toml`` and as a page of the handbook."""

import ast
import inspect
import json
import textwrap
from collections.abc import Iterator
from itertools import pairwise

import msgspec
from msgspec.inspect import StructType, type_info

from daemon.config.errors import allowed
from daemon.config.fields import keys_at_restart
from daemon.config.tables import Config, tables
from tests.manual import markdown

WIDTH = 120

UNITS = {
    "ms": "milliseconds",
    "s": "seconds",
    "h": "hours",
    "days": "days",
    "kb": "KiB",
    "mb": "megabytes",
    "percent": "percent",
}
"""Units by the last part of a key's name."""


class Key(msgspec.Struct, frozen=True):
    """A key of the configuration."""

    table: str
    name: str
    default: str  # as TOML
    about: str
    allowed: str
    empty: str  # what an empty text means; "" where none is allowed or it means nothing else
    needs_restart: bool

    @property
    def unit(self) -> str:
        """Return the unit of a number, as the key's name says it."""
        _, _, rate = self.name.rpartition("_per_")
        return "" if rate == "s" else UNITS.get(self.name.rpartition("_")[2], "")


def keys(table: str) -> Iterator[Key]:
    """Yield the keys of a table, in the order of their declaration."""
    kind = type_info(tables()[table])
    assert isinstance(kind, StructType)
    about = _strings_below_keys(tables()[table])
    for field in kind.fields:
        description, _, empty = about[field.name].partition(" Empty: ")
        yield Key(
            table=table,
            name=field.name,
            default=_toml(getattr(getattr(Config(), table), field.name)),
            about=description,
            allowed=allowed(field.type),
            empty=empty,
            needs_restart=field.name in keys_at_restart(tables()[table]),
        )


def _strings_below_keys(table: type) -> dict[str, str]:
    """Return each key's description: the string below its declaration, which Python itself does not keep."""
    (declared,) = ast.parse(textwrap.dedent(inspect.getsource(table))).body
    assert isinstance(declared, ast.ClassDef)
    found = {}
    for key, below in pairwise(declared.body):
        match key, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = " ".join(text.split())
            case _:
                pass
    return found


def _toml(value: object) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{value:_}" if is_number else json.dumps(value)


def config_toml() -> str:
    """Return ``config.toml``."""
    blocks = [_comment(inspect.getdoc(Config) or "")]
    for table in tables():
        heading = f"{_comment(inspect.getdoc(tables()[table]) or '')}[{table}]\n"
        blocks.append(heading + "\n".join(_commented(key) for key in keys(table)))
    return "\n".join(blocks)


def _commented(key: Key) -> str:
    about = f"{key.about} Needs a restart." if key.needs_restart else key.about
    accepted = f"Allowed: {key.allowed}." + (f" Empty: {key.empty}" if key.empty else "")
    return f"{_comment(about)}{_comment(accepted)}{key.name} = {key.default}\n"


def _comment(text: str) -> str:
    """Wrap paragraphs as comment lines."""
    paragraphs = [
        textwrap.wrap(" ".join(paragraph.split()), WIDTH - 2, break_long_words=False, break_on_hyphens=False)
        for paragraph in text.split("\n\n")
    ]
    lines = [line for paragraph in paragraphs for line in ("", *paragraph)][1:]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def page() -> str:
    """Return the handbook's page."""
    intro = (
        "The file is TOML. `sniperd config check --config FILE` checks it and prints every key as it counts. "
        "`systemctl reload sniperd`, or SIGHUP, applies a changed file; a key that needs a restart keeps its former "
        "value until then. Keys under `[TABLE]`, in the order of `config.toml`:"
    )
    parts = [_section(table) for table in tables()]
    return markdown.page(
        "Configuration reference", "Every configuration key with its type, default, range and meaning.", intro, *parts
    )


def _section(table: str) -> str:
    entries = [f"## [{table}]", _paragraphs(inspect.getdoc(tables()[table]) or "")]
    entries += [
        "\n\n".join(
            [
                f"### {key.name}",
                key.about,
                "\n".join(
                    [
                        f"- Default: `{key.default}`" + (f" ({key.empty.rstrip('.')})" if key.empty else ""),
                        f"- Allowed: {key.allowed}",
                        *([f"- Unit: {key.unit}"] if key.unit else []),
                        f"- Needs a restart: {'yes' if key.needs_restart else 'no'}",
                    ]
                ),
            ]
        )
        for key in keys(table)
    ]
    return "\n\n".join(entries)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(each.split()) for each in text.split("\n\n"))
