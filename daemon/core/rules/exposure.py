"""Exposure: what was bought or may still be bought, in the few figures that guards need.

Finished orders leave memory but still count: a BUY that was filled this morning is a part of today's budget. So the
figures are kept beside the orders, updated whenever one changes, and rebuilt at recovery from the rows of today. They
are kept whether a guard is on or off, so that one can be switched on at any time.

A BUY counts from acceptance on and for what was asked, unless it ended without having been placed
(:data:`daemon.core.values.states.KEY_FREE`); if it is seen after all, it counts again. A SELL never counts.
"""

from collections import Counter, deque
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

import msgspec

from daemon.core.values.decimals import ZERO, product, total
from daemon.core.values.orders import Order, Side, known_sum
from daemon.core.values.states import ENDED, KEY_FREE, OUTCOME_UNKNOWN, PENDING, RESTING, State

DAY_MS = 86_400_000
MAX_REPEAT_WINDOW_MS = 3_600_000
"""How long a BUY can count as the first of a repetition."""

OPEN = PENDING | OUTCOME_UNKNOWN | RESTING
"""States in which more of an order may still be bought."""

_WEIGHT = {state: states for states in (KEY_FREE, OPEN, ENDED) for state in states}

_BUY = Side.BUY
_Of = tuple[str, str]


class Ended(NamedTuple):
    """The fields of a finished BUY that the figures need: there may be very many, and each start reads them."""

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
    asked_quantity: Decimal | None
    asked_quote_quantity: Decimal | None
    asked_price: Decimal | None

    @property
    def side(self) -> Side:
        """The side, as an order has it."""
        return Side.BUY


class Spent(msgspec.Struct, frozen=True):
    """The worth of a day's BUYs that have ended and are too old to be the first of a repetition."""

    day: int = 0  # since 1970
    worth: Decimal = ZERO
    unpriced: frozenset[str] = frozenset()  # ids of those of unknown worth
    symbols: frozenset[str] = frozenset()  # their pairs


class _Seen(msgspec.Struct, frozen=True, gc=False):
    """A BUY that counts as the first of a repetition until it is too old for any window."""

    of: _Of
    accepted_ms: int
    target_id: str | None
    order_id: str


