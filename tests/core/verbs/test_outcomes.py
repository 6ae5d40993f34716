"""Outcomes: what follows from an answer, and from a search attempt."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.core.rules.reconciliation import RULED_MS, sources
from daemon.core.values.attempts import AttemptState
from daemon.core.values.events import Event
from daemon.core.values.exchange_replies import Advice, NotSent, Source
from daemon.core.values.locks import LockState
from daemon.core.values.orders import Order
from daemon.core.values.states import REPORT_EVENTS, State
from daemon.core.verbs.operator import Found, Resolution
from tests.core.bench import Bench
from tests.core.making import (
    NOON_MS,
    everywhere,
    placed,
    query,
    refused,
    report,
    request,
    rules,
    symbol_rules,
    unclear,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def resting(bench: Bench) -> Order:
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    return bench.query(bench.send_next(placed()), query(report()))


def doubted(bench: Bench) -> Order:
    bench.submit()
    return bench.send_next(unclear())


def looked_at(bench: Bench, order: Order) -> list[dict[str, Any]]:
    return [event.detail for event in bench.events(order) if event.name == "order.looked"]


# Placed


def test_a_placed_order_is_open_its_lock_free_and_a_query_due_at_once(bench: Bench) -> None:
    bench.submit()
    bench.settle()
    bench.now_ms += 30
    order = bench.send_next(placed("C02__7"))
    assert (order.state, order.exchange_order_id, order.key_bound) == (State.OPEN, "C02__7", True)
    assert bench.state.searches.next_ms() == bench.now_ms
    assert bench.state.rate_budget.in_flight == 0
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("order.placed", {"exchange_order_id": "C02__7", "took_ms": 30})
    bench.settle()
    lock = bench.disk.locks[1]
    assert (lock.state, lock.error) == (LockState.RELEASED, None)
    assert msgspec.json.decode(lock.result or "") == {
        "orderId": "C02__7",
        "clientOrderId": order.client_order_id,
        "state": "open",
    }


def test_an_attempt_keeps_request_and_answer(bench: Bench) -> None:
    bench.submit(symbol="AAUSDT")
    first = bench.send_next(placed("C02__7"))
    bench.submit(symbol="BBUSDT")
    second = bench.send_next(refused(Advice.STOP, code="30016", message="trading disabled"))
    bench.submit(symbol="CCUSDT")
    third = bench.send_next(unclear("no answer in time"))
    bench.settle()
    taken, not_taken, unknown = [bench.disk.attempts[each.client_order_id or ""] for each in (first, second, third)]
    assert (taken.state, taken.exchange_order_id, taken.asked) == (AttemptState.PLACED, "C02__7", "POST /api/v3/order")
    assert (not_taken.state, not_taken.code, not_taken.message, not_taken.answered) == (
        AttemptState.REFUSED,
        "30016",
        "trading disabled",
        "HTTP 400",
    )
    assert (unknown.state, unknown.message, unknown.answered_ms) == (AttemptState.UNKNOWN, "no answer in time", NOON_MS)


def test_an_unknown_outcome_with_a_time_to_wait_holds_back_every_request(bench: Bench) -> None:
    """The gateway limits the daemon's requests, and its answer names an order."""
    bench.submit()
    order = bench.send_next(msgspec.structs.replace(unclear(), retry_after_ms=7_000))
    assert order.state is State.IN_DOUBT
    assert bench.state.rate_budget.backoff_until_ms == NOON_MS + 7_000


# Refused


@pytest.mark.parametrize("advice", [Advice.STOP, Advice.CHECK_FUNDS, Advice.ALERT])
def test_a_final_refusal_frees_key_and_lock(bench: Bench, advice: Advice) -> None:
    bench.submit()
    order = bench.send_next(refused(advice, code="30004", message="insufficient balance"))
    assert (order.state, order.key_bound, order.finished_ms) == (State.REJECTED, False, NOON_MS)
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("order.rejected", {"reason": "refused (30004): insufficient balance"})
    bench.settle()
    assert (bench.disk.locks[1].state, bench.disk.locks[1].error) == (LockState.FAILED, order.reason)
    assert not bench.state.orders


