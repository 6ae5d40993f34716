"""What the client raises.

::

    ClientError
    ├── Refused            the daemon refuses the request: code, message, field, allowed, status
    │   ├── Invalid        the request is wrong: its field, and what is allowed there
    │   ├── NotAllowed     the caller lacks the right, or does not own the lock
    │   ├── Unknown        no such order, no such lock
    │   ├── WrongState     the state of the order or lock does not allow it
    │   ├── Halted         the kill switch is on
    │   ├── Full           the queue has no room
    │   ├── KeyConflict    the idempotency key belongs to another request
    │   └── Held           another owner holds the resource: holder, queue_length
    ├── Unreachable        the daemon did not answer within retry_s; use the key to ask about the request later
    ├── LockLost           the lock ended before the body did
    └── AlreadyDone        an earlier request with this lock's key has ended: its result
"""

from typing import Any

import msgspec


class ClientError(Exception):
    """Base class of the client's errors."""


class _Refusal(msgspec.Struct):
    """The body of a refusal, from any version of the daemon."""

    error: str = "refused"
    message: str = "the daemon refuses"
    field: str | None = None
    allowed: str | None = None
    holder: dict[str, Any] | None = None
    queue_length: int = msgspec.field(default=0, name="queueLength")


class Refused(ClientError):
    """The daemon refuses the request. Match on ``code``, which is stable; ``status`` is the HTTP status."""

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
    """The state of the order or lock does not allow it."""


class Halted(Refused):
    """The kill switch is on: the daemon accepts no signals."""


class Full(Refused):
    """The queue has no room."""


class KeyConflict(Refused):
    """The idempotency key belongs to another request."""


class Held(Refused):
    """Another owner holds the resource. ``holder`` is its lock, ``None`` if an order is next."""

    def __init__(self, refusal: _Refusal, status: int) -> None:
        super().__init__(refusal, status)
        self.holder = refusal.holder
        self.queue_length = refusal.queue_length


class Unreachable(ClientError):
    """The daemon did not answer in time. It may have served the request: repeat it with ``key`` if there is one."""

    def __init__(self, message: str, key: str | None = None) -> None:
        super().__init__(message)
        self.key = key


class LockLost(ClientError):
    """The lock ended before the body did: what the body did after that was not protected."""


class AlreadyDone(ClientError):
    """An earlier request with the lock's key has ended with ``result``."""

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
    """Return the exception for a refusal."""
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except msgspec.MsgspecError:
        refusal = _Refusal(message=f"HTTP {status}")
    return _BY_CODE.get(refusal.error, Refused)(refusal, status)
