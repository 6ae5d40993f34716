"""Exposure: what was bought or may still be, in the few figures that guards ask for.

Finished orders leave memory, and still they count: a BUY that was filled this morning is a part of today's budget. So
the figures are kept beside the orders, brought up to date whenever one changes, and built anew at recovery from what
the disk has of today. They are kept whether a guard is on or not, so that one can be switched on at any time.

A BUY counts from acceptance on and for what was asked, unless it ended without having been placed
(:data:`daemon.core.values.states.KEY_FREE`); one that is seen after all counts again. A SELL never counts.
"""

from collections import Counter, deque
from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

import msgspec

from daemon.core.values.decimals import ZERO, product, total
from daemon.core.values.orders import Order, Side, known_sum
from daemon.core.values.states import ENDED, KEY_FREE, OUTCOME_UNKNOWN, PENDING, RESTING, State

DAY_MS = 86_400_000
MAX_REPEAT_WINDOW_MS = 3_600_000
"""So long a BUY can count as the first of a repetition."""

OPEN = PENDING | OUTCOME_UNKNOWN | RESTING
"""States in which more of an order may still be bought."""

_WEIGHT = {state: states for states in (KEY_FREE, OPEN, ENDED) for state in states}

_Of = tuple[str, str]


class Ended(NamedTuple):
    """As much of a finished BUY as the figures are made of: there may be very many, and they are read at each start."""

    seq: int
    order_id: str
    state: State
    symbol: str
    owner_id: str
    target_id: str | None
    accepted_ms: int
    executed_quantity: Decimal
    executed_quote: Decimal
    quantity: Decimal | None
    quote_quantity: Decimal | None
    price: Decimal | None
    last_price: Decimal | None

    @property
    def side(self) -> Side:
        """What an order has in this place."""
        return Side.BUY


class Spent(msgspec.Struct, frozen=True):
    """What those of a day's BUYs came to that have ended and are too old to be the first of a repetition."""

    day: int = 0  # since 1970
    worth: Decimal = ZERO
    unpriced: frozenset[str] = frozenset()  # ids of those whose worth nobody knows


class _Seen(NamedTuple):
    """A BUY that counts as the first of a repetition until it is too old for any window."""

    accepted_ms: int
    target_id: str | None
    order_id: str