def test_a_refusal_that_needs_the_operator_makes_a_dead_letter(bench: Bench) -> None:
    bench.submit()
    order = bench.send_next(refused(Advice.DEAD_LETTER))
    assert (order.state, order.finished_ms) == (State.DEAD_LETTER, NOON_MS)
    assert bench.events(order)[-1].name == "order.dead_letter"


def test_a_key_that_does_not_work_halts_trading(bench: Bench) -> None:
    armed = bench.submit(symbol="BARUSDT", execute_at=NOON_MS + 300)
    order = bench.submit()
    bench.settle()
    bench.answer(order, refused(Advice.HALT, code="700002", message="signature"))
    assert bench.order(order).state is State.DEAD_LETTER
    assert bench.order(armed).state is State.QUEUED
    assert "does not accept our key" in (bench.state.gate.halted or "")
    (told,) = bench.events()
    assert (told.name, told.actor) == ("trading.halted", "daemon")


def test_a_deferred_order_keeps_its_lock_and_is_sent_again_with_a_new_client_order_id(bench: Bench) -> None:
    bench.submit()
    first = bench.send_next(refused(retry_after_ms=300))
    assert (first.state, first.not_before_ms) == (State.QUEUED, NOON_MS + 300)
    assert bench.state.lock_of(first) is not None
    told = bench.events(first)[-1]
    assert told.name == "order.deferred"
    assert told.detail == {"reason": first.reason, "not_before_ms": NOON_MS + 300, "price": None, "quantity": None}
    bench.pass_time(299)
    assert bench.order(first).state is State.QUEUED
    bench.pass_time(1)
    second = bench.order(first)
    assert (second.state, second.attempts, second.lock_id) == (State.IN_FLIGHT, 2, first.lock_id)
    assert second.client_order_id != first.client_order_id


def test_an_order_above_the_price_cap_is_sent_once_more_at_the_cap(bench: Bench) -> None:
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    bench.send_next(refused(Advice.REPRICE, price_cap=Decimal("9.5")))
    ((send, _),) = bench.sends.values()
    assert (send.attempt.number, send.attempt.price, send.order.repriced) == (2, Decimal("9.5"), True)
    deferred = next(event for event in bench.events(send.order) if event.name == "order.deferred")
    assert deferred.detail["price"] == "9.5"
    assert bench.send_next(refused(Advice.REPRICE, price_cap=Decimal(9))).state is State.REJECTED


def test_an_order_at_the_cap_spends_what_was_asked_and_counts_as_much(bench: Bench) -> None:
    bench.pairs["FOOUSDT"] = symbol_rules()
    asked = bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    bench.send_next(refused(Advice.REPRICE, price_cap=Decimal(3)))
    order = bench.order(asked)
    assert (order.quantity, order.price) == (Decimal("13.33"), Decimal(3))
    assert order.asked == {"quantity": Decimal(4), "price": Decimal(10)}
    assert bench.state.orders.exposure.spent(bench.now_ms) == Decimal(40)
    bench.settle()
    assert bench.disk.orders[asked.order_id].asked == order.asked
    bench.send_next(placed())
    assert bench.query(order, query(report(State.FILLED, executed="13.33", quote="39.99"))).state is State.FILLED


def test_a_price_outside_the_band_is_moved_to_the_limit_by_the_last_price(bench: Bench) -> None:
    bench.pairs["FOOUSDT"] = symbol_rules(bid_up=Decimal("0.2"))
    asked = bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    bench.send_next(refused(Advice.REPRICE, code="30087"), last_price=Decimal(5))
    assert (bench.order(asked).price, bench.order(asked).quantity) == (Decimal(6), Decimal("6.66"))


