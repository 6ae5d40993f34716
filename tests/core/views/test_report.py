"""The report: examples computed by hand, and that the parts of a report add up to its total, exactly."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import count
from itertools import product as product_of
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rules.exposure import DAY_MS
from daemon.core.values.decimals import ZERO, difference, product, total
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Side
from daemon.core.values.states import State
from daemon.core.views.report import PIECE, Bookkeeping, assets_by_name
from daemon.core.views.results import Assets, Outcome, Outcomes, Period, Report, Sums, Total, Traded
from tests.core.making import NOON_MS

BEGIN_MS = NOON_MS - NOON_MS % DAY_MS
DAY = BEGIN_MS // DAY_MS
TODAY = Period(BEGIN_MS, None, NOON_MS)
D = Decimal

_trades = count(1)


def traded(seq: int = 1, *fills: Fill, **changes: Any) -> Traded:
    """Make a filled BUY; its amounts are those of its fills unless they are given."""
    given: dict[str, Any] = {
        "seq": seq,
        "order_id": f"order-{seq}",
        "state": State.FILLED,
        "symbol": "FOOUSDT",
        "side": Side.BUY,
        "target_id": f"T{seq}",
        "accepted_ms": BEGIN_MS + seq * 1_000,
        "sent_ms": BEGIN_MS + seq * 1_000 + 5,
        "finished_ms": BEGIN_MS + seq * 1_000 + 10,
        "updated_ms": BEGIN_MS + seq * 1_000 + 10,
        "executed_quantity": sum((each.quantity for each in fills), ZERO),
        "executed_quote": sum((each.quote for each in fills), ZERO),
        "reason": None,
        "fills": list(fills),
    }
    return Traded(**given | changes)


def fill(
    quantity: str | Decimal,
    price: str | Decimal,
    fee: str | Decimal = "0",
    asset: str = "USDT",
    *,
    at_ms: int = BEGIN_MS,
) -> Fill:
    """Make a fill."""
    return Fill(
        symbol="FOOUSDT",
        trade_id=str(next(_trades)),
        order_id="",
        at_ms=at_ms,
        price=D(price),
        quantity=D(quantity),
        quote=product(D(quantity), D(price)),
        fee=D(fee),
        fee_asset=asset,
        is_maker=False,
    )


def report(*orders: Traded, period: Period = TODAY, targets: int = 100, before_seq: int | None = None) -> Report:
    """Make a report of orders."""
    books = Bookkeeping(period, assets_by_name, targets=targets, before_seq=before_seq)
    for order in sorted(orders, key=lambda order: -order.seq):
        books.add(order)
    return finished(books)


def finished(books: Bookkeeping) -> Report:
    """Take all steps of a report."""
    steps = books.report()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Report = end.value
            return found


def sell(seq: int, *fills: Fill, **changes: Any) -> Traded:
    """Make a filled SELL."""
    return traded(seq, *fills, side=Side.SELL, **changes)


def shown(*values: Any) -> tuple[Any, ...]:
    """Return values for a comparison with whole numbers."""
    return values


def test_nothing_traded_is_an_empty_report() -> None:
    assert report() == Report([], [], 0, [], 0, [], None)


def test_a_sale_earns_its_value_less_the_average_cost() -> None:
    """Bought 2 at 10 and 2 at 14, so 4 at 12; sold 3 at 15: 45 - 36."""
    found = report(traded(1, fill("2", "10")), traded(2, fill("2", "14")), sell(3, fill("3", "15")))
    [pair], [whole] = found.pairs, found.totals
    assert pair.sums.realised == whole.sums.realised == 9
    assert shown(pair.sums.bought_value, pair.sums.average_bought) == (48, 12)
    assert shown(pair.sums.sold_value, pair.sums.average_sold) == (45, 15)
    assert shown(pair.position.quantity, pair.position.cost, pair.position.average) == (1, 12, 12)
    assert shown(whole.quote_asset, whole.cost) == ("USDT", 12)
    assert [shown(each.target_id, each.sums.realised) for each in found.targets] == [("T3", 9), ("T2", 0), ("T1", 0)]


def test_fees_in_the_quote_asset_add_to_the_cost_and_lessen_the_value() -> None:
    """Bought 1 for 10 and a fee of 0.1; sold for 12 less 0.2: 11.8 - 10.1."""
    found = report(traded(1, fill("1", "10", "0.1")), sell(2, fill("1", "12", "0.2")))
    [pair] = found.pairs
    assert pair.sums.realised == D("1.7")
    assert (pair.sums.fees, pair.sums.fees_in_quote) == ({"USDT": D("0.3")}, D("0.3"))
    assert shown(pair.position.quantity, pair.position.average) == (0, None)


def test_a_fee_in_the_base_asset_takes_from_the_position() -> None:
    """Bought 10 at 1 and got 9.9; sold 9.8 at 2, with a fee of 0.1: nothing is left, and 19.6 - 10 was earned."""
    found = report(traded(1, fill("10", "1", "0.1", "FOO")), sell(2, fill("9.8", "2", "0.1", "FOO")))
    [pair] = found.pairs
    assert pair.sums.realised == D("9.6")
    assert (pair.sums.fees, pair.sums.fees_in_quote) == ({"FOO": D("0.2")}, D("0.3"))  # 0.1 at 1 and 0.1 at 2
    assert shown(pair.position.quantity, pair.position.cost) == (0, 0)
    assert shown(pair.sums.unmatched_quantity, pair.sums.unmatched_value) == (0, 0)


def test_a_fee_in_a_third_asset_is_listed_and_changes_no_result() -> None:
    found = report(traded(1, fill("1", "10", "0.004", "MX")), sell(2, fill("1", "12", "0.005", "MX")))
    [pair] = found.pairs
    assert shown(pair.sums.fees, pair.sums.fees_in_quote, pair.sums.realised) == ({"MX": D("0.009")}, 0, 2)


def test_what_is_sold_beyond_the_position_has_no_known_result() -> None:
    """Bought 1 at 10; sold 4 at 12 with a fee of 0.4: of 47.6 a quarter, 11.9, is that of the 1."""
    found = report(traded(1, fill("1", "10")), sell(2, fill("4", "12", "0.4")))
    [pair] = found.pairs
    assert pair.sums.realised == D("1.9")
    assert shown(pair.sums.unmatched_quantity, pair.sums.unmatched_value) == (3, D("35.7"))


def test_a_share_that_no_decimal_number_has_loses_nothing() -> None:
    """A third of 10 is rounded down; what is cut stays with the position."""
    third = [sell(seq, fill("1", "5")) for seq in (2, 3, 4)]
    found = report(traded(1, fill("3", str(D(10) / 3)), executed_quote=D(10)), *third)
    assert found.pairs[0].position.cost == 0
    exact = report(traded(1, executed_quantity=D(3), executed_quote=D(10)), *third)
    assert exact.pairs[0].sums.realised == 5
    assert [each.sums.realised for each in exact.targets[:3]] == [
        D("1.666666666666"), D("1.666666666667"), D("1.666666666667"),
    ]  # fmt: skip


def test_fills_within_one_second_keep_the_order_of_their_requests() -> None:
    """MEXC cuts the times of trades to seconds: the SELL's seems to be earlier than the end of the BUY."""
    bought = traded(1, executed_quantity=D(1), executed_quote=D(10), finished_ms=BEGIN_MS + 1_200)
    sold = sell(2, fill("1", "11", at_ms=BEGIN_MS + 1_000), sent_ms=BEGIN_MS + 1_600)
    assert report(bought, sold).pairs[0].sums.realised == 1


