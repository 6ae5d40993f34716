"""The exchange shows something new of a pair: the orders that wait for it move, and are rounded to its rules."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from daemon.core.values.events import Event
from daemon.core.values.exchange_replies import Advice
from daemon.core.values.instants import instant_text
from daemon.core.values.listings import Listing
from daemon.core.values.orders import Order
from daemon.core.values.signals import MAX_AHEAD_MS
from daemon.core.values.states import State
from daemon.core.values.symbols import CLOSED, SymbolRules
from daemon.core.verbs.dispatch import SLICE
from daemon.core.verbs.listings import learn, settle
from daemon.core.verbs.rescheduling import reschedule
from tests.core.bench import Bench
from tests.core.making import placed, refused, symbol_rules, unclear

MINUTE_MS = 60_000


@pytest.fixture
def bench() -> Bench:
    return Bench()


def sniped(bench: Bench, ahead_ms: int = MINUTE_MS, **changes: Any) -> Order:
    """A limit buy of a pair that is not known, with amounts of many decimals."""
    amounts: dict[str, Any] = {"type": "LIMIT", "quantity": Decimal("100.123456"), "price": Decimal("0.1234567")}
    return bench.submit(**amounts, execute_at=bench.now_ms + ahead_ms, **changes)


def pair(bench: Bench, opens_ahead_ms: int | None = MINUTE_MS, **changes: Any) -> SymbolRules:
    opens_ms = None if opens_ahead_ms is None else bench.now_ms + opens_ahead_ms
    return symbol_rules(first_open_ms=opens_ms, **changes)


def names(bench: Bench, order: Order) -> list[str]:
    return [event.name for event in bench.events(order)]


def test_only_a_change_of_what_is_recorded_is_recorded_again(bench: Bench) -> None:
    sniped(bench)
    notes: list[Event] = []
    bench.watchers.append(lambda changes: notes.extend(changes.notes))
    recorded = []
    for ahead_ms, calendar_ms, decimals in [(1, None, 4), (1, bench.now_ms, 4), (1, bench.now_ms, 3), (2, None, 3)]:
        bench.show(pair(bench, ahead_ms * MINUTE_MS, price_decimals=decimals), calendar_ms=calendar_ms)
        recorded.append(sum(event.name == "listing.changed" for event in notes))
    assert recorded == [1, 1, 1, 2], "the exchange's open counts over the calendar's; decimals show in the orders"


# The instant follows the announced open


@pytest.mark.parametrize("later_ms", [300, 3_000, 5 * MINUTE_MS])
@pytest.mark.parametrize("ahead_ms", [300, MINUTE_MS], ids=["armed", "waiting"])
def test_an_order_moves_to_a_later_open_with_its_deadline(bench: Bench, ahead_ms: int, later_ms: int) -> None:
    before = sniped(bench, ahead_ms)
    bench.show(pair(bench, ahead_ms + later_ms))
    order = bench.order(before)
    asked_ms = before.execute_at_ms or 0
    assert (order.execute_at_ms, order.asked_execute_at_ms) == (asked_ms + later_ms, asked_ms)
    assert order.deadline_ms == before.deadline_ms + later_ms
    assert not order.instant_is_manual
    event = next(event for event in bench.events(order) if event.name == "order.rescheduled")
    assert (event.actor, event.detail["from_ms"], event.detail["to_ms"]) == ("daemon", asked_ms, asked_ms + later_ms)
    assert "exchangeInfo" in str(event.detail["reason"])
    assert instant_text(asked_ms + later_ms) in str(event.detail["reason"])
    bench.pass_time(ahead_ms + later_ms - bench.rules.config.queue.arm_ahead_ms)
    assert (bench.order(order).state, bench.order(order).sent_ms) == (State.ARMED, asked_ms + later_ms)


@pytest.mark.parametrize("opens_ahead_ms", [None, -10 * MINUTE_MS, 10_000, MINUTE_MS])
def test_a_pair_that_opens_earlier_or_at_the_instant_moves_nothing(bench: Bench, opens_ahead_ms: int | None) -> None:
    before = sniped(bench)
    bench.show(pair(bench, opens_ahead_ms))
    order = bench.order(before)
    assert (order.execute_at_ms, order.asked_execute_at_ms) == (before.execute_at_ms, None)
    assert "order.rescheduled" not in names(bench, order)


def test_a_listing_that_moves_back_and_forth_is_followed_but_never_before_the_signals_instant(bench: Bench) -> None:
    before = sniped(bench)
    asked_ms = before.execute_at_ms or 0
    for open_ms, instant_ms in [(5, 5), (9, 9), (3, 3), (-1, 0), (2, 2)]:
        bench.show(symbol_rules(first_open_ms=asked_ms + open_ms * MINUTE_MS))
        order = bench.order(before)
        assert order.execute_at_ms == asked_ms + instant_ms * MINUTE_MS
        assert order.deadline_ms == order.execute_at_ms + before.allowed_ms
        assert order.asked_execute_at_ms == asked_ms


def test_what_the_exchange_shows_counts_over_its_calendar(bench: Bench) -> None:
    before = sniped(bench)
    bench.show(calendar_ms=bench.now_ms + 5 * MINUTE_MS)
    order = bench.order(before)
    assert order.execute_at_ms == bench.now_ms + 5 * MINUTE_MS
    assert "calendar" in (order.reason or "")
    bench.show(pair(bench, 2 * MINUTE_MS), calendar_ms=bench.now_ms + 5 * MINUTE_MS)
    assert bench.order(before).execute_at_ms == bench.now_ms + 2 * MINUTE_MS


def test_an_order_that_the_operator_moved_stays_at_that_instant(bench: Bench) -> None:
    order = sniped(bench)
    to_ms = bench.now_ms + 2 * MINUTE_MS
    bench.verb(partial(reschedule, execute_at_ms=to_ms), order)
    bench.show(pair(bench, 5 * MINUTE_MS))
    assert bench.order(order).execute_at_ms == to_ms


def test_an_open_that_is_too_far_ahead_moves_nothing(bench: Bench) -> None:
    before = sniped(bench)
    bench.show(pair(bench, MAX_AHEAD_MS + 1))
    assert bench.order(before).execute_at_ms == before.execute_at_ms
    assert bench.order(before).state is State.QUEUED, "it waits as it is"


def test_an_order_whose_first_attempt_was_refused_moves_to_the_postponed_open(bench: Bench) -> None:
    """The postponement was announced too late: nothing was placed, so the order can wait again."""
    before = sniped(bench, 0)
    bench.send_next(refused(Advice.RETRY))
    bench.show(pair(bench, 5 * MINUTE_MS))
    order = bench.order(before)
    assert (order.state, order.execute_at_ms) == (State.QUEUED, bench.now_ms + 5 * MINUTE_MS)
    bench.pass_time(5 * MINUTE_MS - 500)
    assert bench.order(before).state is State.ARMED


def test_an_order_whose_instant_has_come_is_not_moved_to_another_past_one(bench: Bench) -> None:
    before = sniped(bench, 1_000)
    bench.show(pair(bench, 2_000))
    bench.pass_time(3_000)
    bench.fire(bench.order(before))
    bench.answer(before, refused(Advice.RETRY))
    bench.show(pair(bench, -1_500))
    assert bench.order(before).execute_at_ms == bench.now_ms - 1_000


@pytest.mark.parametrize("answer", [None, placed(), unclear()], ids=["in flight", "placed", "in doubt"])
def test_an_order_that_may_have_been_sent_is_not_moved(bench: Bench, answer: Any) -> None:
    other = bench.submit(symbol="FOOUSDT", quote_order_qty=Decimal(77), execute_at=bench.now_ms + MINUTE_MS)
    order = sniped(bench, 0)
    if answer is not None:
        bench.send_next(answer)
    bench.show(pair(bench, 5 * MINUTE_MS))
    assert bench.order(order).execute_at_ms == order.execute_at_ms
    assert bench.order(other).execute_at_ms == bench.now_ms + 5 * MINUTE_MS


def test_an_armed_order_whose_request_has_left_is_not_moved(bench: Bench) -> None:
    order = sniped(bench, 300)
    bench.settle()
    bench.pass_time(300)
    bench.shoot(order)
    bench.show(pair(bench, 5 * MINUTE_MS))
    assert (bench.order(order).state, bench.order(order).execute_at_ms) == (State.IN_FLIGHT, order.execute_at_ms)
    bench.answer(order, placed())
    assert bench.order(order).state is State.OPEN


def test_the_signal_of_an_order_that_moved_is_still_a_repetition(bench: Bench) -> None:
    order = sniped(bench)
    bench.show(pair(bench, 5 * MINUTE_MS))
    assert sniped(bench).order_id == order.order_id
    bench.pass_time(2 * MINUTE_MS)
    assert sniped(bench, -2 * MINUTE_MS).order_id == order.order_id


def test_many_orders_of_one_pair_move_a_slice_in_each_decision(bench: Bench) -> None:
    orders = [sniped(bench, snipe_target_id=f"t{number}") for number in range(SLICE + 2)]
    bench.show()
    bench.decide(learn, {"FOOUSDT": Listing(rules=pair(bench, 2 * MINUTE_MS))})
    assert bench.decide(settle)
    moved = [bench.order(order).asked_execute_at_ms is not None for order in orders]
    assert sum(moved) == SLICE
    assert not bench.decide(settle)
    assert all(bench.order(order).asked_execute_at_ms is not None for order in orders)


def test_an_order_that_comes_later_is_compared_with_what_is_known(bench: Bench) -> None:
    sniped(bench)
    bench.show(pair(bench, 5 * MINUTE_MS))
    order = sniped(bench, snipe_target_id="another")
    while bench.decide(settle):
        pass
    assert bench.order(order).execute_at_ms == bench.now_ms + 5 * MINUTE_MS


def test_what_was_known_before_the_exchange_was_asked_is_not_reported(bench: Bench) -> None:
    order = sniped(bench)
    told: list[Any] = []
    bench.watchers.append(lambda changes: told.extend(changes.notes))
    bench.decide(learn, {"FOOUSDT": Listing(rules=pair(bench, 2 * MINUTE_MS))})
    bench.decide(settle)
    assert (told, bench.order(order).execute_at_ms) == ([], bench.now_ms + 2 * MINUTE_MS)


def test_an_order_of_a_pair_of_which_nothing_is_known_waits(bench: Bench) -> None:
    order = sniped(bench)
    assert not bench.decide(settle)
    assert bench.order(order) == order


def test_a_change_of_a_listing_is_reported_once_and_what_nobody_waits_for_is_forgotten(bench: Bench) -> None:
    order = sniped(bench)
    told: list[Any] = []
    bench.watchers.append(lambda changes: told.extend(event.detail for event in changes.notes))
    shown = pair(bench, trade_sides=CLOSED)
    for _ in range(2):
        bench.show(shown)
    assert told == [{
        "symbol": "FOOUSDT", "shown": True, "tradable": False, "opens_ms": shown.first_open_ms,
        "source": "exchangeInfo",
    }]  # fmt: skip
    bench.withdraw(order)
    bench.show()
    assert bench.state.listings.known == {}


# The amounts follow the pair's rules


def test_amounts_are_rounded_when_the_rules_appear_and_the_asked_ones_are_kept(bench: Bench) -> None:
    before = sniped(bench)
    assert (before.quantity, before.asked_quantity) == (Decimal("100.123456"), None)
    bench.show(pair(bench))
    order = bench.order(before)
    assert (order.quantity, order.price) == (Decimal("100.12"), Decimal("0.1234"))
    assert (order.asked_quantity, order.asked_price) == (Decimal("100.123456"), Decimal("0.1234567"))
    assert order.fingerprint == before.fingerprint
    assert sniped(bench).order_id == order.order_id, "what was asked counts"
    event = next(event for event in bench.events(order) if event.name == "order.refitted")
    assert (event.detail["quantity"], event.detail["asked_quantity"]) == ("100.12", "100.123456")


def test_other_decimals_begin_with_the_asked_amounts(bench: Bench) -> None:
    before = sniped(bench)
    bench.show(pair(bench, quantity_decimals=0, price_decimals=2))
    bench.show(pair(bench, quantity_decimals=4, price_decimals=7))
    order = bench.order(before)
    assert (order.quantity, order.price) == (Decimal("100.1234"), Decimal("0.1234567"))
    assert (order.asked_quantity, order.asked_price) == (Decimal("100.123456"), None)


def test_an_armed_order_is_rounded_to_new_rules_and_armed_again(bench: Bench) -> None:
    before = sniped(bench, 300)
    assert before.state is State.ARMED
    bench.show(pair(bench, 300))
    order = bench.order(before)
    assert (order.state, order.quantity, order.attempts) == (State.ARMED, Decimal("100.12"), 2)
    assert names(bench, order)[-3:] == ["order.disarmed", "order.refitted", "order.armed"]
    bench.show(pair(bench, 300))
    assert bench.order(before) == order


def test_an_armed_order_whose_request_has_left_is_not_rounded(bench: Bench) -> None:
    order = sniped(bench, 300)
    bench.settle()
    bench.pass_time(299)
    bench.left[order.client_order_id or ""] = bench.sends[order.client_order_id or ""][0]
    bench.show(pair(bench, 0))
    assert (bench.order(order).state, bench.order(order).quantity) == (State.IN_FLIGHT, order.quantity)


def test_rules_that_refuse_the_amounts_are_reported_once_and_end_the_order_when_it_is_armed(bench: Bench) -> None:
    before = sniped(bench)
    for _ in range(2):
        bench.show(pair(bench, min_notional=Decimal(1_000)))
        bench.show(pair(bench, min_notional=Decimal(1_000), max_notional=None))
    order = bench.order(before)
    assert order.state is State.QUEUED
    assert "below the minimum" in (order.reason or "")
    assert names(bench, order).count("order.unfit") == 1
    bench.pass_time(MINUTE_MS - bench.rules.config.queue.arm_ahead_ms)
    order = bench.order(before)
    assert order.state is State.DEAD_LETTER
    assert "below the minimum" in (order.reason or "")
    assert names(bench, order)[-1] == "order.dead_letter"
    assert order.attempts == 0
    assert sniped(bench).order_id != order.order_id, "its key is free"


def test_rules_that_admit_the_amounts_after_all_end_the_complaint(bench: Bench) -> None:
    before = sniped(bench)
    bench.show(pair(bench, min_notional=Decimal(1_000)))
    bench.show(pair(bench))
    assert bench.order(before).reason is None


def test_an_armed_order_whose_amounts_are_refused_by_newer_rules_is_left_to_the_exchange(bench: Bench) -> None:
    before = sniped(bench, 300)
    bench.show(pair(bench, 300, min_notional=Decimal(1_000)))
    assert bench.order(before) == before


def test_a_dead_letter_makes_room_for_the_next_order_of_its_resource(bench: Bench) -> None:
    before = sniped(bench)
    amounts: dict[str, Any] = {"type": "LIMIT", "quantity": Decimal(20_000), "price": Decimal("0.1")}
    after = bench.submit(**amounts, execute_at=bench.now_ms + MINUTE_MS)
    bench.show(pair(bench, min_notional=Decimal(1_000)))
    bench.pass_time(MINUTE_MS - bench.rules.config.queue.arm_ahead_ms)
    assert [bench.order(order).state for order in (before, after)] == [State.DEAD_LETTER, State.ARMED]


def test_rules_that_are_not_known_at_the_arming_leave_the_amounts_to_the_exchange(bench: Bench) -> None:
    before = sniped(bench)
    bench.pass_time(MINUTE_MS - 500)
    assert (bench.order(before).state, bench.order(before).quantity) == (State.ARMED, before.quantity)


def test_rules_that_changed_since_the_last_look_count_at_the_arming(bench: Bench) -> None:
    before = sniped(bench)
    bench.show(pair(bench))
    bench.pairs["FOOUSDT"] = pair(bench, quantity_decimals=0)
    bench.pass_time(MINUTE_MS - 500)
    assert (bench.order(before).state, bench.order(before).quantity) == (State.ARMED, Decimal(100))


def test_a_pair_that_is_not_open_yet_fits_an_order_that_waits(bench: Bench) -> None:
    before = sniped(bench)
    bench.show(pair(bench, None, online=False))
    assert bench.order(before).quantity == Decimal("100.12")
    bench.pass_time(MINUTE_MS - 500)
    assert bench.order(before).state is State.ARMED


def test_a_retry_is_not_rounded_by_the_watch_but_before_its_next_attempt(bench: Bench) -> None:
    """A refusal that puts the rules in doubt reads them again, once; the next attempt must not wait for a look."""
    before = sniped(bench, 0)
    bench.send_next(refused(Advice.RETRY))
    bench.show(pair(bench, -1))
    order = bench.order(before)
    assert order.quantity == before.quantity
    bench.pass_time(1_000)
    assert (bench.order(before).attempts, bench.order(before).quantity) == (2, Decimal("100.12"))


def test_a_rounded_order_counts_for_what_its_signal_asked(bench: Bench) -> None:
    order = sniped(bench)
    asked = Decimal("100.123456") * Decimal("0.1234567")
    for decimals in (7, 2, 4):
        bench.show(pair(bench, price_decimals=decimals))
        assert bench.state.orders.exposure.spent(bench.now_ms) == asked
    bench.withdraw(order)
    assert bench.state.orders.exposure.spent(bench.now_ms) == 0