class Exposure:
    """The figures. Amounts are in quote units, days are those of UTC."""

    def __init__(self) -> None:
        self._day = 0  # the day that is counted, since 1970; one that has passed is not asked for again
        self._spent = ZERO
        self._unpriced: set[str] = set()  # ids of the day's orders whose worth nobody knows yet
        self._open: Counter[str] = Counter()  # by owner
        self._lately: dict[_Of, dict[str, _Seen]] = {}  # by owner and symbol, then by order id, oldest first
        self._ages: deque[tuple[_Of, _Seen]] = deque()  # what is to be forgotten, oldest first

    def begin(self, spent: Spent) -> None:
        """Begin with what a day's BUYs came to; each of the others is noted afterwards."""
        self._day, self._spent, self._unpriced = spent.day, spent.worth, set(spent.unpriced)

    def note(self, before: Order | None, after: Order | Ended) -> None:
        """Take in a new order, or what became of one: ``before`` is how it counts so far."""
        if after.side is not Side.BUY or (before is not None and _weighs_the_same(before, after)):
            return
        counted = before is not None and before.state not in KEY_FREE
        counts = after.state not in KEY_FREE
        if counts and not counted:
            self._remember(after)
        elif counted and not counts:
            self._forget(after)
        if before is not None and counted:
            self._weigh(before, -1)
        if counts:
            self._weigh(after, 1)

    def spent(self, now_ms: int) -> Decimal:
        """Return the worth of the day's BUYs, as far as it is known."""
        return self._spent if self._day == now_ms // DAY_MS else ZERO

    def unpriced(self, now_ms: int) -> str | None:
        """Return the id of an order of the day whose worth is not known, if there is one."""
        return next(iter(self._unpriced), None) if self._day == now_ms // DAY_MS else None

    def open_buys(self, owner_id: str) -> int:
        """Count an owner's BUYs that have not ended."""
        return self._open[owner_id]

    def repeated(self, order: Order, window_ms: int) -> str | None:
        """Find a BUY of the same owner and symbol for another target, accepted so shortly before; return its id."""
        for seen in reversed(self._lately.get(_of(order), {}).values()):
            if order.accepted_ms - seen.accepted_ms >= window_ms:
                break
            if seen.target_id != order.target_id:
                return seen.order_id
        return None

    def _weigh(self, order: Order | Ended, times: int) -> None:
        """Add an order to the figures, or take it away; days that have passed are let be."""
        if order.state in OPEN:
            self._open[order.owner_id] += times
            if not self._open[order.owner_id]:
                del self._open[order.owner_id]
        if order.accepted_ms // DAY_MS != self._day:
            return
        worth = worth_of(order)
        if worth is not None:
            self._spent = total(self._spent, worth if times > 0 else worth.copy_negate())
        elif times > 0:
            self._unpriced.add(order.order_id)
        else:
            self._unpriced.discard(order.order_id)

    def _remember(self, order: Order | Ended) -> None:
        """Let an order count as the first of a repetition, and begin the day that it is the first of."""
        if order.accepted_ms // DAY_MS > self._day:
            self._day, self._spent, self._unpriced = order.accepted_ms // DAY_MS, ZERO, set()
        seen = _Seen(order.accepted_ms, order.target_id, order.order_id)
        known = self._lately.setdefault(_of(order), {})
        comes_late = any(newest.accepted_ms > seen.accepted_ms for newest in islice(reversed(known.values()), 1))
        known[order.order_id] = seen
        if comes_late:  # seen after all, requeued, or loaded behind the finished ones
            self._lately[_of(order)] = dict(sorted(known.items(), key=lambda item: item[1].accepted_ms))
        self._ages.append((_of(order), seen))
        while self._ages[0][1].accepted_ms < order.accepted_ms - MAX_REPEAT_WINDOW_MS:
            of, oldest = self._ages.popleft()
            self._drop(of, oldest.order_id)

    def _forget(self, order: Order | Ended) -> None:
        self._drop(_of(order), order.order_id)

    def _drop(self, of: _Of, order_id: str) -> None:
        known = self._lately.get(of, {})
        known.pop(order_id, None)
        if not known:
            self._lately.pop(of, None)


def spent_by(day: int, ended: Iterable[Order | Ended]) -> Spent:
    """Add up what BUYs of a day came to."""
    worth, unpriced = ZERO, set()
    for order in ended:
        each = worth_of(order)
        if each is None:
            unpriced.add(order.order_id)
        else:
            worth = total(worth, each)
    return Spent(day, worth, frozenset(unpriced))


def worth_of(order: Order | Ended) -> Decimal | None:
    """Return what a BUY costs in quote units, as asked, or as executed where that is more.

    A market order by quantity costs what its last price makes it, where a guard asked for that at acceptance. Where
    none did, its worth is unknown until the exchange shows what was executed, and for what sum.
    """
    if order.quote_quantity is not None:
        return max(order.quote_quantity, order.executed_quote)
    price = order.last_price if order.price is None else order.price
    if price is not None and order.quantity is not None:
        return max(product(order.quantity, price), order.executed_quote)
    return known_sum(order.executed_quantity, order.executed_quote) if order.state in ENDED else None


def _weighs_the_same(before: Order, after: Order | Ended) -> bool:
    """Whether nothing changed that a figure is made of; looking at identity alone, which may overlook a yes."""
    return (
        _WEIGHT[before.state] is _WEIGHT[after.state]
        and before.price is after.price
        and before.executed_quantity is after.executed_quantity
        and before.executed_quote is after.executed_quote
    )


def _of(order: Order | Ended) -> _Of:
    return order.owner_id, order.symbol
