"""Where an order can be seen on MEXC: one row per source, and how its answer is read.

``GET order`` answers ``-2013`` for an order that does not exist, and "quite often" for a fresh one that does
(observed). ``allOrders`` reaches back 24 hours by default and 7 days at most, 1000 entries; ``myTrades`` holds 100
(documented). A list that is full may have cut off the order, so it is no negative. ``myTrades`` was seen to answer with
nothing if it is to begin more than 7 days ago (observed: mexcdevelop/mexc-api-sdk#56). So an order's trades that such a
list does not show are asked for by its id.
"""

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

import msgspec

from daemon.core.values.decimals import ZERO
from daemon.core.values.exchange_replies import QueryResult, Source
from daemon.core.values.orders import Order
from daemon.exchange.mexc.order_rows import Found, OddRowError, among_orders, among_trades, the_order
from daemon.exchange.mexc.replies import BAN, envelope, raw
from daemon.exchange.mexc.requests import BAD_REQUEST, OK, ExchangeCall, Requests, must_wait_ms
from daemon.exchange.mexc.signing import Parameters
from daemon.exchange.mexc.transport import Reply
from daemon.exchange.mexc.views import UnreadableError

NOT_FOUND = -2013
ONE = frozenset({Source.ORDER_ID, Source.ORDER})
"""Sources that are queried for one order; the others return lists."""
MARGIN_MS = 60_000
"""A list begins this long before the order was sent."""
WEEK_MS = 7 * 24 * 3_600_000
SECOND_MS = 1_000
"""To which MEXC truncates the time of a trade (observed)."""
FRESH_MS = 60_000
"""The longest time for which a list is kept."""


class _Place(msgspec.Struct, frozen=True):
    path: str
    weight: int
    longest: int | None  # entries of a full list; None: no list, or one that is never cut off
    read: Callable[[bytes, Order], Found]


PLACES = {
    Source.ORDER_ID: _Place("/api/v3/order", 2, None, the_order),
    Source.ORDER: _Place("/api/v3/order", 2, None, the_order),
    Source.OPEN_ORDERS: _Place("/api/v3/openOrders", 3, None, among_orders),
    Source.ALL_ORDERS: _Place("/api/v3/allOrders", 10, 1_000, among_orders),
    Source.MY_TRADES: _Place("/api/v3/myTrades", 10, 100, among_trades),
}


def names(order: Order, source: Source = Source.ORDER_ID) -> list[tuple[str, str]]:
    """Return the parameter that names one order: MEXC's id if it is known, or else ours."""
    if source is Source.ORDER_ID and order.exchange_order_id is not None:
        return [("symbol", order.symbol), ("orderId", order.exchange_order_id)]
    return [("symbol", order.symbol), ("origClientOrderId", order.client_order_id or "")]


class _List(msgspec.Struct, frozen=True):
    """An answer with all orders or trades of a pair since an instant."""

    asked_ms: int
    since_ms: int
    answer: ExchangeCall


