"""``GET /v1/board``: the current orders, locks and queue in one consistent answer, for displays."""

from functools import partial
from itertools import islice

import msgspec

from daemon.api.context import Context
from daemon.api.http.request import Request
from daemon.api.http.response import Response, encoded
from daemon.api.http.routes import FROM_COPY, Answered, Route
from daemon.api.lock_views import LockView, WaitingView, lock_view, waiting_view
from daemon.api.read_scheduler import SharedRead, in_pieces
from daemon.api.status_routes import StatusView, status_view
from daemon.api.views import OrderView, View, encode, order_fields
from daemon.core.state.gate import Stage
from daemon.core.values.orders import Order
from daemon.core.values.quote_assets import QuoteAsset
from daemon.core.values.states import State
from daemon.core.views.board import BoardEntry, overview
from daemon.core.views.countdown import Countdown, Countdowns
from daemon.core.views.explain import Outlook
from daemon.pieces import stepwise
from daemon.store.queries import OnDisk

MAX_SHOWN = 300

_COPIED = Outlook("the owner of the account goes on with it; what it does next is not known here")
"""What comes next for an order that a member shows from its copy."""


class SearchView(View, frozen=True, kw_only=True):
    """The progress of the search for an order."""

    rounds: int
    in_vain: int  # consecutive complete searches without a result, once they count
    next_at_ms: int


class StandingView(OrderView, frozen=True, kw_only=True):
    """An order that is not finished, and what it waits for."""

    next: Outlook
    position: int | None  # position in the order of service, from 1, while it is queued
    search: SearchView | None  # while the order is searched for
    countdown: Countdown | None  # while it waits for its instant


class BoardView(View, frozen=True, kw_only=True):
    """Unfinished orders, those in doubt or lost first; locks; the queue."""

    status: StatusView
    orders: list[StandingView]
    unshown: int  # number of further unfinished orders
    locks: list[LockView]
    queue: list[WaitingView]


class Board:
    """The route of the board."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._made = SharedRead(context.memory_reads, self._make)
        self._copied = SharedRead(context.disk_reads, self._make_from_copy)

    @Route(
        "GET",
        "/v1/board",
        answered=Answered.BY_OWNER_OR_COPY,
        answers={200: BoardView},
        response_headers=[FROM_COPY],
    )
    async def board(self, _request: Request) -> Response:
        """Show unfinished orders, locks and the queue: 300 of each at most. Concurrent requests share one answer.

        A member of a fleet that does not reach the owner shows what its copy has. `status` is then its own, with the
        stage `standby`, and there is no queue.
        """
        stands_by = self._context.engine.state.gate.stage is Stage.STANDBY
        return encoded(await (self._copied if stands_by else self._made).get())

    async def _make(self) -> bytes:
        engine = self._context.engine
        status = await status_view(self._context)
        found = await stepwise(overview(engine.state, engine.clock.now_ms(), MAX_SHOWN))
        locks = list(islice(engine.state.locks, MAX_SHOWN))
        return encode(
            BoardView(
                status=status,
                orders=await in_pieces(
                    found.standings, partial(_standing_view, engine.state.quote_asset, engine.countdowns())
                ),
                unshown=found.unshown,
                locks=await in_pieces(locks, lock_view),
                queue=await in_pieces(found.queue, waiting_view),
            )
        )

    async def _make_from_copy(self) -> bytes:
        """Make it from the disk: the engine of a member that stands by does not run, so nothing is in memory."""
        found = await self._context.engine.store.unfinished(MAX_SHOWN)
        return encode(
            BoardView(
                status=_status_of_copy(await status_view(self._context), found),
                orders=await in_pieces(found.orders, partial(_copied_view, self._context.engine.state.quote_asset)),
                unshown=sum(found.by_state.values()) - len(found.orders),
                locks=await in_pieces(found.locks, lock_view),
                queue=[],
            )
        )


def _status_of_copy(status: StatusView, found: OnDisk) -> StatusView:
    """Return a member's status with the orders and locks of its copy."""
    return msgspec.structs.replace(
        status,
        orders={each.value: count for each, count in sorted(found.by_state.items())},
        queue_length=found.by_state.get(State.QUEUED, 0),
        in_flight=found.by_state.get(State.IN_FLIGHT, 0),
        in_doubt=found.by_state.get(State.IN_DOUBT, 0),
        lost=found.by_state.get(State.LOST, 0),
        active_locks=found.active_locks,
    )


def _copied_view(quote_asset: QuoteAsset, order: Order) -> StandingView:
    return StandingView(**order_fields(order, quote_asset), next=_COPIED, countdown=None, position=None, search=None)


def _standing_view(quote_asset: QuoteAsset, countdowns: Countdowns, standing: BoardEntry) -> StandingView:
    search, waiting = standing.search, standing.waiting
    return StandingView(
        **order_fields(standing.order, quote_asset),
        next=standing.outlook,
        countdown=countdowns.of(standing.order),
        position=None if waiting is None else waiting.position,
        search=None
        if search is None
        else SearchView(rounds=search.attempts, in_vain=search.misses, next_at_ms=search.next_ms),
    )
