"""The values that a report takes and returns; :mod:`daemon.core.views.report` computes them."""

from decimal import Decimal
from enum import StrEnum

import msgspec

from daemon.core.rules.exposure import DAY_MS
from daemon.core.values.decimals import ZERO, plain, quotient, total
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Side
from daemon.core.values.states import ENDED, KEY_FREE, State


class Outcome(StrEnum):
    """What became of an order, or of a target; the best one first."""

    FILLED = "filled"
    PARTLY = "partly"  # it ended with a part of it executed
    UNKNOWN = "unknown"  # in doubt or lost
    UNFINISHED = "unfinished"  # it had not ended at the end of the period
    NONE = "none"  # it ended, and nothing was executed


class Traded(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The fields of an order that a report needs, and its stored fills."""

    seq: int
    order_id: str
    state: State
    symbol: str
    side: Side
    target_id: str | None
    accepted_ms: int
    sent_ms: int | None
    finished_ms: int | None
    updated_ms: int
    executed_quantity: Decimal
    executed_quote: Decimal
    reason: str | None
    fills: list[Fill]

    @property
    def ended_ms(self) -> int | None:
        """When it ended; ``None`` if it has not."""
        if self.state in ENDED or self.state in KEY_FREE:
            return self.updated_ms if self.finished_ms is None else self.finished_ms
        return None


class Period(msgspec.Struct, frozen=True):
    """``[since_ms, until_ms)`` in Unix ms; until now if ``until_ms`` is ``None``."""

    since_ms: int
    until_ms: int | None
    now_ms: int

    @property
    def last_day(self) -> int:
        """The day of its end, since 1970."""
        end_ms = self.now_ms if self.until_ms is None else min(self.now_ms, self.until_ms - 1)
        return max(self.since_ms, end_ms) // DAY_MS

    def is_before_end(self, at_ms: int) -> bool:
        """Whether an instant lies before its end."""
        return self.until_ms is None or at_ms < self.until_ms

    def has(self, at_ms: int) -> bool:
        """Whether an instant lies in it."""
        return self.since_ms <= at_ms and self.is_before_end(at_ms)


class Outcomes(msgspec.Struct):
    """Numbers of orders, by what became of them."""

    filled: int = 0
    partly: int = 0
    unknown: int = 0
    unfinished: int = 0
    none: int = 0

    def count(self, outcome: Outcome, times: int = 1) -> None:
        """Count an outcome."""
        setattr(self, outcome.value, getattr(self, outcome.value) + times)


class Sums(msgspec.Struct):
    """What orders and executions add up to. Quantities are base units, values are quote units."""

    buys: Outcomes = msgspec.field(default_factory=Outcomes)
    sells: Outcomes = msgspec.field(default_factory=Outcomes)
    bought_quantity: Decimal = ZERO
    bought_value: Decimal = ZERO
    sold_quantity: Decimal = ZERO
    sold_value: Decimal = ZERO
    fees: dict[str, Decimal] = {}  # by asset
    fees_in_quote: Decimal = ZERO  # of those in the quote asset, and in the base asset at the price of their fill
    fees_unknown: int = 0  # executions whose fee is not known
    values_unknown: int = 0  # executions whose value is not known: no sum has them
    realised: Decimal = ZERO
    unmatched_quantity: Decimal = ZERO  # sold, and bought elsewhere or before the period
    unmatched_value: Decimal = ZERO  # the same, without fees in the quote asset

    def add(self, other: "Sums") -> None:
        """Add other sums."""
        for outcome in Outcome:
            self.buys.count(outcome, getattr(other.buys, outcome.value))
            self.sells.count(outcome, getattr(other.sells, outcome.value))
        self.add_amounts(other)

    def add_amounts(self, other: "Sums") -> None:
        """Add the amounts of other sums."""
        for name in _AMOUNTS:
            amount = getattr(other, name)
            if amount:
                setattr(self, name, total(getattr(self, name), amount))
        for asset, fee in other.fees.items():
            self.fees[asset] = total(self.fees.get(asset, ZERO), fee)
        self.fees_unknown += other.fees_unknown
        self.values_unknown += other.values_unknown

    @property
    def average_bought(self) -> Decimal | None:
        """Quote per base unit of the BUYs, without fees; ``None`` if nothing was bought."""
        return quotient(self.bought_value, self.bought_quantity) if self.bought_quantity else None

    @property
    def average_sold(self) -> Decimal | None:
        """The same of the SELLs."""
        return quotient(self.sold_value, self.sold_quantity) if self.sold_quantity else None


_AMOUNTS = (
    "bought_quantity", "bought_value", "sold_quantity", "sold_value", "fees_in_quote", "realised", "unmatched_quantity",
    "unmatched_value",
)  # fmt: skip


class Assets(msgspec.Struct, frozen=True):
    """The assets of a pair; ``None`` where they are not known."""

    base: str | None
    quote: str | None


class Position(msgspec.Struct):
    """What a pair's executions bought and did not sell, and its cost in quote units."""

    quantity: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def average(self) -> Decimal | None:
        """Quote per base unit, with fees; ``None`` if nothing is left."""
        return quotient(self.cost, self.quantity) if self.quantity else None


class PairResult(msgspec.Struct):
    """The sums of a pair over the whole period, and its position at the end."""

    symbol: str
    assets: Assets
    sums: Sums
    position: Position


class DayResult(msgspec.Struct):
    """The sums of a pair on one day."""

    day: int  # since 1970
    symbol: str
    assets: Assets
    sums: Sums


class TargetResult(msgspec.Struct):
    """The sums of one target and pair, or of an order without a target; and what became of it."""

    seq: int  # of its newest order
    target_id: str | None
    order_id: str  # the newest of its orders with this outcome
    symbol: str
    assets: Assets
    side: Side
    outcome: Outcome
    state: State
    reason: str | None
    ended_ms: int | None
    sums: Sums = msgspec.field(default_factory=Sums)


class Total(msgspec.Struct):
    """The sums of all pairs with one quote asset; quantities of different assets have no meaning in it."""

    quote_asset: str | None
    sums: Sums
    cost: Decimal = ZERO  # of the open positions

    def unknowns(self) -> list[str]:
        """Say, for people, what the result does not know."""
        sums, asset = self.sums, self.quote_asset or "the quote asset"
        said = {
            f"executions whose fee is not known yet: {sums.fees_unknown}": sums.fees_unknown,
            f"executions whose value is not known yet, in no sum: {sums.values_unknown}": sums.values_unknown,
            f"sold for {plain(sums.unmatched_value)} what was bought elsewhere or before the period, so its result is "
            "not known": sums.unmatched_value,
        }
        return [f"{asset}: {text}" for text, is_said in said.items() if is_said]


class Report(msgspec.Struct, frozen=True):
    """The result of a period: by quote asset, by pair, by pair and day (newest first), and a page of the targets."""

    totals: list[Total]
    pairs: list[PairResult]
    unshown_pairs: int  # how many more there are
    days: list[DayResult]
    unshown_days: int  # the same
    targets: list[TargetResult]
    next_seq: int | None  # there are more targets: those before this number
