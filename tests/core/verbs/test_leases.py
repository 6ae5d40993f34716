"""Leases: a caller's own critical sections, in one table and one order of service with those of orders."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from daemon.core.state.decision import Decision
from daemon.core.values.locks import Lock, LockState
from daemon.core.values.orders import Order
from daemon.core.values.states import State
from daemon.core.values.waiters import Waiter, WaiterState
from daemon.core.verbs import leases
from daemon.core.verbs.lease_queue import first_served, in_order, place_of
from daemon.core.verbs.leases import Leased
from daemon.errors import Full, Held, KeyConflict, NotAllowed, NotReady, WrongState
from tests.core.bench import Bench
from tests.core.making import NOON_MS, lease, placed, refused, rules, unclear
from tests.support.steps import at_once

TRADE = "trade:FOOUSDT:BUY:manual"


@pytest.fixture
def bench() -> Bench:
    return Bench()


def ask(bench: Bench, name: str = "wait-1", *, waits: bool = False, **changes: Any) -> Leased | Waiter:
    """Request a lease, with a waiter id."""
    return bench.decide(leases.acquire, lease(**changes), waiter_id=name, waits=waits)


def take(bench: Bench, **changes: Any) -> Lock:
    """Acquire a free resource."""
    got = ask(bench, **changes)
    assert isinstance(got, Leased)
    assert not got.replayed
    assert bench.granted.pop(got.lock.key) == got.lock, "it is the caller's when the caller has the answer"
    return got.lock


def wait(bench: Bench, name: str, **changes: Any) -> Waiter:
    """Wait in the lease queue."""
    got = ask(bench, name, waits=True, **changes)
    assert isinstance(got, Waiter)
    return got


def release(bench: Bench, lock: Lock, owner_id: str = "anna", **outcome: Any) -> Lock:
    """Release a lease."""
    outcome = {"result": None, "error": None} | outcome
    return bench.decide(leases.release, lock, owner_id=owner_id, **outcome)


def renew(bench: Bench, lock: Lock, owner_id: str = "anna", timeout_ms: int | None = None) -> Lock:
    """Restart a lease's time."""
    return bench.decide(leases.renew, lock, owner_id=owner_id, timeout_ms=timeout_ms)


def force(bench: Bench, lock: Lock, *, exchange_checked: bool = False) -> Lock:
    """Force-release a lock as an administrator."""
    return bench.decide(leases.force_release, lock, reason="stuck", actor="uid:0", exchange_checked=exchange_checked)


def order_lock(bench: Bench, order: Order) -> Lock:
    """Return the lock that an order holds."""
    lock = bench.state.lock_of(bench.order(order))
    assert lock is not None
    return lock


# Granting


def test_a_free_resource_is_granted_with_owner_end_and_token(bench: Bench) -> None:
    lock = take(bench, timeout_ms=1)
    assert (lock.resource, lock.owner_id, lock.expires_ms, lock.token) == ("ledger:anna", "anna", NOON_MS + 1, 1)
    bench.settle()
    assert bench.disk.active_locks() == [lock]
    assert bench.disk.waiters == {}, "a caller that did not wait has no row in the queue"


def test_a_held_resource_is_refused_with_its_holder_and_how_many_wait(bench: Bench) -> None:
    lock = take(bench)
    wait(bench, "wait-2")
    with pytest.raises(Held) as refusal:
        ask(bench, "wait-3")
    assert (refusal.value.holder, refusal.value.queue_length) == (lock, 1)
    assert list(bench.state.lease_queue.waiters) == ["wait-2"], "a caller that does not wait is not queued"


def test_tokens_only_grow_over_owners_resources_and_restarts(bench: Bench) -> None:
    tokens = [take(bench, resource=name).token for name in "abc"]
    bench.settle()
    bench.crash()
    bench.open()
    tokens.append(take(bench, resource="d").token)
    assert tokens == [1, 2, 3, 4]


@pytest.mark.parametrize("opens", [False, True], ids=["starting", "draining"])
def test_nothing_is_granted_while_starting_or_draining(bench: Bench, *, opens: bool) -> None:
    held = take(bench)
    wait(bench, "wait-2")
    bench.state.gate.is_open = False
    with pytest.raises(NotReady):
        ask(bench, "wait-3", resource="other")
    release(bench, held)
    assert bench.granted == {}
    if opens:
        bench.open()
        assert list(bench.granted) == ["wait-2"]


