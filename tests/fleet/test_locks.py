"""Locks over a takeover: as exclusive as on one machine. The successor has them from the log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest

from daemon.core.rules.trading_rules import Rules
from daemon.core.values.locks import Lock
from daemon.core.verbs.dispatch import tick
from daemon.core.verbs.leases import Leased
from daemon.core.verbs.lifecycle import open_trading
from daemon.core.verbs.recovery import recover
from daemon.engine.engine import Engine
from daemon.engine.lease_commands import Changed, Granted, LeaseCommands, Waiting
from daemon.errors import CommitFailed, Deposed, Held, WrongState
from tests.core.making import lease
from tests.exchange.mexc.clocks import LoopClock, in_virtual_time
from tests.fleet.machines import LEASE_MS, Machine, Process, database, owns

pytestmark = in_virtual_time

RESOURCE = "ledger:anna"
LONG_MS = 60_000


class Owner:
    """The lock service of the member that owns the account."""

    def __init__(self, process: Process) -> None:
        nobody = cast("Any", SimpleNamespace(known_rules=lambda _: None))
        self.engine = Engine(
            store=process.store, exchange=nobody, clock=LoopClock(), emit=lambda _: None, rules=Rules()
        )
        self._names = iter(range(1, 200))
        self._commands = LeaseCommands(
            self.engine, lambda size: bytes([process.member.lease.epoch, *self._bytes(size)])
        )

    def _bytes(self, size: int) -> bytes:
        return bytes([next(self._names)]) * (size - 1)

    async def acquire(self, **changes: Any) -> Lock:
        """Acquire a lock as its route does: it is answered when the log and the disk have it."""
        got = self._commands.ask(lease(**changes), waits=False)
        assert isinstance(got, Granted)
        await got.commit.durable()
        leased: Leased = self._commands.deliver(got)
        return leased.lock

    async def wait(self, wait_s: float, **changes: Any) -> Lock:
        """Wait for a lock."""
        got = self._commands.ask(lease(**changes), waits=True)
        assert isinstance(got, Waiting)
        return (await self._commands.wait(got, wait_s)).lock

    async def renew(self, lock: Lock) -> Lock:
        """Renew a lock."""
        return await _changed(self._commands.renew(lock.lock_id, lock.owner_id, LONG_MS))

    async def release(self, lock: Lock) -> Lock:
        """Release a lock."""
        return await _changed(self._commands.release(lock.lock_id, lock.owner_id, result=None, error=None))

    @property
    def holder(self) -> Lock | None:
        """The active lock of the resource."""
        return self.engine.state.locks.holder(RESOURCE)


async def _changed(what: Any) -> Lock:
    changed = what if isinstance(what, Changed) else await what
    await changed.commit.durable()
    lock: Lock = changed.lock
    return lock


@asynccontextmanager
async def owner_after(process: Process) -> AsyncIterator[Owner]:
    """Wait until a member owns the account, and start as the engine does: from what the log brought to its disk."""
    await owns(process)
    owner = Owner(process)
    owner.engine.decide(recover, await process.store.remembered())
    owner.engine.decide(open_trading)
    owner.engine.decide(tick)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_end_what_expires, owner)
        yield owner
        tasks.cancel_scope.cancel()


async def _end_what_expires(owner: Owner) -> None:
    """Do what the dispatcher does at the end of each lock."""
    while True:
        await anyio.sleep(0.05)
        owner.engine.decide(tick)


@asynccontextmanager
async def two(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    """Run two members, of which the first owns the account."""
    shared = database()
    async with Machine(shared, tmp_path, "a").running() as first:
        await owns(first)
        async with Machine(shared, tmp_path, "b").running() as second:
            yield first, second


async def test_a_lock_keeps_what_was_left_of_it(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second):
        async with owner_after(first) as owner:
            lock = await owner.acquire(timeout_ms=LONG_MS)
            await anyio.sleep(20)
        first.kill()
        async with owner_after(second) as successor:
            assert successor.holder == lock  # its end included
            with pytest.raises(Held):
                await successor.acquire(owner_id="other", key="other")
            waited = await successor.wait(LONG_MS / 1_000, owner_id="other", key="other")
            assert 0 <= LoopClock().now_ms() - lock.expires_ms < 100
            assert waited.token > lock.token


async def test_the_same_request_after_a_takeover_is_the_same_lock(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second):
        async with owner_after(first) as owner:
            lock = await owner.acquire(timeout_ms=LONG_MS, key="k")
        first.kill()
        async with owner_after(second) as successor:
            assert await successor.acquire(timeout_ms=LONG_MS, key="k") == lock
            renewed = await successor.renew(lock)
            assert (renewed.token, renewed.lock_id) == (lock.token, lock.lock_id)
            assert renewed.expires_ms > lock.expires_ms
            await successor.release(lock)
            assert successor.holder is None


async def test_an_expired_lock_is_not_revived(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second):
        async with owner_after(first) as owner:
            lock = await owner.acquire(timeout_ms=LEASE_MS // 5)
        first.kill()
        async with owner_after(second) as successor:
            assert LoopClock().now_ms() > lock.expires_ms
            with pytest.raises(WrongState):
                await successor.renew(lock)
            with pytest.raises(WrongState):
                await successor.release(lock)
            following = await successor.acquire(owner_id="other")
            assert following.token > lock.token


async def test_tokens_only_grow_over_takeovers(tmp_path: Path) -> None:
    tokens: list[int] = []
    shared = database()
    machines = [Machine(shared, tmp_path, name) for name in "ab"]
    for turn in range(6):
        machine = machines[turn % 2]
        machine.boots(f"boot-{turn}")
        async with machine.running() as process, owner_after(process) as owner:
            for _ in range(3):
                lock = await owner.acquire()
                tokens.append(lock.token)
                await owner.release(lock)
            tokens.append((await owner.acquire(timeout_ms=LEASE_MS // 5)).token)  # it holds it when it is killed
            process.kill()
    assert len(tokens) == 24
    assert tokens == sorted({*tokens})


async def test_an_owner_that_was_replaced_grants_nothing(tmp_path: Path) -> None:
    async with two(tmp_path) as (first, second), owner_after(first) as owner:
        first.cable.is_cut = True
        async with owner_after(second) as successor:
            lock = await successor.acquire(owner_id="other")
            first.cable.is_cut = False
            with pytest.raises((Deposed, CommitFailed)):
                await owner.acquire()
            assert successor.holder == lock
