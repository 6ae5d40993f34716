"""Every exception that this project raises on purpose.

::

    SniperdError
    ├── Refusal                what a caller asked cannot be done; nothing was changed
    │   ├── Invalid            the request itself is wrong: field, message, what is allowed
    │   ├── KeyConflict        the idempotency key belongs to another payload
    │   ├── Halted             the kill switch is on
    │   ├── Full               the queue has no room
    │   ├── Guarded            a guard speaks against the order
    │   ├── NotReady           the daemon is starting or draining
    │   ├── NotAllowed         the caller lacks the right
    │   ├── Held               the resource is somebody else's
    │   ├── Unknown            no such order, no such lock
    │   └── WrongState         the order's state does not admit it
    ├── StartupError           the process must not run; carries its exit code
    │   ├── BadConfig          78  configuration, credentials in the wrong form
    │   ├── BadDatabase        65  corrupt, foreign or newer than this program
    │   ├── CannotCreate       73  a directory, socket or file cannot be made
    │   ├── AlreadyRunning     75  another process holds the database or the socket
    │   ├── NotNow             75  a disk that is full, a lock of another program: a later start can succeed
    │   │   └── Locked             another program keeps the database locked
    │   ├── NoPermission       77  a credential is missing, or readable by others
    │   └── Unfit              77  the exchange does not let this account trade from here
    ├── Unreachable            75  the sockets were deleted: the process drains and ends, and the next one binds anew
    ├── Interrupted            130 ended at once by a signal: the second, or one that came too early
    ├── CommitFailed           74  the disk did not take a commit: the process stops
    │   └── DatabaseGone       65  the database's files were deleted, replaced or cut under the running daemon
    └── InvariantBroken        70  a promise would be broken: the process stops instead
        └── Impossible             an order's life has no such transition; nothing was changed

The split that matters on the exchange's side, *refused* against *outcome unknown*, is no exception at all: it is a
value (:mod:`daemon.core.values.exchange_replies`), because every caller must look at it.

Exit codes are those of :mod:`daemon.exit_codes`; ``systemd`` keeps the service down for 65, 73, 77 and 78, where a
restart cannot help.
"""

from daemon import exit_codes


class SniperdError(Exception):
    """Root of all errors of this project."""


class Refusal(SniperdError):
    """What a caller asked cannot be done; nothing was changed.

    ``code`` is the stable word a program matches on, the message is for a person and says what to do next.
    """

    code = "refused"


class Invalid(Refusal):
    """The request is wrong: ``field`` says where, ``allowed`` what would be right."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None, allowed: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.allowed = allowed

    def within(self, place: str) -> "Invalid":
        """Return the same complaint about a part of a larger request."""
        field = place if self.field is None else f"{place}.{self.field}"
        return Invalid(str(self), field=field, allowed=self.allowed)


class KeyConflict(Refusal):
    """The idempotency key belongs to an order with another payload."""

    code = "key_conflict"
    field = "idempotencyKey"
    allowed = "the payload that came first with this key, or another key"


class Halted(Refusal):
    """The kill switch is on: nothing new is taken."""

    code = "halted"


class Full(Refusal):
    """The queue has no room for another order."""

    code = "full"


class Guarded(Refusal):
    """A guard speaks against the order: ``guard`` is its key in ``[guards]``."""

    code = "guarded"

    def __init__(self, message: str, *, guard: str) -> None:
        super().__init__(message)
        self.guard = guard

    def within(self, place: str) -> "Guarded":
        """Return the same refusal of a part of a larger request."""
        return Guarded(f"{place}: {self}", guard=self.guard)


class NotReady(Refusal):
    """The daemon is starting or draining, or lacks something it needs to judge the request."""

    code = "not_ready"


class NotAllowed(Refusal):
    """The caller lacks the right."""

    code = "not_allowed"


class Held(Refusal):
    """The resource is somebody else's: ``holder`` is the lock, ``queue_length`` how many wait for it."""

    code = "held"

    def __init__(self, message: str, *, holder: object, queue_length: int) -> None:
        super().__init__(message)
        self.holder = holder
        self.queue_length = queue_length


class Unknown(Refusal):
    """Nothing has this id."""

    code = "unknown"


class WrongState(Refusal):
    """The order's state does not admit what was asked."""

    code = "wrong_state"


class StartupError(SniperdError):
    """The process must not run. ``exit_code`` tells the service manager why."""

    exit_code = exit_codes.REFUSED


class BadConfig(StartupError):
    """The configuration is wrong."""

    exit_code = exit_codes.BAD_CONFIG


class BadDatabase(StartupError):
    """The database is corrupt, foreign, or newer than this program."""

    exit_code = exit_codes.BAD_DATABASE


class CannotCreate(StartupError):
    """A directory, socket or file cannot be made."""

    exit_code = exit_codes.CANNOT_CREATE


class AlreadyRunning(StartupError):
    """Another process holds the database or the socket."""

    exit_code = exit_codes.TRY_LATER


class NotNow(StartupError):
    """A condition that can pass without anybody's help stands in the way; the service manager tries again."""

    exit_code = exit_codes.TRY_LATER


class Locked(NotNow):
    """Another program keeps the database locked."""


class NoPermission(StartupError):
    """A credential is missing, or readable by others."""

    exit_code = exit_codes.NO_PERMISSION


class Unfit(StartupError):
    """The exchange does not let this account trade from here, and said so."""

    exit_code = exit_codes.NO_PERMISSION


class Unreachable(SniperdError):
    """A socket is not the one any more that was bound: nobody can call. The next process binds it anew."""

    exit_code = exit_codes.TRY_LATER


class Interrupted(SniperdError):
    """A signal ended the process at once: the second while it drained, or an INT before it could."""

    exit_code = exit_codes.INTERRUPTED

    def __init__(self) -> None:
        super().__init__(
            "ended at once by a signal, without draining; what is in flight is looked for at the next start"
        )


class CommitFailed(SniperdError):
    """The disk did not take a commit. What was to follow from it has not happened; the process stops."""

    exit_code = exit_codes.IO_ERROR


class DatabaseGone(CommitFailed):
    """The database's files are not those any more that the daemon opened. A start is refused until a person acted."""

    exit_code = exit_codes.BAD_DATABASE


class InvariantBroken(SniperdError):
    """Going on would break a promise. The process stops; a restart begins from the disk."""

    exit_code = exit_codes.INTERNAL


class Impossible(InvariantBroken):
    """An order's life has no such transition. The order is unchanged."""
