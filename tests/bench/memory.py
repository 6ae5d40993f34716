"""Memory per queued order, memory and time of a start beside many orders, and flatness while orders come and go.

The start is measured from the start of the process to "signals are accepted", against a stand-in exchange that answers
at once. Two databases take turns: an empty one, and one with queued and very many finished orders.
"""

import http.client
import json
import time
from pathlib import Path

from tests.bench import machine
from tests.bench.bulk import multiply, trade_one
from tests.bench.contestants import Exchange, daemon
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Round, Rounds, measure_rounds, progress, turns
from tests.support.unix_http import Connection

DAY_MS = 86_400_000
BATCH = 500
SLOWLY = {"exchange": {"order_rate_per_s": 1}, "queue": {"max_in_flight": 1, "buy_deadline_ms": DAY_MS}}
"""Orders stay queued."""

QUICKLY = {"exchange": {"weight_per_10s": 1_000_000, "requests_per_s": 1_000_000}}
"""Orders are finished soon: the query that shows an order's end does not wait for others. An unfinished one stays in
memory."""

SETTLES_S = 120.0
"""The longest wait until all of them are."""

FIRST = 10_000
"""Orders that fill what is bounded before memory is measured: the latest events, SQLite's caches, room for a batch."""

METRICS = {
    "ready_ms": Metric("from the start of the process to ready, ms", 0),
    "recovered_ms": Metric("of it, reading the orders, ms", 0),
    "resident_mb": Metric("memory when ready, MB", 1),
    "bytes_per_queued_order": Metric("memory per queued order while they are queued, bytes", 0),
    "bytes_per_recovered_order": Metric("memory per queued order after a start, bytes", 0),
    "bytes_per_traded_order": Metric("growth of memory per traded and finished order, bytes", 0),
}


def measure(directory: Path, *, queued: int, finished: int, traded: int, rounds: int) -> Report:
    """Queue orders that cannot be sent yet, add finished ones, start again and again; then trade many."""
    full, empty = directory / "full", directory / "empty"
    with Exchange(directory) as exchange:
        trade_one(full, exchange, SLOWLY)
        progress(f"memory: writing {finished:,} finished orders")
        multiply(full / "sniperd.db", finished)
        per_queued = _queue(full, exchange, queued)
        databases = {"empty": empty, "full": full}

        def one(number: int) -> Round:
            found = {name: _start(databases[name], exchange) for name in turns(databases, number)}
            grown = (found["full"]["resident_mb"] - found["empty"]["resident_mb"]) * 1e6
            full = found["full"] | {"bytes_per_recovered_order": grown / (FIRST + queued)}
            return {"empty": found["empty"], f"{FIRST + queued:,} queued, {finished:,} done": full}

        one(0)  # so that the first start finds the same caches as the others
        starts = measure_rounds("memory", one, wanted=rounds)
        grown = _trade(directory / "traded", exchange, traded)
    once = {f"{queued:,} queued": {"bytes_per_queued_order": per_queued}, f"{traded:,} traded": grown}
    all_rounds = Rounds(
        [{**each, **once} for each in starts.used], starts.others_cores, starts.measured, starts.disturbed
    )
    return report("memory and start", all_rounds, METRICS, ["empty"])


def _start(directory: Path, exchange: Exchange) -> dict[str, float]:
    began_s = time.perf_counter()
    with daemon(directory, exchange, SLOWLY) as ours:
        ready_ms = (time.perf_counter() - began_s) * 1_000
        machine.settle(ours.pid)
        resident = machine.resident_bytes(ours.pid)
    return {"ready_ms": ready_ms, "recovered_ms": _recovered_ms(directory / "log"), "resident_mb": resident / 1e6}


def _queue(directory: Path, exchange: Exchange, orders: int) -> float:
    """Queue orders, after :data:`FIRST` others; return the bytes that each takes."""
    with daemon(directory, exchange, SLOWLY) as ours:
        _submit(ours.signals, FIRST, "first")
        machine.settle(ours.pid)
        before = machine.resident_bytes(ours.pid)
        _submit(ours.signals, orders, "queued")
        machine.settle(ours.pid)
        return (machine.resident_bytes(ours.pid) - before) / orders


def _trade(directory: Path, exchange: Exchange, orders: int) -> dict[str, float]:
    """Trade orders, and as many again; return the bytes by which memory grows with each of these."""
    with daemon(directory, exchange, QUICKLY) as ours:
        _submit(ours.signals, orders // 2, "first")
        machine.settle(ours.pid, within_s=SETTLES_S)
        before = machine.resident_bytes(ours.pid)
        _submit(ours.signals, orders // 2, "second")
        machine.settle(ours.pid, within_s=SETTLES_S)
        return {"bytes_per_traded_order": (machine.resident_bytes(ours.pid) - before) / (orders // 2)}


def _submit(path: Path, orders: int, name: str) -> None:
    connection = Connection(path)
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
        answer = connection.ask("POST", "/v1/signals/batch", signals)
        if answer.status != http.client.ACCEPTED:
            raise RuntimeError(answer.raw.decode())
    connection.close()


def _recovered_ms(log: Path) -> int:
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "daemon.recovered":
            return int(event["took_ms"])
    raise RuntimeError("the log tells of no recovery")
