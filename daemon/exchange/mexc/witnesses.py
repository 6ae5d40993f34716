"""Where an order can be seen on MEXC: one row per witness, and how its answer is read.

``GET order`` answers ``-2013`` for an order that does not exist, and "quite often" for a fresh one that does
(observed). ``allOrders`` reaches back 24 hours by default and 7 days at most, 1000 entries; ``myTrades`` holds 100
(documented). A list that is full may have cut off what is looked for, so it is no negative.
"""

from collections.abc import Callable

import msgspec

from daemon.core.answers import Look, Sighting, Witness
from daemon.core.orders import Order
from daemon.exchange.mexc import views
from daemon.exchange.mexc.answers import envelope, raw
from daemon.exchange.mexc.requests import Asked, Requests
from daemon.exchange.mexc.signing import Parameters
from daemon.exchange.mexc.transport import Reply

BAD_REQUEST, NOT_FOUND = 400, -2013
MARGIN_MS = 60_000
"""A list is asked from so long before the order was sent."""


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


async def look(requests: Requests, order: Order, witness: Witness) -> Look:
    """Look for an order at one witness."""
    place = PLACES[witness]
    answer = await requests.private("GET", place.path, _parameters(requests, order, witness), weight=place.weight)
    return _read(order, witness, answer, requests.clock.now_ms())


def _parameters(requests: Requests, order: Order, witness: Witness) -> Parameters:
    client_order_id = order.client_order_id or ""
    if witness is Witness.ORDER:
        return [("symbol", order.symbol), ("origClientOrderId", client_order_id)]
    if witness is Witness.OPEN_ORDERS:
        return [("symbol", order.symbol)]
    since_ms = requests.exchange_ms((order.sent_ms or order.accepted_ms) - MARGIN_MS)
    return [("symbol", order.symbol), ("startTime", str(since_ms)), ("limit", str(PLACES[witness].longest))]


def _read(order: Order, witness: Witness, answer: Asked, now_ms: int) -> Look:
    place, reply = PLACES[witness], answer.reply
    look = Look(witness=witness, at_ms=now_ms, asked=answer.asked, answered="", failed=True)
    replace = msgspec.structs.replace
    if not isinstance(reply, Reply):
        return replace(look, answered=reply.why)
    answered = f"HTTP {reply.status} {raw(reply.body)}"
    if not 200 <= reply.status < 300:  # noqa: PLR2004  # HTTP's own classes
        found = envelope(reply.body)
        absent = (
            witness is Witness.ORDER and reply.status == BAD_REQUEST and found is not None and found.code == NOT_FOUND
        )
        return replace(look, answered=answered, failed=not absent)
    try:
        sighting, length = place.read(reply.body, order.client_order_id or "")
    except views.UnreadableError as error:
        return replace(look, answered=f"{answered} ({error})")
    cut_off = sighting is None and place.longest is not None and length >= place.longest
    return replace(look, answered=f"{answered} ({length} shown)", failed=cut_off, sighting=sighting)