class Sources:
    """Queries the sources; orders of one pair share a list that is new enough for them.

    After an outage many orders of one pair are in doubt at once. Querying the list for each of them would use up the
    weight limit, and the last order would wait for minutes.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._lists: dict[tuple[Source, str], _List] = {}
        self._asking: WeakValueDictionary[tuple[Source, str], asyncio.Lock] = WeakValueDictionary()

    async def query(self, order: Order, source: Source, due_ms: int) -> QueryResult:
        """Query one source for an order."""
        if source in ONE:
            return _read(order, source, await self._ask(source, names(order, source)))
        result = _read(order, source, await self._list(order, source, due_ms))
        if source is Source.MY_TRADES and self._may_lack_trades(order, result):
            alone = await self._trades_of(order)
            return alone if alone.report is not None else result
        return result

    async def _trades_of(self, order: Order) -> QueryResult:
        """Query the trades of one order, in pages from the newest back, as long as a page has new ones."""
        parameters = [*names(order), ("limit", str(PLACES[Source.MY_TRADES].longest))]
        page = result = _read(order, Source.MY_TRADES, await self._ask(Source.MY_TRADES, parameters))
        fills = {fill.trade_id: fill for fill in page.fills}
        while page.cut and page.fills:
            known, until_ms = len(fills), min(fill.at_ms for fill in page.fills) + SECOND_MS - 1
            answer = await self._ask(Source.MY_TRADES, [*parameters, ("endTime", str(until_ms))])
            page = _read(order, Source.MY_TRADES, answer)
            fills |= {fill.trade_id: fill for fill in page.fills}
            if len(fills) == known:
                break
        return msgspec.structs.replace(result, fills=tuple(fills.values()))

    def _may_lack_trades(self, order: Order, result: QueryResult) -> bool:
        """Return whether an order's own trades may show more than a list did."""
        began_ms = _sent_ms(order) - MARGIN_MS
        if order.exchange_order_id is None or not (result.cut or began_ms < self._requests.clock.now_ms() - WEEK_MS):
            return False
        shown = ZERO if result.report is None else result.report.executed_quantity
        return not shown or shown < order.executed_quantity or not order.executed_quantity

    async def _list(self, order: Order, source: Source, due_ms: int) -> ExchangeCall:
        key = (source, order.symbol)
        sent_ms = _sent_ms(order)
        since_ms = sent_ms - MARGIN_MS
        lock = self._asking.setdefault(key, asyncio.Lock())
        async with lock:
            known = self._lists.get(key)
            asked_ms = self._requests.clock.now_ms()
            new_enough_ms = max(due_ms, sent_ms, asked_ms - FRESH_MS + 1)
            if known is not None and known.asked_ms >= new_enough_ms and _reaches(known.since_ms, since_ms, asked_ms):
                return known.answer
            parameters = [("symbol", order.symbol)]
            if PLACES[source].longest is not None:
                start_ms = self._requests.exchange_ms(since_ms)
                parameters += [("startTime", str(start_ms)), ("limit", str(PLACES[source].longest))]
            answer = await self._ask(source, parameters)
            self._lists = {each: found for each, found in self._lists.items() if found.asked_ms > asked_ms - FRESH_MS}
            self._lists[key] = _List(asked_ms, since_ms, answer)
            return answer

    async def _ask(self, source: Source, parameters: Parameters) -> ExchangeCall:
        place = PLACES[source]
        return await self._requests.search(place.path, parameters, weight=place.weight)


def _sent_ms(order: Order) -> int:
    return order.sent_ms or order.accepted_ms


def _reaches(from_ms: int, since_ms: int, now_ms: int) -> bool:
    """Return whether a list from one instant on has what is wanted since another; one from too long ago is empty."""
    return from_ms <= since_ms and (from_ms >= now_ms - WEEK_MS or since_ms < now_ms - WEEK_MS)


def _ban_ms(reply: Reply) -> int | None:
    """Return how long a query's answer delays orders as well, in ms: a ban does, too many queries do not."""
    return must_wait_ms(reply) if reply.status == BAN else None


def _read(order: Order, source: Source, answer: ExchangeCall) -> QueryResult:
    place, reply = PLACES[source], answer.reply
    result = QueryResult(source=source, at_ms=answer.ended_ms, asked=answer.asked, answered="", failed=True)
    replace = msgspec.structs.replace
    if not isinstance(reply, Reply):
        return replace(result, answered=reply.why, reached=False)
    answered = f"HTTP {reply.status} {raw(reply.body)}"
    if reply.status != OK:
        code = envelope(reply.body)
        absent = source in ONE and reply.status == BAD_REQUEST and code is not None and code.code == NOT_FOUND
        return replace(result, answered=answered, failed=not absent, retry_after_ms=_ban_ms(reply))
    try:
        found = place.read(reply.body, order)
    except OddRowError as error:
        return replace(result, answered=f"{answered} ({error})", odd=str(error))
    except UnreadableError as error:
        return replace(result, answered=f"{answered} ({error})")
    is_cut = place.longest is not None and found.rows >= place.longest
    return replace(
        result,
        answered=f"{answered} ({found.rows} shown)",
        failed=found.report is None and is_cut,
        cut=is_cut,
        report=found.report,
        fills=found.fills,
        odd=found.odd,
        passed_over=found.passed_over,
    )
