"""Launching: orders that come before the open are attempted in one rhythm, and all at once when the pair is open."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from daemon.core.rules.launch_window import CAP_COUNTS_MS
from daemon.core.rules.rate import WINDOW_MS
from daemon.core.values.exchange_replies import Advice, Answer
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, refused, rules, symbol_rules, unclear

STEP_MS = 138
EARLY = refused(not_open=True)
LATE = {"deadline_ms": 60_000}


def bench_of(**tables: dict[str, Any]) -> Bench:
    return Bench(rules(**tables))


def submit(bench: Bench, count: int = 1, **changes: Any) -> list[Order]:
    """Accept orders of one pair for one instant, and let the instant come."""
    fields = LATE | {"execute_at": bench.now_ms} | changes
    return [bench.submit(snipe_target_id=f"t{number}", **fields) for number in range(count)]


def answer_all(bench: Bench, answer: Answer) -> None:
    """Answer every request that was sent."""
    bench.settle()
    for send, _ in list(bench.sends.values()):
        bench.answer(send.order, answer)


def attempts_until(bench: Bench, end_ms: int, answer: Answer = EARLY) -> list[int]:
    """Let time pass; return when attempts were made, each answered at once."""
    made = []
    while bench.now_ms < end_ms:
        bench.pass_time(1)
        made += [bench.now_ms] * len(bench.sends)
        answer_all(bench, answer)
    return made


def gaps(instants: Sequence[int]) -> set[int]:
    return {after - before for before, after in pairwise(instants)}


def test_an_order_that_is_early_is_attempted_in_a_steady_rhythm_until_it_is_placed() -> None:
    bench = bench_of()
    (order,) = submit(bench)
    answer_all(bench, EARLY)
    assert (bench.order(order).state, bench.order(order).attempts) == (State.IN_FLIGHT, 2), "once more at once"
    answer_all(bench, EARLY)
    made = attempts_until(bench, NOON_MS + 3_000)
    assert made[0] == NOON_MS + STEP_MS
    assert gaps(made) == {STEP_MS}
    attempts_until(bench, bench.now_ms + STEP_MS, placed())
    assert bench.order(order).state is State.OPEN


@pytest.mark.parametrize(("count", "step_ms"), [(3, STEP_MS), (8, 275)])
def test_orders_of_one_pair_share_the_rhythm_evenly(count: int, step_ms: int) -> None:
    bench = bench_of()
    orders = submit(bench, count)
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + 2 * WINDOW_MS)
    before = [bench.order(each).attempts for each in orders]
    made = attempts_until(bench, bench.now_ms + count * step_ms)
    assert gaps(made) == {step_ms}
    assert [bench.order(each).attempts for each in orders] == [each + 1 for each in before]


@pytest.mark.parametrize("count", [20, 40])
def test_orders_that_the_rate_held_back_join_the_rhythm_before_their_first_attempt(count: int) -> None:
    """Otherwise they use the whole rate up at once, and nothing is left for an open within the next second."""
    bench = bench_of()
    submit(bench, count)
    answer_all(bench, EARLY)
    made = attempts_until(bench, NOON_MS + 5_000)
    assert made[0] == NOON_MS + WINDOW_MS
    assert gaps(made) == {275}, "no two at once, also when the rate has room again"
    assert len(made) >= 10


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("open_ms", range(150, 1_100, 100))
def test_in_the_first_window_too_the_rate_keeps_room_for_the_orders_that_follow_the_first(
    count: int, open_ms: int
) -> None:
    """The attempts at the instant use a part of it, wherever within that window the pair opens."""
    bench = bench_of()
    orders = submit(bench, count)
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + open_ms)
    made = attempts_until(bench, NOON_MS + open_ms + WINDOW_MS // 2, placed())
    assert [bench.order(each).state for each in orders] == [State.OPEN] * count
    assert made[-1] - made[0] <= 2


def test_orders_whose_turn_would_be_after_their_deadline_go_when_the_pair_is_open() -> None:
    bench = bench_of()
    orders = submit(bench, 20, deadline_ms=3_000)
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + 2_500)
    attempts_until(bench, NOON_MS + 2_500 + WINDOW_MS, placed())
    assert sum(bench.order(each).state is State.OPEN for each in orders) >= 6


def test_where_the_rate_has_no_room_for_all_orders_none_goes_again_at_once() -> None:
    bench = bench_of()
    submit(bench, 6)
    answer_all(bench, EARLY)
    assert not bench.sends


def test_the_first_that_is_placed_lets_all_others_go_at_once() -> None:
    bench = bench_of()
    orders = submit(bench, 3)
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + 3_000)
    attempts_until(bench, bench.now_ms + STEP_MS, placed())
    assert [bench.order(each).state for each in orders] == [State.OPEN] * 3
    assert bench.state.launches.of("FOOUSDT") is None


@pytest.mark.parametrize("advice", [Advice.REPRICE, Advice.STOP, Advice.CHECK_FUNDS])
def test_a_refusal_for_another_reason_than_the_open_shows_that_the_pair_is_open(advice: Advice) -> None:
    bench = bench_of()
    first, second = submit(bench, 2)
    bench.settle()
    bench.answer(second, EARLY)
    bench.answer(first, refused(advice))
    assert bench.order(second).state is State.IN_FLIGHT
    assert bench.order(second).attempts == 2


@pytest.mark.parametrize("answer", [EARLY, refused(), unclear()], ids=["not open", "another refusal", "unknown"])
def test_what_does_not_show_that_the_pair_is_open_lets_no_other_order_go(answer: Answer) -> None:
    bench = bench_of()
    first, second = submit(bench, 2)
    bench.settle()
    bench.answer(second, EARLY)
    bench.settle()
    bench.answer(second, EARLY)
    bench.answer(first, answer)
    assert bench.order(second).state is State.QUEUED


def test_an_order_that_was_on_its_way_when_the_pair_opened_goes_again_at_once() -> None:
    bench = bench_of()
    first, second, third = submit(bench, 3)
    bench.settle()
    bench.pass_time(1)
    bench.answer(first, placed())
    bench.answer(second, EARLY)
    assert bench.order(second).attempts == 2
    bench.settle()
    bench.pass_time(1)
    bench.answer(second, EARLY)
    assert bench.order(second).state is State.QUEUED, "once: if it is refused again, the pair may be closed again"
    assert bench.order(third).state is State.IN_FLIGHT


def test_an_order_refused_after_another_showed_the_open_goes_again_at_once_if_it_left_before() -> None:
    bench = bench_of()
    first, second, third = submit(bench, 3)
    bench.settle()
    bench.pass_time(1)
    bench.answer(third, EARLY)
    bench.answer(first, placed())
    bench.answer(second, EARLY)
    assert (bench.order(second).state, bench.order(second).attempts) == (State.IN_FLIGHT, 2)


def test_after_an_unknown_outcome_nothing_is_attempted_again() -> None:
    bench = bench_of()
    (order,) = submit(bench)
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + STEP_MS, unclear())
    assert attempts_until(bench, NOON_MS + 5_000) == []
    assert (bench.order(order).state, bench.order(order).attempts) == (State.IN_DOUBT, 2)
    assert bench.state.launches.of("FOOUSDT") is None


def test_after_the_window_the_ordinary_retries_go_on_until_the_deadline() -> None:
    bench = bench_of(launch={"window_ms": 1_000}, retry={"first_ms": 400, "factor": 1.0, "longest_ms": 400})
    (order,) = submit(bench)
    answer_all(bench, EARLY)
    answer_all(bench, EARLY)
    made = attempts_until(bench, NOON_MS + 4_000)
    inside = [each for each in made if each <= NOON_MS + 1_000]
    after = [each for each in made if each > NOON_MS + 1_000]
    assert (gaps(inside), gaps(after)) == ({STEP_MS}, {400})
    bench.pass_time(60_000)
    assert bench.order(order).state is State.EXPIRED


def test_an_order_without_an_instant_has_no_window() -> None:
    bench = bench_of(retry={"first_ms": 400, "factor": 1.0, "longest_ms": 400})
    submit(bench, execute_at=None)
    answer_all(bench, EARLY)
    assert gaps(attempts_until(bench, NOON_MS + 3_000)) == {400}


def test_an_order_whose_turn_would_be_after_its_deadline_has_it_at_the_deadline() -> None:
    bench = bench_of()
    (order,) = submit(bench, deadline_ms=100)
    answer_all(bench, EARLY)
    answer_all(bench, EARLY)
    assert attempts_until(bench, NOON_MS + 1_000) == [NOON_MS + 100]
    assert bench.order(order).state is State.REJECTED


def test_attempts_are_bounded() -> None:
    bench = bench_of(retry={"attempts": 3})
    (order,) = submit(bench)
    answer_all(bench, EARLY)
    assert len(attempts_until(bench, NOON_MS + 3_000)) == 2
    assert bench.order(order).state is State.DEAD_LETTER


def test_several_pairs_share_the_rate() -> None:
    bench = bench_of()
    submit(bench, symbol="FOOUSDT")
    submit(bench, symbol="BARUSDT")
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + 2_000)
    made = attempts_until(bench, NOON_MS + 2_000 + WINDOW_MS)
    assert len(made) <= bench.rules.config.exchange.order_rate_per_s * 0.8 + 1


def test_a_sell_finds_room_while_buys_are_attempted() -> None:
    bench = bench_of()
    submit(bench, 8)
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + 3_000)
    for number in range(2):
        sold = bench.submit(side="SELL", quantity=Decimal(1), snipe_target_id=f"s{number}")
        assert bench.order(sold).state is State.IN_FLIGHT


def test_the_next_instant_of_any_order_counts_by_our_clock() -> None:
    bench = bench_of()
    assert bench.state.next_instant_ms(bench.now_ms) is None
    submit(bench, execute_at=NOON_MS + 2_000)
    assert bench.state.next_instant_ms(bench.now_ms) == NOON_MS + 2_000


# --- refusals that concern all orders of a pair

LIMIT: dict[str, Any] = {"type": "LIMIT", "quantity": Decimal(4), "price": Decimal(10)}
COARSER = symbol_rules(price_decimals=0, quantity_decimals=0)
SCALE = refused(Advice.DEAD_LETTER, doubts_rules=True)


def capped(cap: str) -> Answer:
    return refused(Advice.REPRICE, price_cap=Decimal(cap))


def in_flight(bench: Bench) -> list[Decimal | None]:
    """Return the prices of the requests that were sent and not answered."""
    return [send.attempt.price for send, _ in bench.sends.values()]


def held_back(bench: Bench, first: Answer, **changes: Any) -> tuple[Order, Order]:
    """Send one of two orders, and answer it; only then can the other one be sent."""
    one, other = submit(bench, 2, **LIMIT | changes)
    bench.settle()
    bench.answer(one, first)
    return one, other


def test_an_order_goes_at_the_cap_that_another_of_its_pair_was_told() -> None:
    bench = bench_of(queue={"max_in_flight": 1})
    bench.pairs["FOOUSDT"] = symbol_rules()
    one, other = held_back(bench, capped("9.5"))
    assert in_flight(bench) == [Decimal("9.5")], "the one that was refused"
    bench.settle()
    bench.answer(one, placed())
    assert in_flight(bench) == [Decimal("9.5")]
    order = bench.order(other)
    assert (order.attempts, order.quantity, order.asked["price"]) == (1, Decimal("4.21"), Decimal(10))
    repriced = next(event for event in bench.events(order) if event.name == "order.repriced")
    assert (repriced.detail["price"], repriced.detail["asked_price"]) == ("9.5", "10")
    bench.settle()
    bench.answer(other, capped("9"))
    assert in_flight(bench) == [Decimal(9)], "its own refusal still moves it once"


def test_an_order_of_a_lower_price_and_a_sell_keep_theirs() -> None:
    bench = bench_of(queue={"max_in_flight": 1})
    one = submit(bench, **LIMIT)[0]
    lower = bench.submit(**LIMIT | LATE | {"price": Decimal(9)}, execute_at=bench.now_ms, snipe_target_id="lower")
    sell = bench.submit(**LIMIT | LATE, side="SELL", execute_at=bench.now_ms, snipe_target_id="sell")
    bench.settle()
    bench.answer(one, capped("9.5"))
    sent = []
    while bench.sends:
        sent += in_flight(bench)
        answer_all(bench, placed())
    assert (bench.order(lower).price, bench.order(sell).price) == (Decimal(9), Decimal(10))
    assert sorted(sent, key=str) == [Decimal(10), Decimal(9), Decimal("9.5")]


def test_the_cap_that_another_order_was_told_counts_for_a_second() -> None:
    bench = bench_of(queue={"max_in_flight": 1})
    one, other = held_back(bench, capped("9.5"))
    bench.settle()
    bench.pass_time(CAP_COUNTS_MS + 1)
    bench.answer(one, placed())
    assert in_flight(bench) == [Decimal(10)]
    assert bench.order(other).state is State.IN_FLIGHT


@pytest.mark.parametrize("answer", [placed(), capped("9")], ids=["placed", "above the cap"])
def test_after_refusals_for_the_rules_one_goes_first_where_the_rate_has_no_room_for_more_of_them(
    answer: Answer,
) -> None:
    bench = bench_of()
    orders = submit(bench, 5, **LIMIT | {"price": Decimal("10.5")})
    bench.settle()
    for order in orders:
        bench.answer(order, SCALE, new_rules=COARSER)
    assert [bench.order(order).attempts for order in orders] == [2, 1, 1, 1, 1]
    bench.settle()
    bench.answer(orders[0], answer)
    assert all(bench.order(order).state in {State.IN_FLIGHT, State.OPEN} for order in orders[:4])
    assert set(in_flight(bench)) == {Decimal(10) if answer == placed() else Decimal(9)}


def test_after_refusals_for_the_rules_all_go_at_once_where_the_rate_has_room() -> None:
    bench = bench_of()
    orders = submit(bench, 3, **LIMIT | {"price": Decimal("10.5")})
    bench.settle()
    for order in orders:
        bench.answer(order, SCALE, new_rules=COARSER)
    assert [bench.order(order).attempts for order in orders] == [2, 2, 2]


def test_an_order_that_was_early_uses_the_rules_that_another_orders_refusal_showed() -> None:
    bench = bench_of()
    orders = submit(bench, 2, **LIMIT | {"price": Decimal("10.5")})
    answer_all(bench, EARLY)
    attempts_until(bench, NOON_MS + 3_000)
    first = _next_sent(bench)
    bench.pairs["FOOUSDT"] = COARSER
    bench.answer(first, SCALE, new_rules=COARSER)
    bench.settle()
    bench.answer(first, placed())
    assert in_flight(bench) == [Decimal(10)]
    assert all(bench.order(order).asked["price"] == Decimal("10.5") for order in orders)


def test_rules_that_refuse_an_order_that_was_early_do_not_end_it() -> None:
    """As before its first attempt they would; but now the exchange has the word."""
    bench = bench_of()
    (order,) = submit(bench, 1, **LIMIT)
    answer_all(bench, EARLY)
    bench.pairs["FOOUSDT"] = symbol_rules(min_quantity=Decimal(1_000))
    assert attempts_until(bench, NOON_MS + 1_000)
    assert bench.order(order).state is State.QUEUED


def _next_sent(bench: Bench) -> Order:
    """Let time pass until a request was sent."""
    while not bench.sends:
        bench.pass_time(1)
    bench.settle()
    ((send, _),) = bench.sends.values()
    return send.order


def test_without_an_answer_to_the_first_the_others_go_in_the_rhythm() -> None:
    bench = bench_of()
    orders = submit(bench, 5, **LIMIT | {"price": Decimal("10.5")})
    bench.settle()
    for order in orders:
        bench.answer(order, SCALE, new_rules=COARSER)
    bench.settle()
    bench.answer(orders[0], unclear())
    made = attempts_until(bench, NOON_MS + WINDOW_MS, unclear())
    assert len(made) == 4
    assert len(set(made)) == 4


# --- a known open


def opens(bench: Bench, at_ms: int) -> None:
    bench.pairs["FOOUSDT"] = symbol_rules(first_open_ms=at_ms)


def test_the_first_attempt_waits_for_a_known_open() -> None:
    bench = bench_of()
    opens(bench, NOON_MS + 2_300)
    (order,) = submit(bench, execute_at=NOON_MS + 2_000)
    bench.pass_time(1_799)
    assert bench.order(order).state is State.QUEUED
    bench.pass_time(1)
    assert bench.order(order).state is State.ARMED
    assert bench.sends[bench.order(order).client_order_id or ""][0].fire_ms == NOON_MS + 2_300


def test_an_order_that_already_waits_for_its_turn_waits_for_an_open_that_becomes_known() -> None:
    bench = bench_of(queue={"max_in_flight": 1})
    other = bench.submit(symbol="BARUSDT")
    (order,) = submit(bench)
    opens(bench, NOON_MS + 2_300)
    bench.settle()
    bench.answer(other, placed())
    assert bench.order(order).state is State.QUEUED
    assert order.order_id not in bench.state.queue
    bench.pass_time(1_800)
    assert bench.order(order).state is State.ARMED


def test_attempts_stop_until_an_open_that_becomes_known() -> None:
    bench = bench_of()
    (order,) = submit(bench)
    opens(bench, NOON_MS + 2_300)
    answer_all(bench, EARLY)
    assert attempts_until(bench, NOON_MS + 1_799) == []
    bench.pass_time(1)
    armed = bench.order(order)
    assert (armed.state, armed.sent_ms) == (State.ARMED, NOON_MS + 2_300)
    assert bench.state.start_ms(armed) == NOON_MS + 1_800
