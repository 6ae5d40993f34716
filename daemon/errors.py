"""Every exception that this project raises on purpose.

::

    SniperdError
    ├── Refusal                a request cannot be done; nothing was changed
    │   ├── Invalid            the request itself is wrong: field, message, what is allowed
    │   ├── KeyConflict        the idempotency key belongs to another payload
    │   ├── Halted             the kill switch is on
    │   ├── Full               the queue is full
    │   ├── Guarded            a guard refuses the order
    │   ├── NotReady           the daemon is starting or draining
    │   ├── NotAllowed         the caller lacks the right
    │   ├── Held               another owner holds the resource
    │   ├── Unknown            there is no such order or lock
    │   └── WrongState         the order's state does not allow it
    ├── StartupError           the process must not run; carries its exit code
    │   ├── BadConfig          78  the configuration is wrong
    │   ├── BadDatabase        65  corrupt, foreign or newer than this program
    │   ├── CannotCreate       73  a directory, socket or file cannot be created
    │   ├── AlreadyRunning     75  another process holds the database or the socket
    │   ├── NotNow             75  the disk is full, or another program holds a lock: a later start can succeed
    │   │   └── Locked             another program keeps the database locked
    │   ├── NoPermission       77  a credential is missing, or readable by others
    │   ├── Unfit              77  the exchange does not let this account trade from here
    │   ├── NotDurable         78  the fleet's database may lose what it acknowledged
    │   └── LogWentBack        65  the fleet's log lacks entries that this member has seen
    ├── Unreachable            75  the sockets were deleted: the process drains and ends; the next one binds them
    ├── Interrupted            130 ended at once by a signal: the second one, or one during the start
    ├── CommitFailed           74  a commit failed: the process stops
    │   ├── DatabaseGone       65  the database's files were deleted, replaced or truncated under the running daemon
    │   ├── LogUnreachable     75  the fleet's log did not take a commit while the lease lasted: the process stops
    │   └── Deposed            75  another member of the fleet owns the account: the process stops, and stands by again
    ├── BackendFailed          75  the fleet's database did not answer, or not as expected
    │   └── BackendRefused     77  it does not let this user in, or not do what a member does
    ├── GivenUp                75  the account was handed over to another member of the fleet, as ordered
    └── InvariantBroken        70  a promise would be broken: the process stops instead
        └── Impossible             there is no such transition between order states; nothing was changed

The exchange's answers, *refused* and *outcome unknown*, are not exceptions but values
(:mod:`daemon.core.values.exchange_replies`), because every caller must handle both.

Exit codes are those of :mod:`daemon.exit_codes`; ``systemd`` keeps the service down for 65, 73, 77 and 78, where a
restart cannot help.
"""

from collections.abc import Mapping

from daemon import exit_codes


class SniperdError(Exception):
    """Root of all errors of this project."""


class Refusal(SniperdError):
    """The request cannot be done; nothing was changed.

    ``code`` is stable, for programs. The message is for people and says what to do next.
    """

    code = "refused"


class Invalid(Refusal):
    """The request is wrong: ``field`` is the wrong field, ``allowed`` says what it accepts."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None, allowed: str | None = None) -> None:
        super().__init__(message)
        self.field = field
        self.allowed = allowed

    def within(self, place: str) -> "Invalid":
        """Return the same error with its place in a larger request."""
        field = place if self.field is None else f"{place}.{self.field}"
        return Invalid(str(self), field=field, allowed=self.allowed)


class KeyConflict(Refusal):
    """The idempotency key belongs to an order with another payload."""

    code = "key_conflict"
    field = "idempotencyKey"
    allowed = "the payload that came first with this key, or another key"


class Halted(Refusal):
    """The kill switch is on: no new orders are accepted."""

    code = "halted"


class Full(Refusal):
    """The queue has no room for another order."""

    code = "full"


class Guarded(Refusal):
    """A guard refuses the order: ``guard`` is its key in ``[guards]``."""

    code = "guarded"

    def __init__(self, message: str, *, guard: str) -> None:
        super().__init__(message)
        self.guard = guard

    def within(self, place: str, names: Mapping[str, str]) -> "Guarded":
        """Return the same refusal with its place in a larger request; ``names`` replace the ids of its orders."""
        said = str(self)
        for order_id, name in names.items():
            said = said.replace(order_id, name)
        return Guarded(f"{place}: {said}", guard=self.guard)


class NotReady(Refusal):
    """The daemon is starting or draining, or lacks data that the request needs."""

    code = "not_ready"


class Unanswered(NotReady):
    """A fleet's owner did not answer: what was asked for may be done. To repeat it needs the same key."""

    code = "unanswered"


