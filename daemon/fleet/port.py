"""What a fleet needs of the database that its members share: a log, a lease, a list of members, and calls.

The log makes a member the owner. Its entries are numbered without gaps, and an entry is written once: a member that
appends entry n + 1 has read entries 1 to n. A takeover is an entry too. So an owner that another member has replaced,
and that does not know it, cannot append: its number is taken. This holds without any clock.

The lease says until when the owner may have requests admitted, by the exchange's clock. It is a second fence: it keeps
two owners from trading at the same time. The log alone keeps an order from being sent twice.

There are three backends behind this interface: PostgreSQL, Valkey or Redis, and memory, which the simulation uses. One
suite of tests holds them to it (``tests/fleet/contract``).
"""

from collections.abc import AsyncIterator, Collection, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple, Protocol

import msgspec

GENESIS = bytes(32)
"""The hash that precedes the first entry's."""


def another_accounts(ledger: str) -> str:
    """Say that a ledger is another account's."""
    return (
        f"ledger {ledger} belongs to another account, or to a former key: each account has a ledger of its own; for a "
        "replaced key of the same account, run `sniperd fleet init --replace-key`"
    )


def second_log(ledger: str, other: str = "another one") -> str:
    """Say that an account would have two ledgers."""
    return (
        f"this account has a ledger already, {other}; ledger {ledger} must not be a second one. Set [fleet] ledger to "
        f"the one that it has; only if its log is to be left behind, see `sniperd fleet init --help` about --instead-of"
    )


def missing_log(ledger: str) -> str:
    """Say that there is no such ledger."""
    return f"there is no ledger {ledger}; create it: sniperd fleet init"


class Position(msgspec.Struct, frozen=True):
    """A place in the log: the number of its latest entry, who wrote it, and the hash of everything up to it."""

    n: int = 0
    epoch: int = 0
    hash: bytes = GENESIS


class Entry(msgspec.Struct, frozen=True):
    """An entry of the log. ``at_ms`` is Unix ms of the writer's clock, ``body`` an encoded group (``entries.py``)."""

    n: int
    epoch: int
    at_ms: int
    body: bytes
    hash: bytes

    @property
    def position(self) -> Position:
        """The place right after this entry."""
        return Position(self.n, self.epoch, self.hash)

    def follows(self, before: Position) -> bool:
        """Return whether it is the next entry after a position, and nothing before it was changed."""
        return self == next_entry(before, epoch=self.epoch, at_ms=self.at_ms, body=self.body)


def next_entry(before: Position, *, epoch: int, at_ms: int, body: bytes) -> Entry:
    """Make the entry that follows a position, chained to it by its hash."""
    n = before.n + 1
    return Entry(n, epoch, at_ms, body, sha256(before.hash + head(n, epoch, at_ms) + body).digest())


def head(n: int, epoch: int, at_ms: int) -> bytes:
    """Return what an entry's hash covers between the hash before and the body."""
    return b" %d %d %d " % (n, epoch, at_ms)


class Lease(msgspec.Struct, frozen=True):
    """Who owns the account, and until when, in Unix ms of the exchange's clock. ``epoch`` counts the owners."""

    owner: str = ""
    epoch: int = 0
    until_ms: int = 0


class Role(StrEnum):
    """What a member does. Only the first can own the account."""

    MEMBER = "member"
    DOOR = "door"


class MemberReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a member says about itself, every few seconds."""

    member: str  # a random id that its database keeps, never the name of its host
    name: str  # for people
    role: Role
    version: str  # of sniperd
    format: int  # the newest format of entries that it can read
    n: int  # how far its copy is
    clock_error_ms: float | None  # how well it knows the exchange's clock; None: not at all
    reaches_exchange: bool
    configuration: str  # hash of what all members must agree on: guards and rates
    seen_ms: int = 0  # when the backend got this, by the backend's clock


class Call(msgspec.Struct, frozen=True):
    """A request that a door hands to the owner.

    A repeatable call has the same effect when it is made twice, as a signal with its key. It stays until it is
    answered, so the next owner answers it if this one cannot. Any other call is given to one owner, once.
    """

    call_id: str
    member: str
    expires_ms: int  # Unix ms of the backend's clock: nobody waits for the answer after that
    is_repeatable: bool
    request: bytes  # encoded (``door.py``)


class Change(StrEnum):
    """What another member changed."""

    LOG = "log"
    LEASE = "lease"
    CALL = "call"
    ANSWER = "answer"


class Notice(NamedTuple):
    """A change, and of what: the id of the call for calls and answers."""

    change: Change
    subject: str = ""


class Backend(Protocol):
    """The shared database. Every method is bounded in time.

    Every method may raise :class:`~daemon.errors.BackendFailed`: the database did not answer, or not as expected. What
    was asked for may then have happened or not. :class:`~daemon.errors.BackendRefused` is one: the user lacks a right.
    """

    @property
    def name(self) -> str:
        """What it is, for people: product, version and place, without a password."""
        ...

    async def account(self) -> str:
        """Return whose ledger it is: the hash of the account's API key (``agreement.py``)."""
        ...

    async def replace_account(self, account: str) -> None:
        """Record the hash of another API key of the same account. The same again succeeds.

        Raises:
            BadConfig: that key's account has another ledger.

        """
        ...

    async def append(self, entry: Entry) -> None:
        """Write an entry durably. Writing the same entry again succeeds, so an unknown outcome is asked again.

        Raises:
            Deposed: another entry has its number.
            LogWentBack: the entry before it is missing or another one: the log lost what it had acknowledged.

        """
        ...

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Return entries in the order of their numbers, from ``after + 1`` on."""
        ...

    async def lease(self) -> Lease:
        """Return the lease as it is; the empty one before the first owner."""
        ...

    async def take(self, seen: Lease, lease: Lease, entry: Entry) -> bool:
        """Write a new lease and the entry of its takeover durably, both or none. The same takeover again succeeds.

        Returns:
            False if the lease is no longer the one that was seen, or the entry does not follow the log's latest one.

        """
        ...

    async def renew(self, lease: Lease, *, hands_over: bool = False) -> bool:
        """Move the end of the lease of its owner and epoch; return false if they are no longer the owner and epoch.

        An end that lies before the present one is not taken, unless the owner ``hands_over``: a renewal whose answer
        did not come may arrive after later ones, and the owner may have signed requests until their end.
        """
        ...

    async def report(self, member: MemberReport) -> None:
        """Record what a member says about itself."""
        ...

    async def members(self) -> Sequence[MemberReport]:
        """Return what each member said last."""
        ...

    async def forget(self, member: str) -> None:
        """Remove a member from the list."""
        ...

    async def call(self, call: Call) -> None:
        """Hand a call to the owner, the present or the next one."""
        ...

    async def calls(self, known: Collection[str] = ()) -> Sequence[Call]:
        """Return the calls that have no answer and are not expired, oldest first.

        Those whose ids are ``known`` come without their requests, which may be long.
        """
        ...

    async def claim(self, call_id: str) -> bool:
        """Take a call that is not repeatable; return false if it was taken or withdrawn."""
        ...

    async def answer(self, call_id: str, answer: bytes) -> None:
        """Answer a call. An answer that nobody waits for is dropped."""
        ...

    async def answer_to(self, call_id: str) -> bytes | None:
        """Return and remove the answer to a call; ``None`` if there is none yet."""
        ...

    async def withdraw(self, call_id: str) -> None:
        """Remove a call, because its caller is gone."""
        ...

    def notices(self) -> AsyncIterator[Notice]:
        """Yield what other members change. Some may be missed, so a reader looks by itself now and then as well."""
        ...

    async def doubts(self, durability: str) -> Sequence[str]:
        """Return why the database may lose what it acknowledged; nothing if it keeps what ``durability`` asks for."""
        ...

    async def try_rights(self) -> None:
        """Try what a member has to do, and leave nothing behind.

        Raises:
            BackendRefused: the user lacks a right.

        """
        ...
