"""Armed orders of one pair and instant share a request where the rate has no room for one each, and only there."""

from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace

from daemon.core.rules.rate import WINDOW_MS
from daemon.core.state.instant_requests import BATCH_SIZE
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from tests.core.bench import Bench
from tests.core.making import NOON_MS, placed, rules, unclear
from tests.core.verbs.test_dispatch import sell

AT_MS = NOON_MS + 400


def bench_of(rate: int = 3, *, in_flight: int = 64, **launch: Any) -> Bench:
    """Make a bench with a rate of orders per second."""
    return Bench(rules(exchange={"order_rate_per_s": rate}, queue={"max_in_flight": in_flight}, launch=launch))


def armed(bench: Bench, count: int, at_ms: int = AT_MS, **changes: Any) -> list[Order]:
    """Submit orders for one instant."""
    first = len(bench.state.orders)
    return [bench.submit(snipe_target_id=f"t{first + each}", execute_at=at_ms, **changes) for each in range(count)]


def states(bench: Bench, orders: list[Order]) -> list[State]:
    return [bench.order(order).state for order in orders]


def shares(bench: Bench) -> list[int]:
    """Return how many armed orders each request has, the largest first."""
    requests = Counter(
        send.request
        for send, _ in bench.sends.values()
        if bench.order(send.order).client_order_id == send.attempt.client_order_id
        and bench.order(send.order).state is State.ARMED
    )
    return sorted(requests.values(), reverse=True)


def test_orders_that_the_rate_has_room_for_have_a_request_each() -> None:
    bench = bench_of(3)
    armed(bench, 3)
    assert shares(bench) == [1, 1, 1]


def test_orders_beyond_the_rate_share_the_last_request() -> None:
    bench = bench_of(3)
    orders = armed(bench, 5)
    assert states(bench, orders) == [State.ARMED] * 5
    assert shares(bench) == [3, 1, 1]
    assert bench.state.rate_budget.used(AT_MS) == 3


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(20, [11] + [1] * 9, id="twenty: nine by themselves"),
        pytest.param(40, [20, 12] + [1] * 8, id="forty: two batches"),
        pytest.param(60, [20, 20] + [1] * 8, id="sixty: a batch has 20, and there are two per second"),
    ],
)
def test_a_launch_of_many_orders_fits_into_one_instant(count: int, expected: list[int]) -> None:
    bench = bench_of(10)
    orders = armed(bench, count)
    assert shares(bench) == expected
    assert states(bench, orders).count(State.ARMED) == min(count, 8 + 2 * BATCH_SIZE)
    assert bench.state.rate_budget.used(AT_MS) == 10


def test_a_third_batch_waits_for_the_next_window() -> None:
    bench = bench_of(4)
    armed(bench, 2 + 2 * BATCH_SIZE)
    assert bench.state.instant_requests.to_join("FOOUSDT", AT_MS) is None
    later = armed(bench, 5, AT_MS + WINDOW_MS)
    bench.pass_time(1_200)
    assert states(bench, later) == [State.ARMED] * 5, "nothing of the first window counts in theirs"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"symbol": "BARUSDT"}, id="another pair"),
        pytest.param({"at_ms": AT_MS + 1}, id="another instant"),
        pytest.param({"at_ms": None}, id="no instant"),
    ],
)
def test_only_orders_of_one_pair_and_instant_share_a_request(changes: dict[str, Any]) -> None:
    bench = bench_of(2)
    armed(bench, 2)
    (other,) = armed(bench, 1, **changes)
    assert bench.order(other).state is State.QUEUED
    assert shares(bench) == [1, 1]


def test_an_emergency_sell_shares_no_request() -> None:
    bench = bench_of(3)
    orders = armed(bench, 3)
    assert sell(bench, skip_lock=True, execute_at=AT_MS).state is State.ARMED
    assert states(bench, orders) == [State.ARMED] * 3, "the order that gave way leaves with another BUY"
    assert shares(bench) == [2, 1, 1]
    assert sell(bench, skip_lock=True, execute_at=AT_MS, snipe_target_id="second").state is State.ARMED
    assert shares(bench) == [3, 1, 1], "so does the next that gave way"


def test_without_batches_orders_beyond_the_rate_wait_for_the_next_window() -> None:
    bench = bench_of(3, batch_orders=False)
    orders = armed(bench, 4)
    assert states(bench, orders) == [State.ARMED] * 3 + [State.QUEUED]


def test_an_order_beyond_the_limit_in_flight_joins_no_request() -> None:
    bench = bench_of(2, in_flight=3)
    orders = armed(bench, 4)
    assert states(bench, orders) == [State.ARMED] * 3 + [State.QUEUED]


def test_no_order_joins_a_request_for_an_instant_before_the_exchanges_wait_is_over() -> None:
    bench = bench_of(2)
    first = bench.submit(snipe_target_id="first")
    bench.settle()
    orders = armed(bench, 2)
    bench.answer(first, replace(unclear(), retry_after_ms=1_000))
    (late,) = armed(bench, 1)
    assert states(bench, [*orders, late]) == [State.QUEUED] * 3


def test_an_order_that_is_withdrawn_leaves_its_batch_and_the_others_stay() -> None:
    bench = bench_of(2)
    orders = armed(bench, 4)
    for order in orders[1:3]:
        bench.withdraw(order)
        assert bench.order(order).state is State.WITHDRAWN
    assert shares(bench) == [1, 1]
    assert bench.state.rate_budget.used(AT_MS) == 2
    bench.withdraw(orders[3])
    assert bench.state.rate_budget.used(AT_MS) == 1, "its request has no order any more"
    assert bench.state.rate_budget.in_flight == 1


def test_a_halt_takes_every_order_of_a_batch_back_and_they_are_armed_again() -> None:
    bench = bench_of(2)
    orders = armed(bench, 5)
    bench.halt()
    assert states(bench, orders) == [State.QUEUED] * 5
    assert bench.state.rate_budget.used(AT_MS) == bench.state.rate_budget.in_flight == 0
    bench.resume()
    assert shares(bench) == [4, 1]


def test_an_order_in_a_batch_gives_no_room_to_a_sell() -> None:
    """Its place in the rate is the others' too."""
    bench = bench_of(2, in_flight=64)
    orders = armed(bench, 4)
    bench.pass_time(100)
    assert sell(bench).state is State.IN_FLIGHT
    assert states(bench, orders) == [State.ARMED] * 4, "the one that gave its place joined the batch"
    assert shares(bench) == [4]
    assert sell(bench, symbol="BARUSDT", snipe_target_id="last").state is State.QUEUED


def test_each_order_of_a_batch_has_its_own_attempt_lock_and_outcome() -> None:
    bench = bench_of(2)
    orders = armed(bench, 4)
    sends = [send for send, _ in bench.sends.values()]
    assert len({send.attempt.client_order_id for send in sends}) == len({send.token for send in sends}) == 4
    bench.settle()
    bench.pass_time(400)
    for order in orders:
        bench.fire(order)
    bench.answer(orders[1], placed())
    bench.answer(orders[2], unclear())
    assert states(bench, orders) == [State.IN_FLIGHT, State.OPEN, State.IN_DOUBT, State.IN_FLIGHT]


def test_requests_of_the_past_are_forgotten() -> None:
    bench = bench_of(2)
    for order in armed(bench, 3):
        bench.settle()
        bench.fire(order)
    bench.pass_time(400 + WINDOW_MS)
    armed(bench, 1, bench.now_ms + 300)
    assert len(bench.state.instant_requests._of) == 1  # memory that would grow for ever
