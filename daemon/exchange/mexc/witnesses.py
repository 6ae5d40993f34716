"""Where an order can be seen on MEXC: one row per witness, and how its answer is read.

``GET order`` answers ``-2013`` for an order that does not exist, and "quite often" for a fresh one that does
(observed). ``allOrders`` reaches back 24 hours by default and 7 days at most, 1000 entries; ``myTrades`` holds 100
(documented). A list that is full may have cut off what is looked for, so it is no negative.
"""

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

import msgspec

from daemon.core.answers import Look, Sighting, Witness
from daemon.core.orders import Order
from daemon.exchange.mexc import views
from daemon.exchange.mexc.answers import envelope, raw
from daemon.exchange.mexc.requests import BAD_REQUEST, OK, Asked, Requests, must_wait_ms
from daemon.exchange.mexc.signing import Parameters
from daemon.exchange.mexc.transport import Reply

NOT_FOUND = -2013
MARGIN_MS = 60_000
"""A list is asked from so long before the order was sent."""
FRESH_MS = 60_000
"""A list is kept for so long at most."""


class _Place(msgspec.Struct, frozen=True):
    path: str
    weight: int
    longest: int | None  # entries of a full list; None: one order, no list
    read: Callable[[bytes, str], tuple[Sighting | None, int]]


def _one(body: bytes, client_order_id: str) -> tuple[Sighting | None, int]:
    found = views.order(body)
    if found.client_order_id not in {client_order_id, None, ""}:
        raise views.UnreadableError(f"asked for {client_order_id}, shown {found.client_order_id}")
    return found, 1


PLACES = {
    Witness.ORDER: _Place("/api/v3/order", 2, None, _one),
    Witness.OPEN_ORDERS: _Place("/api/v3/openOrders", 3, None, views.among_orders),
    Witness.ALL_ORDERS: _Place("/api/v3/allOrders", 10, 1_000, views.among_orders),
    Witness.MY_TRADES: _Place("/api/v3/myTrades", 10, 100, views.among_trades),
}


class _List(msgspec.Struct, frozen=True):
    """An answer that shows all of a pair's orders, or trades, since an instant."""

    asked_ms: int
    since_ms: int
    answer: Asked


class Witnesses:
    """Looks for orders, and lets one list serve every order of its pair that it is new enough for.

    After an outage many orders of one pair are in doubt at once; asking for the same list for each of them would use
    up the weight limit, and the last would wait for minutes.
    """

    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._lists: dict[tuple[Witness, str], _List] = {}
        self._asking: WeakValueDictionary[tuple[Witness, str], asyncio.Lock] = WeakValueDictionary()

    async def look(self, order: Order, witness: Witness, due_ms: int) -> Look:
        """Look for an order at one witness."""
        if witness is Witness.ORDER:
            parameters = [("symbol", order.symbol), ("origClientOrderId", order.client_order_id or "")]
            answer = await self._ask(witness, parameters)
        else:
            answer = await self._list(order, witness, due_ms)
        return _read(order, witness, answer)

    async def _list(self, order: Order, witness: Witness, due_ms: int) -> Asked:
        key = (witness, order.symbol)
        sent_ms = order.sent_ms or order.accepted_ms
        since_ms = sent_ms - MARGIN_MS
        lock = self._asking.setdefault(key, asyncio.Lock())
        async with lock:
            known = self._lists.get(key)
            asked_ms = self._requests.clock.now_ms()
            new_enough_ms = max(due_ms, sent_ms, asked_ms - FRESH_MS + 1)
            if known is not None and known.asked_ms >= new_enough_ms and known.since_ms <= since_ms:
                return known.answer
            parameters = [("symbol", order.symbol)]
            if PLACES[witness].longest is not None:
                start_ms = self._requests.exchange_ms(since_ms)
                parameters += [("startTime", str(start_ms)), ("limit", str(PLACES[witness].longest))]
            answer = await self._ask(witness, parameters)
            self._lists = {each: found for each, found in self._lists.items() if found.asked_ms > asked_ms - FRESH_MS}
            self._lists[key] = _List(asked_ms, since_ms, answer)
            return answer

    async def _ask(self, witness: Witness, parameters: Parameters) -> Asked:
        place = PLACES[witness]
        return await self._requests.private("GET", place.path, parameters, weight=place.weight)


def _read(order: Order, witness: Witness, answer: Asked) -> Look:
    place, reply = PLACES[witness], answer.reply
    look = Look(witness=witness, at_ms=answer.ended_ms, asked=answer.asked, answered="", failed=True)
    replace = msgspec.structs.replace
    if not isinstance(reply, Reply):
        return replace(look, answered=reply.why, reached=False)
    answered = f"HTTP {reply.status} {raw(reply.body)}"
    if reply.status != OK:
        found = envelope(reply.body)
        absent = (
            witness is Witness.ORDER and reply.status == BAD_REQUEST and found is not None and found.code == NOT_FOUND
        )
        return replace(look, answered=answered, failed=not absent, retry_after_ms=must_wait_ms(reply))
    try:
        sighting, length = place.read(reply.body, order.client_order_id or "")
    except views.UnreadableError as error:
        return replace(look, answered=f"{answered} ({error})")
    cut_off = sighting is None and place.longest is not None and length >= place.longest
    return replace(look, answered=f"{answered} ({length} shown)", failed=cut_off, sighting=sighting)
