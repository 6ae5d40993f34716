"""A lock of the daemon, held for as long as a body runs."""

import inspect
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import anyio
from anyio.abc import TaskGroup

from daemon.client.errors import AlreadyDone, ClientError, LockLost, Refused, Unreachable, WrongState
from daemon.client.shapes import Lease
from daemon.client.wire import Tries, Wire, wall_ms

OnLost = Callable[[str], Awaitable[None] | None]
"""Is told why the lock ended; may be a coroutine function."""

RELEASE_S = 5.0
"""So long a release is tried at least; after that the lease's own end does it."""

MAX_WAIT_S = 120.0
MAX_ERROR = 2_000


class HeldLock:
    """A lock; made by :meth:`daemon.client.Client.lock`, held within ``async with``.

    It is renewed in the background at a third of its lease. Where that fails for good, because the lock was ended by
    force, or because nobody answered until the lease was over, ``on_lost`` is called at once, and the context ends
    with :class:`LockLost` unless the body raised. A body that raises releases the lock with that error, and its key
    is free; otherwise it is released with :attr:`result`, which is kept for whoever asks with the same key.
    """

    def __init__(
        self, wire: Wire, asked: dict[str, Any], *, wait_s: float, retry_s: float, on_lost: OnLost | None
    ) -> None:
        self._wire = wire
        self._asked = asked
        self._key: str = asked.setdefault("idempotencyKey", f"lock-{uuid4().hex}")
        self._wait_s = wait_s
        self._retry_s = retry_s
        self._on_lost = on_lost
        self._lease: Lease | None = None
        self._ends_s = 0.0  # on the event loop's clock
        self._tasks: TaskGroup | None = None
        self.result: Any = None
        """What the body wants to be kept: any JSON."""
        self.lost: str | None = None
        """Why the lock ended before the body did; ``None`` while it is held."""

    @property
    def lease(self) -> Lease:
        """The lock as the daemon showed it last."""
        assert self._lease is not None, "it is held within `async with` only"
        return self._lease

    @property
    def fencing_token(self) -> int:
        """The number that only grows from one holder to the next: what is guarded refuses a lower one."""
        return self.lease.fencing_token

    async def __aenter__(self) -> Self:
        """Take the lock.

        Raises:
            Held: it was somebody else's until the wait ended.
            AlreadyDone: an earlier request with the same key was released, with a result.
            Refused, Unreachable: see :class:`daemon.client.Client`.

        """
        lease = await self._acquire()
        if lease.status != "active":
            raise AlreadyDone(self._key, lease.result)
        self._took(lease)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._keep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End the lock with what came of the body."""
        assert self._tasks is not None
        self._tasks.cancel_scope.cancel()
        try:
            if isinstance(error, anyio.get_cancelled_exc_class()):
                await self._tasks.__aexit__(kind, error, trace)
            else:  # which the task group would wrap
                await self._tasks.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                await self._release(error)
        if self.lost is not None and error is None:
            raise LockLost(self.lost)
        return None

    async def _acquire(self) -> Lease:
        until_s = anyio.current_time() + self._wait_s
        return await self._wire.ask(
            "POST",
            "/v1/locks",
            Lease,
            tries=Tries(max(self._retry_s, self._wait_s)),
            body=lambda: self._asked,
            wait_s=lambda: min(until_s - anyio.current_time(), MAX_WAIT_S),
            key=self._key,
        )

    def _took(self, lease: Lease) -> None:
        self._lease = lease
        self._ends_s = anyio.current_time() + (lease.expires_at - wall_ms()) / 1000

    async def _keep(self) -> None:
        """Renew the lock until it is lost."""
        while self.lost is None:
            await anyio.sleep(self.lease.timeout_ms / 3000)
            try:
                with anyio.fail_after(max(self._ends_s - anyio.current_time(), 0)):
                    self._took(await self._ask("renew", {}, self._ends_s - anyio.current_time()))
            except (Refused, Unreachable) as error:
                await self._lose(str(error))
            except TimeoutError:
                await self._lose("nobody answered a renewal until the lease was over")

    def _left_s(self) -> float:
        return max(self._ends_s - anyio.current_time(), RELEASE_S)

    async def _lose(self, why: str) -> None:
        self.lost = why
        if self._on_lost is not None:
            told = self._on_lost(why)
            if inspect.isawaitable(told):
                await told

    async def _release(self, error: BaseException | None) -> None:
        """Release the lock; where nobody can be told, its lease ends by itself.

        Raises:
            ClientError: the body is done, and its result is not on record.

        """
        if self.lost is not None:
            return
        came = {"result": self.result} if error is None else {"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]}
        try:
            await self._ask("release", came, RELEASE_S if error else min(self._retry_s, self._left_s()))
        except WrongState as refusal:
            if not await self._was_ours(came):
                await self._lose(str(refusal))
        except ClientError:
            if error is None:  # else the body's own error is the one to hear of
                raise

    async def _was_ours(self, came: dict[str, Any]) -> bool:
        """Tell whether an earlier try of this release did it, whose answer was lost."""
        target = f"/v1/locks/{self.lease.lock_id}"
        ended = await self._wire.ask("GET", target, Lease, tries=Tries(RELEASE_S))
        return (ended.status, ended.error) == ("failed" if "error" in came else "released", came.get("error"))

    async def _ask(self, verb: str, more: dict[str, Any], retry_s: float) -> Lease:
        body = {"ownerId": self._asked["ownerId"], **more}
        target = f"/v1/locks/{self.lease.lock_id}/{verb}"
        return await self._wire.ask("POST", target, Lease, tries=Tries(retry_s), body=lambda: body)
