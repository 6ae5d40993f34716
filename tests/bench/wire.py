"""Signal to order: from the first byte of a signal on the socket to the first byte of its order at the exchange."""

import socket
import statistics
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import msgspec

from tests.bench.contestants import Exchange, daemon, floor, peer

GAP_S = 0.01
"""Between two signals of the idle run: long enough for caches and timers to cool."""

LOOKS = 600
"""How often, within half a minute, the last of many orders is checked for before the run counts as failed."""

_numbers = count(100)


class Wire(msgspec.Struct):
    """The result of one contestant. Times in ms, rates per second."""

    name: str
    idle_p50: float
    idle_p99: float
    burst: float | None  # orders per second, of those sent at once
    serial: float | None  # orders per second, one after another


def measure(directory: Path, *, signals: int, burst: int, rounds: int) -> list[Wire]:
    """Measure floor, sniperd and ccxt, alternately, in one run; return the medians of the rounds."""
    exchange = Exchange(directory)
    found: dict[str, list[Wire]] = {"floor": [], "sniperd": [], "ccxt": []}
    try:
        for _ in range(rounds):
            with floor(directory, exchange) as path:
                p50, p99 = _idle(path, exchange, signals)
                found["floor"].append(Wire("floor", p50, p99, None, _serial(path, exchange, burst)))
            with daemon(directory, exchange) as (path, _):
                p50, p99 = _idle(path, exchange, signals)
                found["sniperd"].append(Wire("sniperd", p50, p99, _at_once(path, exchange, burst), None))
            with peer(directory, exchange) as path:
                p50, p99 = _idle(path, exchange, signals)
                found["ccxt"].append(Wire("ccxt", p50, p99, _at_once(path, exchange, burst), None))
    finally:
        exchange.close()
    return [_median(name, wires) for name, wires in found.items()]


def table(wires: Sequence[Wire]) -> str:
    """Write the figures beside the floor's."""
    base, ours, theirs = wires
    lines = ["signal → wire   idle p50    p99 ms   of floor   at once or serial   of floor"]
    for wire in wires:
        rate = wire.burst or wire.serial or 0
        lines.append(
            f"{wire.name:<15} {wire.idle_p50:>8.3f} {wire.idle_p99:>9.3f} {wire.idle_p50 / base.idle_p50:>10.2f}"
            f" {rate:>17,.0f}/s {rate / (base.serial or 1):>10.2f}"
        )
    lines.append(f"idle, sniperd (durable) takes {ours.idle_p50 / theirs.idle_p50:.2f} of ccxt (keeps nothing)")
    return "\n".join(lines)


def _signal() -> tuple[str, bytes]:
    """Make a signal; its amount identifies it."""
    amount = str(next(_numbers))
    body = (
        f'{{"symbol":"BTCUSDT","side":"BUY","type":"MARKET","quoteOrderQty":"{amount}","ownerId":"bench",'
        f'"snipeTargetId":"T{amount}"}}'
    )
    head = (
        f"POST /v1/signals HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return amount, (head + body).encode()


def _connected(path: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    return connection


def _idle(path: Path, exchange: Exchange, signals: int) -> tuple[float, float]:
    """Send signals one by one, with a pause after each; return p50 and p99 in ms."""
    took = latencies(path, exchange, signals)
    return statistics.median(took), took[int(len(took) * 0.99)]


def latencies(path: Path, exchange: Exchange, signals: int) -> list[float]:
    """Send signals one by one, with a pause after each; return the times to the order, sorted, in ms."""
    with _connected(path) as connection:
        for _ in range(50):
            _exchanged(connection)
        exchange.arrivals_ns()
        sent = {}
        for _ in range(signals):
            amount, signal = _signal()
            sent[amount] = time.monotonic_ns()  # a stopwatch
            connection.sendall(signal)
            connection.recv(65_536)
            time.sleep(GAP_S)
    arrived = _arrivals(exchange, signals)
    return sorted((arrived[amount] - at_ns) / 1e6 for amount, at_ns in sent.items())


def _serial(path: Path, exchange: Exchange, signals: int) -> float:
    """Send signals one after another without a pause; return orders per second."""
    with _connected(path) as connection:
        exchange.arrivals_ns()
        began_ns = time.monotonic_ns()  # a stopwatch
        for _ in range(signals):
            _exchanged(connection)
    return _rate(exchange, signals, began_ns)


def _at_once(path: Path, exchange: Exchange, signals: int) -> float:
    """Send all signals at once, each on a connection of its own; return orders per second."""
    connections = [_connected(path) for _ in range(signals)]
    messages = [_signal()[1] for _ in connections]
    time.sleep(0.5)  # let the daemon accept the connections
    exchange.arrivals_ns()
    began_ns = time.monotonic_ns()  # a stopwatch
    for connection, message in zip(connections, messages, strict=True):
        connection.sendall(message)
    for connection in connections:
        connection.recv(65_536)
        connection.close()
    return _rate(exchange, signals, began_ns)


def _rate(exchange: Exchange, signals: int, began_ns: int) -> float:
    arrived = _arrivals(exchange, signals)
    return signals / ((max(arrived.values()) - began_ns) / 1e9)


def _arrivals(exchange: Exchange, signals: int) -> dict[str, int]:
    """Return when each order arrived: the answer says that a signal is accepted; its order may still be open."""
    arrived = exchange.arrivals_ns()
    for _ in range(LOOKS):
        if len(arrived) >= signals:
            return arrived
        time.sleep(0.05)  # between two checks
        arrived |= exchange.arrivals_ns()
    raise RuntimeError(f"{len(arrived)} of {signals} orders arrived")


def _exchanged(connection: socket.socket) -> None:
    connection.sendall(_signal()[1])
    connection.recv(65_536)


def _median(name: str, wires: Sequence[Wire]) -> Wire:
    def middle(of: Callable[[Wire], float | None]) -> float | None:
        values = [value for wire in wires if (value := of(wire)) is not None]
        return statistics.median(values) if values else None

    return Wire(
        name,
        middle(lambda wire: wire.idle_p50) or 0,
        middle(lambda wire: wire.idle_p99) or 0,
        middle(lambda wire: wire.burst),
        middle(lambda wire: wire.serial),
    )
