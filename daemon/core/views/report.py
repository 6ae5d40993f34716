"""The result of a period: what was bought or not, at which price, and what it earned, per target, pair and day.

An *execution* is a fill, or what an order executed beyond its stored fills: they are read a little later, and an order
that ended under an earlier version has none. Nothing is known of the fee of the latter. It has the instant at which its
order ended, or changed last.

An order counts on the day (UTC) on which it ended, an execution on the day on which it happened. An order that has not
ended counts on the period's last day.

The realised result is that of the average-cost method. The executions of a pair are taken in the order of their
instants. A BUY adds its quantity and its value to the pair's position. A SELL takes its share of the position's cost
away; its value less that cost is its result. A fee in the quote asset adds to a BUY's cost, or lessens a SELL's value.
A fee in the base asset changes the quantity: a BUY adds less to the position, a SELL takes more. Fees in a third asset,
such as MX, are listed and are not part of the result, because their price is not known.

The position begins empty. What is sold beyond it was bought elsewhere or before the period, and its cost is not known:
its quantity and its value are apart, and not part of the result. So of each pair, exactly::

    sold - bought - fees in the quote asset = result + sold at unknown cost - cost of the position
"""

from collections.abc import Callable, Generator, Iterator
from decimal import Decimal
from heapq import heappop, heappush

import msgspec

from daemon.core.rules.exposure import DAY_MS
from daemon.core.values.decimals import ZERO, difference, floor_to, product, quotient, total
from daemon.core.values.orders import Side, known_sum
from daemon.core.values.quote_assets import quote_asset
from daemon.core.values.states import OUTCOME_UNKNOWN, State
from daemon.core.views.results import (
    Assets,
    DayResult,
    Outcome,
    PairResult,
    Period,
    Position,
    Report,
    Sums,
    TargetResult,
    Total,
    Traded,
)

PIECE = 50
"""Executions or rows that are added up before other tasks run: about a millisecond's work."""

MOST_ROWS = 1_000
"""Pairs that a report lists at most, and rows of a pair and day."""

SHARE_DECIMALS = 12
"""Decimals of the quote asset to which the cost of a sold part is rounded down; the rest stays with the position."""

_RANK = {outcome: rank for rank, outcome in enumerate(Outcome)}


