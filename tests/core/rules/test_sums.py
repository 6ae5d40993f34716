"""The quote sum of a fill: MEXC may show a sum of 0 beside a filled quantity. That is not a price of 0."""

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.rules.exposure import worth_of
from daemon.core.rules.order_reports import combined, spent_less
from daemon.core.rules.reconciliation import SUM_ATTEMPTS, Search, further_source, is_confirmed
from daemon.core.values.exchange_replies import OrderReport, QueryResult, Source
from daemon.core.values.orders import Order, Side
from daemon.core.values.states import State
from daemon.core.verbs.operator import Found, Resolution
from daemon.core.views.explain import advice, outlook
from tests.core.bench import Bench
from tests.core.making import NOON_MS, everywhere, limit_order, order, placed, query, report, unclear

NO_SUM = report(State.FILLED, "4", quote="0")
FILLS = query(report(State.PARTIALLY_FILLED, "4", quote="44"), source=Source.MY_TRADES)
NO_FILLS = query(source=Source.MY_TRADES)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def filled(bench: Bench, *results: QueryResult) -> Order:
    """Place an order and show it as filled, without a sum."""
    bench.submit(quantity=Decimal(4))
    sent = bench.send_next(placed())
    return bench.query(sent, query(NO_SUM), *results)


# What is reported


@pytest.mark.parametrize(
    ("executed", "quote", "executed_sum", "price"),
    [("0", "0", "0", None), ("4", "0", None, None), ("4", "44", "44", "11"), ("4", "4E-15", "4E-15", "1E-15")],
    ids=["nothing filled", "no sum", "both", "a tiny price"],
)
def test_a_price_is_shown_only_if_something_was_filled_and_its_sum_is_known(
    executed: str, quote: str, executed_sum: str | None, price: str | None
) -> None:
    found = order(State.FILLED, executed_quantity=Decimal(executed), executed_quote=Decimal(quote))
    assert found.executed_sum == (None if executed_sum is None else Decimal(executed_sum))
    assert found.average_price == (None if price is None else Decimal(price))


def test_an_order_without_a_sum_is_reported_as_filled_at_once_and_its_sum_is_queried_again(bench: Bench) -> None:
    found = filled(bench, NO_FILLS)
    assert (found.state, found.executed_quantity, found.executed_sum, found.average_price) == (
        State.FILLED, Decimal(4), None, None,
    )  # fmt: skip
    assert found.outcome_known
    assert found.finished_ms is None
    assert bench.events(found)[-1].detail["executed_quote"] is None
    assert bench.state.searches.next_ms() == NOON_MS + bench.rules.config.reconcile.first_ms
    assert "queried again for the sum" in outlook(bench.state, found, NOON_MS).what
    assert advice(bench.state, found) is None


def test_fills_have_the_sum_and_the_order_stays_filled(bench: Bench) -> None:
    found = filled(bench, NO_FILLS)
    found = bench.query(found, query(NO_SUM), FILLS)
    assert (found.state, found.executed_sum, found.average_price) == (State.FILLED, Decimal(44), Decimal(11))
    assert found.finished_ms == bench.now_ms
    bench.settle()
    assert not bench.state.orders


def test_fills_alone_have_it_too_if_the_order_is_not_shown_any_more(bench: Bench) -> None:
    found = bench.query(filled(bench), query(), FILLS)
    assert (found.state, found.average_price) == (State.FILLED, Decimal(11))


# At which source it is queried


def test_a_search_that_finds_a_fill_without_a_sum_queries_the_trades() -> None:
    known = order(State.OPEN)
    assert further_source(known, Search(next_ms=0), [query(NO_SUM)]) is Source.MY_TRADES
    assert further_source(known, Search(next_ms=0), [query(NO_SUM), NO_FILLS]) is None, "they were asked for"
    assert further_source(known, Search(next_ms=0), [query(report(State.FILLED, "4"))]) is None, "it has its sum"
    assert further_source(known, Search(next_ms=0), [query()]) is None
    priced = order(State.PARTIALLY_FILLED, executed_quantity=Decimal(4), executed_quote=Decimal(44))
    assert further_source(priced, Search(next_ms=0), [query(NO_SUM)]) is None, "the sum of as much is known"


