"""Administration: halt, resume, resolve, requeue. Each with a reason; the actor is recorded."""

from decimal import Decimal
from typing import Annotated

import msgspec
from aiohttp import web

from daemon.api.context import Context
from daemon.api.http.body import Body, Reason, checked_reason
from daemon.api.http.responses import json
from daemon.api.http.routes import Route
from daemon.api.status import StatusView, status_view
from daemon.api.views import OrderView, order_view
from daemon.core.values.decimals import canonical
from daemon.core.values.fields import Amount, Word, shown, text
from daemon.core.values.signals import MAX_AMOUNT, MAX_DECIMALS
from daemon.core.verbs import operator
from daemon.core.verbs.operator import Found, Ruling
from daemon.errors import Full, Halted, Invalid, NotAllowed, NotReady, Unknown, WrongState

_Amount = Annotated[Amount, shown("0 where nothing was executed", 0, float(MAX_AMOUNT))]


class ReasonRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


class ResolveRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What a person found on the exchange, and why it is so."""

    reason: Reason
    ruling: Ruling
    exchange_order_id: Word | None = None
    executed_quantity: _Amount = msgspec.field(default_factory=Amount)  # a factory: JSON Schema cannot show our type
    executed_quote: _Amount = msgspec.field(default_factory=Amount)


class ResumeRequest(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """Why, and whether waits end as well."""

    reason: Reason
    clear_wait: bool = False


_reason = Body[ReasonRequest](ReasonRequest)
_resume = Body[ResumeRequest](ResumeRequest)
_resolve = Body[ResolveRequest](ResolveRequest)


class Admin:
    """The routes of administration."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def routes(self) -> list[Route]:
        """List the routes."""
        switching, deciding = (Invalid, NotAllowed, NotReady), (Invalid, NotAllowed, Unknown, WrongState, NotReady)
        stands, order = {200: StatusView}, {200: OrderView}
        base = "/v1/admin"
        return [
            Route(
                method="POST", path=f"{base}/halt", handler=self.halt, takes=_reason, answers=stands, refuses=switching
            ),
            Route(
                method="POST",
                path=f"{base}/resume",
                handler=self.resume,
                takes=_resume,
                answers=stands,
                refuses=switching,
            ),
            Route(
                method="POST",
                path=base + "/orders/{id}/resolve",
                handler=self.resolve,
                takes=_resolve,
                answers=order,
                refuses=deciding,
            ),
            Route(
                method="POST",
                path=base + "/orders/{id}/requeue",
                handler=self.requeue,
                takes=_reason,
                answers=order,
                refuses=[*deciding, Halted, Full],
            ),
        ]

    async def halt(self, request: web.Request) -> web.Response:
        """Set the kill switch."""
        reason = await self._reason(request)
        await self._context.order_commands.switch(operator.halt, self._context.caller(request), reason)
        return json(await status_view(self._context))

    async def resume(self, request: web.Request) -> web.Response:
        """Release the kill switch; with clearWait, also end every wait that the exchange asked for."""
        asked = await _resume.read(request, self._context.limits)
        caller, reason = self._context.caller(request), checked_reason(asked.reason)
        if asked.clear_wait:
            await self._context.order_commands.clear_wait(caller, reason)
        await self._context.order_commands.switch(operator.resume, caller, reason)
        return json(await status_view(self._context))

    async def resolve(self, request: web.Request) -> web.Response:
        """End an unknown outcome by a person's word."""
        asked = await _resolve.read(request, self._context.limits)
        found = Found(
            ruling=asked.ruling,
            exchange_order_id=(
                None if asked.exchange_order_id is None else text("exchangeOrderId", asked.exchange_order_id)
            ),
            executed_quantity=_amount("executedQuantity", asked.executed_quantity),
            executed_quote=_amount("executedQuote", asked.executed_quote),
        )
        caller, reason = self._context.caller(request), checked_reason(asked.reason)
        return json(
            order_view(await self._context.order_commands.resolve(request.match_info["id"], found, caller, reason))
        )

    async def requeue(self, request: web.Request) -> web.Response:
        """Send a dead letter back into the queue."""
        reason = await self._reason(request)
        order = await self._context.order_commands.requeue(
            request.match_info["id"], self._context.caller(request), reason
        )
        return json(order_view(order))

    async def _reason(self, request: web.Request) -> str:
        asked = await _reason.read(request, self._context.limits)
        return checked_reason(asked.reason)


def _amount(field: str, amount: Amount) -> Decimal:
    """Refuse an amount that nothing can be reckoned with, or that no order can have."""
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_DECIMALS or not 0 <= amount <= MAX_AMOUNT:
        raise Invalid(
            f"{field} {str(amount)[:40]} is out of range",
            field=field,
            allowed=f"a number from 0 to 1e18, with at most {MAX_DECIMALS} decimals",
        )
    return canonical(amount)
