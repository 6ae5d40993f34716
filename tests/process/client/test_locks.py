"""Locks through the client: renewed while the body runs, released with its result, and a loss is reported."""

import itertools
import signal
from typing import Any

import anyio
import pytest

from daemon.client import AlreadyDone, Client, Held, LockLost
from tests.support import Daemon, eventually
from tests.support.stage import Stage

_numbers = itertools.count(1)


@pytest.fixture
def resource() -> str:
    return f"resource-{next(_numbers)}"


def locks(daemon: Daemon, resource: str) -> list[dict[str, Any]]:
    return [lock for lock in daemon.get("/v1/locks")["locks"] if lock["resourceId"] == resource]


async def wait_for(daemon: Daemon, name: str, **fields: Any) -> dict[str, Any]:
    return await anyio.to_thread.run_sync(lambda: daemon.wait_for(name, **fields))


async def in_line(daemon: Daemon, owner_id: str) -> None:
    def look() -> bool:
        return owner_id in {each["ownerId"] for each in daemon.get("/v1/locks")["queue"]}

    await anyio.to_thread.run_sync(lambda: eventually(look, f"{owner_id} in line"))


async def test_a_lock_is_held_within_its_context_and_released_with_a_result(
    client: Client, daemon: Daemon, resource: str
) -> None:
    async with client.lock(resource, "me", data={"why": 1}) as lock:
        [shown] = locks(daemon, resource)
        assert (shown["fencingToken"], shown["ownerId"]) == (lock.fencing_token, "me")
        assert shown["transactionData"] == {"why": 1}
        lock.result = {"made": 7}
    assert locks(daemon, resource) == []
    ended = daemon.get(f"/v1/locks/{lock.lease.lock_id}")
    assert (ended["status"], ended["result"], ended["error"]) == ("released", {"made": 7}, None)
    async with client.lock(resource, "me") as later:
        assert later.fencing_token > lock.fencing_token


async def test_a_body_that_raises_releases_the_lock_with_its_error(
    client: Client, daemon: Daemon, resource: str
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client.lock(resource, "me", idempotency_key=resource) as lock:
            raise ZeroDivisionError("by nought")
    ended = daemon.get(f"/v1/locks/{lock.lease.lock_id}")
    assert (ended["status"], ended["error"]) == ("failed", "ZeroDivisionError: by nought")
    async with client.lock(resource, "me", idempotency_key=resource) as again:
        assert again.fencing_token > lock.fencing_token


async def test_a_cancelled_body_releases_the_lock(client: Client, daemon: Daemon, resource: str) -> None:
    with anyio.CancelScope() as scope:
        async with client.lock(resource, "me") as lock:
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert daemon.get(f"/v1/locks/{lock.lease.lock_id}")["status"] == "failed"


async def test_a_released_key_does_not_run_the_body_again(client: Client, resource: str) -> None:
    async with client.lock(resource, "me", idempotency_key=resource) as lock:
        lock.result = [1, 2]
    with pytest.raises(AlreadyDone) as told:
        async with client.lock(resource, "me", idempotency_key=resource):
            pytest.fail("the body ran twice")
    assert told.value.result == [1, 2]


async def test_a_held_lock_is_refused_or_waited_for(client: Client, daemon: Daemon, resource: str) -> None:
    order: list[str] = []

    async def take(name: str, priority: int) -> None:
        async with client.lock(resource, name, wait_s=15, priority=priority):
            order.append(name)

    async with anyio.create_task_group() as tasks, client.lock(resource, "first"):
        for wait_s in (0, 0.05):
            with pytest.raises(Held) as told:
                async with client.lock(resource, "second", wait_s=wait_s):
                    pytest.fail("two hold it")
            assert told.value.holder is not None
            assert told.value.holder["ownerId"] == "first"
        tasks.start_soon(take, "patient", 9)
        await in_line(daemon, "patient")
        tasks.start_soon(take, "urgent", 1)
        await in_line(daemon, "urgent")
    assert order == ["urgent", "patient"]


async def test_a_lock_is_renewed_while_the_body_runs(client: Client, daemon: Daemon, resource: str) -> None:
    async with client.lock(resource, "me", timeout_ms=600) as lock:
        ends_at = lock.lease.expires_at
        mark = 0
        for _ in range(4):
            await wait_for(daemon, "lock.renewed", since=mark, token=lock.fencing_token)
            mark = daemon.process.mark()
        assert lock.lease.expires_at > ends_at
        assert locks(daemon, resource)[0]["fencingToken"] == lock.fencing_token
    assert lock.lost is None


async def test_a_lock_that_was_ended_by_force_is_reported_as_lost(
    client: Client, daemon: Daemon, resource: str
) -> None:
    told: list[str] = []
    lost = anyio.Event()

    async def on_lost(why: str) -> None:
        told.append(why)
        lost.set()

    with pytest.raises(LockLost):
        async with client.lock(resource, "me", timeout_ms=900, on_lost=on_lost) as lock:
            force = f"/v1/admin/locks/{lock.lease.lock_id}/force-release"
            assert daemon.ask("POST", force, {"reason": "a test"}).status == 200
            with anyio.fail_after(15):
                await lost.wait()
            assert lock.lost is not None
    assert told == [lock.lost]


async def test_a_lock_that_ended_unnoticed_is_reported_at_the_release(
    client: Client, daemon: Daemon, resource: str
) -> None:
    told: list[str] = []
    with pytest.raises(LockLost):
        async with client.lock(resource, "me", on_lost=told.append) as lock:
            daemon.ask("POST", f"/v1/admin/locks/{lock.lease.lock_id}/force-release", {"reason": "a test"})
    assert told == [lock.lost]


async def test_a_lock_whose_lease_ends_without_an_answer_is_reported_as_lost(
    client: Client, daemon: Daemon, resource: str
) -> None:
    lost = anyio.Event()
    with pytest.raises(LockLost):
        async with client.lock(resource, "me", timeout_ms=300, on_lost=lambda _: lost.set()) as lock:
            daemon.process.send(signal.SIGSTOP)
            try:
                with anyio.fail_after(15):
                    await lost.wait()
            finally:
                daemon.process.send(signal.SIGCONT)
            await wait_for(daemon, "lock.expired", token=lock.fencing_token)
    assert daemon.get(f"/v1/locks/{lock.lease.lock_id}")["status"] == "expired"


async def test_a_lock_outlives_the_daemon_that_granted_it(own_stage: Stage, resource: str) -> None:
    daemon = own_stage.daemon(own_stage.exchange())
    daemon.start()
    async with Client(daemon.signals) as client:
        async with client.lock(resource, "me", timeout_ms=60_000) as lock:
            await anyio.to_thread.run_sync(daemon.restart)
            assert locks(daemon, resource)[0]["fencingToken"] == lock.fencing_token
        assert daemon.get(f"/v1/locks/{lock.lease.lock_id}")["status"] == "released"