def test_the_lease_queue_has_a_limit() -> None:
    bench = Bench(rules(queue={"max_queued": 1}))
    take(bench)
    wait(bench, "wait-2")
    with pytest.raises(Full, match="max_queued"):
        wait(bench, "wait-3")


# The lease queue


def test_the_next_waiter_is_by_priority_then_age_and_granted_in_the_decision_of_the_release(bench: Bench) -> None:
    lock = take(bench)
    for name, priority in {"wait-a": 5, "wait-b": 1, "wait-c": 5}.items():
        wait(bench, name, priority=priority, owner_id=name)
    served = []
    for _ in range(3):
        release(bench, lock, lock.owner_id)
        ((name, lock),) = bench.granted.items()
        del bench.granted[name]
        served.append(name)
    assert served == ["wait-b", "wait-a", "wait-c"]
    bench.settle()
    assert [waiter.state for waiter in bench.disk.waiters.values()] == [WaiterState.COMPLETED] * 3


def test_a_new_caller_does_not_pass_a_waiter(bench: Bench) -> None:
    lock = take(bench)
    wait(bench, "wait-2")
    d = Decision(bench.state, bench.now_ms)
    leases.release(d, lock, owner_id="anna", result=None, error=None)
    with pytest.raises(Held):  # the first in the queue is not granted yet
        leases.acquire(d, lease(), waiter_id="wait-3", waits=False)
    bench.dispatch()
    assert list(bench.granted) == ["wait-2"]


def test_a_waiter_that_left_is_never_granted(bench: Bench) -> None:
    lock = take(bench)
    wait(bench, "wait-2")
    wait(bench, "wait-3")
    bench.pass_time(70)
    bench.leave("wait-2")
    assert [note.detail["waited_ms"] for note in bench.last.notes] == [70]
    bench.leave("wait-2", "twice is once")
    assert not bench.last.notes
    release(bench, lock)
    assert list(bench.granted) == ["wait-3"]
    bench.settle()
    assert bench.disk.waiters["wait-2"].state is WaiterState.CANCELLED


def test_a_waiter_without_a_caller_leaves_the_queue_and_releases_what_it_was_granted(bench: Bench) -> None:
    lock = take(bench)
    for name in ("wait-2", "wait-3", "wait-4"):
        wait(bench, name)
    bench.leave("wait-3")
    release(bench, lock)
    assert list(bench.granted) == ["wait-2"]
    bench.leave("wait-2")
    assert list(bench.granted) == ["wait-4"]
    bench.settle()
    assert [bench.disk.locks[token].state for token in (2, 3)] == [LockState.FAILED, LockState.ACTIVE]


def test_a_lease_that_has_ended_is_not_released(bench: Bench) -> None:
    lock = take(bench)
    wait(bench, "wait-2", timeout_ms=100)
    release(bench, lock)
    bench.pass_time(100)
    bench.leave("wait-2")
    assert not bench.last.locks
    assert not bench.granted


def test_enqueueing_a_waiter_needs_no_urgent_commit(bench: Bench) -> None:
    take(bench)
    assert bench.last.is_urgent
    wait(bench, "wait-2")
    assert not bench.last.is_urgent


def test_the_end_of_a_lease_wakes_the_next_to_the_millisecond(bench: Bench) -> None:
    lock = take(bench, timeout_ms=250)
    wait(bench, "wait-2")
    bench.pass_time(249)
    assert bench.granted == {}
    bench.pass_time(1)
    assert bench.granted["wait-2"].token == lock.token + 1
    bench.settle()
    assert bench.disk.locks[lock.token].state is LockState.EXPIRED


def test_a_restart_ends_all_waits_and_leases_keep_their_remaining_time(bench: Bench) -> None:
    lock = take(bench, timeout_ms=1_000)
    wait(bench, "wait-2")
    bench.settle()
    bench.now_ms += 400
    bench.crash()
    bench.open()
    bench.settle()
    assert bench.disk.waiters["wait-2"].state is WaiterState.CANCELLED
    bench.pass_time(599)
    assert list(bench.state.locks) == [lock]
    bench.pass_time(1)
    assert list(bench.state.locks) == []


# Leases beside orders