def test_an_order_without_stored_fills_counts_as_executed_and_its_fee_is_unknown() -> None:
    found = report(traded(1, executed_quantity=D(2), executed_quote=D(20)))
    [pair] = found.pairs
    assert shown(pair.sums.average_bought, pair.sums.fees, pair.sums.fees_unknown) == (10, {}, 1)


def test_what_the_stored_fills_lack_counts_as_executed() -> None:
    found = report(traded(1, fill("1", "10", "0.1"), executed_quantity=D(3), executed_quote=D(34)))
    [pair] = found.pairs
    assert shown(pair.sums.bought_quantity, pair.sums.bought_value) == (3, 34)
    assert (pair.sums.fees, pair.sums.fees_unknown) == ({"USDT": D("0.1")}, 1)


def test_fills_beyond_what_the_order_showed_count() -> None:
    found = report(traded(1, fill("3", "10"), executed_quantity=D(1), executed_quote=D(10)))
    assert found.pairs[0].sums.bought_value == 30


def test_a_fill_of_unknown_sum_is_in_no_sum_and_is_counted() -> None:
    """MEXC shows a filled quantity without its sum: a value of 0 would be a lie."""
    [pair] = report(traded(1, executed_quantity=D(2), executed_quote=ZERO)).pairs
    assert shown(pair.sums.values_unknown, pair.sums.fees_unknown, pair.sums.bought_quantity) == (1, 1, 0)
    [pair] = report(traded(1, fill("1", "10"), executed_quantity=D(2), executed_quote=D(9))).pairs
    assert shown(pair.sums.values_unknown, pair.sums.bought_value) == (1, 10)


