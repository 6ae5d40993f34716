"""Orders: list, show, explain, cancel."""

from typing import Annotated

import msgspec

from daemon.api.context import Context
from daemon.api.http.body import check_query, number, wait_s
from daemon.api.http.request import Request
from daemon.api.http.response import Response, encoded, json
from daemon.api.http.routes import FROM_COPY, WAIT, Answered, Parameter, Repeated, Route
from daemon.api.read_scheduler import in_pieces
from daemon.api.views import ExplainView, OrderView, PageView, encode, explain_view, order_view, stored_event
from daemon.core.values.states import RESTING, State
from daemon.errors import Invalid, NotReady, Unknown, WrongState
from daemon.store.queries import OrderFilter

DEFAULT_LIMIT, MAX_LIMIT = 50, 1_000
MAX_CURSOR = 2**62
CANCEL_WAIT_S = 5.0
"""How long a cancel waits for the outcome of a resting order by default."""

_FILTERS = [
    Parameter(name="state", type=State, about="orders in this state alone"),
    Parameter(name="symbol", about="orders of this pair alone; case does not matter"),
    Parameter(name="owner", about="orders of this owner alone"),
    Parameter(
        name="since",
        type=Annotated[int, msgspec.Meta(ge=1, le=MAX_CURSOR)],
        about="orders that were accepted at this instant or later, Unix ms",
    ),
    Parameter(
        name="limit",
        type=Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)],
        about=f"length of the page; {DEFAULT_LIMIT} where absent",
    ),
    Parameter(name="cursor", type=Annotated[int, msgspec.Meta(ge=1, le=MAX_CURSOR)], about="`next` of the page before"),
]
_REASON = Parameter(name="reason", about="why, for the record; what is beyond 500 characters is cut")


class Orders:
    """The routes of orders."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route(
        "GET",
        "/v1/orders",
        answered=Answered.BY_OWNER_OR_COPY,
        parameters=_FILTERS,
        answers={200: PageView},
        response_headers=[FROM_COPY],
        refuses=[Invalid],
    )
    async def page(self, request: Request) -> Response:
        """Show a page of orders, newest first: ``?state&symbol&owner&since&limit&cursor``."""
        query = request.query
        check_query(request, (each.name for each in _FILTERS))
        limit = number(query.get("limit"), "limit", DEFAULT_LIMIT, MAX_LIMIT)
        wanted = OrderFilter(
            state=_state(query.get("state")),
            symbol=query["symbol"].strip().upper() if "symbol" in query else None,
            owner_id=query.get("owner"),
            since_ms=number(query["since"], "since", 0, MAX_CURSOR) if "since" in query else None,
            before_seq=number(query["cursor"], "cursor", 0, MAX_CURSOR) if "cursor" in query else None,
        )
        async with self._context.disk_reads.slot():
            rows = await self._context.engine.store.order_page(wanted, limit)
            shown = b",".join(await in_pieces(rows, lambda row: row.json(self._context.engine.state.quote_asset)))
        more = str(rows[-1].seq) if len(rows) == limit else None
        return encoded(b'{"orders":[%b],"next":%b}' % (shown, encode(more)))

    @Route(
        "GET",
        "/v1/orders/{id}",
        answered=Answered.BY_OWNER_OR_COPY,
        answers={200: OrderView},
        response_headers=[FROM_COPY],
        refuses=[Unknown],
    )
    async def one(self, request: Request) -> Response:
        """Show one order."""
        order = await self._context.order_commands.order(request.path_parameters["id"])
        return json(order_view(order, self._context.engine.state.quote_asset))

    @Route("GET", "/v1/orders/{id}/explain", answers={200: ExplainView}, refuses=[Unknown])
    async def explain(self, request: Request) -> Response:
        """Show everything about an order: its attempts, every event with time and reason, and what comes next."""
        async with self._context.disk_reads.slot():
            explanation = await self._context.order_commands.explain(request.path_parameters["id"])
            events = await in_pieces(explanation.history.events, stored_event)
            return json(explain_view(explanation, self._context.engine.state.quote_asset, events))

    @Route(
        "DELETE",
        "/v1/orders/{id}",
        parameters=[WAIT, _REASON],
        lasts_s=CANCEL_WAIT_S,
        repeated=Repeated.SAME,
        answers={200: OrderView, 202: OrderView},
        response_headers=["Preference-Applied"],
        refuses=[Unknown, WrongState, NotReady],
    )
    async def cancel(self, request: Request) -> Response:
        """Cancel an order: withdraw it while unsent, ask the exchange while it rests, discard a dead letter.

        A resting order is waited for, five seconds or as ``Prefer: wait=SECONDS`` says. 200 with what became of it:
        cancelled, or filled meanwhile. 202 where it still rests as far as is known: the outcome is not known yet. An
        order that is cancelled already is answered with 200, too.
        """
        reason = request.query.get("reason", "cancelled by the caller")[:500]
        asked_s, caller = wait_s(request), self._context.caller(request)
        timeout_s = CANCEL_WAIT_S if asked_s is None else asked_s
        order = await self._context.order_commands.cancel(request.path_parameters["id"], caller, reason, timeout_s)
        headers = None if asked_s is None else {"Preference-Applied": f"wait={asked_s:g}"}
        return json(
            order_view(order, self._context.engine.state.quote_asset), 202 if order.state in RESTING else 200, headers
        )


def _state(text: str | None) -> State | None:
    try:
        return None if text is None else State(text)
    except ValueError:
        raise Invalid(f"state {text!r} is unknown", field="state", allowed=", ".join(State)) from None
