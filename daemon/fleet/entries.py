"""The body of a log entry: the rows of one group commit, as MessagePack.

A reader that meets a newer format than its own stops there and never owns the account: upgrade the members that stand
by first, hand over, then upgrade the former owner.
"""

from collections.abc import Sequence

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.events import Event
from daemon.core.values.fills import Fill
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.waiters import Waiter

FORMAT = 2
"""Raise it with every change that an older reader would misread, or whose rows it would not copy.

2 has fills.
"""


class Takeover(msgspec.Struct, frozen=True):
    """A member became the owner."""

    owner: str
    name: str
    former_until_ms: int  # the latest end of all former owners' leases, Unix ms of the exchange's clock
    reason: str
    former: str = ""  # the owner before
    former_name: str = ""  # its name, as far as the new owner knew it; its report may be gone when this is read


class Body(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The rows of a group, or a takeover."""

    format: int = msgspec.field(default_factory=lambda: FORMAT)  # a default would not be written, and not be seen
    orders: Sequence[Order] = ()
    attempts: Sequence[Attempt] = ()
    locks: Sequence[Lock] = ()
    waiters: Sequence[Waiter] = ()
    facts: dict[str, str] = {}
    fills: Sequence[Fill] = ()
    events: Sequence[Event] = ()
    takeover: Takeover | None = None


class _Format(msgspec.Struct):
    format: int = 1  # which the first entries did not say


class NewerFormat(Exception):
    """An entry of a newer sniperd, which this one cannot read."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Body).decode
_format_of = msgspec.msgpack.Decoder(_Format).decode


def encode(body: Body) -> bytes:
    """Return a body's bytes."""
    return _encode(body)


def decode(body: bytes, newest: int = FORMAT) -> Body:
    """Read a body whose format is ``newest`` or older.

    Raises:
        NewerFormat: it was written by a newer sniperd.
        msgspec.DecodeError: it is none.

    """
    known = _format_of(body).format
    if known > newest:
        raise NewerFormat(f"format {known}; this sniperd reads formats up to {newest}")
    return _decode(body)
