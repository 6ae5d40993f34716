"""The fleet's commit: one group appended durably to each shared database, beside SQLite's commit of a daemon alone.

A group is what one signal writes before its order leaves: order, attempt, lock and events. All contestants are alive at
once and take turns. The servers are on this machine and on the same disk: the distance between machines comes on top.
With a replica, or a synchronous standby, that is another server on the same disk, and the write counts when both have
synced it.
"""

import asyncio
import os
import shutil
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from daemon.core.state.changes import ChangeSet
from daemon.core.values.events import Event
from daemon.fleet.backends import create_log, open_backend
from daemon.fleet.entries import Body, encode
from daemon.fleet.port import Position, next_entry
from daemon.store.store import open_store
from tests.bench.locks import loop_factory
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Figures, Round, measure_rounds, percentile, turns
from tests.support import making
from tests.support.postgres import ADMIN, PostgresServer, programs
from tests.support.stage import Stage
from tests.support.valkey_process import REDIS, ValkeyProcess

WARM = 20

METRICS = {
    "p50_ms": Metric("one group, p50, ms", 3),
    "p99_ms": Metric("one group, p99, ms", 3),
    "cpu_us": Metric("this process's CPU, us each", 0),
}

Write = Callable[[ChangeSet], Awaitable[None]]
"""Writes a group durably."""


def measure(directory: Path, *, groups: int, rounds: int) -> Report:
    """Measure all contestants in turns.

    Args:
        directory: on a disk; each contestant gets a directory of its own in it.
        groups: written one after another in a turn.
        rounds: how many are to count.

    """
    with ExitStack() as stack:
        places = servers(Stage(directory, stack), stack)
        runner = stack.enter_context(asyncio.Runner(loop_factory=loop_factory()))

        def one(number: int) -> Round:
            return runner.run(_round(directory, places, number, groups))

        one(0)  # so that the first turn is like the others
        return report("append", measure_rounds("appends", one, wanted=rounds), METRICS, ["sqlite"])


class Place(NamedTuple):
    """Where a log is: a URL for members, what they ask for, and a URL for who creates ledgers."""

    url: str
    durability: str = "single"
    admin: str = ""


def servers(stage: Stage, ends: ExitStack) -> dict[str, Place]:
    """Start the servers, each alone and with a second one; leave out those that are not installed."""
    alone, primary, replica = (ValkeyProcess.started(stage) for _ in range(3))
    replica.replicate(primary)
    found = {"valkey": Place(alone.url), "valkey, replica": Place(primary.url, "synchronous")}
    if REDIS.exists():
        found["redis"] = Place(ValkeyProcess.started(stage, program=REDIS).url)
    if programs() is not None:
        single, first, second = (_postgres(stage, ends) for _ in range(3))
        single.create()
        first.create()
        second.create_standby(first, "second")
        first.set(synchronous_standby_names="second")
        found["postgresql"] = Place(single.url(), admin=single.url(user=ADMIN))
        found["postgresql, standby"] = Place(first.url(), "synchronous", first.url(user=ADMIN))
    return found


def _postgres(stage: Stage, ends: ExitStack) -> PostgresServer:
    directory = stage.subdirectory("pg")
    if os.geteuid() == 0:
        shutil.chown(directory, "nobody", "nogroup")
    server = PostgresServer(directory)
    ends.callback(server.kill)
    return server


async def _round(directory: Path, places: Mapping[str, Place], number: int, groups: int) -> Round:
    """Take all through one turn each."""
    async with AsyncExitStack() as stack:
        writes = {"sqlite": await stack.enter_async_context(_sqlite(directory / "sqlite.db"))}
        for name, place in places.items():
            writes[name] = await stack.enter_async_context(_log(place, f"bench-{number}-{time.monotonic_ns()}"))
        found = {name: await _turn(writes[name], groups) for name in turns(writes, number)}
        return {name: found[name] for name in writes}


async def _turn(write: Write, groups: int) -> Figures:
    for _ in range(WARM):
        await write(_group())
    took_ms, cpu_s = [], -time.process_time()
    for _ in range(groups):
        changes = _group()
        began_s = time.perf_counter()
        await write(changes)
        took_ms.append((time.perf_counter() - began_s) * 1_000)
    cpu_s += time.process_time()
    return {
        "p50_ms": statistics.median(took_ms),
        "p99_ms": percentile(took_ms, 0.99),
        "cpu_us": cpu_s * 1e6 / groups,
    }


def _group() -> ChangeSet:
    """Make the rows of a signal whose order leaves."""
    number = time.monotonic_ns()
    order, lock = making.order(number), making.lock(number)
    attempt = making.attempt(order)
    names = "order.accepted", "order.sent"
    events = [Event(name=name, at_ms=making.NOW_MS, order_id=order.order_id) for name in names]
    return ChangeSet(
        orders={order.order_id: order},
        attempts={attempt.client_order_id: attempt},
        locks={lock.lock_id: lock},
        events=events,
    )


@asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[Write]:
    """Commit as a daemon alone does."""
    async with open_store(path) as store:

        async def write(changes: ChangeSet) -> None:
            await store.commit(changes).durable()

        yield write


@asynccontextmanager
async def _log(place: Place, ledger: str) -> AsyncIterator[Write]:
    """Append to a new ledger."""
    await create_log(place.admin or place.url, ledger, ledger, role="sniperd")
    async with open_backend(place.url, ledger, place.durability) as backend:
        if doubts := await backend.doubts(place.durability):
            raise RuntimeError(f"{backend.name}: {'; '.join(doubts)}")
        at = Position()

        async def write(changes: ChangeSet) -> None:
            nonlocal at
            rows = {name: [*getattr(changes, name).values()] for name in ("orders", "attempts", "locks")}
            body = Body(orders=rows["orders"], attempts=rows["attempts"], locks=rows["locks"], events=changes.events)
            entry = next_entry(at, epoch=0, at_ms=making.NOW_MS, body=encode(body))
            await backend.append(entry)
            at = entry.position

        yield write
