"""The copy of the log on this machine: reads entry after entry, checks it, and writes it into the local database.

The position in the log is written in the same transaction as the rows, so the two always agree. It is a mark, too: a
log that ends below it, or has another past, has lost what it had acknowledged. That happens when a database fails over
to a server that lagged behind, or when it is restored from a dump. Orders that were sent may then be missing in it, so
the member does not go on (:class:`~daemon.errors.LogWentBack`).
"""

from collections.abc import Callable, Sequence

import msgspec

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.core.verbs.restored import COPIED_FACT, COPIED_WHY_FACT
from daemon.errors import BackendFailed, BadDatabase, LogWentBack
from daemon.fleet.entries import FORMAT, Body, NewerFormat, Takeover, decode
from daemon.fleet.identity import MEMBER_FACT, Identity, identity_fact
from daemon.fleet.port import Backend, Entry, Position
from daemon.store.commit import Commit
from daemon.store.opening import POSITION_FACT
from daemon.store.store import Store

SUCCESSOR_FACT = "fleet_successor"
"""Name of the fact that holds the member to which the owner handed the account over; empty: it did not."""

BEGINNING_FACT = "fleet_beginning"
"""Name of the fact that is not empty while the beginning of the log is entered (:mod:`daemon.fleet.beginning`)."""

TAKEOVER_FACT = "fleet_takeover"
"""Name of the fact that holds the latest takeover (:class:`TakeoverSeen`), as JSON."""

REMEDY = (
    "compare the latest orders with the exchange, run `sniperd fleet accept-loss` on the member that has the most "
    "entries, and move the databases of the others away"
)
"""What to do when the log lost entries."""

PIECE = 128
"""Entries that are read together, as long as their size is not known."""

LEAST, MOST = 2, 512
"""The fewest and the most: the entry at which the copy is, and one more; and a transaction that is not long."""

PIECE_BYTES = 1_000_000
"""The size of what is read together: small entries are copied faster in large pieces, and a piece of large ones would
not arrive before the answer is too late."""


def body_of(group: ChangeSet | Commit, written_as: int = FORMAT) -> Body:
    """Return the body of the entry that holds a group's rows."""
    return Body(
        format=written_as,
        orders=[*group.orders.values()],
        attempts=[*group.attempts.values()],
        locks=[*group.locks.values()],
        waiters=[*group.waiters.values()],
        facts=group.facts,
        fills=group.fills,
        events=group.events,
    )


def changes_of(body: Body) -> ChangeSet:
    """Return the rows that an entry's body holds."""
    return ChangeSet(
        orders={order.order_id: order for order in body.orders},
        attempts={attempt.client_order_id: attempt for attempt in body.attempts},
        locks={lock.lock_id: lock for lock in body.locks},
        waiters={waiter.waiter_id: waiter for waiter in body.waiters},
        facts=dict(body.facts),
        fills=[*body.fills],
        events=[*body.events],
    )


def position_fact(position: Position) -> dict[str, str]:
    """Return the fact that holds a position."""
    return {POSITION_FACT: msgspec.json.encode(position).decode()}


class TakeoverSeen(msgspec.Struct, frozen=True):
    """A takeover as the log has it."""

    at_ms: int
    epoch: int
    takeover: Takeover


