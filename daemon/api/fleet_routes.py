"""The fleet as this member knows it, and what an administrator may ask of it."""

from typing import Annotated

import msgspec

from daemon.api.context import Context, FleetCommands
from daemon.api.http.body import Body, Reason, checked_reason
from daemon.api.http.request import Request
from daemon.api.http.response import Response, json
from daemon.api.http.routes import Answered, Route
from daemon.api.views import View
from daemon.core.values.fields import shown
from daemon.core.values.fleet_health import FleetHealth
from daemon.engine.order_commands import administrators_only
from daemon.errors import Invalid, NotAllowed, NotReady, Unknown, WrongState

ALONE = "this daemon is alone: it is in no fleet; see `sniperd manual fleet`"


class FleetView(View, frozen=True):
    """The fleet; null where this daemon is alone."""

    fleet: FleetHealth | None


class HandOverRequest(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who takes over, and why."""

    reason: Reason
    to: Annotated[str, shown("a member's name; where it is left out, any that could take over")] | None = None


class TakeRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class ForgetRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which member, and why."""

    name: Annotated[str, shown("a member's name or id")]
    reason: Reason


_hand_over = Body[HandOverRequest](HandOverRequest)
_take = Body[TakeRequest](TakeRequest)
_forget = Body[ForgetRequest](ForgetRequest)
_REFUSES = (Invalid, NotAllowed, WrongState)


class Fleet:
    """The routes of the fleet."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route("GET", "/v1/fleet", answered=Answered.BY_EACH, answers={200: FleetView})
    async def fleet(self, _request: Request) -> Response:
        """Show the fleet as this member knows it."""
        return json(self._view())

    @Route("POST", "/v1/admin/fleet/hand-over", body=_hand_over, answers={200: FleetView}, refuses=_REFUSES)
    async def hand_over(self, request: Request) -> Response:
        """Let another member own the account; the owner finishes what it has sent, and stands by."""
        asked = _hand_over.decode(request.body)
        member, actor = self._member(request)
        await member.hand_over(asked.to, actor, checked_reason(asked.reason))
        return json(self._view())

    @Route(
        "POST",
        "/v1/admin/fleet/take",
        answered=Answered.BY_EACH,
        body=_take,
        answers={200: FleetView},
        refuses=_REFUSES,
    )
    async def take(self, request: Request) -> Response:
        """Own the account at once, before the owner's lease has ended; refused if another member takes it meanwhile."""
        asked = _take.decode(request.body)
        member, actor = self._member(request)
        await member.take(actor, checked_reason(asked.reason))
        return json(self._view())

    @Route(
        "POST",
        "/v1/admin/fleet/forget",
        answered=Answered.BY_EACH,
        body=_forget,
        answers={200: FleetView},
        refuses=[*_REFUSES, NotReady, Unknown],
    )
    async def forget(self, request: Request) -> Response:
        """Remove a member whose machine is lost from the list; one that has reported itself lately is refused."""
        asked = _forget.decode(request.body)
        member, actor = self._member(request)
        await member.forget(asked.name, actor, checked_reason(asked.reason))
        return json(self._view())

    def _view(self) -> FleetView:
        return FleetView(self._context.monitor.fleet_health())

    def _member(self, request: Request) -> tuple[FleetCommands, str]:
        """Return this member, and the caller's name.

        Raises:
            NotAllowed: the caller is no administrator.
            WrongState: there is no fleet.

        """
        caller = self._context.caller(request)
        administrators_only(caller)
        if self._context.fleet is None:
            raise WrongState(ALONE)
        return self._context.fleet, caller.actor
