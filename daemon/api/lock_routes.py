"""The lock service: leases for the bot's own critical sections."""

from collections.abc import Awaitable
from functools import partial
from itertools import islice
from typing import Annotated

import msgspec

from daemon.api.context import Context
from daemon.api.http.body import Body, Reason, checked_reason, key_of, wait_s
from daemon.api.http.request import Request
from daemon.api.http.response import AfterCommit, Answer, Response, encoded, json
from daemon.api.http.routes import KEY, WAIT, Repeated, Route
from daemon.api.lock_views import LeaseView, LocksView, LockView, lease_view, lock_view, waiting_view
from daemon.api.read_scheduler import SharedRead, in_pieces
from daemon.api.views import encode
from daemon.core.values.fields import Text, shown, text, within
from daemon.core.values.lease_requests import MAX_TIMEOUT_MS, AcquireRequest, compact, normalise
from daemon.core.verbs.lease_queue import first_served, in_order
from daemon.core.verbs.leases import Leased
from daemon.engine.lease_commands import Changed, Waiting
from daemon.errors import Full, Held, Invalid, KeyConflict, NotAllowed, NotReady, Unknown, WrongState
from daemon.pieces import stepwise

MAX_SHOWN = 1_000
MAX_ERROR = 2_000


class RenewRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Whose lease is renewed, and for how long from now on."""

    owner_id: Text
    timeout_ms: Annotated[int | None, shown("length of the lease, ms", 1, MAX_TIMEOUT_MS)] = None


class ReleaseRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Whose lease ends, and its result, which repeated requests get, or an error."""

    owner_id: Text
    result: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: str | None = None


class ForceReleaseRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Why a lock is ended by force, and whether the exchange was checked, where an order was sent under it."""

    reason: Reason
    exchange_checked: bool = False


_acquire = Body[AcquireRequest](AcquireRequest)
_renew = Body[RenewRequest](RenewRequest)
_release = Body[ReleaseRequest](ReleaseRequest)
_force = Body[ForceReleaseRequest](ForceReleaseRequest)
_OF_ONE = (Invalid, NotAllowed, Unknown, WrongState, NotReady)


class Locks:
    """The routes of the lock service."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._page = SharedRead(context.memory_reads, self._make_page)

    @Route("GET", "/v1/locks", answers={200: LocksView})
    async def page(self, _request: Request) -> Response:
        """Show the active locks and the queue, in the order of service; a thousand of each at most."""
        return encoded(await self._page.get())

    async def _make_page(self) -> bytes:
        state = self._context.engine.state
        first = await stepwise(first_served(state, MAX_SHOWN))
        locks, queue = list(islice(state.locks, MAX_SHOWN)), in_order(state, first)
        return encode(LocksView(locks=await in_pieces(locks, lock_view), queue=await in_pieces(queue, waiting_view)))

    @Route("GET", "/v1/locks/{id}", answers={200: LockView}, refuses=[Unknown])
    async def one(self, request: Request) -> Response:
        """Show one lock, active or ended."""
        return json(lock_view(await self._context.lease_commands.lock(request.path_parameters["id"])))

    @Route(
        "POST",
        "/v1/locks",
        fast=True,
        until_gone=True,
        body=_acquire,
        repeated=Repeated.SAME_WITH_KEY,
        parameters=[WAIT, KEY],
        answers={200: LeaseView, 201: LeaseView},
        response_headers=["Location", "Idempotent-Replayed"],
        refuses=[Invalid, Held, Full, WrongState, KeyConflict, NotReady],
    )
    def acquire(self, request: Request) -> Answer:
        """Acquire a lease: 201 once it is on disk.

        Held by another, 409; with ``Prefer: wait=SECONDS`` a place in the queue, and 409 only when the wait ends. A
        repeated ``idempotencyKey`` is answered with 200, the first request's lease, and its result where it ended.
        """
        commands = self._context.lease_commands
        asked = _acquire.decode(request.body)
        asked = msgspec.structs.replace(asked, idempotency_key=key_of(request, asked.idempotency_key))
        wait = wait_s(request)
        got = commands.ask(normalise(asked, self._context.lease_timeout_ms), waits=wait is not None)
        if isinstance(got, Waiting):
            return self._after_wait(got, wait or 0)
        return AfterCommit(got.commit, lambda: _leased(commands.deliver(got)), partial(commands.lose, got))

    @Route(
        "POST",
        "/v1/locks/{id}/renew",
        fast=True,
        body=_renew,
        repeated=Repeated.SAME,
        answers={200: LockView},
        refuses=_OF_ONE,
    )
    def renew(self, request: Request) -> Answer:
        """Renew a lease, from now on; its owner only."""
        asked = _renew.decode(request.body)
        timeout_ms = None if asked.timeout_ms is None else within("timeoutMs", asked.timeout_ms, 0, 1, MAX_TIMEOUT_MS)
        lock_id, owner_id = request.path_parameters["id"], text("ownerId", asked.owner_id)
        return _when_changed(self._context.lease_commands.renew(lock_id, owner_id, timeout_ms))

    @Route(
        "POST",
        "/v1/locks/{id}/release",
        fast=True,
        body=_release,
        repeated=Repeated.SAME,
        answers={200: LockView},
        refuses=_OF_ONE,
    )
    def release(self, request: Request) -> Answer:
        """End a lease with its result or error; its owner only. The same again is answered like the first."""
        asked = _release.decode(request.body)
        has_result = not isinstance(asked.result, msgspec.UnsetType)
        if has_result and asked.error is not None:
            raise Invalid("a result and an error", field="error", allowed="one of them, or neither")
        ended = self._context.lease_commands.release(
            request.path_parameters["id"],
            text("ownerId", asked.owner_id),
            result=None if isinstance(asked.result, msgspec.UnsetType) else compact("result", asked.result),
            error=None if asked.error is None else asked.error[:MAX_ERROR],
        )
        return _when_changed(ended)

    @Route(
        "POST",
        "/v1/admin/locks/{id}/force-release",
        body=_force,
        repeated=Repeated.SAME,
        answers={200: LockView},
        refuses=_OF_ONE,
    )
    async def force_release(self, request: Request) -> Response:
        """End a lock of any owner, with a reason; administrators only."""
        asked = _force.decode(request.body)
        caller, reason = self._context.caller(request), checked_reason(asked.reason)
        ended = await self._context.lease_commands.force_release(
            request.path_parameters["id"], caller, reason, exchange_checked=asked.exchange_checked
        )
        return json(lock_view(ended))

    async def _after_wait(self, waiting: Waiting, wait: float) -> Response:
        return _leased(await self._context.lease_commands.wait(waiting, wait))


def _leased(leased: Leased) -> Response:
    view = lease_view(leased.lock, replayed=leased.replayed)
    if leased.replayed:
        return json(view, 200, {"Idempotent-Replayed": "true"})
    return json(view, 201, {"Location": f"/v1/locks/{leased.lock.lock_id}"})


def _when_changed(changed: Changed | Awaitable[Changed]) -> Answer:
    """Answer with a changed lock when its commit is durable."""
    if isinstance(changed, Changed):
        return AfterCommit(changed.commit, lambda: json(lock_view(changed.lock)))
    return _changed_later(changed)


async def _changed_later(changed: Awaitable[Changed]) -> Response:
    lock, commit = await changed
    await commit.durable()
    return json(lock_view(lock))
