"""A member of a fleet: it copies the log, takes the account over when it may, and keeps it while it can.

A process stands by until :meth:`Member.stand_by` returns. From then on it owns the account, until :meth:`Member.run`
raises :class:`~daemon.errors.Deposed`, or an append does. It never stands by again: the process ends, and the next one
reads everything from the disk and the log.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from typing import NamedTuple

import anyio
import msgspec

from daemon.clock import Clock
from daemon.core.rules.exchange_clock import ExchangeClock
from daemon.core.rules.lease_fence import may_renew, next_end_ms, owners_ms
from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Detail, Event
from daemon.core.values.fleet_health import FleetHealth
from daemon.errors import BackendFailed, LogWentBack, WrongState
from daemon.fleet.agreement import check_account
from daemon.fleet.contact import Contact
from daemon.fleet.copying import SUCCESSOR_FACT, Copy
from daemon.fleet.durability import Durability
from daemon.fleet.entries import Body, Takeover, encode
from daemon.fleet.health import Seen, health_of, report_of
from daemon.fleet.owning import RETRY_S, Owning
from daemon.fleet.port import Backend, Change, Entry, Lease, Notice, Role, next_entry
from daemon.fleet.take_order import TakeOrder
from daemon.fleet.takeover import LeaseTaken, reason_to_take
from daemon.fleet.terms import Terms
from daemon.store.store import Store

LEASE_FACT = "fleet_lease"
"""Name of the fact that holds the lease that a process took with this database (:class:`LeaseTaken`)."""

POLL_S = 1.0
"""How often a standby looks at the log and the lease by itself; notices of the database make it look at once."""

NEAR_S = 0.05
"""How often it looks while a lease ends."""

REPORT_S = 2.0
"""How often a member reports itself."""

REPORTS_A_CHECK = 5
"""The number of reports after which it looks again whether the database keeps what it acknowledges."""

STANDBY_MEASURES_S = 10.0
"""How often a standby measures the exchange's clock. Members may share an address, and its limits. Two clocks run apart
by 2 ms meanwhile at most."""


class Owned(msgspec.Struct, frozen=True):
    """The account, as it was taken over."""

    lease: Lease
    former_until_ms: int  # the latest end of the former owners' leases, Unix ms of the exchange's clock
    last_ms: int  # the latest instant in the log, Unix ms of its writer's clock


class _Asked(NamedTuple):
    """A takeover that was asked for."""

    seen: Lease
    lease: Lease
    entry: Entry


class Member:
    """One member of a fleet."""

    def __init__(
        self,
        terms: Terms,
        backend: Backend,
        store: Store,
        clock: Clock,
        *,
        exchange_clock: ExchangeClock,
        measure: Callable[[], Awaitable[bool]],
        emit: Callable[[Event], None],
        on_events: Callable[[Sequence[Event]], None],
        on_lease: Callable[[], None] = lambda: None,
    ) -> None:
        """Build it.

        Args:
            terms: as what it takes part.
            backend: the shared database.
            store: this machine's copy.
            clock: the daemon's clock.
            exchange_clock: what is known of the exchange's clock.
            measure: measures that clock; returns whether it answered.
            emit: takes events about this member.
            on_events: takes the events of other members, once they are on this disk.
            on_lease: is called when this member's own lease was taken, renewed, shortened or lost.

        """
        self.terms = terms
        self.configuration = terms.configuration  # a reload changes it
        self.listeners: list[Callable[[Notice], None]] = []  # each gets every notice of the database
        self.contact = Contact(clock, exchange_clock, emit)
        self.copy = Copy(backend, store, on_events, terms.format)
        self.seen = Seen(terms, self.copy)
        self.owning = Owning(terms, backend, store, self.copy, self.contact, on_lease, self.seen.called)
        self._durability = Durability(terms, backend, self.contact, self.seen)
        self._backend = backend
        self._store = store
        self._measure = measure
        self._mine: LeaseTaken | None = None
        self._asked: _Asked | None = None  # a takeover that was asked for, with an unknown outcome
        self._order: TakeOrder | None = None
        self._owned: Owned | None = None
        self._is_admitted = asyncio.Event()  # the ledger is this machine's account's
        self._is_owned = asyncio.Event()
        self._changed = asyncio.Event()
        self._is_to_measure = asyncio.Event()
        self._is_to_report = asyncio.Event()
        self._reaches_exchange = False

    @property
    def is_owner(self) -> bool:
        """Whether this process owns the account."""
        return self.owning.is_owner

    @property
    def lease(self) -> Lease:
        """The lease under which this process may trade, as the database acknowledged it; the empty one for a standby.

        Nothing may be signed beyond its end.
        """
        return self.owning.lease

    @property
    def position(self) -> int:
        """The number of the latest entry in this machine's copy."""
        return self.copy.position.n

    @property
    def cannot_own(self) -> str | None:
        """Why this member cannot take the account over; ``None`` if it can, or owns it."""
        if self.terms.role is Role.DOOR:
            return "it is a door"
        if self.copy.unreadable is not None:
            return self.copy.unreadable
        if self.seen.doubts:
            return "; ".join(self.seen.doubts)
        if self.copy.is_incomplete:
            return "the beginning of the log is not complete: run `sniperd fleet init` again where it was run"
        return self.contact.lacks or (None if self._reaches_exchange else "it does not reach the exchange")

    def health(self) -> FleetHealth:
        """Return the fleet as this member knows it now."""
        return health_of(
            self.terms, self.contact, self.copy, self.owning, self.seen,
            backend=self._backend.name, cannot_own=None if self.is_owner else self.cannot_own,
        )  # fmt: skip

    async def stand_by(self) -> Owned:
        """Wait until this member owns the account. Everything of the log is then on this disk."""
        await self._is_owned.wait()
        assert self._owned is not None
        return self._owned

    async def run(self) -> None:
        """Copy the log, take over, renew: until cancelled.

        Raises:
            BadConfig: the ledger is another account's, and this member could own it.
            BadDatabase: the local database holds orders that did not come from the log.
            CommitFailed: the local disk failed.
            Deposed: another member owns the account.
            LogWentBack: the log lacks what this member has copied.
            NotDurable: the database may lose what it acknowledged, and this member could own the account.

        """
        await self.copy.open()
        stored = await self._store.fact(LEASE_FACT)
        self._mine = None if stored is None else msgspec.json.decode(stored, type=LeaseTaken)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._listen)
            tasks.start_soon(self._keep_measuring)
            tasks.start_soon(self._keep_reporting)
            try:
                await self._until_owner()
            except LogWentBack as error:
                self.contact.report("fleet.log_went_back", known=self.position, error=str(error))
                raise
            await self._keep_lease()

    def take(self, reason: str) -> TakeOrder:
        """Take the account over at once, before the owner's lease ends: an administrator ordered it.

        Raises:
            WrongState: such an order is being carried out.

        """
        if self._order is not None:
            raise WrongState("this member is taking the account already")
        self._order = TakeOrder(reason, self.seen.lease.owner)
        self._changed.set()
        return self._order

    def take_no_more(self, order: TakeOrder) -> None:
        """Withdraw an order of :meth:`take`: it must not be carried out after its command has ended."""
        order.end()
        if self._order is order:
            self._order = None

    async def hand_over(self, *, last_window_ms: int, to: str = "", reason: str) -> None:
        """Let another member take over before the lease would end. Nothing may be decided or signed any more.

        Args:
            last_window_ms: until when the exchange may admit a request that has no answer (Unix ms of its clock); 0 if
                there is none.
            to: the id of the member that is to take over; ``ANY``: any other one; empty: none could now, so this
                machine may go on itself.
            reason: for people.

        Raises:
            CommitFailed: the log did not take it; the lease then ends by itself.

        """
        await self.owning.hand_over(last_window_ms=last_window_ms, to=to, reason=reason)

    async def _until_owner(self) -> None:
        """Stand by until this member owns the account."""
        is_first, unreadable = True, None
        while True:
            self._changed.clear()
            try:
                if not self._is_admitted.is_set():  # before anything of another account is copied
                    await check_account(self._backend, self.terms)
                    self._is_admitted.set()
                await self.copy.catch_up()
                self.seen.lease = await self._backend.lease()
                if is_first:
                    await self._durability.check()
                    is_first, owner = False, self.seen.called(self.seen.lease.owner) or None
                    self.contact.report("fleet.standing_by", ledger=self.terms.ledger, owner=owner, n=self.position)
                if self.copy.unreadable not in {None, unreadable}:
                    unreadable = self.copy.unreadable
                    self.contact.report("fleet.newer_log", error=unreadable, n=self.position)
                if await self._is_taken():
                    return
                self.contact.answered()
            except BackendFailed as error:
                self.contact.failed(error)
            with anyio.move_on_after(self._look_again_s()):
                await self._changed.wait()

    def _look_again_s(self) -> float:
        """Return when to look again, in seconds."""
        if self.contact.backend_error is not None:
            return RETRY_S
        left_ms = self.contact.left_ms(self.seen.lease)
        if self.cannot_own is not None or left_ms is None:
            return POLL_S
        return min(POLL_S, max(NEAR_S, left_ms / 1_000))

    async def _is_taken(self) -> bool:
        """Take the account if that is due; return whether this member owns it now."""
        if self._asked is not None:  # the same again: it succeeds if it had its effect
            return await self._ask(self._asked)
        if self._order is not None and not self._order.is_due(self.seen.lease.owner):
            self._order = None
        if self.terms.role is Role.DOOR or self.copy.unreadable is not None or self.copy.is_incomplete:
            return False
        reason = reason_to_take(
            self.seen.lease,
            member=self.terms.member,
            place=self.terms.place,
            mine=self._mine,
            former_until_ms=self.copy.former_until_ms,
            successor=self.copy.successor,
            known=self.contact.known,
            now_ns=self.contact.now_ns(),
            head_start_ms=self.terms.lease_ms,
            ordered=None if self._order is None else self._order.reason,
        )
        if reason is None:
            return False
        known = self.contact.known
        if known is None or not may_renew(known, self.contact.now_ns(), self.terms.lease_ms):
            self._is_to_measure.set()  # who cannot reach the exchange could not keep the account either
            return False
        return await self._durability.holds() and await self._take(reason)

    async def _take(self, reason: str) -> bool:
        """Ask for the account; return whether this member got it."""
        known = self.contact.known
        assert known is not None
        seen, me = self.seen.lease, self.terms.member
        lease = Lease(me, seen.epoch + 1, next_end_ms(known, self.contact.now_ns(), self.terms.lease_ms))
        at_ms = owners_ms(known, self.contact.now_ns(), self.copy.last_ms)
        former_until_ms = max(seen.until_ms, self.copy.former_until_ms)
        former, n = self.seen.called(seen.owner), self.position + 1
        detail: dict[str, Detail] = {"epoch": lease.epoch, "former": former or None, "reason": reason, "n": n}
        body = Body(
            format=self.terms.format,
            facts={SUCCESSOR_FACT: ""},
            events=[Event(name="fleet.took_over", at_ms=at_ms, actor=self.terms.name, detail=detail)],
            takeover=Takeover(me, self.terms.name, former_until_ms, reason, seen.owner, former),
        )
        entry = next_entry(self.copy.position, epoch=lease.epoch, at_ms=at_ms, body=encode(body))
        taken = msgspec.json.encode(LeaseTaken(lease.epoch, self.terms.place)).decode()
        await self._store.commit(ChangeSet(facts={LEASE_FACT: taken})).durable()  # before it is asked for
        return await self._ask(_Asked(seen, lease, entry))

    async def _ask(self, asked: _Asked) -> bool:
        """Ask for the account; own it once the takeover's entry is on this disk."""
        self._asked = asked
        is_taken = await self._backend.take(asked.seen, asked.lease, asked.entry)
        if is_taken:
            await self.copy.catch_up()
        self._asked = None
        if not is_taken or self.copy.position != asked.entry.position or self.copy.unreadable is not None:
            return False  # another member has taken it since
        lease = asked.lease
        self._owned = Owned(lease, self.copy.former_until_ms, self.copy.last_ms)
        self.owning.begin(lease)
        self._is_owned.set()
        if self._order is not None:
            self.take_no_more(self._order)
        self._is_to_measure.set()
        return True

    async def _keep_lease(self) -> None:
        """Renew the lease until it is handed over, and look at once when another member changed it."""
        due_s = 0.0
        while not self.owning.is_handed_over:
            self._changed.clear()
            try:
                if anyio.current_time() >= due_s:
                    due_s = anyio.current_time() + self.terms.renew_ms / 1_000
                    await self.owning.renew()
                else:
                    await self.owning.check()
                self.contact.answered()
            except BackendFailed as error:
                self.contact.failed(error)
                due_s = anyio.current_time() + RETRY_S
            self.owning.note_length()
            with anyio.move_on_after(due_s - anyio.current_time()):
                await self._changed.wait()

    async def _listen(self) -> None:
        """Look at once at what other members change."""
        while True:
            try:
                async for notice in self._backend.notices():
                    if notice.change is Change.LEASE or (notice.change is Change.LOG and not self.is_owner):
                        self._changed.set()
                    for listener in self.listeners:
                        listener(notice)
            except BackendFailed as error:
                self.contact.failed(error)
            await anyio.sleep(RETRY_S)

    async def _keep_measuring(self) -> None:
        """Measure the exchange's clock: as the owner for each renewal, as a standby rarely, and before a takeover."""
        while True:
            self._is_to_measure.clear()
            reached = False
            with anyio.move_on_after(self.terms.lease_ms / 2_000):
                reached = await self._measure()
            if reached != self._reaches_exchange:
                self._reaches_exchange = reached
                self._is_to_report.set()  # the owner hands over to members that reach the exchange
            if self.is_owner:
                await anyio.sleep(self.terms.renew_ms / 1_000)
            elif reached:
                self._changed.set()
                with anyio.move_on_after(STANDBY_MEASURES_S):
                    await self._is_to_measure.wait()
            else:
                await anyio.sleep(POLL_S)

    async def _keep_reporting(self) -> None:
        """Report this member, read what the others report, and look whether the database is still durable."""
        await self._is_admitted.wait()
        for turn in count():
            self._is_to_report.clear()
            try:
                report = report_of(self.terms, self.contact, n=self.position, reaches_exchange=self._reaches_exchange)
                await self._backend.report(msgspec.structs.replace(report, configuration=self.configuration))
                self.seen.members = await self._backend.members()
                self.seen.members_ms = self.contact.now_ms()
                if turn % REPORTS_A_CHECK == 0:
                    await self._durability.holds()
            except BackendFailed as error:
                self.contact.failed(error)
            with anyio.move_on_after(REPORT_S):
                await self._is_to_report.wait()