def test_an_order_for_an_instant_is_rounded_again_when_it_is_armed(bench: Bench) -> None:
    fields: dict[str, Any] = {"type": "LIMIT", "quantity": Decimal("10.55"), "price": Decimal("9.99")}
    asked = bench.submit(**fields, execute_at=NOON_MS + 2_000)
    bench.pairs["FOOUSDT"] = symbol_rules(quantity_decimals=0, price_decimals=1)
    bench.pass_time(1_500)
    order = bench.order(asked)
    assert (order.state, order.quantity, order.price) == (State.ARMED, Decimal(10), Decimal("9.9"))
    assert order.asked == {"quantity": Decimal("10.55"), "price": Decimal("9.99")}
    ((send, _),) = bench.sends.values()
    assert (send.attempt.price, send.order.quantity) == (Decimal("9.9"), Decimal(10))
    assert not order.refitted, "once more after a refusal for its scale"
    told = {event.name: event.detail for event in bench.events(order)}
    assert told["order.refitted"] == {
        "quantity": "10", "asked_quantity": "10.55", "price": "9.9", "asked_price": "9.99",
    }  # fmt: skip


@pytest.mark.parametrize("execute_at", [NOON_MS, None])
def test_an_order_that_the_known_rules_fit_or_that_is_sent_at_once_stays(bench: Bench, execute_at: int | None) -> None:
    bench.pairs["FOOUSDT"] = symbol_rules(price_decimals=2 if execute_at else 0)
    asked = bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal("9.99"), execute_at=execute_at)
    assert bench.order(asked).price == Decimal("9.99")
    assert "order.refitted" not in {event.name for event in bench.events(asked)}


def test_an_order_refused_for_its_scale_is_sent_once_more_rounded_to_the_new_rules(bench: Bench) -> None:
    bench.submit(type="LIMIT", quantity=Decimal("10.5"), price=Decimal("9.99"))
    scale = refused(Advice.DEAD_LETTER, code="10096", doubts_rules=True)
    first = bench.send_next(scale, new_rules=symbol_rules(price_decimals=1))
    ((send, _),) = bench.sends.values()
    assert (send.attempt.number, send.attempt.price, send.order.refitted) == (2, Decimal("9.9"), True)
    assert (first.attempts, send.attempt.client_order_id) == (2, f"{first.order_id}-2")
    assert (send.order.quantity, send.order.price) == (Decimal("10.5"), Decimal("9.9"))
    assert send.order.asked == {"price": Decimal("9.99")}
    bench.settle()
    assert bench.disk.orders[send.order.order_id].refitted
    told = {event.name: event.detail for event in bench.events(send.order)}
    assert told["order.refitted"] == {"price": "9.9", "asked_price": "9.99"}
    assert "10096" in str(told["order.deferred"]["reason"])
    again = bench.send_next(scale, new_rules=symbol_rules(price_decimals=0))
    assert again.state is State.DEAD_LETTER, "once"


def test_an_order_that_is_rounded_again_keeps_what_the_signal_asked_for(bench: Bench) -> None:
    asked = request(type="LIMIT", quantity=Decimal("10.55"), price=Decimal("9.999"))
    bench.submit_all([asked], pair=symbol_rules(quantity_decimals=1, price_decimals=2))
    scale = refused(Advice.DEAD_LETTER, doubts_rules=True)
    bench.send_next(scale, new_rules=symbol_rules(quantity_decimals=0, price_decimals=2))
    ((send, _),) = bench.sends.values()
    assert (send.order.quantity, send.order.price) == (Decimal(10), Decimal("9.99"))
    assert send.order.asked == {"quantity": Decimal("10.55"), "price": Decimal("9.999")}


