"""Signal to order while a hundred readers follow the events, ten of which never read, beside the same without."""

import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench import machine
from tests.bench.contestants import Exchange, daemon
from tests.bench.event_readers import REQUEST
from tests.bench.report import Metric, Report, report
from tests.bench.rounds import Round, measure_rounds, percentile, turns
from tests.bench.wire import latencies

READERS, DEAF = 90, 10


METRICS = {
    "p50_ms": Metric("signal → wire, p50, ms", 3),
    "p99_ms": Metric("signal → wire, p99, ms", 3),
    "fewest": Metric("events that a reader received, fewest", 0),
    "most": Metric("events that a reader received, most", 0),
}

ALONE, FOLLOWED = "alone", "followed"


def measure(directory: Path, *, signals: int, rounds: int) -> Report:
    """Measure one daemon without and with readers, in turns."""
    with Exchange(directory) as exchange, daemon(directory / "sniperd", exchange) as ours:

        def one(number: int) -> Round:
            found = {}
            for name in turns((ALONE, FOLLOWED), number):
                machine.settle(ours.pid)
                if name == ALONE:
                    found[name] = _figures(latencies(ours.signals, exchange, signals))
                else:
                    with _readers(ours.status) as heard:
                        figures = _figures(latencies(ours.signals, exchange, signals))
                    found[name] = {**figures, "fewest": min(heard), "most": max(heard)}
            return {name: found[name] for name in (ALONE, FOLLOWED)}

        latencies(ours.signals, exchange, signals)  # warm up, so that both are equal
        name = f"events, followed by {READERS} that read and {DEAF} that do not"
        return report(name, measure_rounds("events", one, wanted=rounds), METRICS, [ALONE])


def _figures(took_ms: list[float]) -> dict[str, float]:
    return {"p50_ms": statistics.median(took_ms), "p99_ms": percentile(took_ms, 0.99)}


@contextmanager
def _readers(status: Path) -> Iterator[list[int]]:
    """Follow from another process, and from here without reading; at the end the list gets each one's events."""
    heard: list[int] = []
    with ExitStack() as deaf:
        for _ in range(DEAF):
            connection = deaf.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(os.fspath(status))
            connection.sendall(REQUEST)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.event_readers", str(status), str(READERS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", "the readers ended"
            yield heard
            heard += [int(word) for word in process.communicate("end\n", timeout=60)[0].split()]
        finally:
            process.kill()
            process.wait()
