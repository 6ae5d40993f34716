"""A lock of the daemon, held while a body runs."""

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
"""Called with the reason why the lock ended; may be a coroutine function."""

RELEASE_S = 5.0
"""The shortest time for which a release is tried; after that the lease expires."""

MAX_WAIT_S = 120.0
MAX_ERROR = 2_000


class HeldLock:
    """A lock; made by :meth:`daemon.client.Client.lock`, held within ``async with``.

    A background task renews it after each third of its lease. The lock is lost if it was ended by force, or if the
    daemon did not answer until the lease ended. Then ``on_lost`` is called at once, and the context ends with
    :class:`LockLost` unless the body raised. A body that raises releases the lock with its error, and the key is free.
    Otherwise the lock is released with :attr:`result`, which later requests with the same key get.
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
        """The result that the body leaves, any JSON; kept with the lock."""
        self.lost: str | None = None
        """Why the lock ended before the body did; ``None`` while it is held."""

    @property
    def lease(self) -> Lease:
        """The lock, as in the daemon's last answer."""
        assert self._lease is not None, "the lock is held within `async with` only"
        return self._lease

    @property
    def fencing_token(self) -> int:
        """A number that grows from holder to holder: the protected resource refuses a lower one than it has seen."""
        return self.lease.fencing_token

    async def __aenter__(self) -> Self:
        """Take the lock.

        Raises:
            Held: another owner held it until the wait ended.
            AlreadyDone: an earlier request with the same key was released, with a result.
            Refused, Unreachable: see :class:`daemon.client.Client`.

        """
        lease = await self._acquire()
        if lease.status != "active":
            raise AlreadyDone(self._key, lease.result)
        self._hold(lease)
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._keep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Release the lock with the body's result or error."""
        assert self._tasks is not None
        self._tasks.cancel_scope.cancel()
        try:
            if isinstance(error, anyio.get_cancelled_exc_class()):
                await self._tasks.__aexit__(kind, error, trace)
            else:  # the task group would wrap the body's error
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

    def _hold(self, lease: Lease) -> None:
        self._lease = lease
        self._ends_s = anyio.current_time() + (lease.expires_at - wall_ms()) / 1000

    async def _keep(self) -> None:
        """Renew the lock until it is lost."""
        while self.lost is None:
            await anyio.sleep(self.lease.timeout_ms / 3000)
            try:
                with anyio.fail_after(max(self._ends_s - anyio.current_time(), 0)):
                    self._hold(await self._ask("renew", {}, self._ends_s - anyio.current_time()))
            except (Refused, Unreachable) as error:
                await self._lose(str(error))
            except TimeoutError:
                await self._lose("the daemon did not answer a renewal until the lease ended")

    def _left_s(self) -> float:
        return max(self._ends_s - anyio.current_time(), RELEASE_S)

    async def _lose(self, why: str) -> None:
        self.lost = why
        if self._on_lost is not None:
            called = self._on_lost(why)
            if inspect.isawaitable(called):
                await called

    async def _release(self, error: BaseException | None) -> None:
        """Release the lock. If the daemon does not answer, the lease expires.

        Raises:
            ClientError: the body has returned, and its result is not recorded.

        """
        if self.lost is not None:
            return
        came = {"result": self.result} if error is None else {"error": f"{type(error).__name__}: {error}"[:MAX_ERROR]}
        try:
            await self._ask("release", came, RELEASE_S if error else min(self._retry_s, self._left_s()))
        except WrongState as refusal:  # it ended otherwise
            await self._lose(str(refusal))
        except ClientError:
            if error is None:  # else the caller gets the body's own error
                raise

    async def _ask(self, verb: str, more: dict[str, Any], retry_s: float) -> Lease:
        body = {"ownerId": self._asked["ownerId"], **more}
        target = f"/v1/locks/{self.lease.lock_id}/{verb}"
        return await self._wire.ask("POST", target, Lease, tries=Tries(retry_s), body=lambda: body)