class Exposure:
    """The figures. Amounts are in quote units, days are those of UTC."""

    def __init__(self) -> None:
        self.changes = 0  # how often an order changed a figure
        self._day = 0  # the day that is counted, since 1970; an earlier day is not asked for again
        self._spent = ZERO
        self._unpriced: set[str] = set()  # ids of the day's orders of unknown worth
        self._symbols: set[str] = set()  # pairs that the day's orders bought, or were to buy
        self._open: Counter[str] = Counter()  # by owner
        self._recent: dict[_Of, dict[str, _Seen]] = {}  # by owner and symbol, then by order id, oldest first
        self._unsorted: set[_Of] = set()  # where one came behind a younger one: sorted when it is asked for
        self._ages: deque[_Seen] = deque()  # the same, oldest first, to be forgotten by age

    def begin(self, spent: Spent) -> None:
        """Begin with the worth of a day's BUYs; the others are noted one by one afterwards."""
        self._day, self._spent, self._unpriced = spent.day, spent.worth, set(spent.unpriced)
        self._symbols = set(spent.symbols)

    def note(self, before: Order | None, after: Order | Ended) -> None:
        """Count a new or changed order; ``before`` is the value that counts so far."""
        if after.side is not _BUY or (before is not None and _weighs_the_same(before, after)):
            return
        self.changes += 1
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

    def add(self, others: "Exposure", accepted_ms: int) -> None:
        """Count what was counted elsewhere: new orders, all accepted at an instant of the day that is counted there."""
        day, spent, unpriced = others._day, others._spent, others._unpriced  # noqa: SLF001  # of the same class
        open_buys, recent = others._open, others._recent  # noqa: SLF001
        self.changes += others.changes
        self._begin_day(day)
        self._spent = total(self._spent, spent)
        self._unpriced |= unpriced
        self._symbols |= others._symbols  # noqa: SLF001  # of the same class
        self._open.update(open_buys)
        for of, known in recent.items():
            same = [msgspec.structs.replace(seen, accepted_ms=accepted_ms) for seen in known.values()]
            self._recent.setdefault(of, {}).update({seen.order_id: seen for seen in same})
            self._ages.extend(same)

    def spent(self, now_ms: int) -> Decimal:
        """Return the known worth of the day's BUYs."""
        return self._spent if self._day == now_ms // DAY_MS else ZERO

    def unpriced(self, now_ms: int) -> str | None:
        """Return the id of an order of the day whose worth is unknown, if there is one."""
        return next(iter(self._unpriced), None) if self._day == now_ms // DAY_MS else None

    def is_paid_in(self, asset: str, now_ms: int) -> bool:
        """Whether every BUY of the day is of a pair with this quote asset, so that their worth has a sum."""
        return self._day != now_ms // DAY_MS or all(symbol.endswith(asset) for symbol in self._symbols)

    def open_buys(self, owner_id: str) -> int:
        """Count an owner's BUYs that have not ended."""
        return self._open[owner_id]

    def repeated(self, order: Order, window_ms: int) -> str | None:
        """Return the id of a BUY by the same owner of the symbol for another target, less than ``window_ms`` before."""
        of = _of(order)
        if of in self._unsorted:
            self._unsorted.discard(of)
            self._recent[of] = dict(sorted(self._recent[of].items(), key=lambda item: item[1].accepted_ms))
        for seen in reversed(self._recent.get(of, {}).values()):
            if order.accepted_ms - seen.accepted_ms >= window_ms:
                break
            if seen.target_id != order.target_id:
                return seen.order_id
        return None

    def _weigh(self, order: Order | Ended, times: int) -> None:
        """Add an order to the figures, or subtract it; earlier days stay as they are."""
        if order.state in OPEN:
            self._open[order.owner_id] += times
            if not self._open[order.owner_id]:
                del self._open[order.owner_id]
        if order.accepted_ms // DAY_MS != self._day:
            return
        self._symbols.add(order.symbol)
        worth = worth_of(order)
        if worth is not None:
            self._spent = total(self._spent, worth if times > 0 else worth.copy_negate())
        elif times > 0:
            self._unpriced.add(order.order_id)
        else:
            self._unpriced.discard(order.order_id)

    def _remember(self, order: Order | Ended) -> None:
        """Let an order count as the first of a repetition; the first order of a day begins that day."""
        self._begin_day(order.accepted_ms // DAY_MS)
        of = _of(order)
        known = self._recent.setdefault(of, {})
        newest = next(reversed(known.values()), None)
        shared = of if newest is None else newest.of  # one tuple for all of them
        seen = known[order.order_id] = _Seen(shared, order.accepted_ms, order.target_id, order.order_id)
        if newest is not None and newest.accepted_ms > seen.accepted_ms:
            self._unsorted.add(of)  # seen after all, requeued, or loaded behind the finished ones
        self._ages.append(seen)
        while self._ages[0].accepted_ms < order.accepted_ms - MAX_REPEAT_WINDOW_MS:
            oldest = self._ages.popleft()
            self._drop(oldest.of, oldest.order_id)

    def _begin_day(self, day: int) -> None:
        if day > self._day:
            self._day, self._spent, self._unpriced, self._symbols = day, ZERO, set(), set()

    def _forget(self, order: Order | Ended) -> None:
        self._drop(_of(order), order.order_id)

    def _drop(self, of: _Of, order_id: str) -> None:
        known = self._recent.get(of, {})
        known.pop(order_id, None)
        if not known:
            self._recent.pop(of, None)
            self._unsorted.discard(of)


def spent_by(day: int, ended: Iterable[Order | Ended]) -> Spent:
    """Add up the worth of a day's BUYs."""
    worth, unpriced, symbols = ZERO, set(), set()
    for order in ended:
        symbols.add(order.symbol)
        each = worth_of(order)
        if each is None:
            unpriced.add(order.order_id)
        else:
            worth = total(worth, each)
    return Spent(day, worth, frozenset(unpriced), frozenset(symbols))


def worth_of(order: Order | Ended) -> Decimal | None:
    """Return what a BUY costs in quote units: as its signal asked, or as executed if that is more.

    Its amounts may have been cut to the pair's decimals, which may become finer until it is sent.

    A market order by quantity is valued at the last price, if a guard asked for that at acceptance. Otherwise its worth
    is unknown until the exchange shows what was executed, and its sum.
    """
    spends = order.asked_quote_quantity or order.quote_quantity
    if spends is not None:
        return max(spends, order.executed_quote)
    price, quantity = order.asked_price or order.price or order.last_price, order.asked_quantity or order.quantity
    if price is not None and quantity is not None:
        return max(product(quantity, price), order.executed_quote)
    return known_sum(order.executed_quantity, order.executed_quote) if order.state in ENDED else None


def _weighs_the_same(before: Order, after: Order | Ended) -> bool:
    """Whether nothing changed that counts. It compares identities: a false no costs time and changes no figure."""
    return (
        _WEIGHT[before.state] is _WEIGHT[after.state]
        and before.price is after.price
        and before.quantity is after.quantity
        and before.quote_quantity is after.quote_quantity
        and before.executed_quantity is after.executed_quantity
        and before.executed_quote is after.executed_quote
    )


def _of(order: Order | Ended) -> _Of:
    return order.owner_id, order.symbol
