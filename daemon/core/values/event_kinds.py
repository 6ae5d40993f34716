"""What the catalogue of events says of each: its level, its meaning, its keys, and whether it is stored."""

from enum import IntEnum

import msgspec


class Level(IntEnum):
    """The level of an event, with the numbers of the standard library's logging."""

    DEBUG = 10
    INFO = 20
    WARNING = 30
    ERROR = 40
    CRITICAL = 50


class Kind(msgspec.Struct, frozen=True):
    """One row of the catalogue."""

    level: Level
    meaning: str
    keys: tuple[str, ...] = ()
    durable: bool = True
