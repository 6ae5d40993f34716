"""Signal to order: from the first byte of a signal on the socket to the first byte of its order at the exchange.

Floor, sniperd, ccxt, and another checkout's sniperd if asked for, are alive at once and measured in turns. A turn is
some signals one after another with a pause after each, then many at once; the floor takes those one after another.
CPU time and context switches are the measured process's own, divided by the orders; "with what follows" is until the
process is quiet again.
"""

import socket
import statistics
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from tests.bench import machine
from tests.bench.contestants import Contestant, Exchange, daemon, floor, peer
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Figures, Round, measure_rounds, percentile, turns

GAP_S = 0.01
"""Between two signals of the idle run: long enough for caches and timers to cool."""

LOOKS = 600
"""How often, within half a minute, the last of many orders is checked for before the run counts as failed."""

WARM = 10
"""Signals before those that are measured: while others had their turns, the contestant's memory went cold."""

METRICS = {
    "idle_p50_ms": Metric("one signal, p50, ms", 3),
    "idle_p99_ms": Metric("one signal, p99, ms", 3),
    "burst_per_s": Metric("many at once, orders per s (floor: one after another)", 0),
    "idle_cpu_us": Metric("one signal, CPU per order, us", 0),
    "burst_cpu_us": Metric("many at once, CPU per order, us", 0),
    "burst_cpu_all_us": Metric("many at once, CPU per order with what follows, us", 0),
    "idle_switches": Metric("one signal, context switches per order", 1),
    "burst_switches": Metric("many at once, context switches per order", 1),
}

numbers = count(100)
"""The amounts of orders, by which they are told apart."""


def measure(directory: Path, *, signals: int, burst: int, rounds: int, against: Path | None = None) -> Report:
    """Measure all contestants in turns.

    Args:
        directory: on a disk; each contestant gets a directory of its own in it.
        signals: sent one after another in a turn.
        burst: sent at once in a turn.
        rounds: how many are to count.
        against: another checkout, with its own ``.venv``, whose daemon is measured too.

    """
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(directory))
        contestants = [
            stack.enter_context(floor(directory / "floor", exchange)),
            stack.enter_context(daemon(directory / "sniperd", exchange)),
            stack.enter_context(peer(directory / "ccxt", exchange)),
        ]
        if against is not None:
            contestants.append(stack.enter_context(daemon(directory / "against", exchange, checkout=against)))
        by_name = {each.name: each for each in contestants}
        for each in contestants:
            turn(each, exchange, WARM, burst)

        def one(number: int) -> Round:
            order = turns(by_name, number)
            found = {name: turn(by_name[name], exchange, signals, burst) for name in order}
            return {name: found[name] for name in by_name}

        bases = ["floor", "ccxt", *(["against"] if against else [])]
        return report("signal → wire", measure_rounds("wire", one, wanted=rounds), METRICS, bases)


def turn(contestant: Contestant, exchange: Exchange, signals: int, burst: int) -> Figures:
    """Measure one contestant once."""
    machine.settle(contestant.pid)
    latencies(contestant.signals, exchange, WARM)
    with machine.Effort(contestant.pid) as idle:
        took = latencies(contestant.signals, exchange, signals)
    machine.settle(contestant.pid)
    if contestant.name == "floor":
        with machine.Effort(contestant.pid) as busy:
            rate = _one_after_another(contestant.signals, exchange, burst)
        cpu_all_ns = busy.cpu_ns
    else:
        rate, busy, cpu_all_ns = at_once(contestant, exchange, burst)
    return {
        "idle_p50_ms": statistics.median(took),
        "idle_p99_ms": percentile(took, 0.99),
        "burst_per_s": rate,
        "idle_cpu_us": idle.cpu_ns / 1_000 / signals,
        "burst_cpu_us": busy.cpu_ns / 1_000 / burst,
        "burst_cpu_all_us": cpu_all_ns / 1_000 / burst,
        "idle_switches": idle.switches / signals,
        "burst_switches": busy.switches / burst,
    }


def latencies(path: Path, exchange: Exchange, signals: int) -> list[float]:
    """Send signals one by one, with a pause after each; return the times to the order, in the order sent, in ms."""
    exchange.arrivals_ns()
    sent = {}
    with connected(path) as connection:
        for _ in range(signals):
            amount, signal = _signal()
            sent[amount] = time.monotonic_ns()  # a stopwatch
            connection.sendall(signal)
            connection.recv(65_536)
            time.sleep(GAP_S)
    arrived = arrivals(exchange, signals)
    return [(arrived[amount] - at_ns) / 1e6 for amount, at_ns in sent.items()]


def arrivals(exchange: Exchange, signals: int) -> dict[str, int]:
    """Return when each order arrived: the answer says that a signal is accepted; its order may still be open."""
    arrived = exchange.arrivals_ns()
    for _ in range(LOOKS):
        if len(arrived) >= signals:
            return arrived
        time.sleep(0.05)  # between two checks
        arrived |= exchange.arrivals_ns()
    raise RuntimeError(f"{len(arrived)} of {signals} orders arrived")


def _one_after_another(path: Path, exchange: Exchange, signals: int) -> float:
    """Send signals one after another without a pause; return orders per second."""
    messages = [_signal()[1] for _ in range(signals)]
    with connected(path) as connection:
        exchange.arrivals_ns()
        began_ns = time.monotonic_ns()  # a stopwatch
        for message in messages:
            connection.sendall(message)
            connection.recv(65_536)
    return _rate(exchange, signals, began_ns)


def at_once(contestant: Contestant, exchange: Exchange, signals: int) -> tuple[float, machine.Effort, int]:
    """Send all signals at once, each on a connection of its own.

    Returns: orders per second; the contestant's effort until the last order left; its CPU time until it was quiet, ns.
    """
    connections = [connected(contestant.signals) for _ in range(signals)]
    messages = [_signal()[1] for _ in connections]
    machine.settle(contestant.pid)  # it accepts the connections
    exchange.arrivals_ns()
    with machine.Effort(contestant.pid) as until_quiet:
        with machine.Effort(contestant.pid) as until_sent:
            began_ns = time.monotonic_ns()  # a stopwatch
            for connection, message in zip(connections, messages, strict=True):
                connection.sendall(message)
            for connection in connections:
                connection.recv(65_536)
            rate = _rate(exchange, signals, began_ns)
        machine.settle(contestant.pid)
    for connection in connections:
        connection.close()
    return rate, until_sent, until_quiet.cpu_ns


def _rate(exchange: Exchange, signals: int, began_ns: int) -> float:
    return signals / ((max(arrivals(exchange, signals).values()) - began_ns) / 1e9)


def order() -> tuple[str, str]:
    """Make the body of a signal; its amount identifies its order."""
    amount = str(next(numbers))
    return amount, (
        f'{{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quoteOrderQty":"{amount}","ownerId":"bench",'
        f'"snipeTargetId":"T{amount}"}}'
    )


def post(path: str, body: str) -> bytes:
    """Make the bytes of a request."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


def _signal() -> tuple[str, bytes]:
    amount, body = order()
    return amount, post("/v1/signals", body)


def connected(path: Path) -> socket.socket:
    """Connect to a Unix socket."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return connection
