"""Leases and their callers: durable before the answer, and ended when no caller is left to receive one."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from anyio.lowlevel import checkpoint

from daemon.core.rules.trading_rules import Rules
from daemon.core.state.changes import ChangeSet
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.core.values.waiters import LeaseRequest
from daemon.core.verbs import leases
from daemon.core.verbs.dispatch import tick
from daemon.core.verbs.leases import Leased
from daemon.core.verbs.lifecycle import drain, open_trading
from daemon.engine.engine import Engine
from daemon.engine.lease_commands import LeaseCommands, Waiting
from daemon.errors import Held, NotReady, Refusal
from daemon.store.commit import Commit
from tests.core.making import lease
from tests.exchange.mexc.clocks import ManualClock

RESOURCE = "ledger:anna"


class SlowStore:
    """A database whose open commit ends when the test says so."""

    def __init__(self) -> None:
        self._open = Commit()
        self.turn = checkpoint

    def recall(self, _keys: Sequence[str]) -> Sequence[Order]:
        return ()

    def recall_lease(self, _key: str) -> None:
        return None

    def commit(self, _changes: ChangeSet) -> Commit:
        return self._open

    def write(self) -> None:
        """Make every decision durable."""
        self._open.end()
        self._open = Commit()


async def acquire(commands: LeaseCommands, request: LeaseRequest, wait_s: float | None) -> Leased:
    """Acquire a lease as its route does."""
    got = commands.ask(request, waits=wait_s is not None)
    if isinstance(got, Waiting):
        return await commands.wait(got, wait_s or 0)
    try:
        await got.commit.durable()
    except asyncio.CancelledError:
        commands.lose(got)
        raise
    return commands.deliver(got)


class Caller:
    """A request for a lease, as a task."""

    def __init__(self, commands: LeaseCommands, wait_s: float | None, **changes: Any) -> None:
        self._acquire = partial(acquire, commands, lease(**changes), wait_s)
        self._scope = anyio.CancelScope()
        self.answer: Leased | None = None
        self.refusal: Refusal | None = None

    async def run(self) -> None:
        with self._scope:
            try:
                self.answer = await self._acquire()
            except Refusal as refusal:
                self.refusal = refusal

    def disconnect(self) -> None:
        self._scope.cancel()

    @property
    def lock(self) -> Lock:
        assert self.answer is not None
        return self.answer.lock


class Service:
    """The lock service over a slow database; every step lets all callers run as far as they can."""

    def __init__(self, tasks: Any) -> None:
        self.store, self.clock = SlowStore(), ManualClock()
        nobody = cast("Any", SimpleNamespace(known_rules=lambda _: None))
        self.engine = Engine(
            store=cast("Any", self.store), exchange=nobody, clock=self.clock, emit=lambda _: None, rules=Rules()
        )
        self.engine.decide(open_trading)
        self.commands = LeaseCommands(self.engine, lambda size: bytes([next(self._names)]) * size)
        self._names = iter(range(1, 100))
        self._tasks = tasks

    async def call(self, wait_s: float | None = None, **changes: Any) -> Caller:
        """Ask for a lease."""
        caller = Caller(self.commands, wait_s, **changes)
        self._tasks.start_soon(caller.run)
        await anyio.wait_all_tasks_blocked()
        return caller

    async def take(self, **changes: Any) -> Lock:
        """Acquire a free resource."""
        caller = await self.call(**changes)
        await self.write()
        return caller.lock

    async def write(self) -> None:
        """Let the open commit end."""
        self.store.write()
        await anyio.wait_all_tasks_blocked()

    async def leave(self, *callers: Caller) -> None:
        """Let callers disconnect."""
        for caller in callers:
            caller.disconnect()
        await anyio.wait_all_tasks_blocked()

    async def release(self, lock: Lock) -> None:
        """Release a lease; its commit is still open."""
        self.engine.decide(leases.release, lock, owner_id=lock.owner_id, result=None, error=None)
        await anyio.wait_all_tasks_blocked()

    @property
    def holder(self) -> Lock | None:
        """The resource's active lock."""
        return self.engine.state.locks.holder(RESOURCE)


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with anyio.create_task_group() as tasks:
        with anyio.fail_after(10):
            yield Service(tasks)
        tasks.cancel_scope.cancel()