class NotAllowed(Refusal):
    """The caller lacks the right."""

    code = "not_allowed"


class Held(Refusal):
    """Another owner holds the resource: ``holder`` is the lock, ``queue_length`` the number of waiters."""

    code = "held"

    def __init__(self, message: str, *, holder: object, queue_length: int) -> None:
        super().__init__(message)
        self.holder = holder
        self.queue_length = queue_length


class Unknown(Refusal):
    """There is no object with this id."""

    code = "unknown"


class WrongState(Refusal):
    """The order's state does not allow the request."""

    code = "wrong_state"


class StartupError(SniperdError):
    """The process must not run. The service manager reads the reason from ``exit_code``."""

    exit_code = exit_codes.REFUSED


class BadConfig(StartupError):
    """The configuration is wrong."""

    exit_code = exit_codes.BAD_CONFIG


class BadDatabase(StartupError):
    """The database is corrupt, foreign, or newer than this program."""

    exit_code = exit_codes.BAD_DATABASE


class CannotCreate(StartupError):
    """A directory, socket or file cannot be created."""

    exit_code = exit_codes.CANNOT_CREATE


class AlreadyRunning(StartupError):
    """Another process holds the database or the socket."""

    exit_code = exit_codes.TRY_LATER


class NotNow(StartupError):
    """A condition that can pass by itself prevents the start; the service manager tries again."""

    exit_code = exit_codes.TRY_LATER


class Locked(NotNow):
    """Another program keeps the database locked."""


class NoPermission(StartupError):
    """A credential is missing, or readable by others."""

    exit_code = exit_codes.NO_PERMISSION


class Unfit(StartupError):
    """The exchange does not let this account trade from here, and said so."""

    exit_code = exit_codes.NO_PERMISSION


class NotDurable(StartupError):
    """The fleet's database may lose what it acknowledged, and the configuration does not allow that."""

    exit_code = exit_codes.BAD_CONFIG


class LogWentBack(StartupError):
    """The fleet's log lacks entries that this member has seen. The operator compares with the exchange first."""

    exit_code = exit_codes.BAD_DATABASE


class Unreachable(SniperdError):
    """A socket was deleted or replaced, so no client can connect. The next process binds it again."""

    exit_code = exit_codes.TRY_LATER


class Interrupted(SniperdError):
    """A signal ended the process at once: the second one while it drained, or an INT during the start."""

    exit_code = exit_codes.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("ended at once by a signal, without draining; the next start searches for orders in flight")


class CommitFailed(SniperdError):
    """A commit failed. Nothing that depends on it has happened; the process stops."""

    exit_code = exit_codes.IO_ERROR


class DatabaseGone(CommitFailed):
    """The database's files were deleted, replaced or truncated. No daemon starts until the operator has acted."""

    exit_code = exit_codes.BAD_DATABASE


class LogUnreachable(CommitFailed):
    """The fleet's log did not take a commit while the lease lasted. It may be there; the next process reads it."""

    exit_code = exit_codes.TRY_LATER


class LogLost(CommitFailed):
    """The fleet's log lost entries that this owner has written. It writes and sends nothing more (``LogWentBack``)."""

    exit_code = exit_codes.BAD_DATABASE


class Deposed(CommitFailed):
    """Another member of the fleet owns the account. Nothing was written; the next process stands by."""

    exit_code = exit_codes.TRY_LATER


class BackendFailed(SniperdError):
    """The fleet's database did not answer, or not as expected. What was asked for may have happened."""

    exit_code = exit_codes.TRY_LATER


class BackendRefused(BackendFailed):
    """The fleet's database does not let this user in, or lacks a right for it: a command need not be repeated.

    A daemon that runs treats it like any failure: a password may be in the middle of being replaced.
    """

    exit_code = exit_codes.NO_PERMISSION


class GivenUp(SniperdError):
    """An administrator ordered this member of a fleet to hand the account over; the next process stands by."""

    exit_code = exit_codes.TRY_LATER


class InvariantBroken(SniperdError):
    """Continuing would break a promise. The process stops; a restart reads the state from disk."""

    exit_code = exit_codes.INTERNAL


class Impossible(InvariantBroken):
    """There is no such transition between order states. The order is unchanged."""
