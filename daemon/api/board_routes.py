"""``GET /v1/board``: the current orders, locks and queue in one consistent answer, for displays."""

from functools import partial
from itertools import islice

from daemon.api.context import Context
from daemon.api.http.request import Request
from daemon.api.http.response import Response, encoded
from daemon.api.http.routes import Route
from daemon.api.lock_views import LockView, WaitingView, lock_view, waiting_view
from daemon.api.read_scheduler import SharedRead, in_pieces
from daemon.api.status_routes import StatusView, status_view
from daemon.api.views import OrderView, View, encode, order_fields
from daemon.core.values.quote_assets import QuoteAsset
from daemon.core.views.board import BoardEntry, overview
from daemon.core.views.countdown import Countdown, Countdowns
from daemon.core.views.explain import Outlook
from daemon.pieces import stepwise

MAX_SHOWN = 300


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

    @Route("GET", "/v1/board", answers={200: BoardView})
    async def board(self, _request: Request) -> Response:
        """Show unfinished orders, locks and the queue: 300 of each at most. Concurrent requests share one answer."""
        return encoded(await self._made.get())

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
