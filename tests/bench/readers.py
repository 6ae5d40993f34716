"""Signal to order while eight clients read, and beside a batch, with many orders queued and very many finished.

One daemon, under one kind of load after another, in turns: no readers; eight readers that ask again as soon as they are
answered, for each kind of target and for all of them mixed; and a batch of signals sent at the same moment as a single
one. A ping meanwhile, a request that needs no work, shows how long the event loop was held; it includes what the
scheduler of a machine with few cores adds.
"""

import http.client
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from tests.bench import machine
from tests.bench.bulk import multiply, trade_one
from tests.bench.contestants import Contestant, Exchange, Tables, daemon
from tests.bench.http_readers import reading
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Figures, Round, measure_rounds, percentile, progress, turns
from tests.bench.wire import arrivals, connected, latencies, order, post
from tests.support.unix_http import Connection, ask
from tests.support.waiting import wall_ms

READERS = 8
PING, PING_EVERY_MS = "/healthz", 5
BATCH = 500
HOUR_MS = 3_600_000
EXPLAINED = 200
"""How many different orders are explained, of all ages."""

MORE: Tables = {"queue": {"max_in_flight": 2_000}}
"""More than a batch: a single signal beside it waits for the daemon, and not for a free slot."""

METRICS = {
    "p50_ms": Metric("signal → wire, p50, ms", 3),
    "p99_ms": Metric("signal → wire, p99, ms", 3),
    "hold_p99_ms": Metric("a ping meanwhile, p99, ms"),
    "hold_max_ms": Metric("a ping meanwhile, longest, ms"),
    "reads_per_s": Metric("answers to all readers, per s", 0),
    "read_p99_ms": Metric("an answer to a reader, p99, ms", 1),
}

Loads = dict[str, list[str]]
"""The targets that are read under each kind of load; none under those without readers."""

ALONE, BATCHED = "alone", "a batch"


def measure(
    directory: Path, *, queued: int, finished: int, signals: int, batch: int, batches: int, rounds: int
) -> Report:
    """Measure under each kind of load in turns.

    Args:
        directory: on a disk.
        queued: orders that wait for their time.
        finished: orders in the history.
        signals: sent one after another in a turn.
        batch: signals in a batch.
        batches: sent one after another in a turn, each with a single signal beside it.
        rounds: how many are to count.

    """
    place = directory / "sniperd"
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(directory))
        trade_one(place, exchange, MORE)
        progress(f"readers: writing {finished:,} finished orders")
        multiply(place / "sniperd.db", finished)
        ours = stack.enter_context(daemon(place, exchange, MORE))
        progress(f"readers: queueing {queued:,} orders")
        _queue(ours.signals, queued)
        loads = _loads(ours)

        def one(number: int) -> Round:
            found = {}
            for name in turns(loads, number):
                machine.settle(ours.pid)
                if name == BATCHED:
                    found[name] = _beside_batches(ours, exchange, batch, batches)
                else:
                    found[name] = _beside_readers(ours, exchange, loads[name], signals)
            return {name: found[name] for name in loads}

        latencies(ours.signals, exchange, signals)  # warm up before the first measurement
        found = measure_rounds("readers", one, wanted=rounds)
    return report(f"readers, {queued:,} queued, {finished:,} finished", found, METRICS, [ALONE])


def _loads(ours: Contestant) -> Loads:
    page = ask(ours.status, "GET", f"/v1/orders?state=filled&limit={EXPLAINED}").json
    explained = [f"/v1/orders/{each['id']}/explain" for each in page["orders"]]
    older = f"/v1/orders?state=filled&limit=1000&cursor={page['next']}" if page["next"] else "/v1/orders?state=filled"
    each = {
        "boards": ["/v1/board"],
        "lists": ["/v1/orders?limit=1000"],
        "history": [older, "/v1/orders?state=filled&symbol=BTCUSDT&limit=1000"],
        "explain": explained,
        "locks": ["/v1/locks"],
    }
    mixed = [targets[number % len(targets)] for number in range(EXPLAINED) for targets in each.values()]
    return {ALONE: [], **each, "mixed": mixed, BATCHED: []}


def _beside_readers(ours: Contestant, exchange: Exchange, targets: list[str], signals: int) -> Figures:
    began_s = time.perf_counter()
    with (
        reading(ours.status, READERS, 0, targets) as reads_ms,
        reading(ours.status, 1, PING_EVERY_MS, [PING]) as held_ms,
    ):
        took_ms = latencies(ours.signals, exchange, signals)
    seconds = time.perf_counter() - began_s
    figures = _figures(took_ms, held_ms)
    if reads_ms:
        figures |= {"reads_per_s": len(reads_ms) / seconds, "read_p99_ms": percentile(reads_ms, 0.99)}
    return figures


def _beside_batches(ours: Contestant, exchange: Exchange, batch: int, batches: int) -> Figures:
    """Send batches, each with a single signal at the same moment, and wait for all their orders each time."""
    took_ms, held_ms = [], []
    for _ in range(batches):
        machine.settle(ours.pid)
        with reading(ours.status, 1, PING_EVERY_MS, [PING]) as pings_ms:
            took_ms.append(_beside_one_batch(ours, exchange, batch))
        held_ms += pings_ms
    return _figures(took_ms, held_ms)


def _beside_one_batch(ours: Contestant, exchange: Exchange, batch: int) -> float:
    exchange.arrivals_ns()
    orders = ",".join(order()[1] for _ in range(batch))
    amount, body = order()
    with connected(ours.signals) as many, connected(ours.signals) as single:
        sending = threading.Thread(target=many.sendall, args=(post("/v1/signals/batch", f"[{orders}]"),))
        sending.start()
        sent_ns = time.monotonic_ns()  # a stopwatch
        single.sendall(post("/v1/signals", body))
        sending.join()
        found = arrivals(exchange, batch + 1)
    return (found[amount] - sent_ns) / 1e6


def _figures(took_ms: list[float], held_ms: list[float]) -> dict[str, float]:
    return {
        "p50_ms": statistics.median(took_ms),
        "p99_ms": percentile(took_ms, 0.99),
        "hold_p99_ms": percentile(held_ms, 0.99),
        "hold_max_ms": max(held_ms),
    }


def _queue(path: Path, orders: int) -> None:
    connection = Connection(path)
    at_ms = wall_ms() + HOUR_MS
    for first in range(0, orders, BATCH):
        batch = [
            {
                "symbol": "BTCUSDT",
                "side": "BUY",
                "type": "MARKET",
                "quoteOrderQty": "25",
                "ownerId": "bench",
                "snipeTargetId": f"later-{number}",
                "executeAt": at_ms,
            }
            for number in range(first, min(first + BATCH, orders))
        ]
        answer = connection.ask("POST", "/v1/signals/batch", batch)
        if answer.status != http.client.ACCEPTED:
            raise RuntimeError(answer.raw.decode())
    connection.close()