def test_a_lease_makes_an_order_wait_and_an_order_a_lease(bench: Bench) -> None:
    lock = take(bench, resource=TRADE)
    order = bench.submit()
    assert order.state is State.QUEUED
    wait(bench, "wait-2", resource=TRADE, owner_id="ben")
    release(bench, lock)
    assert bench.order(order).state is State.IN_FLIGHT, "it came first"
    assert bench.granted == {}
    bench.send_next(placed())
    assert list(bench.granted) == ["wait-2"]


def test_a_caller_of_a_more_urgent_priority_goes_before_an_order(bench: Bench) -> None:
    lock = take(bench, resource=TRADE)
    order = bench.submit()
    wait(bench, "wait-2", resource=TRADE, owner_id="ben", priority=1)
    release(bench, lock)
    assert bench.order(order).state is State.QUEUED
    release(bench, bench.granted["wait-2"], "ben")
    assert bench.order(order).state is State.IN_FLIGHT


def expire_by_another_decision(bench: Bench, order: Order) -> None:
    """Let an order's deadline pass, and make another decision before its timer is checked."""
    bench.now_ms = order.deadline_ms + 1
    bench.dispatch()


LEAVINGS: dict[str, Callable[[Bench, Order], object]] = {
    "withdrawn": lambda bench, order: bench.withdraw(order),
    "expired": lambda bench, order: bench.pass_time(order.deadline_ms - bench.now_ms + 1),
    "expired before its timer": expire_by_another_decision,
}


@pytest.mark.parametrize("how", LEAVINGS)
def test_a_caller_behind_an_order_is_granted_when_the_order_leaves_unsent(how: str) -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    bench.submit(symbol="BARUSDT")
    order = bench.submit()
    wait(bench, "wait-2", resource=TRADE)
    assert bench.granted == {}, "the order came first, and waits for room"
    take(bench, resource="elsewhere")  # it holds up no other caller
    LEAVINGS[how](bench, order)
    assert list(bench.granted) == ["wait-2"]


def test_a_caller_is_granted_in_the_decision_in_which_an_armed_order_gives_way() -> None:
    bench = Bench(rules(exchange={"order_rate_per_s": 1}))
    armed = bench.submit(execute_at=NOON_MS + 400)
    wait(bench, "wait-2", resource=TRADE, owner_id="ben", priority=1)
    sell = bench.submit(symbol="BARUSDT", side="SELL", quantity=Decimal(1), quote_order_qty=None)
    assert [bench.order(order).state for order in (armed, sell)] == [State.QUEUED, State.IN_FLIGHT]
    assert list(bench.granted) == ["wait-2"]


def test_an_urgent_caller_passes_an_order_that_waits_for_a_slot_and_the_caller_behind_it() -> None:
    bench = Bench(rules(queue={"max_in_flight": 1}))
    bench.submit(symbol="BARUSDT")
    order = bench.submit()
    wait(bench, "wait-2", resource=TRADE, owner_id="ben")
    urgent = take(bench, resource=TRADE, owner_id="cleo", priority=1)
    assert list(bench.state.lease_queue.waiters) == ["wait-2"]
    release(bench, urgent, "cleo")
    assert bench.order(order).state is State.QUEUED
    assert bench.granted == {}, "the order is next"


# What the owner may do


def test_only_the_owner_renews_and_releases(bench: Bench) -> None:
    lock = take(bench)
    for verb in (renew, release):
        with pytest.raises(NotAllowed):
            verb(bench, lock, "mallory")
    assert list(bench.state.locks) == [lock]


def test_renewing_moves_the_end_of_a_lease(bench: Bench) -> None:
    lock = take(bench, timeout_ms=1_000)
    bench.pass_time(900)
    assert renew(bench, lock).expires_ms == NOON_MS + 1_900
    assert renew(bench, lock, timeout_ms=5_000).expires_ms == NOON_MS + 5_900
    bench.pass_time(4_999)
    assert len(bench.state.locks) == 1
    bench.pass_time(1)
    assert len(bench.state.locks) == 0


def test_a_lease_that_has_ended_is_neither_renewed_nor_released_again(bench: Bench) -> None:
    lock = take(bench)
    ended = release(bench, lock, result='{"n":1}')
    for stale in (lock, ended):
        for verb in (renew, release, force):
            with pytest.raises(WrongState, match="ended already"):
                verb(bench, stale)
    bench.settle()
    assert bench.disk.locks[lock.token] == ended


