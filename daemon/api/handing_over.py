"""The API in a fleet: a request that reaches a member is answered by the owner, whichever member that is.

A route says who answers (:class:`~daemon.api.http.routes.Answered`). On the owner the route's handler answers, as it
does without a fleet. Any other member hands the request over, whole, and the owner runs it through that same handler.
So no route exists twice, and every member answers alike.
"""

from collections.abc import Awaitable, Sequence
from functools import partial
from typing import Protocol

import msgspec
from multidict import CIMultiDict, CIMultiDictProxy

from daemon.api.context import Context
from daemon.api.http.body import wait_s
from daemon.api.http.error_responses import ErrorResponses
from daemon.api.http.peer import Peer
from daemon.api.http.request import Request
from daemon.api.http.response import AfterCommit, Answer, Response, completed
from daemon.api.http.routes import FROM_COPY, KEY, Answered, Endpoint, Handler, Repeated, Route
from daemon.core.state.gate import Stage
from daemon.engine.order_commands import Caller
from daemon.errors import CommitFailed, NotReady
from daemon.fleet.calls import NotServed
from daemon.fleet.door import Door, HandedRequest, HandedResponse

COPY = {FROM_COPY: "copy"}
"""The header of an answer from this member's copy: it reaches no owner, whose latest changes may be missing."""


class Membership(Protocol):
    """What the routes need to know of this member."""

    @property
    def answers(self) -> bool:
        """Whether this member owns the account, and is not about to hand it over."""
        ...

    @property
    def has_owner(self) -> bool:
        """Whether any member owns the account, as far as it is known."""
        ...


class _Keyed(msgspec.Struct):
    key: str | int | None = msgspec.field(default=None, name="idempotencyKey")


_keys_of = msgspec.json.Decoder(_Keyed | list[_Keyed]).decode


class HandingOver:
    """Makes the endpoints of a member from those of a daemon alone."""

    def __init__(self, context: Context, membership: Membership, door: Door, name: str) -> None:
        """``name`` is this member's; the record of what a caller did says at which member it was."""
        self._context = context
        self._membership = membership
        self._door = door
        self._name = name

    def endpoints(self, alone: Sequence[Endpoint]) -> list[Endpoint]:
        """Return the endpoints with handlers that hand requests over while this member is not the owner."""
        return [Endpoint(each.route, self._handler(each)) for each in alone]

    def _handler(self, endpoint: Endpoint) -> Handler:
        route, local = endpoint
        if route.answered is Answered.BY_EACH:
            return local
        elsewhere = partial(
            self._from_owner_or_copy if route.answered is Answered.BY_OWNER_OR_COPY else self._from_owner, endpoint
        )
        membership = self._membership

        async def unless_it_ends(answer: Awaitable[Response], request: Request) -> Response:
            try:
                return await answer
            except NotReady:  # nothing was changed; this owner is ending, so the next one answers
                if membership.answers:
                    raise
            return await elsewhere(request)

        def handle(request: Request) -> Answer:
            if not membership.answers:
                return elsewhere(request)
            answer = local(request)
            return answer if isinstance(answer, Response | AfterCommit) else unless_it_ends(answer, request)

        return handle

    async def _from_owner(self, endpoint: Endpoint, request: Request) -> Response:
        route, caller = endpoint.route, self._context.caller(request)
        headers, is_repeatable = _headers(route, request), _is_repeatable(route, request)
        if route.until_gone and not is_repeatable:  # the owner would not notice that the caller of such a call is gone
            headers, is_repeatable = [*headers, (KEY.name, f"door-{self._door.new_id()}")], True
        handed = HandedRequest(
            route=_name(route),
            method=request.method,
            path=request.path,
            path_parameters=dict(request.path_parameters),
            query=dict(request.query),
            headers=headers,
            body=request.body,
            actor=f"{caller.actor}@{self._name}",
            administrator=caller.administrator,
            wait_s=_lasts_s(route, request),
        )
        try:
            answer = await self._door.hand_over(handed, is_repeatable=is_repeatable)
        except NotReady as error:
            if not route.unanswered:
                raise
            raise type(error)(f"{error}; {route.unanswered}") from error
        return Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _from_owner_or_copy(self, endpoint: Endpoint, request: Request) -> Response:
        if self._membership.has_owner:
            try:
                return await self._from_owner(endpoint, request)
            except NotReady:
                pass
        response = await completed(endpoint.handler(request))
        return msgspec.structs.replace(response, headers={**response.headers, **COPY})


class HandedOver:
    """Answers what other members hand over, while this member is the owner."""

    def __init__(self, context: Context, alone: Sequence[Endpoint], errors: ErrorResponses) -> None:
        self._context = context
        self._endpoints = {_name(each.route): each for each in alone if each.route.answered is not Answered.BY_EACH}
        self._errors = errors

    async def answer(self, handed: HandedRequest, may_be_left: bool) -> HandedResponse:
        """Run a request through the handler of its route.

        Raises:
            NotServed: ``may_be_left``, and this owner is ending; nothing was changed.

        """
        request = Request(
            method=handed.method,
            path=handed.path,
            peer=Peer(None, Caller(handed.actor, administrator=handed.administrator)),
            headers=CIMultiDictProxy(CIMultiDict(handed.headers)),
            query=handed.query,
            path_parameters=handed.path_parameters,
            body=handed.body,
        )
        try:
            response = await completed(self._handler(handed)(request))
        except Exception as error:  # noqa: BLE001  # the last resort of a request; the daemon itself goes on
            if may_be_left and self._is_ending(error):
                raise NotServed from None
            response = self._errors.response_to(error, handed.method, handed.path)
        assert response.stream is None, f"{handed.route} streams, so each member answers it"
        return HandedResponse(status=response.status, headers=dict(response.headers), body=response.body)

    def _handler(self, handed: HandedRequest) -> Handler:
        endpoint = self._endpoints.get(handed.route)
        if endpoint is None:
            raise NotReady(f"the owner's sniperd has no route {handed.route}; use the same version on all members")
        return endpoint.handler

    def _is_ending(self, error: Exception) -> bool:
        """Return whether a request was refused because this owner ends, so that the next one may accept it."""
        is_draining = self._context.engine.state.gate.stage is Stage.DRAINING
        return isinstance(error, CommitFailed) or (isinstance(error, NotReady) and is_draining)


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


def _headers(route: Route, request: Request) -> list[tuple[str, str]]:
    """Return the headers that a route reads. A batch has no key of its own, and is refused with one."""
    read = dict.fromkeys([*(each.name for each in route.parameters if each.place == "header"), KEY.name])
    return [(name, value) for name in read for value in request.headers.getall(name, [])]


def _lasts_s(route: Route, request: Request) -> float:
    asked_s = wait_s(request)
    return route.lasts_s if asked_s is None else asked_s


def _is_repeatable(route: Route, request: Request) -> bool:
    """Return whether a request may be made twice."""
    if route.is_read or route.repeated is Repeated.SAME:
        return True
    return route.repeated is Repeated.SAME_WITH_KEY and (KEY.name in request.headers or _has_keys(request.body))


def _has_keys(body: bytes) -> bool:
    """Return whether everything that a body asks for has a key of its own."""
    try:
        asked = _keys_of(body)
    except msgspec.DecodeError:
        return False  # whatever a route reads in it
    return all(each.key for each in (asked if isinstance(asked, list) else [asked]))