def test_a_backoff_of_the_exchange_holds_back_every_order(bench: Bench) -> None:
    bench.submit()
    bench.send_next(refused(Advice.WAIT, retry_after_ms=2_000))
    other = bench.submit(symbol="BARUSDT")
    assert other.state is State.QUEUED
    assert bench.next_dispatch_ms == NOON_MS + 2_000
    bench.pass_time(2_000)
    assert bench.order(other).state is State.QUEUED, "the older one tries first"
    bench.send_next(placed())
    assert bench.order(other).state is State.IN_FLIGHT


def test_a_rate_limited_query_holds_back_every_order_also_after_a_restart(bench: Bench) -> None:
    told: list[Event] = []
    bench.watchers.append(lambda step: told.extend(step.notes))
    order = resting(bench)
    bench.settle()
    assert bench.disk.facts == {}, "looks that are told nothing of waiting write nothing of it"
    bench.query(order, msgspec.structs.replace(query(failed=True), retry_after_ms=2_000))
    bench.settle()
    assert [(event.name, event.detail) for event in told] == [("exchange.rate_limited", {"wait_ms": 2_000})]
    bench.crash()
    bench.open()
    assert bench.submit(symbol="BARUSDT").state is State.QUEUED
    assert bench.next_dispatch_ms == NOON_MS + 2_000


def test_the_caller_is_told_to_measure_the_clock(bench: Bench) -> None:
    order = bench.submit()
    bench.settle()
    verdict = bench.answer(order, refused(Advice.RESYNC))
    assert verdict is not None
    assert verdict.resync


def test_the_last_attempt_ends_in_a_dead_letter() -> None:
    bench = Bench(rules(retry={"attempts": 2}))
    bench.submit()
    order = bench.send_next(refused())
    bench.pass_time(1_000)
    order = bench.send_next(refused())
    assert order.state is State.DEAD_LETTER
    assert "2 attempts made" in (order.reason or "")


def test_an_unsent_order_expires_if_its_deadline_has_passed(bench: Bench) -> None:
    order = bench.submit(deadline_ms=700)
    bench.settle()
    bench.now_ms += 701
    bench.answer(order, NotSent("the deadline passed before the request could be written"))
    assert bench.order(order).state is State.EXPIRED
    names = [event.name for event in bench.events(order)]
    assert names == ["order.accepted", "order.sent", "order.deferred", "order.expired"]


# Unknown


def test_an_order_in_doubt_keeps_its_key_and_its_lock_and_is_searched_for_at_once(bench: Bench) -> None:
    order = doubted(bench)
    assert (order.state, order.doubt_ms, order.reason) == (State.IN_DOUBT, NOON_MS, "no answer in time")
    assert order.key_bound
    assert bench.state.lock_of(order) is not None
    assert bench.state.searches.next_ms() == NOON_MS
    assert bench.state.rate_budget.in_flight == 0, "nothing waits for the exchange any more"
    told = bench.events(order)[-1]
    assert (told.name, told.detail) == ("order.in_doubt", {"reason": "no answer in time"})


def test_an_order_in_doubt_is_never_sent_again(bench: Bench) -> None:
    order = doubted(bench)
    for _ in range(100):
        bench.pass_time(3_600_000)
        order = bench.query(order, *everywhere())
    assert order.state is State.LOST
    assert order.attempts == 1
    assert not bench.sends


# Answers that come late


def test_a_second_answer_changes_nothing(bench: Bench) -> None:
    order = bench.submit()
    ((send, _),) = bench.sends.values()
    bench.send_next(placed())
    before = bench.order(order)
    assert bench.answer_attempt(send.attempt, refused(Advice.STOP)) is None
    assert bench.order(order) is before
    assert bench.state.rate_budget.in_flight == 0


