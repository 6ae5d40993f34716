"""The shared database in memory, for several members in one process: for tests and the simulation of a fleet.

A :class:`Link` lies between a member and the database. It says what the network does to each operation: it may delay
it, lose it before it had its effect, or lose the answer after it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

import msgspec

from daemon.errors import Deposed, LogWentBack
from daemon.fleet.port import Call, Change, Entry, Lease, MemberReport, Notice, Position, next_entry


class Link:
    """What happens on the way to the database and back: nothing. A subclass decides otherwise."""

    async def to_database(self, operation: str) -> None:
        """Return when an operation arrives. It has no effect if this raises ``BackendFailed``."""

    async def from_database(self, operation: str) -> None:
        """Return when the answer arrives. If this raises ``BackendFailed``, the operation has had its effect."""


class MemoryDatabase:
    """What the members of one ledger share."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        *,
        account: str = "",
        fences_the_log: bool = True,
        doubts: Sequence[str] = (),
    ) -> None:
        """Begin empty.

        Args:
            now_ms: returns the database's time, Unix ms.
            account: whose ledger it is.
            fences_the_log: refuse an entry whose number is taken. Without that the log makes no member the owner. It is
                for tests that show what the fence prevents.
            doubts: why the database may lose what it acknowledged.

        """
        self.now_ms = now_ms
        self.account = account
        self.doubts = doubts
        self.log: list[Entry] = []
        self.lease = Lease()
        self.members: dict[str, MemberReport] = {}
        self.calls: dict[str, Call] = {}
        self.answers: dict[str, bytes] = {}
        self.asked: set[str] = set()  # calls whose answers are waited for
        self._fences_the_log = fences_the_log
        self._listeners: list[_Listener] = []

    def backend(self, link: Link | None = None) -> "MemoryBackend":
        """Return a member's way to it."""
        return MemoryBackend(self, link or Link())

    def append(self, entry: Entry) -> None:
        """Append an entry.

        Raises:
            Deposed: another entry has its number.
            LogWentBack: the entry before it is missing, or another one.

        """
        if entry.n <= len(self.log):
            if self.has(entry):
                return
            if self._fences_the_log:
                raise Deposed(f"another member has written entry {entry.n} of the fleet's log")
            entry = next_entry(self.log[-1].position, epoch=entry.epoch, at_ms=entry.at_ms, body=entry.body)
        elif not self.is_next(entry):
            seen = f"this member has seen {entry.n - 1}, or another {len(self.log)}"
            raise LogWentBack(f"the fleet's log ends at entry {len(self.log)}, and {seen}")
        self.log.append(entry)
        self.notify(Notice(Change.LOG))

    def has(self, entry: Entry) -> bool:
        """Return whether this entry is in the log."""
        return self.log[entry.n - 1 : entry.n] == [entry]

    def is_next(self, entry: Entry) -> bool:
        """Return whether it follows the latest entry."""
        return entry.follows(self.log[-1].position if self.log else Position())

    def set_lease(self, lease: Lease) -> None:
        """Set the lease."""
        self.lease = lease
        self.notify(Notice(Change.LEASE))

    def cut(self, n: int) -> None:
        """Forget the entries after a number, as a database does that was restored from a dump."""
        del self.log[n:]

    def listener(self) -> "_Listener":
        """Return what receives the changes from now on."""
        listener = _Listener(self._listeners)
        self._listeners.append(listener)
        return listener

    def notify(self, notice: Notice) -> None:
        """Tell all members of a change."""
        for listener in self._listeners:
            listener.hear(notice)


class _Listener:
    """The changes that one member has not read yet."""

    def __init__(self, among: "list[_Listener]") -> None:
        self._among = among
        self._notices: deque[Notice] = deque()
        self._heard = asyncio.Event()

    def hear(self, notice: Notice) -> None:
        self._notices.append(notice)
        self._heard.set()

    async def next(self) -> Notice:
        while not self._notices:
            self._heard.clear()
            await self._heard.wait()
        return self._notices.popleft()

    def close(self) -> None:
        self._among.remove(self)