@pytest.mark.parametrize("outcome", [{}, {"result": '{"n":1}'}, {"error": "it broke"}], ids=["", "result", "error"])
def test_the_same_release_again_changes_nothing(bench: Bench, outcome: dict[str, str]) -> None:
    """The answer to the first may have been lost."""
    ended = release(bench, take(bench), **outcome)
    told = bench.events()
    assert release(bench, ended, **outcome) is ended
    assert bench.events() == told
    with pytest.raises(WrongState, match="ended already"):
        release(bench, ended, result="another")
    with pytest.raises(WrongState, match="ended already"):
        release(bench, ended, owner_id="mallory", **outcome)


def test_the_same_forced_release_again_changes_nothing(bench: Bench) -> None:
    ended = force(bench, take(bench))
    told = bench.events()
    assert force(bench, ended) is ended
    assert bench.events() == told
    with pytest.raises(WrongState, match="ended already"):
        bench.decide(leases.force_release, ended, reason="too old", actor="uid:0", exchange_checked=False)


def test_the_lock_of_an_order_cannot_be_released_by_its_owner(bench: Bench) -> None:
    order = bench.submit()
    lock = order_lock(bench, order)
    with pytest.raises(WrongState, match=order.order_id):
        release(bench, lock)


# Keys


@pytest.mark.parametrize("on_disk", [False, True], ids=["in memory", "on disk"])
@pytest.mark.parametrize("outcome", [None, '{"n":1}'], ids=["active", "released"])
def test_a_repeated_request_gets_the_lease_of_the_first(bench: Bench, outcome: str | None, *, on_disk: bool) -> None:
    lock = take(bench, key="k")
    if outcome is not None:
        lock = release(bench, lock, result=outcome)
    if on_disk:
        bench.settle()
        bench.crash()
        bench.open()
    assert ask(bench, "wait-2", key="k", timeout_ms=9, priority=1) == Leased(lock, replayed=True)
    assert lock.result == outcome


def test_a_repeated_request_that_waits_is_queued_once(bench: Bench) -> None:
    take(bench)
    first = wait(bench, "wait-2", key="k")
    assert wait(bench, "wait-3", key="k") == first
    with pytest.raises(Held):
        ask(bench, "wait-4", key="k")
    assert list(bench.state.lease_queue.waiters) == ["wait-2"]


@pytest.mark.parametrize("ending", ["failed", "expired"])
def test_a_key_is_free_after_a_failure_and_after_the_end_of_the_lease(bench: Bench, ending: str) -> None:
    lock = take(bench, key="k", timeout_ms=100)
    if ending == "failed":
        release(bench, lock, error="it broke")
    else:
        bench.pass_time(100)
    assert take(bench, key="k").token == lock.token + 1


@pytest.mark.parametrize(
    "other",
    [{"resource": "b"}, {"owner_id": "ben"}, {"transaction_data": '{"n":2}'}],
    ids=["resource", "owner", "data"],
)
def test_a_key_with_another_request_is_a_conflict(bench: Bench, other: dict[str, Any]) -> None:
    take(bench, key="k", transaction_data='{"n":1}')
    with pytest.raises(KeyConflict):
        ask(bench, "wait-2", **({"key": "k", "transaction_data": '{"n":1}'} | other))
    wait(bench, "wait-3", key="waits")
    with pytest.raises(KeyConflict):
        ask(bench, "wait-4", **({"key": "waits"} | other), waits=True)


# Forced release


def test_a_forced_release_ends_a_lease_with_reason_and_actor_and_wakes_the_next(bench: Bench) -> None:
    lock = take(bench)
    wait(bench, "wait-2", owner_id="ben")
    ended = force(bench, lock)
    assert (ended.state, ended.error) == (LockState.FAILED, "released by uid:0: stuck")
    assert list(bench.granted) == ["wait-2"]
    (told,) = bench.events()
    assert (told.name, told.actor, told.lock_id, told.resource) == (
        "lock.force_released",
        "uid:0",
        lock.lock_id,
        "ledger:anna",
    )
    assert told.detail["reason"] == "stuck"