def test_incomplete_fills_give_no_sum_for_the_order() -> None:
    some = query(report(State.PARTIALLY_FILLED, "3", quote="33"), source=Source.MY_TRADES)
    assert combined([query(NO_SUM), some]) == NO_SUM
    assert combined([query(NO_SUM), FILLS]) == report(State.FILLED, "4", quote="44")
    more = query(report(State.PARTIALLY_FILLED, "5", quote="55"), source=Source.MY_TRADES)
    assert combined([query(NO_SUM), more]) == report(State.FILLED, "5", quote="55")
    unpriced = query(report(State.PARTIALLY_FILLED, "4", quote="0"), source=Source.MY_TRADES)
    assert combined([query(NO_SUM), unpriced]) == NO_SUM


def test_a_report_without_a_sum_keeps_the_known_one(bench: Bench) -> None:
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(11))
    found = bench.query(bench.send_next(placed()), query(report(State.PARTIALLY_FILLED, "4", quote="44")))
    found = bench.query(found, query(NO_SUM))
    assert (found.state, found.executed_sum) == (State.FILLED, Decimal(44))


# How long


def test_the_sum_is_queried_a_limited_number_of_times_and_then_stays_unknown(bench: Bench) -> None:
    found = filled(bench)
    for _ in range(SUM_ATTEMPTS - 1):
        found = bench.query(found, query(NO_SUM), NO_FILLS)
        assert found.finished_ms is None
    found = bench.query(found, query(NO_SUM), NO_FILLS)
    assert (found.state, found.finished_ms, found.average_price) == (State.FILLED, bench.now_ms, None)
    told = bench.events(found)[-1]
    assert (told.name, told.detail) == ("order.price_unknown", {"reason": found.reason})
    assert "no sum for the 4 that were filled" in (found.reason or "")
    bench.settle()
    assert not bench.state.orders


def test_misses_count_and_failed_queries_do_not(bench: Bench) -> None:
    found = filled(bench)
    for _ in range(SUM_ATTEMPTS):
        found = bench.query(found, *everywhere(failed=True))
    assert found.finished_ms is None
    seen_ms, bench.now_ms = found.seen_ms, bench.now_ms + 1_000
    for _ in range(SUM_ATTEMPTS):
        found = bench.query(found, *everywhere())
    assert (found.finished_ms, found.seen_ms) == (bench.now_ms, seen_ms)


def test_a_cancelled_order_without_its_sum_is_queried_for_longer(bench: Bench) -> None:
    cut = report(State.PARTIALLY_CANCELED, "1", quote="0")
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(11))
    found = bench.query(bench.send_next(placed()), query(cut), NO_FILLS)
    for _ in range(3):
        found = bench.query(found, query(cut), NO_FILLS)
    assert (found.finished_ms, found.executed_sum) == (None, None)
    fills = query(report(State.PARTIALLY_FILLED, "1", quote="11"), source=Source.MY_TRADES)
    found = bench.query(found, query(cut), fills)
    assert (found.state, found.average_price) == (State.PARTIALLY_CANCELED, Decimal(11))


def test_after_a_restart_the_sum_is_still_queried_and_nothing_is_sent(bench: Bench) -> None:
    found = filled(bench)
    bench.settle()
    bench.crash()
    bench.open()
    assert bench.order(found).state is State.FILLED
    assert bench.state.searches.keys() == {found.order_id}
    assert not bench.sends
    found = bench.query(found, query(NO_SUM), FILLS)
    assert found.average_price == Decimal(11)