async def test_a_free_resource_is_granted_at_once_and_answered_when_durable(service: Service) -> None:
    caller = await service.call()
    assert service.holder is not None
    assert caller.answer is None
    await service.write()
    assert caller.answer == Leased(service.holder, replayed=False)


async def test_a_waiter_is_answered_when_its_grant_is_durable(service: Service) -> None:
    first = await service.take()
    waiter = await service.call(60)
    await service.write()
    assert waiter.answer is None
    await service.release(first)
    assert service.holder is not None
    assert waiter.answer is None
    await service.write()
    assert waiter.answer == Leased(service.holder, replayed=False)
    await service.release(waiter.lock)
    assert service.holder is None


@pytest.mark.parametrize("waited", [False, True], ids=["at once", "after a wait"])
async def test_a_caller_that_disconnects_before_the_answer_keeps_no_lease(service: Service, *, waited: bool) -> None:
    first = await service.take() if waited else None
    caller = await service.call(60)
    if first is not None:
        await service.release(first)
    assert service.holder not in {None, first}
    await service.leave(caller)
    assert service.holder is None


@pytest.mark.parametrize("waited", [False, True], ids=["at once", "after a wait"])
@pytest.mark.parametrize("all_leave", [False, True], ids=["one leaves", "all leave"])
async def test_a_lease_that_is_not_delivered_ends_when_the_last_caller_of_its_request_leaves(
    service: Service, *, waited: bool, all_leave: bool
) -> None:
    first = await service.take() if waited else None
    callers = [await service.call(60, key="k") for _ in range(3)]
    if first is not None:
        await service.release(first)
    gone = callers if all_leave else callers[:2]
    await service.leave(*gone)
    await service.write()
    assert (service.holder is None) is all_leave
    if not all_leave:
        assert callers[2].answer == Leased(cast("Lock", service.holder), replayed=True)


async def test_a_repeated_request_that_disconnects_leaves_the_first_ones_lease(service: Service) -> None:
    lock = await service.take(key="k")
    again = await service.call(key="k")
    await service.leave(again)
    assert service.holder is lock


async def test_a_repeated_request_keeps_the_first_ones_place(service: Service) -> None:
    first = await service.take()
    callers = [await service.call(60, key=key) for key in ("k", "l", "k")]
    await service.leave(callers[0])
    await service.release(first)
    await service.write()
    assert callers[2].answer == Leased(cast("Lock", service.holder), replayed=True)
    assert callers[1].answer is None


async def test_a_lease_that_ended_before_its_delivery_is_not_mistaken_for_the_next_under_its_key(
    service: Service,
) -> None:
    early = await service.call(key="k", timeout_ms=1)
    service.clock.advance(1)
    service.engine.decide(tick)
    late = await service.call(key="k")
    await service.leave(early)
    assert service.holder is not None
    await service.leave(late)
    assert service.holder is None


async def test_a_caller_that_waits_is_not_answered_with_an_ended_lease_of_its_key(service: Service) -> None:
    early = await service.call(key="k", timeout_ms=1)
    service.clock.advance(1)
    service.engine.decide(tick)
    other = await service.call(key="l")
    late = await service.call(60, key="k")
    await service.write()
    assert other.answer == Leased(cast("Lock", service.holder), replayed=False)
    assert late.answer is None
    await service.leave(early)
    await service.release(other.lock)
    await service.write()
    assert late.answer == Leased(cast("Lock", service.holder), replayed=False)


async def test_a_wait_that_ends_leaves_the_queue_and_names_the_holder(service: Service) -> None:
    lock = await service.take()
    caller = await service.call(0)
    await service.write()
    assert isinstance(caller.refusal, Held)
    assert (caller.refusal.holder, caller.refusal.queue_length) == (lock, 0)


async def test_a_drain_ends_all_waits(service: Service) -> None:
    await service.take()
    waiter = await service.call(60, key="k")
    service.engine.decide(drain, hands_over=False)
    again = await service.call(60, key="k")
    assert isinstance(again.refusal, NotReady)
    assert waiter.refusal is None
    service.engine.deliveries.give_up()
    await anyio.wait_all_tasks_blocked()
    assert isinstance(waiter.refusal, NotReady)
    assert not service.engine.state.lease_queue.waiters
