"""What the client raises.

::

    ClientError
    ├── Refused            the daemon will not: code, message, field, allowed, status
    │   ├── Invalid        the request is wrong: field says where, allowed what would be right
    │   ├── NotAllowed     the caller lacks the right, or the lock is another's
    │   ├── Unknown        no such order, no such lock
    │   ├── WrongState     its state does not admit it
    │   ├── Halted         the kill switch is on
    │   ├── Full           the queue has no room
    │   ├── KeyConflict    the idempotency key belongs to another request
    │   └── Held           the resource is somebody else's: holder, queue_length
    ├── Unreachable        nobody answered for so long as the client asked; the key says what to ask about later
    ├── LockLost           the lock ended before the body did
    └── AlreadyDone        an earlier request with this lock's key has ended: its result
"""

from typing import Any

import msgspec


class ClientError(Exception):
    """Root of what the client raises."""


class _Refusal(msgspec.Struct):
    """The body of a refusal, of any daemon's version."""

    error: str = "refused"
    message: str = "the daemon refuses"
    field: str | None = None
    allowed: str | None = None
    holder: dict[str, Any] | None = None
    queue_length: int = msgspec.field(default=0, name="queueLength")


class Refused(ClientError):
    """The daemon will not. ``code`` is the stable word to match on, ``status`` that of HTTP."""

    def __init__(self, refusal: _Refusal, status: int) -> None:
        super().__init__(refusal.message)
        self.code = refusal.error
        self.field = refusal.field
        self.allowed = refusal.allowed
        self.status = status


class Invalid(Refused):
    """The request is wrong."""


class NotAllowed(Refused):
    """The caller lacks the right."""


class Unknown(Refused):
    """Nothing has this id."""


class WrongState(Refused):
    """The state of the order or lock does not admit it."""


class Halted(Refused):
    """The kill switch is on: nothing new is taken."""


class Full(Refused):
    """The queue has no room."""


class KeyConflict(Refused):
    """The idempotency key belongs to another request."""


class Held(Refused):
    """The resource is somebody else's. ``holder`` is the lock, ``None`` where an order is next."""

    def __init__(self, refusal: _Refusal, status: int) -> None:
        super().__init__(refusal, status)
        self.holder = refusal.holder
        self.queue_length = refusal.queue_length


class Unreachable(ClientError):
    """Nobody answered in time. What was asked may have happened: ask again with ``key``, where there is one."""

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class LockLost(ClientError):
    """The lock ended before the body did: what the body did since then was not guarded."""


class AlreadyDone(ClientError):
    """An earlier request with the lock's key has ended; ``result`` is what it left."""

    def __init__(self, key: str, result: object) -> None:
        super().__init__(f"the lock of key {key!r} was released already")
        self.result = result


_BY_CODE: dict[str, type[Refused]] = {
    "invalid": Invalid,
    "not_allowed": NotAllowed,
    "unknown": Unknown,
    "wrong_state": WrongState,
    "halted": Halted,
    "full": Full,
    "key_conflict": KeyConflict,
    "held": Held,
}


def refused(status: int, body: bytes) -> Refused:
    """Make the exception for a refusal."""
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except msgspec.MsgspecError:
        refusal = _Refusal(message=f"HTTP {status}")
    return _BY_CODE.get(refusal.error, Refused)(refusal, status)