@pytest.mark.parametrize("gone", [False, True], ids=["still in memory", "gone from memory"])
def test_an_answer_for_an_order_that_was_found_meanwhile_is_recorded_and_changes_nothing(
    bench: Bench, *, gone: bool
) -> None:
    """A stream can be faster than the answer."""
    order = bench.submit()
    ((send, _),) = bench.sends.values()
    bench.settle()
    bench.query(order, query(report(State.FILLED, "4")))
    if gone:
        bench.settle()
    assert bench.answer_attempt(send.attempt, refused(Advice.HALT)) is None
    assert bench.order(order).state is State.FILLED
    assert bench.state.gate.halted is None
    late = [event for event in bench.events(None if gone else order) if event.name == "order.late_answer"]
    assert [event.detail for event in late] == [{"answer": "Refused"}]
    bench.settle()
    assert bench.disk.attempts[send.attempt.client_order_id].state is AttemptState.REFUSED


# Searches: an order in doubt


@pytest.mark.parametrize("shown", sorted(REPORT_EVENTS))
def test_one_order_report_ends_a_doubt(bench: Bench, shown: State) -> None:
    order = doubted(bench)
    executed = "0" if shown in {State.OPEN, State.CANCELED} else "4"
    order = bench.query(order, query(report(shown, executed, exchange_order_id="C02__7")))
    assert (order.state, order.exchange_order_id, order.seen_ms) == (shown, "C02__7", NOON_MS)
    assert (order.executed_quantity, order.executed_quote) == (Decimal(executed), 10 * Decimal(executed))
    assert order.key_bound
    assert bench.state.lock_of(order) is None
    told = bench.events(order)[-1]
    assert told.name == "order.seen"
    assert told.detail == {
        "exchange_order_id": "C02__7",
        "executed_quantity": executed,
        "executed_quote": "0" if executed == "0" else "40",
        "was": "in_doubt",
        "side": "BUY",
        "after_ms": 0,
        "quote_asset": "USDT",
    }


@pytest.mark.parametrize("ahead_ms", [None, 1_000], ids=["its signal", "its instant"])
def test_what_a_query_found_says_how_long_after_the_signal_or_the_instant_it_came(
    bench: Bench, ahead_ms: int | None
) -> None:
    order = bench.submit(execute_at=None if ahead_ms is None else bench.now_ms + ahead_ms)
    if ahead_ms is not None:
        bench.pass_time(ahead_ms)
        bench.settle()
        assert bench.fire(bench.order(order))
    bench.answer(order, placed())
    bench.pass_time(8)
    order = bench.query(order, query(report(State.FILLED, "4")))
    assert bench.events(order)[-1].detail["after_ms"] == 8


def test_a_query_that_does_not_find_an_order_is_evidence_and_changes_nothing_yet(bench: Bench) -> None:
    order = doubted(bench)
    before = order
    bench.now_ms += 5
    order = bench.query(order, query(at_ms=bench.now_ms))
    assert order is before
    assert looked_at(bench, order) == [
        {"witness": "order", "asked": "GET", "answered": "HTTP", "failed": False, "found": False}
    ]
    assert bench.state.searches.next_ms() == bench.now_ms + bench.rules.config.reconcile.first_ms


def test_an_order_that_no_search_finds_becomes_lost_and_frees_nothing(bench: Bench) -> None:
    order = doubted(bench)
    waiting = bench.submit(quote_order_qty=Decimal(20), deadline_ms=3_600_000)
    bench.pass_time(12_000)
    for _ in range(bench.rules.config.reconcile.negatives):
        assert order.state is State.IN_DOUBT
        order = bench.query(order, *everywhere())
    assert order.state is State.LOST
    assert order.finished_ms is None
    assert order.key_bound
    assert bench.state.lock_of(order) is not None
    assert bench.order(waiting).state is State.QUEUED
    told = bench.events(order)[-1]
    assert told.name == "order.lost"
    assert f"sniperd resolve {order.order_id}" in str(told.detail["reason"])
    assert order.client_order_id
    assert f"begins with {order.order_id}-," in str(told.detail["reason"]), "any attempt may have placed it"
    assert bench.state.searches.next_ms() == bench.now_ms + bench.rules.config.reconcile.lost_every_ms
    assert len(looked_at(bench, order)) == len(everywhere()) * bench.rules.config.reconcile.negatives


