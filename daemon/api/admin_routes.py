"""Administration: halt, resume, resolve, requeue, reschedule. Each with a reason; the actor is recorded."""

from decimal import Decimal
from typing import Annotated

import msgspec

from daemon.api.context import Context
from daemon.api.http.body import Body, Reason, checked_reason
from daemon.api.http.request import Request
from daemon.api.http.response import Response, json
from daemon.api.http.routes import Repeated, Route
from daemon.api.status_routes import StatusView, status_view
from daemon.api.views import OrderView, order_view
from daemon.core.values.decimals import canonical
from daemon.core.values.fields import Amount, Word, shown, text
from daemon.core.values.signals import MAX_AMOUNT, MAX_DECIMALS
from daemon.core.verbs import operator
from daemon.core.verbs.operator import Found, Resolution
from daemon.errors import Full, Halted, Invalid, NotAllowed, NotReady, Unknown, WrongState

_Amount = Annotated[Amount, shown("0 where nothing was executed", 0, float(MAX_AMOUNT))]


class ReasonRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class ResolveRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What the operator found on the exchange, and why."""

    reason: Reason
    resolution: Resolution = msgspec.field(name="ruling")
    exchange_order_id: Word | None = None
    executed_quantity: _Amount = msgspec.field(default_factory=Amount)  # a factory: JSON Schema cannot show our type
    executed_quote: _Amount = msgspec.field(default_factory=Amount)


class ResumeRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Why, and whether waits end as well."""

    reason: Reason
    clear_wait: bool = False


class RescheduleRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The new instant, and why."""

    reason: Reason
    execute_at: Annotated[int, shown("Unix ms of the exchange's time: ahead by at most 30 days")]


_reason = Body[ReasonRequest](ReasonRequest)
_reschedule = Body[RescheduleRequest](RescheduleRequest)
_resume = Body[ResumeRequest](ResumeRequest)
_resolve = Body[ResolveRequest](ResolveRequest)
_SWITCHING = (Invalid, NotAllowed, NotReady)
_DECIDING = (Invalid, NotAllowed, Unknown, WrongState, NotReady)


class Admin:
    """The routes of administration."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route(
        "POST",
        "/v1/admin/halt",
        body=_reason,
        repeated=Repeated.SAME,
        unanswered="trading is not known to be halted: stop the owner's daemon if you cannot wait",
        answers={200: StatusView},
        refuses=_SWITCHING,
    )
    async def halt(self, request: Request) -> Response:
        """Set the kill switch."""
        reason = _reason_of(request)
        await self._context.order_commands.switch(operator.halt, self._context.caller(request), reason)
        return json(await status_view(self._context))

    @Route("POST", "/v1/admin/resume", body=_resume, answers={200: StatusView}, refuses=_SWITCHING)
    async def resume(self, request: Request) -> Response:
        """Release the kill switch; with clearWait, also end every wait that the exchange asked for."""
        asked = _resume.decode(request.body)
        caller, reason = self._context.caller(request), checked_reason(asked.reason)
        if asked.clear_wait:
            await self._context.order_commands.clear_wait(caller, reason)
        await self._context.order_commands.switch(operator.resume, caller, reason)
        return json(await status_view(self._context))

    @Route(
        "POST",
        "/v1/admin/orders/{id}/resolve",
        body=_resolve,
        repeated=Repeated.SAME,
        answers={200: OrderView},
        refuses=_DECIDING,
    )
    async def resolve(self, request: Request) -> Response:
        """Resolve an unknown outcome with what the operator found on the exchange."""
        asked = _resolve.decode(request.body)
        found = Found(
            resolution=asked.resolution,
            exchange_order_id=(
                None if asked.exchange_order_id is None else text("exchangeOrderId", asked.exchange_order_id)
            ),
            executed_quantity=_amount("executedQuantity", asked.executed_quantity),
            executed_quote=_amount("executedQuote", asked.executed_quote),
        )
        caller, reason = self._context.caller(request), checked_reason(asked.reason)
        order = await self._context.order_commands.resolve(request.path_parameters["id"], found, caller, reason)
        return json(order_view(order, self._context.engine.state.quote_asset))

    @Route(
        "POST",
        "/v1/admin/orders/{id}/requeue",
        body=_reason,
        answers={200: OrderView},
        refuses=[*_DECIDING, Halted, Full],
    )
    async def requeue(self, request: Request) -> Response:
        """Send a dead letter back into the queue."""
        reason = _reason_of(request)
        order = await self._context.order_commands.requeue(
            request.path_parameters["id"], self._context.caller(request), reason
        )
        return json(order_view(order, self._context.engine.state.quote_asset))

    @Route("POST", "/v1/orders/{id}/reschedule", body=_reschedule, answers={200: OrderView}, refuses=_DECIDING)
    async def reschedule(self, request: Request) -> Response:
        """Move an order that waits to be sent to another instant; its deadline moves with it."""
        asked = _reschedule.decode(request.body)
        caller, reason = self._context.caller(request), checked_reason(asked.reason)
        order = await self._context.order_commands.reschedule(
            request.path_parameters["id"], asked.execute_at, caller, reason
        )
        return json(order_view(order, self._context.engine.state.quote_asset))


def _reason_of(request: Request) -> str:
    return checked_reason(_reason.decode(request.body).reason)


def _amount(field: str, amount: Amount) -> Decimal:
    """Refuse an amount that is not finite, or outside the range of an order's amounts."""
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_DECIMALS or not 0 <= amount <= MAX_AMOUNT:
        raise Invalid(
            f"{field} {str(amount)[:40]} is out of range",
            field=field,
            allowed=f"a number from 0 to 1e18, with at most {MAX_DECIMALS} decimals",
        )
    return canonical(amount)