def test_each_order_counts_by_what_became_of_it() -> None:
    found = report(
        traded(1, fill("1", "10")),
        traded(2, fill("1", "10"), state=State.PARTIALLY_CANCELED),
        traded(3, state=State.EXPIRED, reason="its deadline passed"),
        traded(4, state=State.OPEN, finished_ms=None),
        traded(5, state=State.LOST, finished_ms=None),
        traded(6, state=State.IN_DOUBT, finished_ms=None),
        sell(7, state=State.CANCELED, finished_ms=None),
    )
    [pair] = found.pairs
    assert pair.sums.buys == Outcomes(filled=1, partly=1, unknown=2, unfinished=1, none=1)
    assert pair.sums.sells == Outcomes(none=1)
    by_target = {each.target_id: (each.outcome, each.reason, each.ended_ms) for each in found.targets}
    assert by_target["T3"] == (Outcome.NONE, "its deadline passed", BEGIN_MS + 3_010)
    assert by_target["T4"] == (Outcome.UNFINISHED, None, None)


def test_a_target_shows_its_best_buy() -> None:
    """The first order was refused, the second bought; the SELL after it says nothing of whether it was bought."""
    found = report(
        traded(1, state=State.REJECTED, reason="refused", target_id="T"),
        traded(2, fill("1", "10"), target_id="T"),
        traded(3, state=State.EXPIRED, reason="late", target_id="T"),
        sell(4, fill("1", "12"), target_id="T"),
    )
    [target] = found.targets
    assert (target.order_id, target.side, target.outcome, target.reason) == ("order-2", Side.BUY, Outcome.FILLED, None)
    assert (target.sums.buys, target.sums.sells) == (Outcomes(filled=1, none=2), Outcomes(filled=1))
    assert shown(target.seq, target.sums.realised) == (4, 2)


def test_orders_without_a_target_are_apart() -> None:
    found = report(traded(1, fill("1", "10"), target_id=None), traded(2, fill("1", "10"), target_id=None))
    assert [(each.target_id, each.order_id) for each in found.targets] == [(None, "order-2"), (None, "order-1")]


