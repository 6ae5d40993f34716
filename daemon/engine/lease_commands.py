"""The commands of the lock service. Each answer is durable before it is given."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from daemon.engine.deliveries import Delivery
from daemon.engine.engine import Engine
from daemon.engine.order_commands import Caller, administrators_only
from daemon.errors import NotReady, Unknown, WrongState
from daemon.store.bot_tables import BotTables, Filter

LEFT, GAVE_UP, ENDED = "the caller went away", "the caller's wait ended", "the daemon ended"


class Verb(Protocol):
    """A change of a lock (:mod:`daemon.core.verbs.leases`)."""

    def __call__(self, d: Decision, /) -> Lock:
        """Change it."""
        ...


class LeaseCommands:
    """Leases for callers: acquire, renew, release; and the administrator's forced release."""

    def __init__(self, engine: Engine, entropy: Entropy) -> None:
        self._engine = engine
        self._entropy = entropy

    async def acquire(self, request: LeaseRequest, wait_s: float | None) -> Leased:
        """Return a lease when it is granted and durable; ``wait_s`` is the longest wait, ``None`` for none.

        A caller that is cancelled meanwhile, because its connection is gone, never keeps a lease.

        Raises:
            Refusal: it was not granted, and the caller does not wait any more.

        """
        engine = self._engine
        waiter_id = f"wait-{new_id(engine.clock.now_ms(), self._entropy(RANDOM_BYTES))}"
        got, commit = engine.decide(leases.acquire, request, waiter_id=waiter_id, waits=wait_s is not None)
        if isinstance(got, Waiter):
            return Leased(await self._wait(got, wait_s or 0), replayed=got.waiter_id != waiter_id)
        delivery = engine.deliveries.find(got.lock.key)
        if delivery is None:  # the request is repeated, and its lease was delivered before
            await commit.durable()
            return got
        with self._joined(delivery):
            await commit.durable()
            delivery.is_done = True
        return got

    async def renew(self, lock_id: str, owner_id: str, timeout_ms: int | None) -> Lock:
        """Restart a lease's time.

        Raises:
            Refusal: there is no such lock, it is another's, or it has ended.

        """
        lock = await self.lock(lock_id)
        return await self._carry_out(partial(leases.renew, lock=lock, owner_id=owner_id, timeout_ms=timeout_ms))

    async def release(self, lock_id: str, owner_id: str, *, result: str | None, error: str | None) -> Lock:
        """End a lease with its critical section's outcome.

        Raises:
            Refusal: there is no such lock, it is another's, or it has ended.

        """
        lock = await self.lock(lock_id)
        return await self._carry_out(partial(leases.release, lock=lock, owner_id=owner_id, result=result, error=error))

    async def force_release(self, lock_id: str, caller: Caller, reason: str, *, exchange_checked: bool) -> Lock:
        """End any lock.

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
        """End all locks of an owner; without ``exchange_checked`` not those whose order's outcome is unknown.

        Returns:
            The locks that were ended, and why each of the others was not.

        Raises:
            NotAllowed: the caller is not an administrator.

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
        """Return a lock from memory, or else from disk.

        Raises:
            Unknown: there is no such lock.

        """
        lock = self._engine.state.locks.active(lock_id) or await self._engine.store.lock(lock_id)
        if lock is None:
            raise Unknown(f"there is no lock {lock_id[:40]!r}; `sniperd locks` lists them")
        return lock

    async def bot_tables(self, wanted: Filter) -> BotTables:
        """Read the bot's two tables, after every decision made before is on disk."""
        await self._engine.store.flush()
        return await self._engine.store.bot_tables(wanted)

    async def _carry_out(self, verb: Verb) -> Lock:
        lock, commit = self._engine.decide(verb)
        await commit.durable()
        return lock

    async def _wait(self, waiter: Waiter, wait_s: float) -> Lock:
        """Wait in the lease queue; return the lease when it is durable."""
        gate, queue = self._engine.state.gate, self._engine.state.lease_queue
        delivery = self._engine.deliveries.of(waiter.key, waits=queue.waiter_of(waiter.key) is not None)
        with self._joined(delivery):
            if gate.stage is not Stage.DRAINING:
                with anyio.move_on_after(wait_s):
                    await delivery.granted()
            lock = await delivery.durable()
            if lock is not None:
                return lock
        if gate.stage is Stage.DRAINING:
            raise NotReady(f"{ENDED}; ask again in a moment, with the same key")
        raise leases.held(self._engine.state, waiter.request.resource)

    @contextmanager
    def _joined(self, delivery: Delivery) -> Iterator[None]:
        """Count a caller of a delivery; when the last one leaves without the lease, end the lease or the wait."""
        delivery.callers += 1
        reason = LEFT
        try:
            yield
            reason = GAVE_UP
        finally:
            delivery.callers -= 1
            if not delivery.callers:
                self._engine.deliveries.close(delivery)
                if not delivery.is_done:
                    self._engine.decide(leases.abandon, delivery.key, delivery.lock, reason=reason)
