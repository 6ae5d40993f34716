"""Outlook: what comes next for an order, and when; for an order in any state."""

from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
import pytest

from daemon.core.rules.reconciliation import grace_over_ms
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.fills import Fill
from daemon.core.values.instants import instant_text
from daemon.core.values.orders import Order
from daemon.core.values.states import FINISHED, State
from daemon.core.verbs.rescheduling import reschedule
from daemon.core.views.explain import Outlook, advice, afterwards, fills_missing, outlook
from tests.core.bench import Bench
from tests.core.making import NOON_MS, everywhere, order, placed, query, refused, report, rules, symbol_rules, unclear
from tests.support.steps import at_once


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ahead(bench: Bench, order: Order) -> Outlook:
    counted = at_once(bench.state.queue.ahead_of(order.order_id))
    return outlook(bench.state, bench.order(order), bench.now_ms, ahead=counted)


@pytest.mark.parametrize("state", sorted(FINISHED | {State.CANCELED, State.PARTIALLY_CANCELED}))
def test_nothing_comes_next_for_a_finished_order(bench: Bench, state: State) -> None:
    found = outlook(bench.state, order(state, finished_ms=NOON_MS), NOON_MS)
    assert found.what.startswith("nothing")
    assert found.at_ms is None


@pytest.mark.parametrize("state", [State.REJECTED, State.EXPIRED])
def test_an_order_that_may_be_sent_again_says_so(bench: Bench, state: State) -> None:
    assert "may be sent again" in outlook(bench.state, order(state, finished_ms=NOON_MS), NOON_MS).what


def test_a_dead_letter_names_the_commands_that_end_it(bench: Bench) -> None:
    bench.submit()
    order = bench.send_next(refused(Advice.DEAD_LETTER))
    found = ahead(bench, order)
    assert f"sniperd requeue {order.order_id}" in found.what
    assert f"sniperd cancel {order.order_id}" in found.what


def test_a_halted_order_waits_for_the_operator_until_its_deadline(bench: Bench) -> None:
    asked = bench.submit(execute_at=NOON_MS + 60_000)
    bench.halt("too hot")
    found = ahead(bench, asked)
    assert "too hot" in found.what
    assert found.at_ms == asked.deadline_ms


def test_a_scheduled_order_waits_for_its_time(bench: Bench) -> None:
    asked = bench.submit(execute_at=NOON_MS + 60_000)
    assert ahead(bench, asked) == Outlook("it waits for its time", NOON_MS + 59_500)


def test_a_deferred_order_waits_for_its_time_too(bench: Bench) -> None:
    bench.submit()
    deferred = bench.send_next(refused(retry_after_ms=300))
    assert ahead(bench, deferred) == Outlook("it waits for its time", NOON_MS + 300)


def test_an_order_whose_resource_is_held_names_the_holder(bench: Bench) -> None:
    holder = bench.submit()
    waiting = bench.submit(quote_order_qty=Decimal(20))
    assert ahead(bench, waiting) == Outlook(f"it waits for trade:FOOUSDT:BUY:manual, held by {holder.order_id}")


@pytest.mark.parametrize(("skip_lock", "before"), [(False, 2), (True, 0)], ids=["usual", "emergency"])
def test_a_queued_order_shows_how_many_go_before_it(*, skip_lock: bool, before: int) -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}))
    for symbol in ("AAUSDT", "BBUSDT", "CCUSDT"):
        bench.submit(symbol=symbol, side="SELL", quantity=Decimal(1))
    symbol = "AAUSDT" if skip_lock else "DDUSDT"
    asked = bench.submit(symbol=symbol, side="SELL", quantity=Decimal(2), skip_lock=skip_lock)
    found = ahead(bench, asked)
    assert found.what.startswith(f"it waits for its turn, {before} before it")
    assert found.at_ms == NOON_MS


