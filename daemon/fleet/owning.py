"""What the owner of an account does: it appends to the log, renews its lease, and hands over."""

from collections import deque
from collections.abc import Callable

import anyio
import msgspec

from daemon.core.rules.lease_fence import LEAST_WINDOW_MS, may_renew, next_end_ms
from daemon.core.state.changes import ChangeSet
from daemon.errors import BackendFailed, Deposed, LogLost, LogUnreachable, LogWentBack
from daemon.fleet.contact import Contact
from daemon.fleet.copying import REMEDY, SUCCESSOR_FACT, Copy, body_of
from daemon.fleet.entries import encode
from daemon.fleet.port import Backend, Lease, next_entry
from daemon.fleet.takeover import ANY
from daemon.fleet.terms import Terms
from daemon.store.commit import Commit
from daemon.store.store import Store

RETRY_S = 0.1
"""The wait before the database is asked again."""

APPENDS = 1_000
"""The number of appends whose durations are kept."""


class Owning:
    """The lease of this member, and what it may do under it."""

    def __init__(
        self,
        terms: Terms,
        backend: Backend,
        store: Store,
        copy: Copy,
        contact: Contact,
        on_lease: Callable[[], None],
        called: Callable[[str], str],
    ) -> None:
        self._terms = terms
        self._backend = backend
        self._store = store
        self._copy = copy
        self._contact = contact
        self._on_lease = on_lease
        self._called = called  # the name of a member
        self.lease = Lease()
        self.is_owner = False
        self.is_handed_over = False
        self.appends_s: deque[float] = deque(maxlen=APPENDS)
        self._renewing = anyio.Lock()
        self._is_short = False

    def begin(self, lease: Lease) -> None:
        """Own the account: from now on the log comes before the disk."""
        self._store.writer.append_first(self.append)
        self.is_owner = True
        self._set_lease(lease)

    async def append(self, group: Commit) -> None:
        """Append a group to the log, and add its position to the group; see ``Writer.append_first``.

        An unknown outcome is asked again, with the same entry, until the lease ends. What is unknown then is read from
        the log by the next process.

        Raises:
            LogUnreachable: the database did not answer in time.
            Deposed: another member owns the account.
            LogLost: the log lost what it had acknowledged.

        """
        if not self.is_owner:  # an entry of a lost lease must not be tried: its number may be free
            raise self._deposed(None)
        began_s = anyio.current_time()
        entry = next_entry(
            self._copy.position,
            epoch=self.lease.epoch,
            at_ms=max(self._contact.now_ms(), self._copy.last_ms),
            body=encode(body_of(group, self._terms.format)),
        )
        while True:
            try:
                await self._backend.append(entry)
                break
            except Deposed:
                self._lose(None)
                raise
            except LogWentBack as error:
                lost = LogLost(f"{error}; {REMEDY}")
                self._contact.report("fleet.log_went_back", known=self._copy.position.n, error=str(lost))
                raise lost from error
            except BackendFailed as error:
                self._contact.failed(error)
                left_ms = self._contact.left_ms(self.lease)
                waited_ms = (anyio.current_time() - began_s) * 1_000
                if left_ms is None or left_ms <= 0 or waited_ms > self._terms.lease_ms:
                    raise LogUnreachable(f"the fleet's database did not take a commit: {error}") from error
            await anyio.sleep(RETRY_S)
        self._contact.answered()
        self.appends_s.append(anyio.current_time() - began_s)
        group.facts.update(self._copy.wrote(entry))

    async def renew(self) -> None:
        """Move the lease's end, if the exchange was heard from: an owner that cannot reach it lets its lease end.

        Raises:
            BackendFailed: the database did not answer.
            Deposed: another member owns the account.

        """
        async with self._renewing:
            known, now_ns = self._contact.known, self._contact.now_ns()
            if self.is_handed_over or known is None or not may_renew(known, now_ns, self._terms.lease_ms):
                return
            until_ms = max(self.lease.until_ms, next_end_ms(known, now_ns, self._terms.lease_ms))
            lease = msgspec.structs.replace(self.lease, until_ms=until_ms)
            if not await self._backend.renew(lease):
                raise self._deposed(None)
            if not self.is_handed_over:
                self._set_lease(lease)

    async def check(self) -> None:
        """Look whether another member took the account.

        Raises:
            BackendFailed: the database did not answer.
            Deposed: one did.

        """
        found = await self._backend.lease()
        if (found.owner, found.epoch) != (self._terms.member, self.lease.epoch):
            raise self._deposed(found.owner)

    async def hand_over(self, *, last_window_ms: int, to: str, reason: str) -> None:
        """Let another member take over before the lease would end; see ``Member.hand_over``."""
        await self._store.commit(ChangeSet(facts={SUCCESSOR_FACT: to})).durable()
        self.is_handed_over = True
        if to:  # who is not meant waits for a whole lease after the end; half of it is to come
            known = self._contact.known
            assert known is not None  # it took the lease by it, and what is known is never forgotten
            half_a_lease_ago_ms = next_end_ms(known, self._contact.now_ns(), -self._terms.lease_ms // 2)
            last_window_ms = max(last_window_ms, half_a_lease_ago_ms)
        self._set_lease(msgspec.structs.replace(self.lease, until_ms=min(self.lease.until_ms, last_window_ms)))
        whom = "any other member" if to == ANY else self._called(to) or None
        self._contact.report("fleet.handed_over", epoch=self.lease.epoch, to=whom, reason=reason)
        async with self._renewing:  # one that is under way would undo it
            try:
                await self._backend.renew(self.lease, hands_over=True)
            except BackendFailed as error:
                self._contact.failed(error)

    def note_length(self) -> None:
        """Report when the lease is too short to send orders, and when it is long enough again."""
        left_ms = self._contact.left_ms(self.lease)
        is_short = left_ms is None or left_ms < 2 * LEAST_WINDOW_MS
        if is_short is self._is_short or self.is_handed_over:
            return
        self._is_short = is_short
        if is_short:
            self._contact.report(
                "fleet.lease_short", error=self._contact.backend_error or "the exchange does not answer"
            )
        else:
            self._contact.report("fleet.lease_renewed")

    def _deposed(self, owner: str | None) -> Deposed:
        self._lose(owner)
        return Deposed("another member owns the account; this process ends, and the next one stands by")

    def _lose(self, owner: str | None) -> None:
        """Decide, sign and write nothing more."""
        if self.is_owner:
            self.is_owner = False
            known = None if owner is None else self._called(owner)
            self._contact.report("fleet.deposed", epoch=self.lease.epoch, owner=known)
            self._set_lease(Lease())

    def _set_lease(self, lease: Lease) -> None:
        self.lease = lease
        self._on_lease()
