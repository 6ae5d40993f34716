"""What a Valkey server acknowledged is there after every failure that it survives; what it lost is noticed."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import anyio
import pytest
import redis

from daemon.errors import BackendFailed
from daemon.fleet.port import Entry, Lease, Position, next_entry
from daemon.fleet.valkey import Valkey, open_log
from tests.slow.mounted_disk import Disk
from tests.support.stage import Stage
from tests.support.valkey_process import VALKEY, ValkeyProcess, free_port
from tests.support.waiting import eventually

SINGLE, SYNCHRONOUS = "single", "synchronous"
PATIENCE_S = 30.0
BEGINNING = Position()
OWNER = Lease("m1", 1, 5_000)


class Writer:
    """Appends entries as fast as it can, as an owner does; knows what was acknowledged."""

    def __init__(self, backend: Valkey, after: Position = BEGINNING, *, epoch: int = 0, word: bytes = b"rows") -> None:
        self.acknowledged: list[Entry] = []
        self.at = after
        self._epoch = epoch
        self._body = word * 100
        self._backend = backend

    async def write(self, count: int) -> None:
        """Append entries; ask again where the outcome is unknown."""
        for _ in range(count):
            entry = next_entry(self.at, epoch=self._epoch, at_ms=1, body=self._body)
            await _until_it_succeeds(partial(self._backend.append, entry))
            self.acknowledged.append(entry)
            self.at = entry.position


async def _until_it_succeeds(ask: Callable[[], Awaitable[object]]) -> None:
    with anyio.fail_after(PATIENCE_S):
        while True:
            try:
                await ask()
            except BackendFailed:
                await anyio.sleep(0.01)
            else:
                return


async def log_of(backend: Valkey) -> list[Entry]:
    """Read the whole log, and check that it is one."""
    found: list[Entry] = []
    at = Position()
    while piece := await backend.read(at.n, 500):
        for entry in piece:
            assert entry.follows(at)
            at = entry.position
        found += piece
    return found


@asynccontextmanager
async def writing(primary: ValkeyProcess, durability: str) -> AsyncIterator[tuple[Valkey, Writer]]:
    """Open a log and begin to write it."""
    async with open_log(primary.url, "main", durability, None) as backend:
        assert await backend.doubts(durability) == []
        writer = Writer(backend)
        await writer.write(20)
        yield backend, writer


async def test_a_server_that_is_killed_under_load_has_what_it_acknowledged(own_stage: Stage) -> None:
    primary = ValkeyProcess.started(own_stage)
    async with writing(primary, SINGLE) as (backend, writer):
        for _ in range(5):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(writer.write, 100)
                await anyio.sleep(0.05)
                await anyio.to_thread.run_sync(primary.kill)
                await anyio.to_thread.run_sync(primary.start)
        assert await log_of(backend) == writer.acknowledged
        assert len(writer.acknowledged) == 520


@pytest.mark.needs("fuse", "root")
async def test_a_server_whose_power_fails_under_load_has_what_it_acknowledged(own_stage: Stage) -> None:
    disk = Disk(own_stage)
    primary = ValkeyProcess(own_stage.child, own_stage.subdirectory("valkey"), data=disk.path, appenddirname=".")
    primary.start()

    def fail() -> None:
        disk.fail()
        primary.kill()
        disk.come_back()
        primary.start()

    try:
        async with writing(primary, SINGLE) as (backend, writer):
            for _ in range(3):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(writer.write, 60)
                    await anyio.sleep(0.05)
                    await anyio.to_thread.run_sync(fail)
            assert await log_of(backend) == writer.acknowledged
            assert len(writer.acknowledged) == 200
    finally:
        primary.close()
        disk.close()


async def test_a_replica_that_is_promoted_under_load_has_what_was_acknowledged(own_stage: Stage) -> None:
    primary, replica = ValkeyProcess.started(own_stage), ValkeyProcess.started(own_stage)
    replica.replicate(primary)
    async with writing(primary, SYNCHRONOUS) as (_, writer), anyio.create_task_group() as tasks:
        tasks.start_soon(writer.write, 10_000)
        await anyio.sleep(0.5)
        await anyio.to_thread.run_sync(primary.kill)
        tasks.cancel_scope.cancel()
    replica.promote()
    async with open_log(replica.url, "main", SINGLE, None) as promoted:
        there = await log_of(promoted)
        assert there[: len(writer.acknowledged)] == writer.acknowledged
        assert len(there) - len(writer.acknowledged) <= 1  # the one whose outcome is unknown
        assert len(there) > 20


async def test_without_a_replica_nothing_is_acknowledged_or_shown(own_stage: Stage) -> None:
    primary, replica = ValkeyProcess.started(own_stage), ValkeyProcess.started(own_stage)
    replica.replicate(primary)
    async with (
        writing(primary, SYNCHRONOUS) as (backend, writer),
        open_log(primary.url, "main", SYNCHRONOUS, None) as standby,
    ):
        replica.stop()
        late = next_entry(writer.acknowledged[-1].position, epoch=0, at_ms=1, body=b"late")
        with anyio.fail_after(PATIENCE_S):
            with pytest.raises(BackendFailed, match="0 of 1 replicas had a write after 700 ms"):
                await backend.append(late)
            with pytest.raises(BackendFailed, match="0 of 1 replicas had a write after 700 ms"):
                await standby.read(20, 10)
            with pytest.raises(BackendFailed, match="0 of 1 replicas had a write after 700 ms"):
                await backend.append(late)  # which is there: that is not enough
        replica.resume()
        await _until_it_succeeds(lambda: backend.append(late))
        assert await standby.read(20, 10) == [late]


async def test_a_replica_that_does_not_sync_is_doubted(own_stage: Stage) -> None:
    primary, replica = ValkeyProcess.started(own_stage), ValkeyProcess.started(own_stage, appendonly="no")
    replica.replicate(primary)
    async with open_log(primary.url, "main", SYNCHRONOUS, None) as backend:
        [doubt] = await backend.doubts(SYNCHRONOUS)
        assert doubt.startswith("0 of 1 replicas had synced a write after 700 ms; each of them needs appendonly yes")


async def test_of_two_replicas_one_that_is_lost_holds_the_owner_up_for_seconds_only(own_stage: Stage) -> None:
    primary, one, other = (
        ValkeyProcess.started(own_stage),
        ValkeyProcess.started(own_stage),
        ValkeyProcess.started(own_stage),
    )
    one.replicate(primary)
    other.replicate(primary)
    async with writing(primary, SYNCHRONOUS) as (backend, writer):
        taking = next_entry(writer.at, epoch=1, at_ms=1, body=b"taken")
        assert await backend.take(Lease(), OWNER, taking)
        other.stop()
        await _until_it_succeeds(lambda: backend.renew(OWNER))
        after = Writer(backend, taking.position, epoch=1)
        await after.write(20)
        assert await log_of(backend) == [*writer.acknowledged, taking, *after.acknowledged]


async def test_a_replica_that_is_promoted_without_what_was_acknowledged_is_noticed(own_stage: Stage) -> None:
    primary, replica = ValkeyProcess.started(own_stage), ValkeyProcess.started(own_stage)
    replica.replicate(primary)
    async with writing(primary, SINGLE) as (_, writer):
        with replica.client() as client:
            client.replicaof("127.0.0.1", "1")  # its link is cut
        await writer.write(8)
    primary.kill()
    replica.promote()
    mark = writer.acknowledged[-1].position
    async with open_log(replica.url, "main", SINGLE, None) as promoted:
        assert await log_of(promoted) == writer.acknowledged[:20]
        assert await promoted.read(mark.n - 1, 10) == []  # so a member that is at the mark stops
        grown = Writer(promoted, writer.acknowledged[19].position, word=b"other rows")
        await grown.write(20)
        [at_mark] = await promoted.read(mark.n - 1, 1)
        assert at_mark.position != mark


async def test_sentinels_lead_to_the_replica_that_they_promote(own_stage: Stage) -> None:
    primary, replica = (ValkeyProcess.started(own_stage) for _ in range(2))
    replica.replicate(primary)
    port = sentinel(own_stage, primary)
    url = f"valkey://127.0.0.1:{port}/?sentinel=main"
    async with open_log(url, "main", SYNCHRONOUS, None) as backend:
        await _until_it_succeeds(lambda: backend.append(next_entry(BEGINNING, epoch=0, at_ms=1, body=b"first")))
        [first] = await backend.read(0, 10)
        assert backend.name.endswith(f"main of Sentinels 127.0.0.1:{port}")
        primary.kill()
        second = next_entry(first.position, epoch=0, at_ms=2, body=b"second")
        third = ValkeyProcess.started(own_stage)
        await anyio.to_thread.run_sync(third.replicate, replica)  # which Sentinel promotes
        await _until_it_succeeds(lambda: backend.append(second))
        assert await backend.read(0, 10) == [first, second]
        assert await backend.doubts(SYNCHRONOUS) == []


def sentinel(stage: Stage, primary: ValkeyProcess) -> int:
    """Start a Sentinel that finds a loss within half a second, and return its port."""
    directory, port = stage.subdirectory("sentinel"), free_port()
    configured = directory / "sentinel.conf"
    configured.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {directory}\nsentinel monitor main 127.0.0.1 {primary.port} 1\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
    )
    stage.child(VALKEY, configured, "--sentinel", environ=dict(os.environ), directory=directory)
    with redis.Redis(port=port, decode_responses=True) as client:
        eventually(lambda: _knows_a_replica(client), "the Sentinel knows the replica", timeout_s=PATIENCE_S)
    return port


def _knows_a_replica(client: redis.Redis) -> bool:
    try:
        found: Any = client.sentinel_master("main")
        return bool(found["num-slaves"] == 1)
    except redis.ConnectionError:
        return False
