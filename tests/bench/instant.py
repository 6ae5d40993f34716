"""How late orders are that were armed for one instant, while the exchange's clock is ahead of the machine's.

Late is the order's first byte at the exchange minus the instant, both by the exchange's clock; a negative figure is
early. One, five and twenty orders are armed for the same instant: on an idle machine, with one core busy, and while
another signal's commit, begun 150 ms before the instant, takes 400 ms.

The daemons measure the exchange's clock; all peers are given it. The peers are a C program that sleeps and writes
requests that were built before, aiohttp with connections used 50 ms before, and ccxt without its rate limiter. They
keep nothing durable, so they have no slow disk.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

from daemon.clock import wall_ms
from tests.bench import machine
from tests.bench.contestants import Arrival, Contestant, Exchange, compiled, daemon, running
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Figures, Round, measure_rounds, percentile, turns
from tests.bench.wire import connected, numbers, post

GAP_MS = 700
"""Between two instants; an order is armed 500 ms before its own, which is 200 ms after the one before."""

GAP_PER_ORDER_MS = 250
"""The same, for each order of an instant: connections are proven no faster than [exchange] requests_per_s allows."""

WARM_MS = 5_500
"""How long before its instant a daemon has an order at least: it prepares five seconds before."""

SLOW_GAP_MS = 3_000
"""Between two instants with a slow commit, so that it delays no other instant's orders."""

SLOW_BEFORE_MS = 150
SLOW_COMMIT_MS = 400
COUNTS = (1, 5, 20)
LOADS = {"idle": "idle", "busy": "one core busy", "slow": "beside a commit of 400 ms"}
GOAL_US = 2_000
"""How long after the first order of an instant the last of twenty may arrive."""

WITHIN_MS = 10_000
"""How long after its instant an order may arrive until the run counts as failed."""

METRICS = (
    {
        f"{load}_{number}_{name}_us": Metric(f"{number} for one instant, {title}, {name}, us late", 0)
        for load, title in LOADS.items()
        for number in COUNTS
        for name in ("p50", "p99")
    }
    | {
        f"{load}_{number}_apart_us": Metric(
            f"{number} for one instant, {title}, first to last, us (goal: {GOAL_US:,})", 0
        )
        for load, title in LOADS.items()
        for number in COUNTS[1:]
    }
    | {"early_percent": Metric("arrived before the instant, %", 1)}
)


class Plan(NamedTuple):
    """What a turn is."""

    shots: dict[int, int]  # how many instants, by the number of orders for one instant
    slow_shots: int  # how many with a slow commit
    ahead_ms: int  # by how much the exchange's clock is ahead; orders by the machine's clock are this late


QUICK = ({1: 1, 20: 1}, 1)
FULL = ({1: 20, 5: 6, 20: 3}, 2)


class Peer(NamedTuple):
    """A contestant, and how orders are armed with it: for an instant, so many amounts."""

    name: str
    pid: int
    arm: Callable[[int, list[int]], None]
    slow: Callable[[], None] | None  # lets another signal's commit take 400 ms; None: it commits nothing
    warm_ms: int = 0  # how long before its instant it needs an order at least


def measure(directory: Path, plan: Plan, *, rounds: int, against: Path | None = None) -> Report:
    """Measure all contestants in turns.

    Args:
        directory: on a disk; each contestant gets a directory of its own in it.
        plan: what a turn is.
        rounds: how many are to count.
        against: another checkout, with its own ``.venv``, whose daemon is measured too.

    """
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(directory, clock_ahead_ms=plan.ahead_ms))
        library = compiled("slow_sync", directory, "-shared", "-fPIC")
        alarm = [str(compiled("alarm", directory)), str(exchange.port), str(plan.ahead_ms)]
        script = [sys.executable, "-m", "tests.bench.alarm_peers"]
        contestants = [
            stack.enter_context(_alarmed("C", alarm)),
            stack.enter_context(_armed_daemon(directory / "sniperd", exchange, library)),
            stack.enter_context(_alarmed("aiohttp", [*script, "aiohttp", *alarm[1:]])),
            stack.enter_context(_alarmed("ccxt", [*script, "ccxt", *alarm[1:]])),
        ]
        if against is not None:
            contestants.append(
                stack.enter_context(_armed_daemon(directory / "against", exchange, library, checkout=against))
            )
        by_name = {each.name: each for each in contestants}
        for each in contestants:
            _shoot(each, exchange, plan, COUNTS[-1], 1)  # opens its connections

        def one(number: int) -> Round:
            found = {name: _turn(by_name[name], exchange, plan) for name in turns(by_name, number)}
            return {name: found[name] for name in by_name}

        bases = ["C", "aiohttp", *(["against"] if against else [])]
        return report("instant → wire", measure_rounds("instant", one, wanted=rounds), METRICS, bases)


