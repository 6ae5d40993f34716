"""Fills: whose are read, when, what is stored of them, and when they are given up."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.core.rules.fills import FIRST_MS, MONTH_MS, READS, wait_ms
from daemon.core.state import fills as state_of_fills
from daemon.core.values.exchange_replies import QueryResult, Source
from daemon.core.values.fills import Fill
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs.fills import resume, trades_read
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, query, report
from tests.support import making


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ended(bench: Bench, state: State = State.FILLED, executed: str = "4", **changes: Any) -> Order:
    """Let an order be placed and end."""
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10), **changes)
    order = bench.send_next(placed(f"C02__{len(bench.state.orders)}"))
    shown = report(state, executed, exchange_order_id=order.exchange_order_id or "")
    return bench.query(order, query(shown))


def fill(of: Order, number: int = 1, quantity: str = "1") -> Fill:
    return making.fill(of, number, quantity=Decimal(quantity), quote=10 * Decimal(quantity), price=Decimal(10))


def trades(*fills: Fill, failed: bool = False, retry_after_ms: int | None = None) -> QueryResult:
    return QueryResult(
        source=Source.MY_TRADES,
        at_ms=NOON_MS,
        asked="GET",
        answered="HTTP",
        failed=failed,
        retry_after_ms=retry_after_ms,
        fills=fills,
    )


def read(bench: Bench, order: Order, *fills: Fill, **changes: Any) -> list[Fill]:
    """Let an order's trades be read; return what is stored."""
    bench.now_ms = max(bench.now_ms, bench.state.fills.next_ms() or 0)
    bench.decide(trades_read, {order.order_id: trades(*fills, **changes)})
    return bench.last.fills


def test_the_fills_of_an_order_that_was_filled_are_read_a_moment_after(bench: Bench) -> None:
    order = ended(bench)
    assert bench.state.fills.next_ms() == bench.now_ms + FIRST_MS
    assert bench.state.fills.due(bench.now_ms, 9) == []
    assert bench.state.fills.due(bench.now_ms + FIRST_MS, 9) == [order]


def test_a_cancelled_order_without_executions_has_no_fills_to_read(bench: Bench) -> None:
    order = ended(bench, State.CANCELED, "0")
    bench.query(order, query(report(State.CANCELED)))
    assert bench.query(order, query(report(State.CANCELED))).finished_ms is not None
    assert bench.state.fills.next_ms() is None


def test_what_is_read_is_stored_once_and_the_rest_is_read_later(bench: Bench) -> None:
    order = ended(bench)
    first, second = fill(order, 1, "1"), fill(order, 2, "3")
    assert read(bench, order, first) == [first]
    assert bench.state.fills.next_ms() == bench.now_ms + wait_ms(1)
    assert read(bench, order, first, first, second) == [second]
    assert bench.state.fills.next_ms() is None
    assert read(bench, order, first, second) == [], "an answer that comes later changes nothing"


def test_fills_are_not_urgent(bench: Bench) -> None:
    order = ended(bench)
    read(bench, order, fill(order))
    assert bench.last
    assert not bench.last.is_urgent


def test_fills_that_a_search_reads_are_stored_and_not_read_again(bench: Bench) -> None:
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    order = bench.send_next(placed("C02__7"))
    of_search = msgspec.structs.replace(trades(fill(order, 1, "4")), report=report(State.PARTIALLY_FILLED, "4"))
    shown = query(report(State.FILLED, "4", "0", exchange_order_id="C02__7"))
    bench.query(order, shown, of_search)
    assert bench.last.fills == [fill(order, 1, "4")]
    assert bench.state.fills.next_ms() is None


def test_answers_without_all_fills_are_given_up_and_recorded(bench: Bench) -> None:
    order = ended(bench)
    for _ in range(READS - 1):
        read(bench, order, fill(order))
        assert order.order_id in bench.state.fills.lacking
    read(bench, order, fill(order))
    assert bench.state.fills.next_ms() is None
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("order.fills_unknown", {"executed_quantity": "4", "fills": 1})


