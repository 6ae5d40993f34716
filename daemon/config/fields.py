"""Building blocks of the configuration's tables: base class, common ranges, the mark of keys that need a restart."""

from decimal import Decimal
from typing import Annotated, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

_Value = TypeVar("_Value")
_NEEDS_RESTART = object()

AtRestart = Annotated[_Value, _NEEDS_RESTART]
"""The type of a key that is read only at the start, such as one of an open resource or of the names of locks.

A reload applies every other key at once.
"""

Ms = Annotated[int, Meta(ge=1, le=86_400_000)]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Rank = Annotated[int, Meta(ge=1, le=10)]
Quote = Annotated[float, Meta(ge=0, le=1_000_000_000)]
Pair = Annotated[str, Meta(pattern=r"^\w{2,40}\Z")]
Asset = Annotated[str, Meta(pattern=r"^\w{1,20}\Z")]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file. The docstring and the string below each key are its comments in ``config.toml``."""


def keys_at_restart(table: type[Table]) -> frozenset[str]:
    """Return the keys of a table that need a restart."""
    hints = get_type_hints(table, include_extras=True)
    return frozenset(key for key, hint in hints.items() if _NEEDS_RESTART in getattr(hint, "__metadata__", ()))


def exact(value: float) -> Decimal:
    """Return a number as the decimal that the file shows."""
    return Decimal(str(value))