class MemoryBackend:
    """The shared database as one member reaches it; see :class:`~daemon.fleet.port.Backend`."""

    name = "memory"

    def __init__(self, database: MemoryDatabase, link: Link) -> None:
        self._database = database
        self._link = link

    @asynccontextmanager
    async def _reached(self, operation: str) -> AsyncIterator[MemoryDatabase]:
        await self._link.to_database(operation)
        yield self._database
        await self._link.from_database(operation)

    async def account(self) -> str:
        """Return whose ledger it is."""
        async with self._reached("account") as database:
            return database.account

    async def replace_account(self, account: str) -> None:
        """Record the account's new key."""
        async with self._reached("replace_account") as database:
            database.account = account

    async def append(self, entry: Entry) -> None:
        """Write an entry."""
        async with self._reached("append") as database:
            database.append(entry)

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """Return entries from ``after + 1`` on."""
        async with self._reached("read") as database:
            return database.log[after : after + limit]

    async def lease(self) -> Lease:
        """Return the lease."""
        async with self._reached("lease") as database:
            return database.lease

    async def take(self, seen: Lease, lease: Lease, entry: Entry) -> bool:
        """Write a new lease and the entry of its takeover."""
        async with self._reached("take") as database:
            is_again = _term(database.lease) == _term(lease) and database.has(entry)
            is_taken = database.lease == seen and database.is_next(entry)
            if is_taken:
                database.append(entry)
                database.set_lease(lease)
        return is_taken or is_again

    async def renew(self, lease: Lease, *, hands_over: bool = False) -> bool:
        """Move the end of the lease."""
        async with self._reached("renew") as database:
            is_owner = _term(database.lease) == _term(lease)
            if is_owner and (hands_over or lease.until_ms > database.lease.until_ms):
                database.set_lease(lease)
        return is_owner

    async def report(self, member: MemberReport) -> None:
        """Record what a member says about itself."""
        async with self._reached("report") as database:
            database.members[member.member] = msgspec.structs.replace(member, seen_ms=database.now_ms())

    async def members(self) -> Sequence[MemberReport]:
        """Return what each member said last."""
        async with self._reached("members") as database:
            return [*database.members.values()]

    async def forget(self, member: str) -> None:
        """Remove a member from the list."""
        async with self._reached("forget") as database:
            database.members.pop(member, None)

    async def call(self, call: Call) -> None:
        """Hand a call to the owner."""
        async with self._reached("call") as database:
            database.calls[call.call_id] = call
            database.asked.add(call.call_id)
            database.notify(Notice(Change.CALL, call.call_id))

    async def calls(self, known: Collection[str] = ()) -> Sequence[Call]:
        """Return the calls that have no answer and are not expired, oldest first."""
        async with self._reached("calls") as database:
            there = [call for call in database.calls.values() if call.expires_ms > database.now_ms()]
        return [msgspec.structs.replace(call, request=b"") if call.call_id in known else call for call in there]

    async def claim(self, call_id: str) -> bool:
        """Take a call that is not repeatable."""
        async with self._reached("claim") as database:
            found = database.calls.pop(call_id, None)
            is_expired = found is not None and found.expires_ms <= database.now_ms()
        return found is not None and not is_expired

    async def answer(self, call_id: str, answer: bytes) -> None:
        """Answer a call."""
        async with self._reached("answer") as database:
            database.calls.pop(call_id, None)
            if call_id in database.asked:
                database.answers.setdefault(call_id, answer)
                database.notify(Notice(Change.ANSWER, call_id))

    async def answer_to(self, call_id: str) -> bytes | None:
        """Return and remove the answer to a call."""
        async with self._reached("answer_to") as database:
            found = database.answers.pop(call_id, None)
            if found is not None:
                database.asked.discard(call_id)
        return found

    async def withdraw(self, call_id: str) -> None:
        """Remove a call."""
        async with self._reached("withdraw") as database:
            database.calls.pop(call_id, None)
            database.answers.pop(call_id, None)
            database.asked.discard(call_id)

    async def notices(self) -> AsyncIterator[Notice]:
        """Yield what other members change."""
        listener = self._database.listener()
        try:
            while True:
                notice = await listener.next()
                await self._link.from_database("notices")
                yield notice
        finally:
            listener.close()

    async def doubts(self, durability: str) -> Sequence[str]:  # noqa: ARG002  # as durable as the test says
        """Return why the database may lose what it acknowledged."""
        async with self._reached("doubts") as database:
            return database.doubts

    async def try_rights(self) -> None:
        """Try what a member does: everybody may do it."""
        async with self._reached("try_rights"):
            pass


def _term(lease: Lease) -> tuple[str, int]:
    """Return what a renewal leaves as it is."""
    return lease.owner, lease.epoch