def test_an_order_counts_where_it_ended_and_an_execution_where_it_happened() -> None:
    """A SELL rests over midnight: a part of it was sold on the first day, and it ended on the second."""
    next_day_ms = BEGIN_MS + DAY_MS
    bought = traded(1, fill("2", "10", at_ms=BEGIN_MS))
    sold = sell(
        2,
        fill("1", "11", at_ms=next_day_ms - 1_000),
        fill("1", "12", at_ms=next_day_ms + 1_000),
        finished_ms=next_day_ms + 2_000,
    )
    found = report(bought, sold, period=Period(BEGIN_MS, None, next_day_ms + 5_000))
    first, second = {each.day: each.sums for each in reversed(found.days)}.values()
    assert [each.day for each in found.days] == [DAY + 1, DAY]
    assert shown(first.realised, first.sells, second.realised, second.sells) == (1, Outcomes(), 2, Outcomes(filled=1))
    until_midnight = report(bought, sold, period=Period(BEGIN_MS, next_day_ms, next_day_ms + 5_000))
    [pair] = until_midnight.pairs
    assert shown(pair.sums.realised, pair.sums.sells) == (1, Outcomes(unfinished=1))
    since_midnight = report(bought, sold, period=Period(next_day_ms, None, next_day_ms + 5_000))
    [pair] = since_midnight.pairs
    assert shown(pair.sums.buys, pair.sums.realised, pair.sums.unmatched_value) == (Outcomes(), 0, 12)


def test_an_order_that_goes_on_counts_with_what_it_executed_so_far() -> None:
    """At its last change: it has not ended."""
    filled_ms = BEGIN_MS + 3_000
    rests = traded(
        1,
        state=State.PARTIALLY_FILLED,
        finished_ms=None,
        updated_ms=filled_ms,
        executed_quantity=D(1),
        executed_quote=D(10),
    )
    [pair] = report(rests).pairs
    assert shown(pair.sums.buys, pair.sums.bought_value) == (Outcomes(unfinished=1), 10)
    [pair] = report(rests, period=Period(filled_ms + 1, None, NOON_MS)).pairs
    assert shown(pair.sums.buys, pair.sums.bought_value) == (Outcomes(unfinished=1), 0)


def test_others_have_their_turns_in_a_long_report() -> None:
    """A piece of executions, one of rows of pair and day, and one of pairs."""
    books = Bookkeeping(TODAY, assets_by_name, targets=1)
    for seq in range(PIECE, 0, -1):
        books.add(traded(seq, fill("1", "10"), symbol=f"FOO{seq}USDT"))
    assert len(list(books.report())) == 3


def test_of_very_many_rows_the_first_are_listed_and_the_others_are_counted() -> None:
    days = [BEGIN_MS + number * DAY_MS for number in range(3)]
    found = [
        traded(seq, fill("1", "10", at_ms=at_ms), symbol=symbol, sent_ms=at_ms, finished_ms=at_ms)
        for seq, (at_ms, symbol) in enumerate(product_of(days, ["BARUSDT", "FOOUSDT"]), start=1)
    ]
    books = Bookkeeping(Period(BEGIN_MS, None, days[-1]), assets_by_name, targets=0, rows=3)
    for order in reversed(found):
        books.add(order)
    made = finished(books)
    assert [(each.day - DAY, each.symbol) for each in made.days] == [(2, "BARUSDT"), (2, "FOOUSDT"), (1, "BARUSDT")]
    assert (made.unshown_days, len(made.pairs), made.unshown_pairs) == (3, 2, 0)
    assert made.totals[0].sums.bought_value == 60


def test_an_order_that_ended_before_the_period_is_left_out() -> None:
    found = report(
        traded(1, fill("1", "10"), finished_ms=BEGIN_MS + 500), period=Period(BEGIN_MS + 900_000, None, NOON_MS)
    )
    assert found == report()


def test_a_pair_of_unknown_assets_has_a_total_of_its_own() -> None:
    found = report(traded(1, fill("1", "10", "0.1", "XYZ"), symbol="FOOXYZ"))
    [whole], [pair] = found.totals, found.pairs
    assert (whole.quote_asset, pair.assets) == (None, Assets(None, None))
    assert shown(whole.sums.fees, whole.sums.fees_in_quote) == ({"XYZ": D("0.1")}, 0)


def test_a_symbol_is_split_by_its_quote_asset() -> None:
    assert assets_by_name("FOOUSDT") == Assets("FOO", "USDT")
    assert assets_by_name("ETHBTC") == Assets("ETH", "BTC")
    assert assets_by_name("USDT") == Assets(None, None)