class Copy:
    """The local database as a copy of the log, and how far it is."""

    def __init__(
        self, backend: Backend, store: Store, on_events: Callable[[Sequence[Event]], None], newest: int = FORMAT
    ) -> None:
        """Build it.

        Args:
            backend: the shared database.
            store: the local one.
            on_events: gets the events of other members when they are on this disk.
            newest: the newest format of entries that this member reads.

        """
        self._backend = backend
        self._newest = newest
        self._store = store
        self._on_events = on_events
        self.position = Position()
        self.last_ms = 0  # the writer's clock at the latest entry
        self.successor = ""
        self.is_incomplete = False  # the beginning of the log is being entered
        self.unreadable: str | None = None  # why the log cannot be read any further
        self.last_takeover: TakeoverSeen | None = None
        self.takeovers = 0  # since the copy was at the log's end for the first time
        self.knows_end = False  # it was at the log's end when it looked last
        self._was_at_end = False
        self._piece = PIECE
        self._identity: Identity | None = None

    @property
    def former_until_ms(self) -> int:
        """The latest end of all former owners' leases, Unix ms of the exchange's clock.

        An owner that was replaced before its lease ended may have requests admitted until then, also under a third one.
        """
        return 0 if self.last_takeover is None else self.last_takeover.takeover.former_until_ms

    async def open(self) -> None:
        """Read the position of the local database.

        Raises:
            BadDatabase: it holds orders that did not come from the log.

        """
        identity = await self._store.fact(MEMBER_FACT)
        self._identity = None if identity is None else msgspec.json.decode(identity, type=Identity)
        stored = await self._store.fact(POSITION_FACT)
        if stored is not None:
            self.position = msgspec.json.decode(stored, type=Position)
            self.successor = await self._store.fact(SUCCESSOR_FACT) or ""
            self.is_incomplete = bool(await self._store.fact(BEGINNING_FACT))
            takeover = await self._store.fact(TAKEOVER_FACT)
            self.last_takeover = None if takeover is None else msgspec.json.decode(takeover, type=TakeoverSeen)
            return
        remembered = await self._store.remembered()
        if remembered.last_seq or remembered.last_token or remembered.last_ms:
            raise BadDatabase(
                "the database holds orders or locks that the fleet's log does not know; make it the beginning of the "
                "log with `sniperd fleet init`, or set another [store] path to begin with a copy of the log"
            )

    async def catch_up(self) -> None:
        """Copy the log to its end.

        Raises:
            BackendFailed: the database did not answer.
            CommitFailed: the local disk failed.
            LogWentBack: the log lacks what was copied from it.

        """
        while self.unreadable is None:
            before, piece = self.position, self._piece
            try:
                found = await self._backend.read(max(0, before.n - 1), piece)  # with the entry at which the copy is
            except BackendFailed:
                self.knows_end, self._piece = False, LEAST
                raise
            is_last = len(found) < piece
            self._piece = _next_piece(found)
            if before.n:
                self._check(found[:1])
                await self._confirm()
                found = found[1:]
            if found:
                self.knows_end = False
                await self._apply(found, is_last=is_last)
            if is_last:
                self._was_at_end = True
                self.knows_end = self.unreadable is None
                return

    def wrote(self, entry: Entry) -> dict[str, str]:
        """Move on to an entry that this member wrote; return the fact to be written with its rows."""
        self.position, self.last_ms = entry.position, entry.at_ms
        return position_fact(entry.position)

    def _check(self, at_position: Sequence[Entry]) -> None:
        if not at_position:
            raise LogWentBack(
                f"the fleet's log ends before entry {self.position.n}, which this member has copied; {REMEDY}"
            )
        if at_position[0].position != self.position:
            raise self._other_past(self.position.n)
        self.last_ms = at_position[0].at_ms

    async def _confirm(self) -> None:
        """Trust a restored backup, if this is one: the log holds what it lacks, so it needs no halt.

        The mark of a backup is removed before anything is copied: the log may bring another one
        (:mod:`daemon.fleet.loss`).
        """
        if self._identity is not None and self._identity.is_copied:
            self._identity = msgspec.structs.replace(self._identity, is_copied=False)
            unmarked = {COPIED_FACT: "", COPIED_WHY_FACT: ""}
            await self._store.apply([ChangeSet(facts=unmarked | identity_fact(self._identity))])

    def _other_past(self, n: int) -> LogWentBack:
        return LogWentBack(
            f"entry {n} of the fleet's log does not follow what this member has copied: the log lost entries and went "
            f"on without them; {REMEDY}"
        )

    async def _apply(self, found: Sequence[Entry], *, is_last: bool) -> None:
        """Write entries into the local database, up to the first that cannot be read; the log may end with them."""
        position, last_ms, takeover, groups = self.position, self.last_ms, self.last_takeover, list[ChangeSet]()
        for entry in found:
            if not entry.follows(position):
                raise self._other_past(entry.n)
            try:
                body = decode(entry.body, self._newest)
            except (NewerFormat, msgspec.DecodeError) as error:
                self.unreadable = f"entry {entry.n} of the fleet's log cannot be read ({error}); upgrade this sniperd"
                break
            position, last_ms = entry.position, entry.at_ms
            groups.append(changes_of(body))
            if body.takeover is not None:
                takeover = TakeoverSeen(entry.at_ms, entry.epoch, body.takeover)
                groups[-1].facts[TAKEOVER_FACT] = msgspec.json.encode(takeover).decode()
                self.takeovers += self._was_at_end
        if not groups:
            return
        groups[-1].facts.update(position_fact(position))
        events = await self._store.apply(groups)
        self.position, self.last_ms, self.last_takeover = position, last_ms, takeover
        for group in groups:
            self.successor = group.facts.get(SUCCESSOR_FACT, self.successor)
            self.is_incomplete = bool(group.facts.get(BEGINNING_FACT, self.is_incomplete))
        if self._was_at_end or is_last:  # nobody follows the events of a long past
            self._on_events(events)


def _next_piece(found: Sequence[Entry]) -> int:
    """Return how many entries of that size are to be read together."""
    size = sum(len(entry.body) for entry in found)
    return max(LEAST, min(MOST, len(found) * PIECE_BYTES // max(1, size)))
