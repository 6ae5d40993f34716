"""The commands of the lock service. Each answer is given when it is durable."""

from collections.abc import Awaitable
from functools import partial
from typing import NamedTuple, Protocol

import anyio

from daemon.clock import Entropy
from daemon.core.state.decision import Decision
from daemon.core.state.gate import Stage
from daemon.core.values.ids import RANDOM_BYTES, new_id
from daemon.core.values.locks import Lock, LockState
from daemon.core.values.waiters import LeaseRequest, Waiter
from daemon.core.verbs import leases
from daemon.core.verbs.leases import Leased
from daemon.engine.deliveries import Delivery
from daemon.engine.engine import Engine
from daemon.engine.order_commands import Caller, administrators_only
from daemon.errors import NotReady, Unknown, WrongState
from daemon.store.bot_tables import BotTables, Filter
from daemon.store.commit import Commit

LEFT, GAVE_UP, ENDED = "the caller went away", "the caller's wait ended", "the daemon ended"


class Verb(Protocol):
    """A change of a lock (:mod:`daemon.core.verbs.leases`)."""

    def __call__(self, d: Decision, lock: Lock, /) -> Lock:
        """Change it."""
        ...


class Granted(NamedTuple):
    """A lease that a request was granted, not yet durable."""

    leased: Leased
    commit: Commit
    delivery: Delivery | None  # None: the request is repeated, and its lease was delivered before


class Waiting(NamedTuple):
    """A caller in the lease queue; ``replayed`` if an earlier request with the same key waits there."""

    waiter: Waiter
    replayed: bool


class Changed(NamedTuple):
    """A lock as it is when a commit is durable."""

    lock: Lock
    commit: Commit


class LeaseCommands:
    """Leases for callers: acquire, renew, release; and the administrator's forced release."""

    def __init__(self, engine: Engine, entropy: Entropy) -> None:
        self._engine = engine
        self._entropy = entropy

    def ask(self, request: LeaseRequest, *, waits: bool) -> Granted | Waiting:
        """Grant a lease, or let the caller wait for it in the lease queue.

        The caller of a :class:`Granted` lease calls :meth:`deliver` when its commit is durable, or :meth:`lose`; one
        that is :class:`Waiting` calls :meth:`wait`.

        Raises:
            Refusal: it was not granted, and the caller does not wait.

        """
        engine = self._engine
        waiter_id = f"wait-{new_id(engine.clock.now_ms(), self._entropy(RANDOM_BYTES))}"
        got, commit = engine.decide(leases.acquire, request, waiter_id=waiter_id, waits=waits)
        if isinstance(got, Waiter):
            return Waiting(got, replayed=got.waiter_id != waiter_id)
        delivery = engine.deliveries.find(got.lock.key)
        if delivery is not None:
            delivery.callers += 1
        return Granted(got, commit, delivery)

    def deliver(self, granted: Granted) -> Leased:
        """Return a lease to its caller; its commit must be durable."""
        if granted.delivery is not None:
            granted.delivery.is_done = True
            self._leave(granted.delivery, LEFT)
        return granted.leased

    def lose(self, granted: Granted) -> None:
        """End a lease whose caller disconnected before it was delivered, unless another caller of it is left."""
        if granted.delivery is not None:
            self._leave(granted.delivery, LEFT)

    async def wait(self, waiting: Waiting, wait_s: float) -> Leased:
        """Wait at most ``wait_s`` seconds in the lease queue; return the lease when it is durable.

        A caller that is cancelled meanwhile, because its connection is gone, never keeps a lease.

        Raises:
            Held: it was not granted in that time.
            NotReady: the daemon ended.

        """
        request, gate, queue = waiting.waiter.request, self._engine.state.gate, self._engine.state.lease_queue
        key = waiting.waiter.key
        delivery = self._engine.deliveries.of(key, waits=queue.waiter_of(key) is not None)
        delivery.callers += 1
        reason = LEFT
        try:
            if gate.stage is not Stage.DRAINING:
                with anyio.move_on_after(wait_s):
                    await delivery.granted()
            lock = await delivery.durable()
            if lock is not None:
                return Leased(lock, replayed=waiting.replayed)
            reason = GAVE_UP
        finally:
            self._leave(delivery, reason)
        if gate.stage is Stage.DRAINING:
            raise NotReady(f"{ENDED}; ask again in a moment, with the same key")
        raise leases.held(self._engine.state, request.resource)

    def renew(self, lock_id: str, owner_id: str, timeout_ms: int | None) -> Changed | Awaitable[Changed]:
        """Restart a lease's time.

        Raises:
            Refusal: there is no such lock, it is another's, or it has ended.

        """
        return self._change(lock_id, partial(leases.renew, owner_id=owner_id, timeout_ms=timeout_ms))

    def release(
        self, lock_id: str, owner_id: str, *, result: str | None, error: str | None
    ) -> Changed | Awaitable[Changed]:
        """End a lease with its critical section's outcome.

        Raises:
            Refusal: there is no such lock, it is another's, or it has ended.

        """
        return self._change(lock_id, partial(leases.release, owner_id=owner_id, result=result, error=error))

    async def force_release(self, lock_id: str, caller: Caller, reason: str, *, exchange_checked: bool) -> Lock:
        """End any lock.

        Raises:
            Refusal: not an administrator, no such lock, or an order's outcome is unknown under it.

        """
        administrators_only(caller)
        verb = partial(leases.force_release, reason=reason, actor=caller.actor, exchange_checked=exchange_checked)
        lock, commit = self._engine.decide(verb, await self.lock(lock_id))
        await commit.durable()
        if lock.state is LockState.ACTIVE:
            raise WrongState(
                f"order {lock.order_id} was sent under {lock_id} just now: the exchange's answer is awaited"
            )
        return lock

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
        """Return a lock from memory, or else from disk, where its end is then.

        Raises:
            Unknown: there is no such lock.

        """
        lock = self._engine.state.locks.active(lock_id)
        if lock is None:
            await self._engine.store.flush()
            lock = await self._engine.store.lock(lock_id)
        if lock is None:
            raise Unknown(f"there is no lock {lock_id[:40]!r}; `sniperd locks` lists them")
        return lock

    async def bot_tables(self, wanted: Filter) -> BotTables:
        """Read the bot's two tables, after every decision made before is on disk."""
        await self._engine.store.flush()
        return await self._engine.store.bot_tables(wanted)

    def _change(self, lock_id: str, verb: Verb) -> Changed | Awaitable[Changed]:
        """Change a lock; one that has ended must be read from the disk first."""
        lock = self._engine.state.locks.active(lock_id)
        return self._change_ended(lock_id, verb) if lock is None else Changed(*self._engine.decide(verb, lock))

    async def _change_ended(self, lock_id: str, verb: Verb) -> Changed:
        return Changed(*self._engine.decide(verb, await self.lock(lock_id)))

    def _leave(self, delivery: Delivery, reason: str) -> None:
        """Uncount a caller of a delivery; when the last one leaves without the lease, end the lease or the wait."""
        delivery.callers -= 1
        if not delivery.callers:
            self._engine.deliveries.close(delivery)
            if not delivery.is_done:
                self._engine.decide(leases.abandon, delivery.key, delivery.lock, reason=reason)