def test_an_order_with_its_own_lock_waits_only_for_a_slot() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}))
    bench.submit()
    deferred = bench.send_next(refused(retry_after_ms=300))
    bench.pass_time(300)
    found = ahead(bench, deferred)
    assert "0 before it" in found.what
    assert found.at_ms == bench.now_ms


def test_an_armed_order_fires_at_its_instant(bench: Bench) -> None:
    armed = bench.submit(execute_at=NOON_MS + 300)
    assert ahead(bench, armed) == Outlook("it fires at its instant", NOON_MS + 300)


def test_an_order_in_flight_awaits_the_exchanges_answer(bench: Bench) -> None:
    assert ahead(bench, bench.submit()) == Outlook("the exchange's answer is awaited")


def test_an_order_in_doubt_says_from_when_on_a_miss_counts(bench: Bench) -> None:
    bench.submit()
    doubted = bench.send_next(unclear())
    early = ahead(bench, doubted)
    assert "means nothing yet" in early.what
    assert early.at_ms == NOON_MS
    bench.pass_time(12_000)
    late = ahead(bench, doubted)
    assert "misses count now" in late.what
    bench.query(doubted, *everywhere())
    assert ahead(bench, doubted).at_ms == bench.state.searches.next_ms()


def test_a_lost_order_names_the_command_that_ends_it(bench: Bench) -> None:
    bench.submit()
    lost = bench.send_next(unclear())
    bench.pass_time(12_000)
    for _ in range(3):
        lost = bench.query(lost, *everywhere())
    found = ahead(bench, lost)
    assert "sniperd resolve" in found.what
    assert found.at_ms == bench.now_ms + bench.rules.config.reconcile.lost_every_ms


@pytest.mark.parametrize("state", [State.OPEN, State.PARTIALLY_FILLED, State.CANCELED, State.PARTIALLY_CANCELED])
def test_a_placed_order_says_when_it_is_queried_next(bench: Bench, state: State) -> None:
    bench.submit(type="LIMIT", quantity=Decimal(4), price=Decimal(10))
    shown = report(state, "1" if "partially" in state else "0")
    found = ahead(bench, bench.query(bench.send_next(placed()), query(shown)))
    assert found.at_ms == bench.state.searches.next_ms()
    assert "followed" in found.what or "queried again" in found.what


def test_an_outlook_is_json_in_the_bots_spelling() -> None:
    shown: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(Outlook("it fires", NOON_MS)))
    assert shown == {"what": "it fires", "atMs": NOON_MS}


def then(bench: Bench, order: Order) -> Outlook | None:
    return afterwards(bench.state, bench.order(order), bench.now_ms)


def to_do(bench: Bench, order: Order) -> str | None:
    return advice(bench.state, bench.order(order))


def test_a_waiting_order_expires_in_the_end_and_can_be_withdrawn(bench: Bench) -> None:
    asked = bench.submit(execute_at=NOON_MS + 60_000)
    assert then(bench, asked) == Outlook("it expires, unless it has been sent", asked.deadline_ms)
    assert to_do(bench, asked) == f"`sniperd cancel {asked.order_id}` withdraws it"
    bench.halt("too hot")
    assert then(bench, asked) is None
    assert "sniperd resume" in str(to_do(bench, asked))


def test_an_order_in_doubt_counts_down_to_lost(bench: Bench) -> None:
    bench.submit()
    doubted = bench.send_next(unclear())
    early = then(bench, doubted)
    assert early == Outlook("misses begin to count", grace_over_ms(doubted, bench.rules))
    assert "do not send it again" in str(to_do(bench, doubted))
    bench.pass_time(12_000)
    for left in (3, 2, 1):
        late = then(bench, doubted)
        assert late is not None
        assert f"after {left} more complete searches" in late.what
        doubted = bench.query(doubted, *everywhere())
    assert doubted.state is State.LOST
    assert then(bench, doubted) is None
    assert f"sniperd resolve {doubted.order_id} --as" in str(to_do(bench, doubted))


