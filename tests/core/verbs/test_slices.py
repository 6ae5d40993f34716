"""A decision is short, however much there is to do: what is left is for the next one, and others come in between."""

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from daemon.core.state.changes import ChangeSet
from daemon.core.values.locks import LockState
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.verbs import leases
from daemon.core.verbs.dispatch import DUE, FEW, SLICE, tick
from tests.core.bench import Bench
from tests.core.making import NOON_MS, lease, request, rules

MANY = 3 * SLICE
HOUR_MS = 3_600_000


@pytest.fixture
def bench() -> Bench:
    """Make a bench whose rate is no limit."""
    return Bench(rules(exchange={"order_rate_per_s": 1_000_000}, queue={"max_in_flight": 1_000_000}))


@pytest.fixture
def made(bench: Bench) -> list[ChangeSet]:
    """The changes of every decision."""
    changes: list[ChangeSet] = []
    bench.watchers.append(changes.append)
    return changes


def a_batch(bench: Bench, count: int = MANY, **changes: Any) -> list[Order]:
    """Accept many BUYs of different targets at once."""
    signals = [request(snipe_target_id=f"t{number}", **changes) for number in range(count)]
    return [each.order for each in bench.submit_all(signals)]


def sell(bench: Bench, **changes: Any) -> Order:
    return bench.submit(side="SELL", quantity=Decimal(1), **changes)


def sent(changes: ChangeSet) -> list[str]:
    return [send.order.order_id for send in changes.sends]


def in_state(changes: ChangeSet, state: State) -> int:
    return sum(order.state is state for order in changes.orders.values())


def hold_pair(bench: Bench) -> None:
    """Let a caller hold the whole pair, so that no order of it is sent."""
    held = lease(resource="trade:FOOUSDT", timeout_ms=HOUR_MS)
    bench.decide(partial(leases.acquire, waiter_id="wait-1", waits=False), held)


def test_a_batch_is_accepted_in_one_decision_and_sent_in_slices(bench: Bench, made: list[ChangeSet]) -> None:
    orders = [order.order_id for order in a_batch(bench)]
    assert list(made[0].orders) == orders, "all or none, in one commit"
    assert [len(changes.sends) for changes in made] == [FEW, SLICE, SLICE, SLICE - FEW]
    assert [order_id for changes in made for order_id in sent(changes)] == orders, "in the order of service"


def test_a_signal_between_two_slices_is_sent_by_its_own_rank(bench: Bench) -> None:
    bench.goes_on = False
    a_batch(bench)
    urgent = sell(bench)
    assert sent(bench.last)[0] == urgent.order_id
    assert len(sent(bench.last)) == FEW, "a decision about one signal is short"


def test_deadlines_that_pass_together_end_their_orders_in_slices_and_none_is_sent(
    bench: Bench, made: list[ChangeSet]
) -> None:
    hold_pair(bench)
    orders = a_batch(bench)
    del made[:]
    bench.pass_time(orders[0].deadline_ms + 1 - NOON_MS)
    assert [in_state(changes, State.EXPIRED) for changes in made] == [SLICE] * 3
    assert not any(map(sent, made))


def test_no_order_overtakes_one_whose_time_has_come_with_it(bench: Bench, made: list[ChangeSet]) -> None:
    buys = a_batch(bench, DUE + SLICE, execute_at=NOON_MS + HOUR_MS)
    last = sell(bench, execute_at=NOON_MS + HOUR_MS)
    bench.pass_time(HOUR_MS)
    first = next(sent(changes) for changes in made if changes.sends)
    assert first[:2] == [last.order_id, buys[0].order_id]


def test_an_emergency_does_not_wait_for_what_is_due(bench: Bench) -> None:
    a_batch(bench, DUE + SLICE, execute_at=NOON_MS + HOUR_MS)
    bench.goes_on = False
    bench.pass_time(HOUR_MS)
    assert not sent(bench.last)
    urgent = sell(bench, skip_lock=True)
    assert sent(bench.last) == [urgent.order_id]


def test_leases_that_end_together_end_in_slices_and_their_waiters_are_granted(
    bench: Bench, made: list[ChangeSet]
) -> None:
    for number in range(MANY):
        for owner in ("holder", "waiter"):
            wanted = lease(resource=f"r{number}", owner_id=owner, key=f"{owner}{number}")
            bench.decide(partial(leases.acquire, waiter_id=f"wait-{number}", waits=True), wanted)
    del made[:]
    bench.pass_time(30_000)
    assert [_ended(changes) for changes in made if _ended(changes)] == [SLICE] * 3
    assert max(len(changes.grants) for changes in made) <= SLICE
    assert sum(len(changes.grants) for changes in made) == MANY


def test_an_empty_tick_leaves_nothing(bench: Bench) -> None:
    bench.decide(tick)
    assert not bench.has_more


def _ended(changes: ChangeSet) -> int:
    return sum(lock.state is LockState.EXPIRED for lock in changes.locks.values())
