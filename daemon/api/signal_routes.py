"""Signals in: one, or many in one commit."""

from functools import partial
from typing import Annotated

import msgspec

from daemon.api.context import Context
from daemon.api.http.body import Body, key_of, wait_s
from daemon.api.http.request import Request
from daemon.api.http.response import AfterCommit, Answer, Response, json
from daemon.api.http.routes import KEY, WAIT, Repeated, Route
from daemon.api.read_scheduler import in_pieces
from daemon.api.views import AcceptedView, accepted_view
from daemon.core.values.signals import SignalRequest
from daemon.core.verbs.intake import Accepted
from daemon.engine.order_commands import Caller
from daemon.errors import Full, Halted, Invalid, KeyConflict, NotAllowed, NotReady

MAX_BATCH = 1_000

_one = Body[SignalRequest](SignalRequest)
_many = Body[list[SignalRequest]](
    Annotated[list[SignalRequest], msgspec.Meta(extra_json_schema={"minItems": 1, "maxItems": MAX_BATCH})],
    SignalRequest,
    is_batch=True,
)
_REFUSALS = (Invalid, NotAllowed, Halted, Full, KeyConflict, NotReady)


class Signals:
    """The routes that take signals."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route(
        "POST",
        "/v1/signals",
        fast=True,
        body=_one,
        repeated=Repeated.SAME_WITH_KEY,
        parameters=[WAIT, KEY],
        answers={200: AcceptedView, 202: AcceptedView},
        response_headers=["Location", "Idempotent-Replayed", "Preference-Applied", "Sniperd-Shadow-Of"],
        refuses=_REFUSALS,
    )
    def one(self, request: Request) -> Answer:
        """Take one signal.

        202 with the order once it is on disk; with ``Prefer: wait=SECONDS`` 200 once its outcome is known. A signal
        that came before is answered with 200, ``Idempotent-Replayed: true`` and the first one's order.
        """
        asked = _one.decode(request.body)
        signal = msgspec.structs.replace(asked, idempotency_key=key_of(request, asked.idempotency_key))
        caller, wait = self._context.caller(request), wait_s(request)
        submitted = self._context.order_commands.try_submit(signal, caller)
        if submitted is None:
            return self._after_queries(signal, caller, wait)
        accepted, commit = submitted
        if wait is None:
            return AfterCommit(commit, partial(self._response, accepted))
        return self._with_outcome(accepted, wait)

    @Route(
        "POST",
        "/v1/signals/batch",
        body=_many,
        repeated=Repeated.SAME_WITH_KEY,
        answers={202: list[AcceptedView]},
        refuses=_REFUSALS,
    )
    async def many(self, request: Request) -> Response:
        """Take a list of signals, all or none, in one commit; 202 with their orders in the same order."""
        signals = _many.decode(request.body)
        if key_of(request, None) is not None:
            raise Invalid(
                "one Idempotency-Key header for a batch of signals",
                field="idempotencyKey",
                allowed="idempotencyKey in each signal",
            )
        if not 1 <= len(signals) <= MAX_BATCH:
            raise Invalid(f"a batch of {len(signals)} signals", field="body", allowed=f"1 to {MAX_BATCH} signals")
        accepted = await self._context.order_commands.submit_all(signals, self._context.caller(request))
        quote_asset = self._context.engine.state.quote_asset
        views = await in_pieces(accepted, lambda each: accepted_view(each.order, quote_asset, replayed=each.replayed))
        return json(views, 202)

    async def _after_queries(self, signal: SignalRequest, caller: Caller, wait: float | None) -> Response:
        accepted = await self._context.order_commands.submit(signal, caller)
        return self._response(accepted) if wait is None else await self._with_outcome(accepted, wait)

    async def _with_outcome(self, accepted: Accepted, wait: float) -> Response:
        order = await self._context.order_commands.outcome(accepted.order, wait)
        return self._response(Accepted(order, accepted.replayed), wait)

    def _response(self, accepted: Accepted, waited: float | None = None) -> Response:
        order, shadow_of = accepted.order, self._context.shadow_of
        headers = {} if shadow_of is None else {"Sniperd-Shadow-Of": shadow_of}
        if waited is not None:
            headers["Preference-Applied"] = f"wait={waited:g}"
        if accepted.replayed:
            headers["Idempotent-Replayed"] = "true"
        else:
            headers["Location"] = f"/v1/orders/{order.order_id}"
        is_done = accepted.replayed or (waited is not None and order.outcome_known)
        shown = accepted_view(order, self._context.engine.state.quote_asset, replayed=accepted.replayed)
        return json(shown, 200 if is_done else 202, headers)