def test_the_sum_of_a_resolution_without_one_comes_from_the_fills(bench: Bench) -> None:
    bench.submit(quantity=Decimal(4))
    doubt = bench.send_next(unclear())
    ruled = bench.resolve(doubt, Found(resolution=Resolution.FILLED, executed_quantity=Decimal(4)))
    assert (ruled.state, ruled.finished_ms) == (State.FILLED, None)
    assert bench.query(ruled, query(), FILLS).average_price == Decimal(11)


@pytest.mark.parametrize("state", [State.OPEN, State.IN_DOUBT, State.LOST])
def test_only_an_ended_order_is_confirmed(state: State) -> None:
    known = order(state, executed_quantity=Decimal(4))
    search = Search(next_ms=NOON_MS, seen=SUM_ATTEMPTS, misses=SUM_ATTEMPTS)
    assert not is_confirmed(known, search)


# What it counts as


def test_a_purchase_for_an_unknown_sum_does_not_count_as_free() -> None:
    by_quantity = order(
        State.FILLED, quantity=Decimal(4), quote_quantity=None, executed_quantity=Decimal(4), executed_quote=Decimal(0)
    )
    assert worth_of(by_quantity) is None
    assert worth_of(limit_order(State.FILLED, executed_quantity=Decimal(1))) == Decimal(10)


def test_an_order_counts_for_what_its_signal_asked_before_it_was_rounded() -> None:
    """The pair's decimals may become finer until it is sent; then it costs more than its rounded amounts."""
    rounded = limit_order(quantity=Decimal(1), asked_quantity=Decimal("1.5"), price=Decimal(9), asked_price=Decimal(10))
    assert worth_of(rounded) == Decimal(15)
    by_amount = order(quote_quantity=Decimal(25), asked_quote_quantity=Decimal("25.5"), quantity=None)
    assert worth_of(by_amount) == Decimal("25.5")


def test_a_budget_is_incomplete_while_a_sum_is_unknown_and_complete_afterwards() -> None:
    bench = Bench()
    found = filled(bench)
    assert bench.state.orders.exposure.unpriced(bench.now_ms) == found.order_id
    bench.query(found, query(NO_SUM), FILLS)
    assert bench.state.orders.exposure.unpriced(bench.now_ms) is None
    assert bench.state.orders.exposure.spent(bench.now_ms) == Decimal(44)


def test_a_cancel_that_turns_out_to_have_filled_makes_the_cost_unknown() -> None:
    bench = Bench()
    bench.submit(quantity=Decimal(4))
    found = bench.query(bench.send_next(placed()), query(report(State.CANCELED)))
    assert bench.state.orders.exposure.unpriced(bench.now_ms) is None
    bench.query(found, query(report(State.CANCELED, "1", quote="0")))
    assert bench.state.orders.exposure.unpriced(bench.now_ms) == found.order_id


# What a market buy leaves unspent


@pytest.mark.parametrize(
    ("changes", "shown", "said"),
    [
        ({}, report(State.FILLED, "1", quote="9.5"), True),
        ({}, report(State.FILLED, "1", quote="9.9"), False),
        ({}, report(State.FILLED, "1", quote="0"), False),
        ({}, report(State.PARTIALLY_CANCELED, "1", quote="5"), False),
        ({"side": Side.SELL}, report(State.FILLED, "1", quote="9.5"), False),
        ({"quantity": Decimal(1), "quote_quantity": None}, report(State.FILLED, "1", quote="9.5"), False),
    ],
    ids=["95 %", "99 %", "unknown", "cut short", "a sell", "by quantity"],
)
def test_a_market_buy_that_has_not_spent_its_amount_says_why(
    changes: dict[str, Any], shown: OrderReport, said: bool
) -> None:
    reason = spent_less(order(State.OPEN, **changes), shown)
    assert (reason is not None) is said
    assert reason is None or reason.startswith("9.5 of 10 spent: ")


def test_the_order_keeps_the_reason(bench: Bench) -> None:
    bench.submit()
    found = bench.query(bench.send_next(placed()), query(report(State.FILLED, "1", quote="9.5")))
    assert "5 % above the best price" in (found.reason or "")
