"""What callers ask of the lock service. Each answer is true on disk before it is given."""

from collections import Counter
from functools import partial
from typing import Protocol

import anyio

from daemon.clock import Entropy
from daemon.core.state.decision import Decision
from daemon.core.state.gate import Stage
from daemon.core.values.ids import RANDOM_BYTES, new_id
from daemon.core.values.locks import Lock
from daemon.core.values.waiters import LeaseRequest, Waiter
from daemon.core.verbs import leases
from daemon.core.verbs.leases import Leased
from daemon.engine.engine import Engine
from daemon.engine.order_commands import Caller, administrators_only
from daemon.errors import NotReady, Unknown, WrongState
from daemon.store.bot_tables import BotTables, Filter

LEFT, GAVE_UP, ENDED = "the caller went away", "the caller's wait ended", "the daemon ended"


class Verb(Protocol):
    """Something that is done to a lock (:mod:`daemon.core.verbs.leases`)."""

    def __call__(self, d: Decision, /) -> Lock:
        """Do it."""
        ...


class LeaseCommands:
    """Serves those who lock for themselves."""

    def __init__(self, engine: Engine, entropy: Entropy) -> None:
        self._engine = engine
        self._entropy = entropy
        self._callers: Counter[str] = Counter()  # by waiter: a repeated request waits in the first one's place

    async def acquire(self, asked: LeaseRequest, wait_s: float | None) -> Leased:
        """Grant a lease, now or when its turn comes; return when it is on disk.

        Whoever is cancelled meanwhile, because its connection is gone, is never left with a lease.

        Raises:
            Refusal: it was not granted, and the caller stands in no line.

        """
        engine = self._engine
        name = f"wait-{new_id(engine.clock.now_ms(), self._entropy(RANDOM_BYTES))}"
        got, commit = engine.decide(leases.acquire, asked, waiter_id=name, waits=wait_s is not None)
        if isinstance(got, Leased):
            try:
                await commit.durable()
                engine.state.lease_queue.granted.pop(name, None)
            finally:
                self._leave(name, LEFT)
            return got
        lock = await self._wait(got, wait_s or 0)
        return Leased(lock, replayed=got.waiter_id != name)

    async def renew(self, lock_id: str, owner_id: str, timeout_ms: int | None) -> Lock:
        """Begin a lease anew.

        Raises:
            Refusal: there is no such lock, it is another's, or it has ended.

        """
        lock = await self.lock(lock_id)
        return await self._carry_out(partial(leases.renew, lock=lock, owner_id=owner_id, timeout_ms=timeout_ms))

    async def release(self, lock_id: str, owner_id: str, *, result: str | None, error: str | None) -> Lock:
        """End a lease with what came of it.

        Raises:
            Refusal: there is no such lock, it is another's, or it has ended.

        """
        lock = await self.lock(lock_id)
        return await self._carry_out(partial(leases.release, lock=lock, owner_id=owner_id, result=result, error=error))

    async def force_release(self, lock_id: str, caller: Caller, reason: str, *, exchange_checked: bool) -> Lock:
        """End anybody's lock.

        Raises:
            Refusal: not an administrator, no such lock, or an order's outcome is unknown under it.

        """
        administrators_only(caller)
        lock = await self.lock(lock_id)
        return await self._carry_out(
            partial(
                leases.force_release, lock=lock, reason=reason, actor=caller.actor, exchange_checked=exchange_checked
            )
        )

    async def force_release_of(
        self, owner_id: str, caller: Caller, reason: str, *, exchange_checked: bool
    ) -> tuple[list[Lock], list[str]]:
        """End all locks of an owner but those under which an order's outcome is unknown.

        Returns:
            The locks that were ended, and why each of the others was not.

        Raises:
            NotAllowed: the caller is no administrator.

        """
        administrators_only(caller)
        ended, kept = [], []
        for lock in [lock for lock in self._engine.state.locks if lock.owner_id == owner_id]:
            try:
                ended.append(await self.force_release(lock.lock_id, caller, reason, exchange_checked=exchange_checked))
            except WrongState as refusal:
                kept.append(str(refusal))
        return ended, kept

    async def lock(self, lock_id: str) -> Lock:
        """Return a lock as memory has it, or else the disk.

        Raises:
            Unknown: there is no such lock.

        """
        lock = self._engine.state.locks.active(lock_id) or await self._engine.store.lock(lock_id)
        if lock is None:
            raise Unknown(f"there is no lock {lock_id[:40]!r}; `sniperd locks` lists them")
        return lock

    async def bot_tables(self, wanted: Filter) -> BotTables:
        """Read the bot's two tables, everything that was decided before included."""
        await self._engine.store.flush()
        return await self._engine.store.bot_tables(wanted)

    async def _carry_out(self, verb: Verb) -> Lock:
        lock, commit = self._engine.decide(verb)
        await commit.durable()
        return lock

    async def _wait(self, waiter: Waiter, wait_s: float) -> Lock:
        """Wait in the lease queue; return the lease when it is on disk."""
        state, name = self._engine.state, waiter.waiter_id
        self._callers[name] += 1
        why = LEFT
        try:
            with anyio.move_on_after(wait_s):
                while not self._is_served(name) and self._engine.state.gate.stage is not Stage.DRAINING:
                    await self._engine.publisher.changed(name)
            if name not in state.lease_queue.waiters:
                if not self._is_served(name):
                    await self._engine.store.flush()
                lock = state.lease_queue.granted.pop(name, None) or state.leases.lease_of(waiter.key)
                assert lock is not None
                return lock
            why = GAVE_UP
        finally:
            self._callers[name] -= 1
            if not self._callers[name]:
                del self._callers[name]
                self._leave(name, why)
        if self._engine.state.gate.stage is Stage.DRAINING:
            raise NotReady(f"{ENDED}; ask again in a moment, with the same key")
        raise leases.held(state, waiter.asked.resource)

    def _is_served(self, name: str) -> bool:
        """Whether a waiter's lease is on disk."""
        lock = self._engine.state.lease_queue.granted.get(name)
        return name not in self._engine.state.lease_queue.waiters and (
            lock is None or lock.token <= self._engine.publisher.last_token
        )

    def _leave(self, name: str, why: str) -> None:
        """Let a waiter go whom nobody stands for any more, and a lease that nobody came to take."""
        state = self._engine.state
        if name in state.lease_queue.waiters or name in state.lease_queue.granted:
            self._engine.decide(leases.abandon, name, why)
