"""Memory per queued order, recovery of many, and whether memory stays flat while orders come and go."""

import http.client
import json
import socket
import time
from pathlib import Path

import msgspec

from tests.bench import machine
from tests.bench.contestants import Exchange, daemon

DAY_MS = 86_400_000
BATCH = 500


class Memory(msgspec.Struct):
    """The results."""

    queued: int
    bytes_per_queued_order: float
    recovered_ms: int  # reading them into memory again
    ready_ms: float  # from the start of the process to "signals are accepted"
    traded: int
    grown_bytes_per_traded_order: float


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def measure(directory: Path, *, queued: int, traded: int) -> Memory:
    """Queue orders that cannot be sent yet, start again, then trade many."""
    slowly = {"exchange": {"order_rate_per_s": 1}, "queue": {"max_in_flight": 1, "buy_deadline_ms": DAY_MS}}
    with Exchange(directory) as exchange:
        with daemon(directory / "queued", exchange, slowly) as ours:
            _submit(ours.signals, 50, "warm")
            before = machine.resident_bytes(ours.pid)
            _submit(ours.signals, queued, "queued")
            per_order = (machine.resident_bytes(ours.pid) - before) / queued
        began_s = time.perf_counter()
        with daemon(directory / "queued", exchange, slowly) as ours:
            ready_ms = (time.perf_counter() - began_s) * 1_000
            recovered_ms = _recovered_ms(ours.directory / "log")
        with daemon(directory / "traded", exchange) as ours:
            _submit(ours.signals, traded // 2, "first")
            before = machine.resident_bytes(ours.pid)
            _submit(ours.signals, traded // 2, "second")
            grown = (machine.resident_bytes(ours.pid) - before) / (traded // 2)
    return Memory(queued, per_order, recovered_ms, ready_ms, traded, grown)


def table(memory: Memory) -> str:
    """Write the figures."""
    lines = [
        f"memory per queued order   {memory.bytes_per_queued_order:>8,.0f} bytes ({memory.queued:,} queued)",
        f"recovery of as many       {memory.recovered_ms:>8,} ms ({memory.ready_ms:,.0f} ms from start to ready)",
        f"growth per traded order   {memory.grown_bytes_per_traded_order:>8,.0f} bytes ({memory.traded:,} traded)",
    ]
    return "\n".join(lines)


def _submit(path: Path, orders: int, name: str) -> None:
    connection = _Unix(path)
    for first in range(0, orders, BATCH):
        signals = [
            {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "MARKET",
                "quoteOrderQty": "25",
                "ownerId": "bench",
                "snipeTargetId": f"{name}-{number}",
            }
            for number in range(first, min(first + BATCH, orders))
        ]
        connection.request("POST", "/v1/signals/batch", json.dumps(signals))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise RuntimeError(body.decode())
    connection.close()
    time.sleep(1)  # until the last of them are traded and cleaned up


def _recovered_ms(log: Path) -> int:
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "daemon.recovered":
            return int(event["took_ms"])
    raise RuntimeError("the log tells of no recovery")
