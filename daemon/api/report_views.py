"""What the report shows: amounts as strings, values in the quote asset, instants as Unix ms."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from daemon.api.views import View, encode
from daemon.core.rules.exposure import DAY_MS
from daemon.core.values.decimals import plain
from daemon.core.values.states import State
from daemon.core.views.results import Assets, DayResult, Outcome, Outcomes, PairResult, Sums, TargetResult, Total

_T = TypeVar("_T")


class OutcomesView(View, frozen=True, kw_only=True):
    """Numbers of orders, by what became of them."""

    filled: int
    partly: int  # ended with a part of it executed
    unknown: int  # in doubt or lost
    unfinished: int  # had not ended at the end of the period
    none: int  # ended, and nothing was executed


class ResultView(View, frozen=True, kw_only=True):
    """What executions add up to. Values and results are in the quote asset."""

    buys: OutcomesView
    sells: OutcomesView
    bought_value: str
    sold_value: str
    fees: dict[str, str]  # by asset
    fees_in_quote: str  # of those in the quote asset, and of those in the base asset at the price of their fill
    fees_unknown: int  # executions whose fee is not known yet
    values_unknown: int  # executions whose value is not known yet: no sum has them
    realised: str  # by average cost, after fees in the quote asset and in the base asset
    unmatched_value: str  # sold, and bought elsewhere or before the period: not part of `realised`


class SymbolResultView(ResultView, frozen=True, kw_only=True):
    """The same of one pair. Quantities are in the base asset, prices are without fees."""

    symbol: str
    base_asset: str | None  # null: not known
    quote_asset: str | None
    bought_quantity: str
    average_bought: str | None  # null: nothing was bought
    sold_quantity: str
    average_sold: str | None
    unmatched_quantity: str


class PairView(SymbolResultView, frozen=True, kw_only=True):
    """The result of a pair."""

    open_quantity: str  # bought in the period, and not sold
    open_cost: str  # what that cost
    open_average: str | None  # its price with fees; null: nothing is open


class DayView(SymbolResultView, frozen=True, kw_only=True):
    """The result of a pair on one day."""

    day_at_ms: int  # its begin, 00:00 UTC


class TargetView(SymbolResultView, frozen=True, kw_only=True):
    """The result of a target, or of an order without one."""

    snipe_target_id: str | None
    order_id: str  # of the order that says what became of it
    side: str
    outcome: Outcome
    state: State
    reason: str | None
    ended_at_ms: int | None  # null: it had not ended at the end of the period


class TotalView(ResultView, frozen=True, kw_only=True):
    """The result of all pairs with the same quote asset."""

    quote_asset: str | None
    open_cost: str
    unknowns: list[str]  # what the result does not know, for people


class DailyLimitView(View, frozen=True, kw_only=True):
    """What this day's BUYs cost, as ``[guards] max_notional_per_day`` counts it: as asked, from acceptance on."""

    day_at_ms: int
    spent: str
    limit: str
    asset: str
    unpriced: str | None  # an order of the day whose cost is not known yet


class ReportView(View, frozen=True, kw_only=True):
    """The result of a period: sums of all of it, pairs, days (newest first), and a page of targets (newest first)."""

    since_ms: int
    until_ms: int | None  # null: now
    now_ms: int
    totals: list[TotalView]  # by quote asset
    pairs: list[PairView]  # 1,000 at most
    unshown_pairs: int
    days: list[DayView]  # 1,000 at most
    unshown_days: int
    targets: list[TargetView]
    next: str | None  # the cursor of the next page of targets
    daily_limit: DailyLimitView | None  # null: there is none, or only the owner of the fleet's account knows


def written(view: Callable[[_T], View]) -> Callable[[_T], Any]:
    """Return a function that writes a view as JSON, so that a long list of them is written in pieces."""
    return lambda value: msgspec.Raw(encode(view(value)))


def total_view(found: Total) -> TotalView:
    """Show the sums of all pairs with one quote asset."""
    return TotalView(
        **_sums(found.sums),
        quote_asset=found.quote_asset,
        open_cost=plain(found.cost),
        unknowns=found.unknowns(),
    )


def pair_view(found: PairResult) -> PairView:
    """Show the result of a pair."""
    position = found.position
    return PairView(
        **_of_symbol(found.symbol, found.assets, found.sums),
        open_quantity=plain(position.quantity),
        open_cost=plain(position.cost),
        open_average=_amount(position.average),
    )


def day_view(found: DayResult) -> DayView:
    """Show the result of a pair on one day."""
    return DayView(**_of_symbol(found.symbol, found.assets, found.sums), day_at_ms=found.day * DAY_MS)


def target_view(found: TargetResult) -> TargetView:
    """Show the result of a target."""
    return TargetView(
        **_of_symbol(found.symbol, found.assets, found.sums),
        snipe_target_id=found.target_id,
        order_id=found.order_id,
        side=found.side.value,
        outcome=found.outcome,
        state=found.state,
        reason=found.reason,
        ended_at_ms=found.ended_ms,
    )


def _of_symbol(symbol: str, assets: Assets, sums: Sums) -> dict[str, Any]:
    return _sums(sums) | {
        "symbol": symbol,
        "base_asset": assets.base,
        "quote_asset": assets.quote,
        "bought_quantity": plain(sums.bought_quantity),
        "average_bought": _amount(sums.average_bought),
        "sold_quantity": plain(sums.sold_quantity),
        "average_sold": _amount(sums.average_sold),
        "unmatched_quantity": plain(sums.unmatched_quantity),
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "buys": _outcomes(sums.buys),
        "sells": _outcomes(sums.sells),
        "bought_value": plain(sums.bought_value),
        "sold_value": plain(sums.sold_value),
        "fees": {asset: plain(fee) for asset, fee in sorted(sums.fees.items())},
        "fees_in_quote": plain(sums.fees_in_quote),
        "fees_unknown": sums.fees_unknown,
        "values_unknown": sums.values_unknown,
        "realised": plain(sums.realised),
        "unmatched_value": plain(sums.unmatched_value),
    }


def _outcomes(counted: Outcomes) -> OutcomesView:
    return OutcomesView(**msgspec.structs.asdict(counted))


def _amount(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
