"""The promises with leases beside the orders: one holder, one order of service, no lost wake-up.

The machine of :mod:`tests.core.test_promises`, with callers on the resources of its orders.
"""

from itertools import count, groupby
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from daemon.core.values.locks import Lock, LockState
from daemon.core.values.waiters import LeaseRequest, Waiter, WaiterState
from daemon.core.verbs import lease_queue, leases
from daemon.errors import Full, Held, KeyConflict, NotReady, WrongState
from tests.core.making import lease
from tests.core.test_promises import Promises, _one_of

LEASES = st.builds(
    lease,
    resource=st.sampled_from(
        ["trade:FOOUSDT:BUY:t1", "trade:FOOUSDT:BUY:manual", "trade:FOOUSDT:SELL:t1", "trade:FOOUSDT", "ledger"]
    ),
    owner_id=st.sampled_from(["anna", "bert"]),
    priority=st.sampled_from([5, 5, 1, 3, 10]),
    timeout_ms=st.sampled_from([1, 60, 400, 30_000]),
    key=st.sampled_from([None, None, None, "lease-1", "lease-2"]),
)


class PromisesBesideLeases(Promises):
    """What may happen, with callers that ask for leases."""

    def __init__(self) -> None:
        super().__init__()
        self.names = count(1)

    # Callers

    @rule(request=LEASES, waits=st.booleans())
    def a_caller_asks(self, request: LeaseRequest, waits: bool) -> None:
        """Ask; the outcome follows from the resource's holder and its waiters."""
        state, name = self.bench.state, f"wait-{next(self.names):06d}"
        before = state.locks.blocker(request.resource)
        try:
            got = self.bench.decide(leases.acquire, request, waiter_id=name, waits=waits)
        except KeyConflict:
            assert request.key is not None
            return
        except NotReady:
            assert not state.gate.is_open
            return
        except Full:
            assert len(state.lease_queue.waiters) >= self.bench.rules.config.queue.max_queued
            return
        except Held:
            assert not waits
            assert state.locks.blocker(request.resource) is not None or state.queue.first(request.resource) is not None
            return
        if isinstance(got, Waiter):
            assert waits
        elif got.replayed:
            assert got.lock.key == request.key
            assert got.lock.state in {LockState.ACTIVE, LockState.RELEASED}
            self.bench.granted.pop(got.lock.key, None)
        else:
            assert before is None
            assert self.bench.granted.pop(got.lock.key) == got.lock

    @precondition(lambda self: self.bench.granted)
    @rule()
    def callers_get_their_leases(self) -> None:
        self.bench.granted.clear()

    @precondition(lambda self: self.bench.state.lease_queue.waiters or self.bench.granted)
    @rule(data=st.data())
    def a_caller_disconnects(self, data: st.DataObject) -> None:
        """It waits no more, and the lease that it was granted and has not received is free again."""
        waiting = {waiter.key for waiter in self.bench.state.lease_queue.waiters.values()}
        self.bench.leave(data.draw(st.sampled_from(sorted(waiting | self.bench.granted.keys()))))

    @precondition(lambda self: self._leases())
    @rule(data=st.data(), error=st.sampled_from([None, None, "it broke"]))
    def an_owner_releases(self, data: st.DataObject, error: str | None) -> None:
        self._release(_one_of(data, self._leases()), error=error)

    @precondition(lambda self: self._leases())
    @rule(data=st.data(), timeout_ms=st.sampled_from([None, 1, 500]))
    def an_owner_renews(self, data: st.DataObject, timeout_ms: int | None) -> None:
        lock = _one_of(data, self._leases())
        renewed = self.bench.decide(leases.renew, lock, owner_id=lock.owner_id, timeout_ms=timeout_ms)
        assert renewed.expires_ms == self.bench.now_ms + (timeout_ms or lock.timeout_ms)

    @precondition(lambda self: len(self.bench.state.locks) > 0)
    @rule(data=st.data())
    def an_administrator_releases_by_force(self, data: st.DataObject) -> None:
        lock = _one_of(data, {lock.lock_id: lock for lock in self.bench.state.locks})
        try:
            self.bench.decide(leases.force_release, lock, reason="stuck", actor="uid:0", exchange_checked=False)
        except WrongState:
            assert lock.order_id is not None, "only what was sent keeps its lock"

    @precondition(lambda self: len(self.bench.latest) >= self.enough)
    @rule()
    def everything_comes_to_an_end(self) -> None:
        """Every waiter is served in the end, if every owner releases its lease."""
        self.bench.open()
        for _ in range(500):
            if not self.bench.state.lease_queue.waiters and not self._leases():
                break
            for lock in self._leases().values():
                self._release(lock, error=None)
            self.bench.settle()
            self.bench.resume()
            self._go_on()
        self.bench.granted.clear()
        assert not self.bench.state.lease_queue.waiters, "a lost wake-up"
        super().everything_comes_to_an_end()

    # What is so at every moment

    @invariant()
    def a_free_resource_has_no_waiters_except_behind_an_order(self) -> None:
        state = self.bench.state
        for waiter in state.lease_queue.waiters.values() if state.gate.is_open else ():
            first = state.lease_queue.ranks.first(waiter.request.resource)
            rival = state.queue.first(waiter.request.resource)
            assert first is not None
            if state.locks.blocker(waiter.request.resource) is None:
                assert rival is not None, "a free resource has a waiter"
                assert rival.rank < first.rank, "an order of greater rank keeps a caller waiting"

    @invariant()
    def each_grant_went_to_the_first(self) -> None:
        """No waiter had a lesser rank than a later grant of the same resource."""
        waiting = self.bench.state.lease_queue.waiters.values()
        for step in self.bench.unwritten:
            for granted in step.waiters.values():
                if granted.state is WaiterState.COMPLETED and granted.ended_ms == self.bench.now_ms:
                    rivals = [each for each in waiting if each.request.resource == granted.request.resource]
                    assert all(_rank(granted) < _rank(each) for each in rivals if each.queued_ms < self.bench.now_ms)

    @invariant()
    def a_lease_that_is_over_is_ended_by_the_next_tick(self) -> None:
        state, now_ms = self.bench.state, self.bench.now_ms
        if any(lock.expires_ms <= now_ms for lock in self._leases().values()):
            due_ms = state.timers.next_ms()
            assert due_ms is not None
            assert due_ms <= now_ms

    @invariant()
    def every_waiter_has_a_place_and_orders_get_the_same_one(self) -> None:
        state = self.bench.state
        listed = lease_queue.in_order(state, sorted([*state.queue.entries(), *state.lease_queue.ranks.entries()]))
        assert [each.position for each in listed] == list(range(1, len(listed) + 1))
        assert len(listed) == len(state.queue) + len(state.lease_queue.ranks)
        for each in listed:
            if each.order_id is not None:
                assert lease_queue.place_of(state, state.orders[each.order_id]) == each.resource_position
            else:
                assert each.entry_id in state.lease_queue.waiters
        waiters = [each for each in listed if each.order_id is None]
        for _, group in groupby(sorted(waiters, key=lambda each: each.resource), key=lambda each: each.resource):
            ranks = [(each.priority, each.entry_id) for each in group]
            assert ranks == sorted(ranks), "priority, then age"

    # What the rules are made of

    def _leases(self) -> dict[str, Lock]:
        return {lock.lock_id: lock for lock in self.bench.state.locks if lock.order_id is None}

    def _release(self, lock: Lock, *, error: str | None) -> None:
        self.bench.decide(leases.release, lock, owner_id=lock.owner_id, result=None, error=error)


def _rank(waiter: Waiter) -> tuple[int, str]:
    return waiter.request.priority, waiter.waiter_id


TestPromisesBesideLeases: Any = PromisesBesideLeases.TestCase