@contextmanager
def spinning() -> Iterator[None]:
    """Keep one core busy with another process."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _alarmed(name: str, command: list[str]) -> Iterator[Peer]:
    """Run a peer that reads instants on its standard input."""
    with running(command, "ready") as process:

        def arm(instant_ms: int, amounts: list[int]) -> None:
            assert process.stdin is not None
            process.stdin.write(f"{instant_ms} {amounts[0]} {len(amounts)}\n")
            process.stdin.flush()

        yield Peer(name, process.pid, arm, None)


@contextmanager
def _armed_daemon(directory: Path, exchange: Exchange, library: Path, checkout: Path | None = None) -> Iterator[Peer]:
    """Run a daemon whose disk is slow once whenever it is asked to be."""
    marker = directory / "slow"
    environment = {"LD_PRELOAD": str(library), "SLOW_SYNC": str(marker)}
    with daemon(directory, exchange, checkout=checkout, environment=environment) as contestant:
        arm = partial(arm_daemon, contestant.signals)
        yield Peer(contestant.name, contestant.pid, arm, lambda: _commit_slowly(contestant, marker), WARM_MS)


def arm_daemon(signals: Path, instant_ms: int, amounts: list[int]) -> None:
    """Send a signal for an instant for each amount."""
    with connected(signals) as connection:
        for amount in amounts:
            connection.sendall(post("/v1/signals", _body(amount, instant_ms)))
            _accepted(connection)


def _commit_slowly(contestant: Contestant, marker: Path) -> None:
    """Send a signal, and wait until its slow commit has ended."""
    marker.touch()
    began_s = time.perf_counter()
    with connected(contestant.signals) as connection:
        connection.sendall(post("/v1/signals", _body(next(numbers), None)))
        _accepted(connection)
    if time.perf_counter() - began_s < SLOW_COMMIT_MS / 1_000:
        raise RuntimeError("the commit of the other signal was not slow")


def _body(amount: int, instant_ms: int | None) -> str:
    instant = "" if instant_ms is None else f',"executeAt":{instant_ms}'
    return (
        f'{{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quoteOrderQty":"{amount}","ownerId":"bench",'
        f'"snipeTargetId":"T{amount}"{instant}}}'
    )


def _accepted(connection: socket.socket) -> None:
    answer = connection.recv(65_536)
    if not answer.startswith(b"HTTP/1.1 2"):
        raise RuntimeError(f"the signal was not accepted: {answer!r}")


def _turn(peer: Peer, exchange: Exchange, plan: Plan) -> Figures:
    """Measure one contestant once."""
    found: dict[str, float] = {}
    everything: list[float] = []
    for load in LOADS:
        if load == "slow" and peer.slow is None:
            continue
        with spinning() if load == "busy" else nullcontext():
            for number in plan.shots:
                if load != "busy":
                    machine.settle(peer.pid)
                shots = plan.slow_shots if load == "slow" else plan.shots[number]
                by_instant = _shoot(peer, exchange, plan, number, shots, is_slow=load == "slow")
                late_us = [late for together in by_instant for late in together]
                if number > 1:
                    apart_us = [max(together) - min(together) for together in by_instant]
                    found[f"{load}_{number}_apart_us"] = percentile(apart_us, 0.5)
                found[f"{load}_{number}_p50_us"] = percentile(late_us, 0.5)
                found[f"{load}_{number}_p99_us"] = percentile(late_us, 0.99)
                everything += late_us
    found["early_percent"] = 100 * sum(late < 0 for late in everything) / len(everything)
    return found


def _shoot(
    peer: Peer, exchange: Exchange, plan: Plan, number: int, shots: int, *, is_slow: bool = False
) -> list[list[float]]:
    """Arm orders for some instants, one after another; return how late each order of each instant was, in us."""
    exchange.arrivals()
    gap_ms = max(SLOW_GAP_MS if is_slow else GAP_MS, GAP_PER_ORDER_MS * number)
    lead_ms = gap_ms * (1 + peer.warm_ms // gap_ms) + gap_ms // 2  # midway between two instants
    first_ms = wall_ms() + lead_ms + 10  # by the machine's clock, like all that follows
    deeds: list[tuple[int, Callable[[], None]]] = []
    instants: dict[str, int] = {}
    for local_ms in range(first_ms, first_ms + shots * gap_ms, gap_ms):
        amounts = [next(numbers) for _ in range(number)]
        instants |= dict.fromkeys(map(str, amounts), local_ms + plan.ahead_ms)
        deeds.append((local_ms - lead_ms, partial(peer.arm, local_ms + plan.ahead_ms, amounts)))
        if is_slow and peer.slow is not None:
            deeds.append((local_ms - SLOW_BEFORE_MS, peer.slow))
    for at_ms, deed in sorted(deeds, key=lambda each: each[0]):
        time.sleep(max(0, at_ms - wall_ms()) / 1_000)
        deed()
    arrived: dict[str, Arrival] = {}
    until_ms = first_ms + shots * gap_ms + WITHIN_MS
    while not instants.keys() <= arrived.keys():
        if wall_ms() > until_ms:
            missing = instants.keys() - arrived.keys()
            raise RuntimeError(f"{peer.name}: {len(missing)} of {len(instants)} orders did not arrive")
        time.sleep(0.05)  # between two checks
        arrived |= exchange.arrivals()
    late_us: dict[int, list[float]] = {}
    for amount, at_ms in instants.items():
        late_us.setdefault(at_ms, []).append(arrived[amount].exchange_ns / 1_000 - at_ms * 1_000)
    return list(late_us.values())