def test_an_exchange_that_does_not_answer_is_asked_for_a_month(bench: Bench) -> None:
    order = ended(bench)
    while bench.now_ms + wait_ms(READS) < (order.finished_ms or 0) + MONTH_MS:
        read(bench, order, failed=True)
        assert order.order_id in bench.state.fills.lacking
        bench.now_ms += MONTH_MS // 40
    bench.now_ms = (order.finished_ms or 0) + MONTH_MS
    read(bench, order, failed=True)
    assert order.order_id not in bench.state.fills.lacking
    assert bench.events(order)[-1].name == "order.fills_unknown"


def test_failures_in_a_row_lengthen_the_wait_until_an_answer_comes(bench: Bench) -> None:
    order = ended(bench)
    read(bench, order, failed=True)
    read(bench, order, failed=True)
    assert bench.state.fills.next_ms() == bench.now_ms + wait_ms(2)
    read(bench, order)
    assert bench.state.fills.next_ms() == bench.now_ms + wait_ms(1)


def test_a_ban_that_a_read_meets_keeps_orders_back(bench: Bench) -> None:
    order = ended(bench)
    read(bench, order, failed=True, retry_after_ms=60_000)
    assert bench.state.rate_budget.backoff_until_ms == NOON_MS + 60_000


def test_an_order_that_turns_out_to_have_more_fills_is_read_again(bench: Bench) -> None:
    order = ended(bench, State.PARTIALLY_CANCELED, "2")
    for _ in range(2):
        order = bench.query(order, query(report(State.PARTIALLY_CANCELED, "2")))
    assert read(bench, order, fill(order)) == [fill(order)]
    bench.state.fills.ended(msgspec.structs.replace(order, executed_quantity=Decimal(3)), bench.now_ms)
    assert read(bench, order, fill(order, 2)) == [fill(order, 2)]
    assert bench.state.fills.next_ms() is not None
    assert read(bench, order, fill(order, 3)) == [fill(order, 3)]
    assert bench.state.fills.next_ms() is None


def test_one_request_is_for_the_orders_of_one_pair_the_one_sent_first_first(bench: Bench) -> None:
    first = ended(bench, symbol="AAUSDT")
    bench.now_ms += 10
    other = ended(bench, symbol="BBUSDT")
    bench.now_ms += 10
    second = ended(bench, symbol="AAUSDT", owner_id="ben")
    at_ms = bench.now_ms + FIRST_MS
    assert bench.state.fills.due(at_ms, 9) == [first, second]
    assert bench.state.fills.due(at_ms, 1) == [first]
    for order in (first, second):
        bench.state.fills.forget(order.order_id)
    assert bench.state.fills.due(at_ms, 9) == [other]


def test_orders_that_lacked_fills_on_the_disk_are_read_and_others_are_left_alone(bench: Bench) -> None:
    rests = bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    lacks = making.order(8, state=State.FILLED, executed_quantity=Decimal(2), finished_ms=bench.now_ms)
    known = making.order(9, state=State.FILLED, executed_quantity=Decimal(1), finished_ms=bench.now_ms)
    bench.decide(resume, [(lacks, [fill(lacks)]), (known, [fill(known)]), (rests, [])])
    bench.decide(resume, [(lacks, [])])
    assert [*bench.state.fills.lacking] == [lacks.order_id]
    assert read(bench, lacks, fill(lacks), fill(lacks, 2)) == [fill(lacks, 2)]


def test_beyond_the_room_orders_are_left_on_the_disk(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_of_fills, "MOST", 1)
    bench.state.fills.more_on_disk = False
    kept, left = ended(bench, symbol="AAUSDT"), ended(bench, symbol="BBUSDT")
    assert [*bench.state.fills.lacking] == [kept.order_id]
    assert bench.state.fills.more_on_disk
    assert bench.state.fills.known(left.order_id) == 0
