"""A client for bots written in Python: asyncio, typed, over the daemon's Unix socket.

::

    async with Client("/run/sniperd/signals.sock") as client:
        order = await client.submit(Signal(symbol="BTCUSDT", side="BUY", quote_order_qty="25", owner_id="bot"))

The client handles lost connections and restarts of the daemon: it repeats the request with the same idempotency key for
``retry_s`` seconds. A repeated signal keeps its first deadline.

The client imports nothing else of this package and ignores unknown fields of an answer, so it may be newer or older
than the daemon.
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
