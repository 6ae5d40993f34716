"""One task at a time per resource, whichever way it gets there."""

import anyio
from anyio.lowlevel import checkpoint

from daemon.engine.resource_locks import ResourceLocks


async def test_a_lock_that_was_just_passed_on_is_not_free() -> None:
    locks = ResourceLocks()
    held = locks.try_acquire("a")
    assert held is not None

    async def wait() -> None:
        async with locks.of("a"):
            await checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait)
        await anyio.wait_all_tasks_blocked()
        held.release()  # to the task, which has not run since
        assert locks.try_acquire("a") is None
    again = locks.try_acquire("a")
    assert again is not None
    again.release()
