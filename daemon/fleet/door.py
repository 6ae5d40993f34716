"""A door: it hands a member's requests to the owner, through the database that the fleet shares.

A call is a whole request. The door does not know what it asks for: the owner runs it through the handler of its route
(``daemon/api/handed_over.py``), so every member gives the same answers. The door only knows whether a request may be
made twice. One that may stays in the database until it is answered, so the next owner answers it if this one cannot.

The door waits for a notice that its answer is there. It also looks by itself now and then, because a notice may be
missed. A caller that is gone withdraws its call.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import anyio
import msgspec

from daemon.clock import Clock
from daemon.errors import BackendFailed, NotReady, Unanswered
from daemon.fleet.port import Backend, Call, Change, Notice

LOOK_S = 0.5
"""A door looks so often for an answer whose notice did not come."""

WITHOUT_OWNER_S = 8.0
"""How long a call waits while there is no owner. The loss of an owner leaves none for about a second."""

LATE_S = 20.0
"""How long the answer to a call may take beyond the time for which its caller waits for an outcome."""

AFTER_TAKEOVER_S = 5.0
"""How long a call that is made once may still be answered after a takeover. The former owner may have claimed it, and
then nobody answers it. A signal without a key counts as a repetition for a minute: its sender must hear of this long
before, or what it sends again would be a second trade."""

CLOCK_S = 10.0
"""How often a door learns the time by the database's clock."""

WITHDRAWALS = 1_000
"""Calls whose withdrawal may wait. Further ones expire in the database."""


_AGAIN = "repeat it, a signal with the same key"
_UNKNOWN = f"what became of it is not known: {_AGAIN}"


class HandedRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A request of a door's client, as the owner runs it."""

    route: str  # its method and the pattern of its path
    method: str
    path: str
    path_parameters: dict[str, str] = {}
    query: dict[str, str] = {}
    headers: list[tuple[str, str]] = []  # those that its route reads
    body: bytes = b""
    actor: str  # that the door vouches for, like the next
    administrator: bool
    wait_s: float = 0  # how long the answer may wait for an outcome


class HandedResponse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The owner's answer."""

    status: int
    headers: dict[str, str] = {}
    body: bytes = b""


encode_request = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(HandedRequest).decode
encode_response = msgspec.msgpack.Encoder().encode
decode_response = msgspec.msgpack.Decoder(HandedResponse).decode


class Door:
    """Hands requests over, and waits for their answers."""

    def __init__(
        self,
        backend: Backend,
        member: str,
        *,
        clock: Clock,
        new_id: Callable[[], str],
        has_owner: Callable[[], bool],
        epoch: Callable[[], int],
        without_owner_s: float = WITHOUT_OWNER_S,
        after_takeover_s: float = AFTER_TAKEOVER_S,
    ) -> None:
        """Build it.

        Args:
            backend: the shared database.
            member: this member's id.
            clock: the daemon's clock.
            new_id: makes the id of a call.
            has_owner: whether a member owns the account, as far as it is known.
            epoch: the number of the owner, as far as it is known.
            without_owner_s: how long a call waits for an owner.
            after_takeover_s: how long one that is made once waits after a takeover.

        """
        self._backend = backend
        self._member = member
        self._clock = clock
        self.new_id = new_id
        self._backend_ahead_ms = 0  # of our clock, as far as members' reports show it
        self._has_owner = has_owner
        self._epoch = epoch
        self._without_owner_s = without_owner_s
        self._after_takeover_s = after_takeover_s
        self._waiting: dict[str, asyncio.Event] = {}
        self._withdrawn: asyncio.Queue[str] = asyncio.Queue(WITHDRAWALS)

    def __len__(self) -> int:
        """Return how many calls wait for their answers."""
        return len(self._waiting)

    def on_notice(self, notice: Notice) -> None:
        """Wake the caller whose answer is there."""
        if notice.change is Change.ANSWER and notice.subject in self._waiting:
            self._waiting[notice.subject].set()

    async def run(self) -> None:
        """Withdraw the calls whose callers are gone, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._follow_backend_clock)
            tasks.start_soon(self._withdraw)

    async def _withdraw(self) -> None:
        while True:
            call_id = await self._withdrawn.get()
            try:
                await self._backend.withdraw(call_id)
            except BackendFailed:
                await anyio.sleep(LOOK_S)  # the call expires if this fails

    async def hand_over(self, request: HandedRequest, *, is_repeatable: bool) -> HandedResponse:
        """Hand a request over, and wait for its answer; if the caller is cancelled, withdraw it.

        Raises:
            NotReady: there was no owner.
            Unanswered: the owner did not answer in time, or the database did not.

        """
        lasts_s = request.wait_s + LATE_S + self._without_owner_s
        expires_ms = self._clock.now_ms() + self._backend_ahead_ms + round(lasts_s * 1_000)
        call = Call(self.new_id(), self._member, expires_ms, is_repeatable, encode_request(request))
        is_there = self._waiting[call.call_id] = asyncio.Event()
        is_answered = False
        try:
            await self._backend.call(call)
            answer = await self._answer(call, is_there, request.wait_s)
            is_answered = True
        except BackendFailed as error:
            raise Unanswered(f"the fleet's database does not answer: {error}; {_AGAIN}") from error
        finally:
            del self._waiting[call.call_id]
            if not is_answered and not self._withdrawn.full():
                self._withdrawn.put_nowait(call.call_id)
        return decode_response(answer)

    async def settled(self) -> None:
        """Wait until every call has its answer, or was given up."""
        while self._waiting:  # noqa: ASYNC110  # each caller waits for its own event
            await anyio.sleep(LOOK_S / 10)

    async def _follow_backend_clock(self) -> None:
        """Learn by how much the database's clock is ahead of ours at least, so that no call expires too early.

        The latest report of a member was made before now. A call that expires later than it should does no harm: its
        caller withdraws it.
        """
        while True:
            with suppress(BackendFailed):
                seen_ms = max((each.seen_ms for each in await self._backend.members()), default=0)
                self._backend_ahead_ms = max(0, seen_ms - self._clock.now_ms())
            await anyio.sleep(CLOCK_S)

    async def _answer(self, call: Call, is_there: asyncio.Event, wait_s: float) -> bytes:
        began_s = owned_s = same_s = anyio.current_time()
        epoch, had_owner = self._epoch(), False
        while True:
            had_owner |= self._has_owner()
            with anyio.move_on_after(LOOK_S):
                await is_there.wait()
            is_there.clear()
            answer = await self._backend.answer_to(call.call_id)
            if answer is not None:
                return answer
            now_s = anyio.current_time()
            owned_s = now_s if self._has_owner() else owned_s
            if now_s - owned_s >= self._without_owner_s:
                if had_owner:  # it may have done this before it was lost
                    raise Unanswered(f"no member owns the account any more; {_UNKNOWN}")
                raise NotReady(f"no member owns the account; {_AGAIN}")
            same_s = now_s if call.is_repeatable or self._epoch() == epoch else same_s
            if now_s - began_s >= wait_s + LATE_S or now_s - same_s >= self._after_takeover_s:
                raise Unanswered(f"the owner did not answer in time; {_UNKNOWN}")