def test_pages_of_targets_follow_one_another_and_sums_are_the_same_on_each() -> None:
    orders = [traded(seq, fill("1", "10"), target_id=f"T{seq % 7}") for seq in range(1, 22)]
    whole = report(*orders)
    seen, before = [], None
    while True:
        page = report(*orders, targets=3, before_seq=before)
        assert page.totals == whole.totals
        seen += page.targets
        before = page.next_seq
        if before is None:
            break
    assert seen == whole.targets
    assert len(seen) == 7


amounts = st.decimals(min_value="0.00000001", max_value="100000", places=8)
fees = st.decimals(min_value="0", max_value="0.00000001", places=10)
instants = st.integers(0, 3 * DAY_MS)


@st.composite
def trades(draw: st.DrawFn, seq: int) -> Traded:
    """Draw an order with fills, and perhaps more executed than they say."""
    assets = st.sampled_from(["USDT", "BTC", "FOO", "BAR", "MX"])
    fills = [
        fill(draw(amounts), draw(amounts), draw(fees), draw(assets), at_ms=BEGIN_MS + draw(instants))
        for _ in range(draw(st.integers(0, 3)))
    ]
    beyond = draw(st.booleans())
    quantity = sum((each.quantity for each in fills), draw(amounts) if beyond else ZERO)
    quote = sum((each.quote for each in fills), draw(st.just(ZERO) | amounts) if beyond else ZERO)
    return traded(
        seq,
        *fills,
        side=draw(st.sampled_from(Side)),
        symbol=draw(st.sampled_from(["FOOUSDT", "BARUSDT", "FOOBTC"])),
        state=draw(st.sampled_from(State)),
        target_id=draw(st.sampled_from([None, "A", "B"])),
        executed_quantity=quantity,
        executed_quote=quote,
        sent_ms=draw(st.just(None) | st.integers(BEGIN_MS, BEGIN_MS + DAY_MS)),
        finished_ms=draw(st.just(None) | st.integers(BEGIN_MS, BEGIN_MS + 3 * DAY_MS)),
    )


orders = st.integers(0, 12).flatmap(lambda number: st.tuples(*(trades(seq) for seq in range(1, number + 1))))
periods = st.tuples(instants, st.just(None) | instants).map(
    lambda given: Period(BEGIN_MS + given[0], None if given[1] is None else BEGIN_MS + given[1], NOON_MS)
)


@given(orders, periods)
def test_the_parts_add_up_to_the_total_exactly(found: Sequence[Traded], period: Period) -> None:
    made = report(*found, period=period)
    whole = added(each.sums for each in made.totals)
    assert whole == added(each.sums for each in made.pairs)
    assert whole == added(each.sums for each in made.days)
    assert whole == added(each.sums for each in made.targets)


@given(orders, periods)
def test_nothing_earned_or_spent_is_lost(found: Sequence[Traded], period: Period) -> None:
    """Sold less bought and fees in the quote asset is the result, what is sold at unknown cost, less the open cost."""
    for pair in report(*found, period=period).pairs:
        sums = pair.sums
        fee = sums.fees.get(pair.assets.quote or "", ZERO)
        got = difference(total(sums.realised, sums.unmatched_value), pair.position.cost)
        assert difference(difference(sums.sold_value, sums.bought_value), fee) == got


def added(parts: Any) -> Sums:
    """Add sums up."""
    whole = Sums()
    for each in parts:
        whole.add(each)
    return whole


def test_a_total_says_what_it_does_not_know() -> None:
    known = Sums(bought_value=Decimal(5), fees={"USDT": Decimal(1)})
    assert Total("USDT", known).unknowns() == []
    unknown = Sums(fees_unknown=1, values_unknown=2, unmatched_value=Decimal("1.50"))
    assert Total("USDT", unknown).unknowns() == [
        "USDT: executions whose fee is not known yet: 1",
        "USDT: executions whose value is not known yet, in no sum: 2",
        "USDT: sold for 1.5 what was bought elsewhere or before the period, so its result is not known",
    ]
    assert Total(None, Sums(fees_unknown=1)).unknowns()[0].startswith("the quote asset: ")