class _Execution(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    side: Side
    quantity: Decimal
    value: Decimal | None  # None: not known
    price: Decimal  # quote per base unit; 0 where the fee is not known
    fee: Decimal | None  # None: not known
    fee_asset: str


class Bookkeeping:
    """Adds up a period's orders, given newest first, and makes the report."""

    def __init__(
        self,
        period: Period,
        assets: Callable[[str], Assets],
        *,
        targets: int,
        before_seq: int | None = None,
        rows: int = MOST_ROWS,
    ) -> None:
        """Begin with nothing.

        Args:
            period: what is counted.
            assets: returns the assets of a pair.
            targets: how many targets are listed at most.
            before_seq: where the list of targets goes on: ``next_seq`` of the page before.
            rows: how many pairs, and rows of a pair and day, are listed at most.

        """
        self._period = period
        self._assets = assets
        self._most_targets = targets
        self._before_seq = before_seq
        self._most_rows = rows
        self._executions: list[tuple[int, int, int, _Execution, TargetResult | None]] = []
        self._days: dict[int, dict[str, Sums]] = {}  # by day, then by pair
        self._positions: dict[str, Position] = {}
        self._pair_assets: dict[str, Assets] = {}
        self._earlier: set[tuple[str, str]] = set()  # targets of the pages before
        self._targets: dict[tuple[str, str], TargetResult] = {}
        self._next_seq: int | None = None

    def add(self, order: Traded) -> None:
        """Count an order, if it belongs to the period; its executions are added up later, by instant."""
        ended_ms = order.ended_ms
        if ended_ms is not None and not self._period.is_before_end(ended_ms):
            ended_ms = None  # at the end of the period it had not ended
        executions = [each for each in _executions(order) if self._period.has(each[0])]
        counts = ended_ms is None or ended_ms >= self._period.since_ms
        if not counts and not executions:
            return
        outcome = _outcome(order, has_ended=ended_ms is not None)
        target = self._target(order, outcome, ended_ms)
        if counts:
            day = self._period.last_day if ended_ms is None else ended_ms // DAY_MS
            for sums in [self._day(day, order.symbol), *([] if target is None else [target.sums])]:
                (sums.buys if order.side is Side.BUY else sums.sells).count(outcome)
        for number, (at_ms, execution) in enumerate(executions):
            heappush(self._executions, (at_ms, order.seq, number, execution, target))

    def report(self) -> Generator[None, None, Report]:
        """Add up the executions in the order of their instants, and return the report; it yields after each piece."""
        number = 0
        while self._executions:
            at_ms, _, _, execution, target = heappop(self._executions)
            self._execute(at_ms // DAY_MS, execution, target)
            number += 1
            if number % PIECE == 0:
                yield
        pairs: dict[str, Sums] = {}
        for symbol, sums in self._rows():
            pairs.setdefault(symbol, Sums()).add(sums)
            number += 1
            if number % PIECE == 0:
                yield
        totals: dict[str, Total] = {}
        for symbol, sums in pairs.items():
            quote = self._assets_of(symbol).quote
            of_quote = totals.setdefault(quote or "", Total(quote, Sums()))
            of_quote.sums.add(sums)
            of_quote.cost = total(of_quote.cost, self._position(symbol).cost)
            number += 1
            if number % PIECE == 0:
                yield
        listed, days = sorted(pairs)[: self._most_rows], self._listed_days()
        return Report(
            totals=[totals[asset] for asset in sorted(totals)],
            pairs=[PairResult(each, self._assets_of(each), pairs[each], self._position(each)) for each in listed],
            unshown_pairs=len(pairs) - len(listed),
            days=days,
            unshown_days=sum(map(len, self._days.values())) - len(days),
            targets=list(self._targets.values()),
            next_seq=self._next_seq,
        )

    def _rows(self) -> Iterator[tuple[str, Sums]]:
        return ((symbol, sums) for of_day in self._days.values() for symbol, sums in of_day.items())

    def _listed_days(self) -> list[DayResult]:
        """Return the first rows, newest day first; there may be very many, so no more than these are sorted."""
        found: list[DayResult] = []
        for day in sorted(self._days, reverse=True):
            room = self._most_rows - len(found)
            if room == 0:
                break
            found += [
                DayResult(day, symbol, self._assets_of(symbol), self._days[day][symbol])
                for symbol in sorted(self._days[day])[:room]
            ]
        return found

    def _target(self, order: Traded, outcome: Outcome, ended_ms: int | None) -> TargetResult | None:
        """Return the row of an order's target, if it is on this page; the best outcome of its BUYs is shown."""
        key = order.symbol, order.order_id if order.target_id is None else order.target_id
        found = self._targets.get(key)
        if found is not None:
            if _precedes(order.side, outcome, found):
                found.side, found.outcome, found.state = order.side, outcome, order.state
                found.order_id, found.reason, found.ended_ms = order.order_id, order.reason, ended_ms
            return found
        if self._before_seq is not None and order.seq >= self._before_seq:
            self._earlier.add(key)
        if key in self._earlier:
            return None
        if len(self._targets) == self._most_targets:
            if self._next_seq is None:
                self._next_seq = order.seq + 1
            return None
        made = self._targets[key] = TargetResult(
            order.seq, order.target_id, order.order_id, order.symbol, self._assets_of(order.symbol), order.side,
            outcome, order.state, order.reason, ended_ms,
        )  # fmt: skip
        return made

    def _execute(self, day: int, execution: _Execution, target: TargetResult | None) -> None:
        made = self._sums_of(execution)
        self._day(day, execution.symbol).add_amounts(made)
        if target is not None:
            target.sums.add_amounts(made)

    def _sums_of(self, execution: _Execution) -> Sums:
        """Return the sums of one execution, and change its pair's position by it."""
        if execution.value is None:
            return Sums(values_unknown=1, fees_unknown=1)
        quantity, value, fee = execution.quantity, execution.value, execution.fee or ZERO
        assets = self._assets_of(execution.symbol)
        in_quote = fee if execution.fee_asset == assets.quote else ZERO
        in_base = fee if execution.fee_asset == assets.base else ZERO
        made = Sums(
            fees={execution.fee_asset: fee} if fee else {},
            fees_in_quote=total(in_quote, product(in_base, execution.price)),
            fees_unknown=1 if execution.fee is None else 0,
        )
        position = self._position(execution.symbol)
        if execution.side is Side.BUY:
            made.bought_quantity, made.bought_value = quantity, value
            position.quantity = total(position.quantity, difference(quantity, in_base))
            position.cost = total(position.cost, total(value, in_quote))
        else:
            made.sold_quantity, made.sold_value = quantity, value
            _sell(position, total(quantity, in_base), difference(value, in_quote), made)
        return made

    def _day(self, day: int, symbol: str) -> Sums:
        return self._days.setdefault(day, {}).setdefault(symbol, Sums())

    def _position(self, symbol: str) -> Position:
        return self._positions.setdefault(symbol, Position())

    def _assets_of(self, symbol: str) -> Assets:
        found = self._pair_assets.get(symbol)
        if found is None:
            found = self._pair_assets[symbol] = self._assets(symbol)
        return found


def assets_by_name(symbol: str) -> Assets:
    """Split a symbol whose rules are not known by the quote assets that are known."""
    quote = quote_asset(symbol)
    return Assets(None, None) if quote is None else Assets(symbol.removesuffix(quote), quote)


def _outcome(order: Traded, *, has_ended: bool) -> Outcome:
    if not has_ended:
        return Outcome.UNKNOWN if order.state in OUTCOME_UNKNOWN else Outcome.UNFINISHED
    if order.state is State.FILLED:
        return Outcome.FILLED
    return Outcome.PARTLY if order.executed_quantity or order.fills else Outcome.NONE


def _precedes(side: Side, outcome: Outcome, found: TargetResult) -> bool:
    """Whether an older order says more of a target than the newer ones: a BUY before a SELL, then the best outcome."""
    if side is not found.side:
        return side is Side.BUY
    return _RANK[outcome] < _RANK[found.outcome]


def _executions(order: Traded) -> list[tuple[int, _Execution]]:
    """Return an order's executions with their instants, Unix ms.

    MEXC states the time of a trade in whole seconds, cut. A trade is not earlier than its request, and with the instant
    of that, a BUY and the SELL after it stay in their order.
    """
    asked_ms = order.accepted_ms if order.sent_ms is None else order.sent_ms
    found = [
        (
            max(fill.at_ms, asked_ms),
            _Execution(order.symbol, order.side, fill.quantity, fill.quote, fill.price, fill.fee, fill.fee_asset),
        )
        for fill in sorted(order.fills, key=lambda fill: (fill.at_ms, len(fill.trade_id), fill.trade_id))
    ]
    quantity, value = order.executed_quantity, known_sum(order.executed_quantity, order.executed_quote)
    for fill in order.fills:
        quantity = difference(quantity, fill.quantity)
        value = None if value is None else difference(value, fill.quote)
    if quantity > 0:
        at_ms = order.ended_ms or order.updated_ms
        known = value if value is not None and value > 0 else None
        found.append((at_ms, _Execution(order.symbol, order.side, quantity, known, ZERO, None, "")))
    return found


def _sell(position: Position, quantity: Decimal, value: Decimal, made: Sums) -> None:
    """Take a sold quantity from a position; ``value`` is what it earned, without fees."""
    matched = min(quantity, position.quantity)
    earned = value if matched == quantity else _share(value, matched, quantity)
    cost = position.cost if matched == position.quantity else _share(position.cost, matched, position.quantity)
    position.quantity = difference(position.quantity, matched)
    position.cost = difference(position.cost, cost)
    made.realised = difference(earned, cost)
    made.unmatched_quantity = difference(quantity, matched)
    made.unmatched_value = difference(value, earned)


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    return floor_to(quotient(product(amount, part), whole), SHARE_DECIMALS)