def test_an_order_report_of_a_lost_order_is_believed(bench: Bench) -> None:
    order = doubted(bench)
    bench.pass_time(12_000)
    for _ in range(bench.rules.config.reconcile.negatives + 2):
        order = bench.query(order, *everywhere())
    assert order.state is State.LOST
    order = bench.query(order, query(report(State.FILLED, "4")))
    assert order.state is State.FILLED
    told = bench.events(order)[-1]
    assert (told.name, told.detail["was"]) == ("order.seen", "lost")
    bench.settle()
    assert not bench.state.locks
    assert not bench.state.orders


def test_a_report_of_an_order_believed_not_placed_has_an_event_of_its_own(bench: Bench) -> None:
    order = doubted(bench)
    bench.pass_time(12_000)
    assert bench.state.searches.due(bench.now_ms) is not None
    bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    bench.settle()
    assert bench.order(order).state is State.REJECTED, "memory keeps what is being looked for"
    order = bench.query(order, query(report(State.FILLED, "4")))
    assert (order.state, order.key_bound) == (State.FILLED, True)
    told = bench.events(order)[-1]
    assert (told.name, told.detail["was"]) == ("order.seen_late", "rejected")


@pytest.mark.parametrize("ahead_ms", [60_000, 300], ids=["queued", "armed"])
def test_an_order_found_late_withdraws_its_unsent_successor(bench: Bench, ahead_ms: int) -> None:
    """The signal was sent again after the first order was believed not placed. Both orders would be one too many."""
    order = doubted(bench)
    bench.pass_time(12_000)
    bench.state.searches.due(bench.now_ms)
    bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    successor = bench.submit(execute_at=bench.now_ms + ahead_ms)
    assert successor.order_id != order.order_id
    bench.settle()
    order = bench.query(order, query(report()))
    assert (order.state, order.key_bound) == (State.OPEN, True)
    told = bench.events(successor)[-1]
    assert (told.name, told.actor) == ("order.withdrawn", "daemon")
    assert told.detail == {"reason": f"{order.order_id} was placed after all"}
    bench.settle()
    assert bench.disk.orders[successor.order_id].state is State.WITHDRAWN
    assert bench.submit().order_id == order.order_id


@pytest.mark.parametrize("ahead_ms", [None, 300], ids=["sent", "armed, and its request has left"])
def test_an_order_found_late_does_not_take_its_key_from_a_successor_that_was_sent(
    bench: Bench, ahead_ms: int | None
) -> None:
    order = doubted(bench)
    bench.pass_time(12_000)
    bench.state.searches.due(bench.now_ms)
    bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    successor = bench.submit(execute_at=None if ahead_ms is None else bench.now_ms + ahead_ms)
    if ahead_ms is not None:
        bench.settle()
        bench.pass_time(ahead_ms)
        bench.shoot(successor)
    order = bench.query(order, query(report()))
    assert (order.state, order.key_bound) == (State.OPEN, False)
    bench.settle()
    assert bench.submit().order_id == successor.order_id


def test_an_order_resolved_as_not_placed_that_no_search_finds_stays_so_and_leaves_memory(bench: Bench) -> None:
    order = doubted(bench)
    bench.pass_time(12_000)
    bench.state.searches.due(bench.now_ms)
    bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    bench.settle()
    for pause_ms in RULED_MS:
        assert bench.order(order).finished_ms is None
        order = bench.query(order, *everywhere())
        bench.pass_time(pause_ms)
    assert order.state is State.REJECTED
    assert looked_at(bench, order) != [], "what was looked at is on record all the same"
    bench.settle()
    assert not bench.state.orders


