"""A client for bots written in Python: asyncio, typed, over the daemon's Unix socket.

::

    async with Client("/run/sniperd/signals.sock") as client:
        order = await client.submit(Signal(symbol="BTCUSDT", side="BUY", quote_order_qty="25", owner_id="bot"))

A lost connection, or a restart of the daemon in the middle, is the client's to handle: it asks again with the same
idempotency key, for so long as it was given, and never lets a signal become younger by that.

It imports nothing else of this package, and passes over what it does not know in an answer, so that it may be newer or
older than the daemon that it speaks to.
"""

from daemon.client.client import Client
from daemon.client.errors import (
    AlreadyDone,
    ClientError,
    Full,
    Halted,
    Held,
    Invalid,
    KeyConflict,
    LockLost,
    NotAllowed,
    Refused,
    Unknown,
    Unreachable,
    WrongState,
)
from daemon.client.events import Event, Reset
from daemon.client.lock import HeldLock
from daemon.client.shapes import Explanation, Order, Signal, Status

__all__ = [
    "AlreadyDone",
    "Client",
    "ClientError",
    "Event",
    "Explanation",
    "Full",
    "Halted",
    "Held",
    "HeldLock",
    "Invalid",
    "KeyConflict",
    "LockLost",
    "NotAllowed",
    "Order",
    "Refused",
    "Reset",
    "Signal",
    "Status",
    "Unknown",
    "Unreachable",
    "WrongState",
]
