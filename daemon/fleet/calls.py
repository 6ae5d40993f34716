"""The owner's side of the doors: takes the calls of other members, has them answered, and writes the answers.

Calls are begun in the order in which they came. A call that may be made twice is left in the database until it is
answered; if this owner cannot answer it, the next one does. Any other call is claimed first, so that it is made once.
"""

from collections.abc import Awaitable, Callable

import anyio
import msgspec
from anyio.abc import TaskGroup

from daemon.errors import BackendFailed
from daemon.fleet.door import HandedRequest, HandedResponse, decode_request, encode_response
from daemon.fleet.port import Backend, Call, Change, Notice

LOOK_S = 0.5
"""An owner looks so often for calls whose notices did not come."""

AT_ONCE, WAITING_AT_ONCE = 256, 1_024
"""Calls that are answered at the same time, and those that wait for an outcome. The rest wait in the database."""

BYTES_AT_ONCE = 16 << 20
"""Bytes of the calls that are answered at the same time."""

LONGEST_ANSWER = 4 << 20
"""Bytes of the longest answer that is written. The caller gets a refusal instead of a longer one."""

BACKLOG_S = 1.0
"""How long the first dispatch waits for the calls that waited for an owner to be decided."""

WRITES, WRITE_AGAIN_S = 5, 0.2
"""How often an answer is written at most, and the pause after a failure."""


class NotServed(Exception):
    """This owner does not answer a call, and it changed nothing; the next owner answers it."""


Serve = Callable[[HandedRequest, bool], Awaitable[HandedResponse]]
"""Makes the answer to a request. The flag says whether it may be left to the next owner: then :class:`NotServed` is
raised where the answer would say that this one has ended."""


class _Taken:
    """A call that is being answered."""

    def __init__(self, call: Call, request: HandedRequest | None) -> None:
        self.call = call
        self.request = request  # None: it cannot be read
        self.waits = request is not None and request.wait_s > 0
        self.scope = anyio.CancelScope()
        self.over = anyio.Event()


class Calls:
    """Takes calls while this member owns the account."""

    def __init__(self, backend: Backend, serve: Serve) -> None:
        self._backend = backend
        self._serve = serve
        self._taken: dict[str, _Taken] = {}
        self._count, self._bytes = {False: 0, True: 0}, 0  # of these: by whether they wait, and in all
        self._ended: set[str] = set()  # since the last look was begun: what it shows of them is old
        self._left: set[str] = set()  # to the next owner
        self._begun = anyio.Event()
        self._has_looked = anyio.Event()
        self._wanted = anyio.Event()
        self._is_stopped = False

    def on_notice(self, notice: Notice) -> None:
        """Look at once for a call that has come, or that was withdrawn."""
        if notice.change is Change.CALL:
            self._wanted.set()

    def stop(self) -> None:
        """Take no more calls: they are the next owner's."""
        self._is_stopped = True
        self._wanted.set()

    async def backlog(self) -> None:
        """Begin to take calls; return when those that wait are decided, or after a while.

        One that waits for an outcome is decided in its first step, if nothing has to be queried for it.
        """
        self._begun.set()
        with anyio.move_on_after(BACKLOG_S):
            await self._has_looked.wait()
            for each in [taken for taken in self._taken.values() if not taken.waits]:
                await each.over.wait()

    async def run(self) -> None:
        """Take calls, from :meth:`backlog` until :meth:`stop`; return when those that were taken are answered."""
        await self._begun.wait()
        async with anyio.create_task_group() as tasks:
            while not self._is_stopped:
                self._wanted = anyio.Event()
                await self._look(tasks)
                with anyio.move_on_after(LOOK_S):
                    await self._wanted.wait()

    async def settled(self) -> None:
        """Wait until the calls that were taken are answered."""
        for each in list(self._taken.values()):
            await each.over.wait()

    async def _look(self, tasks: TaskGroup) -> None:
        """Take the calls for which there is room, and cancel those that were withdrawn."""
        self._ended.clear()
        try:
            found = await self._backend.calls(self._taken.keys() | self._left)
        except BackendFailed:
            return  # the next look may work; an owner that cannot reach the database does not stay the owner
        there = {call.call_id for call in found}
        for call_id, each in self._taken.items():
            if each.call.is_repeatable and call_id not in there:
                each.scope.cancel()
        known = self._taken.keys() | self._ended | self._left
        for call in found:
            if call.call_id not in known:
                self._take(call, tasks)
        await anyio.lowlevel.checkpoint()  # each call makes its first step
        self._has_looked.set()

    def _take(self, call: Call, tasks: TaskGroup) -> None:
        """Begin to answer a call, if there is room."""
        taken = _Taken(call, _read(call))
        has_room = not self._is_stopped and self._count[taken.waits] < (WAITING_AT_ONCE if taken.waits else AT_ONCE)
        if has_room and (self._bytes + len(call.request) <= BYTES_AT_ONCE or not self._taken):
            self._taken[call.call_id] = taken
            self._count[taken.waits] += 1
            self._bytes += len(call.request)
            tasks.start_soon(self._answer, taken)

    async def _answer(self, taken: _Taken) -> None:
        call = taken.call
        try:
            with taken.scope:
                if call.is_repeatable or await self._backend.claim(call.call_id):
                    await self._write(call.call_id, await self._made(taken))
        except NotServed:
            self._left.add(call.call_id)
        except BackendFailed:
            pass  # it is still in the database, and taken again, if it may be made twice
        finally:
            self._ended.add(call.call_id)
            del self._taken[call.call_id]
            self._count[taken.waits] -= 1
            self._bytes -= len(call.request)
            taken.over.set()
            self._wanted.set()  # there is room for another

    async def _made(self, taken: _Taken) -> bytes:
        if taken.request is None:
            return _refusal(501, "the owner's sniperd cannot read the request of this member's; use the same version")
        answer = encode_response(await self._serve(taken.request, taken.call.is_repeatable))
        if len(answer) > LONGEST_ANSWER:
            return _refusal(507, f"the answer has over {LONGEST_ANSWER} bytes; ask for less, or ask the owner itself")
        return answer

    async def _write(self, call_id: str, answer: bytes) -> None:
        """Write an answer; after a failure once more, because a claimed call cannot be answered by anybody else."""
        for number in range(1, WRITES + 1):
            try:
                await self._backend.answer(call_id, answer)
            except BackendFailed:
                if number == WRITES:
                    raise
                await anyio.sleep(WRITE_AGAIN_S)
            else:
                return


def _read(call: Call) -> HandedRequest | None:
    try:
        return decode_request(call.request)
    except msgspec.DecodeError:
        return None


def _refusal(status: int, text: str) -> bytes:
    body = msgspec.json.encode({"error": "not_handed_over", "message": text})
    return encode_response(HandedResponse(status=status, headers={"Content-Type": "application/json"}, body=body))
