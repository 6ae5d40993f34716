"""Error messages for a wrong configuration: table, key, value, and what is allowed or was meant."""

import difflib
import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import inspect

from daemon.errors import BadConfig

Tables = Mapping[str, type[msgspec.Struct]]
"""The configuration's tables by name."""


def check_names(found: dict[str, object], known: Tables) -> None:
    """Check that every table and key is known.

    Raises:
        BadConfig: one is not; the message suggests the closest name.

    """
    for name, keys in found.items():
        if not isinstance(keys, dict):
            raise BadConfig(f"{name} is outside a table{_belongs(name, known)}")
        if name not in known:
            raise BadConfig(f"[{name}] is not a table of the configuration{_meant(name, known)}")
        names = known[name].__struct_fields__
        for key in keys:
            if key not in names:
                raise BadConfig(f"[{name}] {key} is unknown{_meant(key, names)}")


def _belongs(name: str, known: Tables) -> str:
    if name in known:
        return f"; write its keys under [{name}]"
    table = next((table for table, kind in known.items() if name in kind.__struct_fields__), None)
    return _meant(name, known) if table is None else f"; it belongs under [{table}]"


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{hint} (allowed: {', '.join(names)})"


_PATH = re.compile(r" - at `\$\.(\w+)\.(\w+).*`$")


def explain(message: str, found: dict[str, object], known: Tables) -> str:
    """Turn msgspec's message into one that names table, key, value and what is allowed."""
    match = _PATH.search(message)
    if match is None:
        return message
    table, key = match.groups()
    value = msgspec.convert(found[table], dict[str, object])[key]
    struct = inspect.type_info(known[table])
    assert isinstance(struct, inspect.StructType)
    kind = next(field.type for field in struct.fields if field.name == key)
    return f"[{table}] {key} = {value!r}; allowed: {allowed(kind)}"


def allowed(kind: inspect.Type) -> str:  # noqa: PLR0911  # a case each
    """Describe the values that a key accepts."""
    match kind:
        case inspect.LiteralType():
            return " or ".join(f'"{value}"' for value in kind.values)
        case inspect.IntType() | inspect.FloatType():
            return f"a {'whole ' if isinstance(kind, inspect.IntType) else ''}number {_range(kind)}"
        case inspect.UnionType():
            return " or ".join(allowed(each) for each in kind.types)
        case inspect.BoolType():
            return "true or false"
        case inspect.ListType(item_type=inspect.IntType() as item):
            return f"a list of whole numbers {_range(item)}"
        case inspect.ListType(item_type=inspect.LiteralType(values=values)):
            return "a list of " + ", ".join(f'"{value}"' for value in values)
        case inspect.StrType(pattern=str()):
            return 'an asset in quotes, like "USDT"'
        case inspect.ListType():
            return 'a list of pairs in quotes, like ["BTCUSDT"]'
        case _:
            return "a text in quotes"


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    """Format bounds with TOML's digit groups: ``from 500 to 60_000``."""
    low = f"from {_bound(kind.ge)}" if kind.ge is not None else f"above {kind.gt:g} up"
    return low if kind.le is None else f"{low} to {_bound(kind.le)}"


def _bound(bound: float) -> str:
    return f"{int(bound):_}" if bound == int(bound) else f"{bound:g}"
