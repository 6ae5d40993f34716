"""The promises, checked against a day's evidence: the exchange's book and arrivals first, the daemon's records second.

Everything here is a function over values, so that tests can show for each promise that its breach is found.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise

import msgspec

from daemon.core.values.attempts import Attempt
from daemon.core.values.locks import Lock, LockState
from daemon.core.values.orders import Order
from daemon.core.values.states import KEY_FREE, PENDING, REPORT_EVENTS, State
from daemon.exchange.mexc.order_rows import STATES
from tests.chaos.plan import Wish
from tests.chaos.trades import Entry, Told, mistold, orders_per_signal

TRANSIT_MS = 500
"""Time from the last check of the clock before a request's first byte to its arrival, on a busy machine."""

CLOCKS_MS = 50
"""By how much the clocks of two processes on one machine may differ."""

REFUSALS = frozenset({400, 418, 429})
"""HTTP statuses by which the exchange says that it did nothing. Any other answer, or none, is an unknown outcome."""


class Acknowledged(msgspec.Struct, frozen=True):
    """What the bot was told: this wish is that order."""

    wish: int
    order_id: str


class Arrival(msgspec.Struct, frozen=True):
    """A request to place an order, as it arrived at the exchange; status 0: it was not answered."""

    client_order_id: str
    symbol: str
    quantity: Decimal
    received_ms: int
    status: int


class Halt(msgspec.Struct, frozen=True):
    """A time during which the daemon was halted."""

    since_ms: int  # halt was answered, and the exchange had read everything sent before
    until_ms: int  # resume was about to be sent


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a day when it is over."""

    wishes: list[Wish]
    acknowledged: list[Acknowledged]
    trades: list[Told]
    halts: list[Halt]
    book: list[Entry]
    arrivals: list[Arrival]  # oldest first
    orders: list[Order]  # the daemon's, like the next two
    attempts: list[Attempt]
    locks: list[Lock]


def judge(evidence: Evidence) -> list[str]:
    """Yield every promise that did not hold."""
    checks = (
        *(_twice, _unknown, _forgotten, _mistold, _unsettled, _differences),
        *(_mistimed, _halted, _after_doubt, _not_durable, _locks),
    )
    return [broken for check in checks for broken in check(evidence)]


def differences(evidence: Evidence) -> list[str]:
    """Yield where the daemon and the book do not agree yet."""
    return [*_unsettled(evidence), *_differences(evidence)]


def _twice(evidence: Evidence) -> Iterator[str]:
    """No signal has two orders on the book, unless the first ended without a fill."""
    wishes = {(wish.symbol, wish.quantity) for wish in evidence.wishes}
    held = orders_per_signal(evidence.book, lambda entry: (entry.symbol, entry.orig_qty))
    for symbol, quantity in {(entry.symbol, entry.orig_qty) for entry in evidence.book} - wishes:
        yield f"the book holds {quantity} {symbol}, for which nobody wished"
    for (symbol, quantity), count in held.items():
        if (symbol, quantity) in wishes and count > 1:
            yield f"the book holds {quantity} {symbol} {count} times"
    bound = Counter((order.symbol, order.quantity) for order in evidence.orders if _stands(order))
    yield from (
        f"{count} orders stand for {symbol} {quantity}" for (symbol, quantity), count in bound.items() if count > 1
    )


def _stands(order: Order) -> bool:
    """Return whether an order is its signal's only one: not if nothing was placed, or nothing was bought or sold."""
    return order.state not in KEY_FREE and (order.state is not State.CANCELED or bool(order.executed_quantity))


def _unknown(evidence: Evidence) -> Iterator[str]:
    """The daemon knows every order of the book, by the attempt that placed it."""
    known = {order.client_order_id for order in evidence.orders}
    for entry in evidence.book:
        if entry.client_order_id not in known:
            yield f"the book holds {entry.client_order_id}, of which the daemon knows nothing"


def _forgotten(evidence: Evidence) -> Iterator[str]:
    """Every acknowledged signal is recorded as it was sent."""
    orders = {order.order_id: order for order in evidence.orders}
    wishes = {wish.number: wish for wish in evidence.wishes}
    for number, order_id in sorted({(each.wish, each.order_id) for each in evidence.acknowledged}):
        order, wish = orders.get(order_id), wishes[number]
        if order is None:
            yield f"signal {number} was acknowledged as {order_id} and forgotten"
        elif (order.symbol, order.quantity) != (wish.symbol, wish.quantity):
            yield f"signal {number} was acknowledged as {order_id}, which is another wish's"