@pytest.mark.parametrize("answered", [False, True], ids=["in flight", "in doubt"])
def test_a_lock_over_an_unknown_outcome_is_released_only_after_the_exchange_was_checked(
    bench: Bench, *, answered: bool
) -> None:
    order = bench.submit()
    if answered:
        bench.send_next(unclear())
    lock = order_lock(bench, order)
    with pytest.raises(WrongState, match=f"client order id {order.client_order_id}"):
        force(bench, lock)
    assert order_lock(bench, order) is lock
    force(bench, lock, exchange_checked=True)
    assert bench.state.locks.holder(TRADE) is None
    assert bench.order(order).state in {State.IN_FLIGHT, State.IN_DOUBT}, "the order's own doubt stays"


def test_the_lock_of_an_order_that_waits_again_is_released_and_the_order_waits_like_any_other(bench: Bench) -> None:
    bench.submit()
    order = bench.send_next(refused(retry_after_ms=300))
    lock = order_lock(bench, order)
    wait(bench, "wait-2", resource=TRADE, priority=1)
    force(bench, lock)
    assert list(bench.granted) == ["wait-2"]
    bench.pass_time(300)
    assert bench.order(order).state is State.QUEUED
    release(bench, bench.granted["wait-2"])
    assert bench.order(order).state is State.IN_FLIGHT


def test_the_lock_of_a_queued_order_is_released_and_the_order_is_queued_again(bench: Bench) -> None:
    bench.submit()
    bench.settle()
    bench.halt()
    order = bench.send_next(refused())
    bench.pass_time(order.not_before_ms - bench.now_ms)
    wait(bench, "wait-2", resource=TRADE, priority=9)
    force(bench, order_lock(bench, order))
    assert bench.granted == {}, "the order outranks it"
    bench.resume()
    assert bench.order(order).state is State.IN_FLIGHT


def test_the_lock_of_an_armed_order_is_released_and_the_order_is_disarmed(bench: Bench) -> None:
    order = bench.submit(execute_at=bench.now_ms + 300)
    assert order.state is State.ARMED
    lock = order_lock(bench, order)
    ended = force(bench, lock)
    assert ended.state is LockState.RELEASED
    bench.settle()
    assert bench.disk.locks[lock.token] == ended


@pytest.mark.parametrize("checked", [False, True])
def test_the_lock_of_an_armed_order_whose_request_has_left_is_released_only_if_the_exchange_was_checked(
    bench: Bench, *, checked: bool
) -> None:
    order = bench.submit(execute_at=bench.now_ms + 300)
    bench.settle()
    bench.pass_time(300)
    bench.shoot(order)
    lock = order_lock(bench, order)
    assert force(bench, lock, exchange_checked=checked).state is (LockState.FAILED if checked else LockState.ACTIVE)
    assert bench.order(order).state is State.IN_FLIGHT
    assert (bench.state.lock_of(bench.order(order)) is None) is checked


# Places in the queue


def test_orders_and_callers_are_listed_in_one_order_of_service_with_their_places(bench: Bench) -> None:
    take(bench, resource=TRADE)
    first, second = bench.submit(), bench.submit(quantity=Decimal(9))
    wait(bench, "wait-2", resource=TRADE, owner_id="ben")
    wait(bench, "wait-3", resource=TRADE, owner_id="cleo", priority=1)
    listed = in_order(bench.state, at_once(first_served(bench.state, 100)))
    assert [each.entry_id for each in listed] == ["wait-3", first.order_id, second.order_id, "wait-2"]
    assert [(each.position, each.resource_position) for each in listed] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert [each.owner_id for each in listed] == ["cleo", first.owner_id, second.owner_id, "ben"]
    assert [place_of(bench.state, order) for order in (first, second)] == [2, 3]


def test_an_order_that_holds_its_lock_already_waits_behind_no_other(bench: Bench) -> None:
    bench.submit()
    bench.settle()
    bench.halt()
    order = bench.send_next(refused())
    wait(bench, "wait-2", resource=TRADE, priority=1)
    bench.pass_time(order.not_before_ms - bench.now_ms)
    assert place_of(bench.state, bench.order(order)) == 1
    places = {
        each.entry_id: each.resource_position for each in in_order(bench.state, at_once(first_served(bench.state, 100)))
    }
    assert places == {order.order_id: 1, "wait-2": 1}