def test_an_order_in_doubt_without_a_search_yet_counts_from_the_beginning(bench: Bench) -> None:
    found = afterwards(bench.state, order(State.IN_DOUBT), NOON_MS + 60_000)
    assert found is not None
    assert "after 3 more complete searches" in found.what


def test_a_dead_letter_can_be_requeued_or_withdrawn_and_a_final_state_cannot(bench: Bench) -> None:
    bench.submit()
    dead = bench.send_next(refused(Advice.DEAD_LETTER))
    assert f"sniperd requeue {dead.order_id}" in str(to_do(bench, dead))
    assert advice(bench.state, order(State.FILLED, finished_ms=NOON_MS)) is None
    assert advice(bench.state, order(State.ARMED)) is None


def test_an_order_without_its_history_says_why(bench: Bench) -> None:
    said = advice(bench.state, order(State.FILLED, finished_ms=NOON_MS), has_events=False)
    assert "past their retention" in str(said)


@pytest.mark.parametrize(
    ("executed", "known", "is_over", "said"),
    [
        ("0", [], False, None),
        ("0", [], True, None),
        ("3", ["1", "2"], False, None),
        ("3", ["1", "2"], True, None),
        ("3", [], False, "not known yet"),
        ("3", ["1"], False, "not all known yet"),
        ("3", ["1"], True, "the exchange does not show all of them; the rest, and its fees, stay unknown"),
    ],
)
def test_fills_that_are_not_known_are_said_to_be_missing(
    executed: str, known: list[str], *, is_over: bool, said: str | None
) -> None:
    asked = order(State.FILLED, executed_quantity=Decimal(executed))
    fills = [
        Fill(
            symbol=asked.symbol,
            trade_id=str(number),
            order_id=asked.order_id,
            at_ms=NOON_MS,
            price=Decimal(2),
            quantity=Decimal(quantity),
            quote=2 * Decimal(quantity),
            fee=Decimal("0.001"),
            fee_asset="MX",
            is_maker=False,
        )
        for number, quantity in enumerate(known)
    ]
    assert fills_missing(asked, fills, is_over=is_over) == said


@pytest.mark.parametrize("is_manual", [False, True], ids=["by its signal", "by the operator"])
def test_an_order_that_waits_beyond_the_open_of_its_pair_says_whose_instant_it_keeps(
    bench: Bench, *, is_manual: bool
) -> None:
    order = bench.submit(execute_at=bench.now_ms + 60_000)
    if is_manual:
        order = bench.verb(partial(reschedule, execute_at_ms=bench.now_ms + 60_000), order)
    assert outlook(bench.state, order, bench.now_ms).what == "it waits for its time"
    for opens_ms in (None, bench.now_ms - 1, bench.now_ms + 60_000):
        bench.show(symbol_rules(first_open_ms=opens_ms))
        assert outlook(bench.state, bench.order(order), bench.now_ms).what == "it waits for its time"
    bench.show(symbol_rules(first_open_ms=bench.now_ms + 30_000))
    what = outlook(bench.state, bench.order(order), bench.now_ms).what
    whose = "the operator chose it" if is_manual else "its signal asked for it"
    opens = instant_text(bench.now_ms + 30_000)
    assert what == f"it waits for its time, although its pair opens earlier, at {opens}: {whose}"


def test_a_retry_without_an_instant_waits_for_its_time(bench: Bench) -> None:
    order = bench.submit(execute_at=bench.now_ms + 60_000)
    bench.show(symbol_rules(first_open_ms=bench.now_ms + 30_000))
    plain = bench.submit(quote_order_qty=Decimal(11))
    bench.halt()
    bench.resume()
    bench.answer(plain, refused())
    assert outlook(bench.state, bench.order(plain), bench.now_ms).what == "it waits for its time"
    assert bench.order(order).state is State.QUEUED
