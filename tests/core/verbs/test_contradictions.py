"""What the exchange shows contradicts what was sent, what it showed before, or itself."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from daemon.core.rules.order_reports import combined, exceeds, falls_short, settled
from daemon.core.rules.reconciliation import CONFIRM_MS, Search, further_source, grace_over_ms, sources
from daemon.core.values.events import Event
from daemon.core.values.exchange_replies import OrderReport, QueryResult, Source
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.monitoring.figures import read
from tests.core.bench import Bench
from tests.core.making import everywhere, limit_order, order, placed, query, report, unclear
from tests.support.steps import at_once

TEN = Decimal(10)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def of_ten(bench: Bench) -> Order:
    """Place an order of ten that no query has shown yet."""
    bench.submit(type="LIMIT", quantity=TEN, price=TEN)
    return bench.send_next(placed())


def seen(bench: Bench, found: Order, *shown: OrderReport) -> Order:
    """Query at the instant at which the next query is due."""
    bench.now_ms = max(bench.now_ms, bench.state.searches.next_ms() or 0)
    return bench.query(found, *(query(each, at_ms=bench.now_ms) for each in shown))


def told(bench: Bench, found: Order | None, name: str) -> list[Event]:
    return [event for event in bench.events(found) if event.name == name]


# --- filled with less than was asked


@pytest.mark.parametrize(("executed", "meanwhile"), [("6", State.PARTIALLY_FILLED), ("0", State.OPEN)])
def test_an_order_that_is_shown_as_filled_too_early_is_filled_once_all_of_it_is(
    bench: Bench, executed: str, meanwhile: State
) -> None:
    found = seen(bench, of_ten(bench), report(State.FILLED, executed))
    assert (found.state, found.executed_quantity, found.finished_ms) == (meanwhile, Decimal(executed), None)
    assert not found.outcome_known or found.type.can_rest
    found = seen(bench, found, report(State.FILLED, executed))
    found = seen(bench, found, report(State.FILLED, "10"))
    assert (found.state, found.executed_quantity, found.executed_quote) == (State.FILLED, TEN, Decimal(100))
    assert found.finished_ms == bench.now_ms


@pytest.mark.parametrize("executed", ["6", "0"])
def test_an_end_that_keeps_contradicting_itself_is_believed_after_all_confirmations(
    bench: Bench, executed: str
) -> None:
    """It is queried as often as a cancelled order, and ends as the exchange shows it: no success is made up."""
    found = seen(bench, of_ten(bench), report(State.FILLED, executed))
    began_ms = bench.now_ms
    attempts = 0
    while found.state is not State.FILLED:
        found = seen(bench, found, report(State.FILLED, executed))
        attempts += 1
    assert attempts == len(CONFIRM_MS) + 1
    assert bench.now_ms - began_ms == sum(CONFIRM_MS)
    assert (found.executed_quantity, found.key_bound) == (Decimal(executed), True)
    assert [event.detail["reason"] for event in told(bench, found, "order.contradicted")] == [
        f"shown as filled with {executed} executed, 10 were asked"
    ]


def test_a_quote_order_is_not_filled_with_nothing(bench: Bench) -> None:
    bench.submit(quantity=None, quote_order_qty=TEN)
    found = bench.send_next(placed())
    assert seen(bench, found, report(State.FILLED)).state is State.OPEN
    found = seen(bench, found, report(State.FILLED, "3"))
    assert (found.state, found.executed_quantity) == (State.FILLED, Decimal(3))


def test_a_quote_order_is_queried_again_if_more_may_have_been_filled(bench: Bench) -> None:
    """It is reported as filled at once: the quantity that the exchange shows for it may be an estimate."""
    bench.submit(quantity=None, quote_order_qty=TEN)
    early = report(State.FILLED, "6", quantity=TEN)
    found = seen(bench, bench.send_next(placed()), early)
    assert (found.state, found.executed_quantity, found.finished_ms) == (State.FILLED, Decimal(6), None)
    assert found.outcome_known
    assert further_source(order(State.OPEN), Search(next_ms=0), [query(early)]) is Source.MY_TRADES
    found = seen(bench, found, report(State.FILLED, "10", quantity=TEN))
    assert (found.executed_quantity, found.finished_ms) == (TEN, bench.now_ms)
    assert told(bench, found, "order.contradicted") == []


def test_a_quote_order_that_keeps_showing_less_than_its_quantity_is_still_finished(bench: Bench) -> None:
    bench.submit(quantity=None, quote_order_qty=TEN)
    early = report(State.FILLED, "6", quantity=TEN)
    found = seen(bench, bench.send_next(placed()), early)
    began_ms = bench.now_ms
    for _ in CONFIRM_MS:
        assert found.finished_ms is None
        found = seen(bench, found, early)
    assert (found.executed_quantity, found.finished_ms) == (Decimal(6), began_ms + sum(CONFIRM_MS))


def test_a_market_order_is_measured_by_the_quantity_that_the_exchange_shows() -> None:
    found = order(State.OPEN, quantity=TEN, quote_quantity=None)
    assert falls_short(found, report(State.FILLED, "9"))
    assert not falls_short(found, report(State.FILLED, "9", quantity=Decimal(9)))
    assert falls_short(found, report(State.FILLED, "9", quantity=Decimal(20)))


def test_a_search_that_finds_too_few_fills_queries_the_trades() -> None:
    found = order(State.OPEN, quantity=TEN, quote_quantity=None)
    early = query(report(State.FILLED, "6"))
    assert further_source(found, Search(next_ms=0), [early]) is Source.MY_TRADES
    fills = query(report(State.PARTIALLY_FILLED, "10"), source=Source.MY_TRADES)
    assert further_source(found, Search(next_ms=0), [early, fills]) is None
    assert combined([early, fills]) == report(State.FILLED, "10")


# --- an end with less than was shown before


@pytest.mark.parametrize("state", [State.CANCELED, State.FILLED])
def test_an_end_that_shows_less_than_an_earlier_report_ends_the_order_with_what_was_filled(
    bench: Bench, state: State
) -> None:
    found = seen(bench, of_ten(bench), report(State.PARTIALLY_FILLED, "6"))
    ended = State.PARTIALLY_CANCELED if state is State.CANCELED else state
    for _ in range(len(CONFIRM_MS)):
        found = seen(bench, found, report(state, "2"))
        assert (found.state, found.executed_quantity) == (State.PARTIALLY_FILLED, Decimal(6))
    found = seen(bench, found, report(state, "2"))
    assert (found.state, found.executed_quantity, found.executed_quote) == (ended, Decimal(6), Decimal(60))


def test_the_event_of_an_end_with_less_than_before_names_both(bench: Bench) -> None:
    found = seen(bench, of_ten(bench), report(State.PARTIALLY_FILLED, "6"))
    found = seen(bench, found, report(State.CANCELED))
    assert [event.detail["reason"] for event in told(bench, found, "order.contradicted")] == [
        "shown as canceled with 0 executed, 6 were shown before"
    ]


# --- more than was asked


def test_no_more_is_executed_than_was_asked_and_the_price_stays(bench: Bench) -> None:
    found = seen(bench, of_ten(bench), report(State.FILLED, "12", quote="240"))
    assert (found.state, found.executed_quantity, found.executed_quote) == (State.FILLED, TEN, Decimal(200))
    (event,) = told(bench, found, "order.contradicted")
    assert event.detail["reason"] == "shown with 12 executed, 10 were asked"


def test_an_amount_in_quote_limits_no_quantity() -> None:
    assert not exceeds(order(State.OPEN), report(State.FILLED, "1000000"))


def test_the_quantity_is_capped_before_the_state_is_derived_from_it() -> None:
    assert settled(limit_order(State.OPEN), report(State.CANCELED, "3")) == report(State.PARTIALLY_CANCELED, "1")


# --- reports that are not believed or not understood


def odd(reason: str, seen: OrderReport | None = None) -> QueryResult:
    return replace(query(seen, failed=seen is None), odd=reason)


def test_a_report_that_is_not_believed_is_recorded_once_and_is_no_evidence(bench: Bench) -> None:
    found = of_ten(bench)
    for _ in range(5):
        found = bench.query(found, odd("shown for ETHUSDT, sent for FOOUSDT"))
    assert (found.state, found.exchange_order_id, found.seen_ms) == (State.OPEN, "C02__1", None)
    (event,) = told(bench, found, "order.contradicted")
    assert event.detail["reason"] == "order: shown for ETHUSDT, sent for FOOUSDT"
    assert bench.state.searches[found.order_id].misses == 0


def test_an_odd_report_counts_until_a_report_without_it_and_is_recorded_again_after_that(bench: Bench) -> None:
    found = bench.query(of_ten(bench), odd("its status 'X' is none of MEXC's", report()))
    assert (found.state, at_once(read(bench.state, bench.now_ms)).contradicted) == (State.OPEN, 1)
    found = bench.query(found, query(failed=True))
    assert at_once(read(bench.state, bench.now_ms)).contradicted == 1
    found = bench.query(found, odd("its status 'X' is none of MEXC's", report(State.PARTIALLY_FILLED, "1")))
    assert len(told(bench, found, "order.contradicted")) == 1
    found = bench.query(found, query(report(State.PARTIALLY_FILLED, "2")))
    assert at_once(read(bench.state, bench.now_ms)).contradicted == 0
    bench.query(found, odd("its status 'X' is none of MEXC's", report(State.PARTIALLY_FILLED, "2")))
    assert len(told(bench, found, "order.contradicted")) == 2


def test_an_odd_answer_is_kept_as_evidence_though_it_has_no_news(bench: Bench) -> None:
    found = bench.query(of_ten(bench), query(report()))
    before = len(told(bench, found, "order.looked"))
    for _ in range(3):
        found = bench.query(found, odd("its status 'X' is none of MEXC's", report()))
    assert len(told(bench, found, "order.looked")) == before + 1


def test_an_unreadable_row_of_another_order_is_reported_once(bench: Bench) -> None:
    found = of_ten(bench)
    rows = [replace(query(source=Source.ALL_ORDERS), passed_over=("no number: {}", "no object: 7"))]
    notes: list[Event] = []
    bench.watchers.append(lambda step: notes.extend(step.notes))
    for _ in range(3):
        found = bench.query(found, *rows)
    assert [(event.name, event.detail) for event in notes] == [
        ("exchange.odd_row", {"witness": "all_orders", "symbol": "FOOUSDT", "row": row})
        for row in ("no number: {}", "no object: 7")
    ]


def test_the_memory_of_reported_rows_is_bounded(bench: Bench) -> None:
    found = of_ten(bench)
    for number in range(1_100):
        found = bench.query(found, replace(query(), passed_over=(str(number),)))
    assert len(bench.state.searches.odd_rows) <= 1_000


# --- found with another client order id


@pytest.mark.parametrize(
    ("shown", "kept"),
    [("{}-9", "{}-9"), ("{}-1", "{}-1"), (None, "{}-1"), ("web_1", "{}-1"), ("x-{}-9", "{}-1"), ("{}-", "{}-1")],
)
def test_an_order_that_a_later_attempt_placed_gets_that_attempts_id(bench: Bench, shown: str | None, kept: str) -> None:
    """A backup may know fewer attempts than were made."""
    bench.submit()
    found = bench.send_next(unclear())
    name = None if shown is None else shown.format(found.order_id)
    found = seen(bench, found, replace(report(), client_order_id=name))
    assert (found.state, found.client_order_id) == (State.OPEN, kept.format(found.order_id))


# --- placed, and never found


def by_id() -> list[QueryResult]:
    return [query(source=Source.ORDER_ID), *everywhere()]


def search(bench: Bench, found: Order) -> Order:
    """Make the next search in the sources that the rules name, without a result."""
    bench.now_ms = max(bench.now_ms, bench.state.searches.next_ms() or 0)
    search = bench.state.searches[found.order_id]
    places = sources(found, search, bench.now_ms, bench.rules)
    return bench.query(found, *(query(source=place, at_ms=bench.now_ms) for place in places))


def test_an_order_that_no_complete_search_has_ever_found_becomes_in_doubt_and_then_lost(bench: Bench) -> None:
    found = of_ten(bench)
    while found.state is State.OPEN:
        found = search(bench, found)
        assert bench.now_ms < NEVER_MS
    assert found.state is State.IN_DOUBT
    assert bench.now_ms >= grace_over_ms(found, bench.rules)
    assert found.doubt_ms == bench.now_ms
    assert found.key_bound
    assert "C02__1" in str(found.reason)
    assert at_once(read(bench.state, bench.now_ms + 1)).past_grace == 1
    while found.state is State.IN_DOUBT:
        found = search(bench, found)
        assert bench.now_ms < NEVER_MS
    assert (found.state, found.key_bound) == (State.LOST, True)
    assert f"{found.order_id}-, whatever its number" in str(found.reason)
    assert seen(bench, found, report(State.FILLED, "10")).state is State.FILLED


NEVER_MS = 1_790_000_000_000 + 3_600_000


def test_the_resource_of_a_placed_order_stays_free_though_it_is_in_doubt(bench: Bench) -> None:
    """The exchange said that it accepted the order, so its lock ended then."""
    found = of_ten(bench)
    while found.state is State.OPEN:
        found = search(bench, found)
    assert bench.state.lock_of(found) is None


@pytest.mark.parametrize("state", [State.OPEN, State.PARTIALLY_FILLED])
def test_an_order_that_was_found_once_keeps_its_state(bench: Bench, state: State) -> None:
    found = seen(bench, of_ten(bench), report(state, "0" if state is State.OPEN else "1"))
    for _ in range(20):
        found = search(bench, found)
    assert found.state is state


def test_a_search_is_complete_only_if_the_order_was_queried_by_both_ids(bench: Bench) -> None:
    found = of_ten(bench)
    bench.now_ms = grace_over_ms(found, bench.rules)
    for _ in range(5):
        found = bench.query(found, *everywhere())
    assert found.state is State.OPEN
    for _ in range(bench.rules.config.reconcile.negatives):
        found = bench.query(found, *by_id())
    assert found.state is State.IN_DOUBT


def test_an_order_is_queried_by_the_exchanges_id_first_if_it_is_known(bench: Bench) -> None:
    found = of_ten(bench)
    search = bench.state.searches[found.order_id]
    assert sources(found, search, bench.now_ms, bench.rules) == (Source.ORDER_ID,)
    surprised = replace(search, misses=1)
    assert sources(found, surprised, bench.now_ms, bench.rules) == tuple(Source)