def _mistold(evidence: Evidence) -> Iterator[str]:
    """No answer of the trade route contradicts the book."""
    sizes = {wish.number: (wish.symbol, wish.quantity) for wish in evidence.wishes}
    return mistold(evidence.trades, evidence.book, sizes)


def _unsettled(evidence: Evidence) -> Iterator[str]:
    """Every order has ended, or rests on the book."""
    for order in evidence.orders:
        if order.state in PENDING or order.state is State.LOST:
            yield f"{order.order_id} is still {order.state.value} at the end: {order.reason}"


def _differences(evidence: Evidence) -> Iterator[str]:
    """The daemon's record of every placed order agrees with the book."""
    book = {entry.client_order_id: entry for entry in evidence.book}
    for order in evidence.orders:
        entry = book.get(order.client_order_id or "")
        said = f"{order.client_order_id} is {order.state.value}"
        if entry is None:
            if order.state in REPORT_EVENTS:
                yield f"{said} and not on the book"
            continue
        said = f"{said} with {order.executed_quantity} for {order.executed_quote}"
        if (order.state, order.executed_quantity, order.executed_quote) != _shown(entry):
            yield f"{said}; the book has {entry.status} with {entry.executed_qty} for {entry.cummulative_quote_qty}"


def _shown(entry: Entry) -> tuple[State, Decimal, Decimal]:
    return STATES[entry.status], entry.executed_qty, entry.cummulative_quote_qty


def _mistimed(evidence: Evidence) -> Iterator[str]:
    """No order arrived at the exchange after its deadline, none before its instant."""
    orders = {order.order_id: order for order in evidence.orders}
    for arrival in evidence.arrivals:
        order = orders.get(arrival.client_order_id.rpartition("-")[0])
        if order is None:
            continue  # found by another check
        late_ms = arrival.received_ms - order.deadline_ms
        if late_ms > TRANSIT_MS:
            yield f"{arrival.client_order_id} came {late_ms} ms after its deadline"
        if order.execute_at_ms is not None and order.execute_at_ms - arrival.received_ms > CLOCKS_MS:
            yield f"{arrival.client_order_id} came {order.execute_at_ms - arrival.received_ms} ms before its instant"


def _halted(evidence: Evidence) -> Iterator[str]:
    """No order arrived at the exchange after halt was answered and before resume was requested."""
    for halt in evidence.halts:
        for arrival in evidence.arrivals:
            if halt.since_ms < arrival.received_ms < halt.until_ms:
                yield f"{arrival.client_order_id} came {arrival.received_ms - halt.since_ms} ms after halt was answered"


def _after_doubt(evidence: Evidence) -> Iterator[str]:
    """A second request for a signal follows only a refusal of the first, or its end without a fill."""
    empty = {entry.client_order_id for entry in evidence.book if entry.ended_without_a_fill}
    requests: dict[tuple[str, Decimal], list[Arrival]] = defaultdict(list)
    for arrival in evidence.arrivals:
        requests[arrival.symbol, arrival.quantity].append(arrival)
    for (symbol, quantity), sent in requests.items():
        for first, second in pairwise(sent):
            if first.status not in REFUSALS and first.client_order_id not in empty:
                ids = f"{second.client_order_id} after {first.client_order_id}"
                yield f"{quantity} {symbol} was sent again ({ids}) though the first was answered with {first.status}"


def _not_durable(evidence: Evidence) -> Iterator[str]:
    """Every request that arrived is recorded as an attempt."""
    recorded = {attempt.client_order_id for attempt in evidence.attempts}
    for arrival in evidence.arrivals:
        if arrival.client_order_id not in recorded:
            yield f"{arrival.client_order_id} was sent, and there is no record of it"


def _locks(evidence: Evidence) -> Iterator[str]:
    """Never two locks on one resource; tokens only grow with time; no lock is left over."""
    by_resource: dict[str, list[Lock]] = defaultdict(list)
    for lock in sorted(evidence.locks, key=lambda lock: lock.token):
        by_resource[lock.resource].append(lock)
        if lock.state is LockState.ACTIVE:
            yield f"{lock.lock_id} on {lock.resource} is left over"
    for resource, locks in by_resource.items():
        yield from _overlaps(resource, locks)


def _overlaps(resource: str, locks: Iterable[Lock]) -> Iterator[str]:
    for earlier, later in pairwise(locks):
        if earlier.released_ms is None or later.acquired_ms < earlier.released_ms:
            yield f"{resource} was held by {earlier.lock_id} and {later.lock_id} at once"
