"""Orders: list, show, explain, cancel."""

from aiohttp import web

from daemon.api.answers import json
from daemon.api.context import Context
from daemon.api.reading import number
from daemon.api.views import PageView, explain_view, order_view
from daemon.core.orders import State
from daemon.errors import Invalid

DEFAULT_LIMIT, MAX_LIMIT = 50, 1_000


class Orders:
    """The routes of orders."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def reads(self) -> list[web.RouteDef]:
        """List the routes that only read."""
        return [
            web.get("/v1/orders", self.page),
            web.get("/v1/orders/{id}", self.one),
            web.get("/v1/orders/{id}/explain", self.explain),
        ]

    def changes(self) -> list[web.RouteDef]:
        """List the routes that change."""
        return [web.delete("/v1/orders/{id}", self.cancel)]

    async def page(self, request: web.Request) -> web.Response:
        """Show a page of orders, newest first: ``?state&symbol&limit&cursor``."""
        query = request.query
        unknown = set(query) - {"state", "symbol", "limit", "cursor"}
        if unknown:
            raise Invalid(f"query parameter {min(unknown)!r} is unknown", allowed="state, symbol, limit, cursor")
        limit = number(query.get("limit"), "limit", DEFAULT_LIMIT, MAX_LIMIT)
        orders = await self._context.front_desk.page(
            state=_state(query.get("state")),
            symbol=query["symbol"].strip().upper() if "symbol" in query else None,
            before_seq=number(query["cursor"], "cursor", 0, 2**62) if "cursor" in query else None,
            limit=limit,
        )
        more = str(orders[-1].seq) if len(orders) == limit else None
        return json(PageView(orders=[order_view(order) for order in orders], next=more))

    async def one(self, request: web.Request) -> web.Response:
        """Show one order."""
        return json(order_view(await self._context.front_desk.order(request.match_info["id"])))

    async def explain(self, request: web.Request) -> web.Response:
        """Show everything about an order: its attempts, every event with time and reason, and what comes next."""
        return json(explain_view(await self._context.front_desk.explain(request.match_info["id"])))

    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel an order: withdraw it while unsent, ask the exchange while it rests, discard a dead letter."""
        reason = request.query.get("reason", "cancelled by the caller")[:500]
        order = await self._context.front_desk.cancel(request.match_info["id"], self._context.caller(request), reason)
        return json(order_view(order))


def _state(text: str | None) -> State | None:
    try:
        return None if text is None else State(text)
    except ValueError:
        raise Invalid(f"state {text!r} is unknown", field="state", allowed=", ".join(State)) from None
