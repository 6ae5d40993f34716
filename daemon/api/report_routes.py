"""``GET /v1/report``: what was bought or not in a period, at which price, and what it earned."""

from collections.abc import Generator
from typing import Annotated

import anyio.lowlevel
import msgspec

from daemon.api.context import Context
from daemon.api.http.body import check_query, number
from daemon.api.http.request import Request
from daemon.api.http.response import Response, json
from daemon.api.http.routes import FROM_COPY, Answered, Parameter, Route
from daemon.api.order_routes import MAX_CURSOR
from daemon.api.read_scheduler import in_pieces
from daemon.api.report_views import (
    DailyLimitView,
    ReportView,
    day_view,
    pair_view,
    target_view,
    total_view,
    written,
)
from daemon.core.rules.exposure import DAY_MS
from daemon.core.state.gate import Stage
from daemon.core.values.decimals import plain
from daemon.core.views.report import Bookkeeping, assets_by_name
from daemon.core.views.results import Assets, Period, Report
from daemon.errors import Invalid
from daemon.store.traded_orders import traded_from

DEFAULT_LIMIT, MAX_LIMIT = 50, 1_000
MAX_ORDERS = 250_000
"""Orders of one report; they take some hundred bytes of memory each, until the report is made."""

LONGEST_S = 90.0
"""How long the owner of a fleet's account may take for the report of many orders."""

PIECE = 250
"""Orders that are read at once: some milliseconds in SQLite, and little of it holds the interpreter."""

STEPS = 8
"""Steps of the adding up that are taken at once: some milliseconds."""

_QUERY = [
    Parameter(
        name="since",
        type=Annotated[int, msgspec.Meta(ge=1, le=MAX_CURSOR)],
        about="begin of the period, Unix ms; the begin of this day (UTC) where absent",
    ),
    Parameter(
        name="until",
        type=Annotated[int, msgspec.Meta(ge=1, le=MAX_CURSOR)],
        about="end of the period, Unix ms, not part of it; now where absent",
    ),
    Parameter(
        name="limit",
        type=Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)],
        about=f"how many targets are listed; {DEFAULT_LIMIT} where absent",
    ),
    Parameter(name="cursor", type=Annotated[int, msgspec.Meta(ge=1, le=MAX_CURSOR)], about="`next` of the page before"),
]


class Reports:
    """The route of the report."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @Route(
        "GET",
        "/v1/report",
        answered=Answered.BY_OWNER_OR_COPY,
        parameters=_QUERY,
        answers={200: ReportView},
        response_headers=[FROM_COPY],
        refuses=[Invalid],
        lasts_s=LONGEST_S,
    )
    async def report(self, request: Request) -> Response:
        """Show what a period's orders bought, sold, cost and earned: ``?since&until&limit&cursor``.

        Sums cover the whole period on every page. The first 1,000 pairs and days are listed. `sniperd manual money` has
        how the result is computed.
        """
        query, now_ms = request.query, self._context.engine.clock.now_ms()
        check_query(request, (each.name for each in _QUERY))
        period = Period(
            since_ms=number(query.get("since"), "since", now_ms - now_ms % DAY_MS, MAX_CURSOR),
            until_ms=number(query["until"], "until", 0, MAX_CURSOR) if "until" in query else None,
            now_ms=now_ms,
        )
        if period.until_ms is not None and period.until_ms <= period.since_ms:
            raise Invalid(
                "the period ends before it begins",
                field="until",
                allowed="an instant after since, or after the begin of this day (UTC) where since is absent",
            )
        limit = number(query.get("limit"), "limit", DEFAULT_LIMIT, MAX_LIMIT)
        cursor = number(query["cursor"], "cursor", 0, MAX_CURSOR) if "cursor" in query else None
        books = Bookkeeping(period, self._assets, targets=limit, before_seq=cursor)
        await self._read(period, books)
        found = await self._add_up(books.report())
        return json(await self._view(period, found))

    async def _read(self, period: Period, books: Bookkeeping) -> None:
        """Read the period's orders in pieces, with the pauses of long reads: a long report delays no other one."""
        before_seq: int | None = None
        for _ in range(MAX_ORDERS // PIECE):
            async with self._context.disk_reads.slot():
                rows = await self._context.engine.store.traded_orders(period, before_seq, PIECE)
                orders = await in_pieces(rows, traded_from)
                await in_pieces(orders, books.add)
            if len(orders) < PIECE:
                return
            before_seq = orders[-1].seq
        raise Invalid(
            f"the period has more than {MAX_ORDERS:,} orders",
            field="since",
            allowed="a later instant, or an earlier until",
        )

    async def _add_up(self, steps: Generator[None, None, Report]) -> Report:
        """Take the steps of a report, some in each turn of long reads."""
        while True:
            async with self._context.disk_reads.slot():
                for _ in range(STEPS):
                    try:
                        next(steps)
                    except StopIteration as end:
                        report: Report = end.value
                        return report
                    await anyio.lowlevel.checkpoint()

    def _assets(self, symbol: str) -> Assets:
        rules = self._context.engine.exchange.known_rules(symbol)
        return assets_by_name(symbol) if rules is None else Assets(rules.base_asset, rules.quote_asset)

    async def _view(self, period: Period, found: Report) -> ReportView:
        return ReportView(
            since_ms=period.since_ms,
            until_ms=period.until_ms,
            now_ms=period.now_ms,
            totals=await in_pieces(found.totals, written(total_view)),
            pairs=await in_pieces(found.pairs, written(pair_view)),
            unshown_pairs=found.unshown_pairs,
            days=await in_pieces(found.days, written(day_view)),
            unshown_days=found.unshown_days,
            targets=await in_pieces(found.targets, written(target_view)),
            next=None if found.next_seq is None else str(found.next_seq),
            daily_limit=self._daily_limit(period.now_ms),
        )

    def _daily_limit(self, now_ms: int) -> DailyLimitView | None:
        state = self._context.engine.state
        guards, exposure = state.rules.config.guards, state.orders.exposure
        if not guards.max_notional_per_day or state.gate.stage in {Stage.STARTING, Stage.STANDBY}:
            return None  # before the start the orders are not loaded
        return DailyLimitView(
            day_at_ms=now_ms - now_ms % DAY_MS,
            spent=plain(exposure.spent(now_ms)),
            limit=plain(guards.most_per_day),
            asset=guards.asset,
            unpriced=exposure.unpriced(now_ms),
        )