def test_an_order_resolved_as_not_placed_is_searched_for_a_few_times_more_also_after_a_restart(bench: Bench) -> None:
    order = doubted(bench)
    bench.pass_time(12_000)
    order = bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    bench.settle()
    bench.crash()
    bench.open()
    for count, pause_ms in enumerate(RULED_MS):
        assert bench.state.searches.due(bench.now_ms + pause_ms - 1) is None
        bench.pass_time(pause_ms)
        due = bench.state.searches.due(bench.now_ms)
        assert due is not None
        search = bench.state.searches[order.order_id]
        places = sources(due, search, bench.now_ms, bench.rules)
        assert (search.misses, set(places)) == (count, set(Source) - {Source.ORDER_ID})
        order = bench.query(due, *everywhere())
    assert order.finished_ms == bench.now_ms
    assert bench.state.searches.next_ms() is None


def test_a_failed_query_does_not_count_among_the_searches_after_a_resolution(bench: Bench) -> None:
    order = doubted(bench)
    bench.pass_time(12_000)
    order = bench.resolve(order, Found(resolution=Resolution.NOT_PLACED))
    for _ in range(9):
        order = bench.query(order, *everywhere(failed=True))
        assert bench.state.searches.next_ms() == bench.now_ms + RULED_MS[0]
    order = bench.query(order, query(report(State.FILLED, "4")))
    assert bench.events(order)[-1].name == "order.seen_late"


# Searches: an order that was placed


def test_a_resting_order_is_followed_and_only_news_is_written(bench: Bench) -> None:
    order = resting(bench)
    bench.settle()
    written = len(bench.disk.events)
    for _ in range(3):
        order = bench.query(order, query(report()))
    bench.settle()
    assert len(bench.disk.events) == written, "what is known is not written again"
    order = bench.query(order, query(report(State.OPEN, "1")))
    assert (order.state, order.executed_quantity) == (State.PARTIALLY_FILLED, Decimal(1))
    order = bench.query(order, query(report(State.OPEN, "0")))
    assert (order.state, order.executed_quantity) == (State.PARTIALLY_FILLED, Decimal(1)), "an older view"
    order = bench.query(order, query(report(State.FILLED, "4")))
    assert (order.state, order.finished_ms) == (State.FILLED, NOON_MS)
    bench.settle()
    assert not bench.state.orders


def test_a_placed_order_that_is_not_found_stays_placed_and_is_searched_for_everywhere(bench: Bench) -> None:
    order = resting(bench)
    for _ in range(20):
        order = bench.query(order, *everywhere())
    assert order.state is State.OPEN
    assert bench.state.searches[order.order_id].misses == 20


def test_a_cancelled_order_is_finished_once_two_more_reports_agree(bench: Bench) -> None:
    order = bench.query(resting(bench), query(report(State.CANCELED)))
    order = bench.query(order, query(report(State.CANCELED)))
    assert order.finished_ms is None
    bench.pass_time(12_000)
    order = bench.query(order, query(report(State.CANCELED)))
    assert (order.state, order.finished_ms) == (State.CANCELED, bench.now_ms)
    bench.settle()
    assert not bench.state.orders
    assert bench.disk.orders[order.order_id].seen_ms == bench.now_ms


def test_a_fill_that_is_reported_after_the_cancel_counts(bench: Bench) -> None:
    order = bench.query(resting(bench), query(report(State.CANCELED)))
    order = bench.query(order, query(report(State.CANCELED)))
    order = bench.query(order, query(report(State.CANCELED, "1")))
    assert (order.state, order.executed_quantity, order.finished_ms) == (State.PARTIALLY_CANCELED, Decimal(1), None)


def test_a_query_that_shows_what_the_operator_resolved_meanwhile_ends_quietly(bench: Bench) -> None:
    order = doubted(bench)
    bench.state.searches.due(bench.now_ms)
    found = Found(
        resolution=Resolution.FILLED,
        exchange_order_id="C02__1",
        executed_quantity=Decimal(4),
        executed_quote=Decimal(40),
    )
    order = bench.resolve(order, found)
    assert bench.query(order, query(report(State.PARTIALLY_FILLED, "1"))) == order
    bench.settle()
    assert not bench.state.orders
