"""Signal to order while a hundred readers follow the events, ten of which never read, beside the same without."""

import os
import socket
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from tests.bench.contestants import Exchange, daemon
from tests.bench.readers import REQUEST
from tests.bench.rounds import percentile
from tests.bench.wire import latencies

READERS, DEAF = 90, 10


class Followed(msgspec.Struct):
    """The result of one way of running, over all rounds. Times in ms."""

    name: str
    p50: float
    p99: float
    p99_of_rounds: list[float]
    heard: list[int]  # the fewest and the most events that one reader received, in each round


def measure(directory: Path, *, signals: int, rounds: int) -> list[Followed]:
    """Measure alternately, in one daemon, without and with readers."""
    alone: list[list[float]] = []
    followed: list[list[float]] = []
    heard: list[int] = []
    with Exchange(directory) as exchange, daemon(directory / "sniperd", exchange) as ours:
        latencies(ours.signals, exchange, signals)  # warm up, so that both are equal
        for turn in range(rounds):
            for with_readers in (False, True) if turn % 2 else (True, False):
                if with_readers:
                    with _readers(ours.directory) as told:
                        followed.append(latencies(ours.signals, exchange, signals))
                    heard += told
                else:
                    alone.append(latencies(ours.signals, exchange, signals))
    return [_summed("alone", alone, []), _summed("followed", followed, heard)]


def table(found: Sequence[Followed]) -> str:
    """Write both, and the difference that the readers make."""
    alone, followed = found
    lines = ["signal → wire       p50       p99 ms   p99 of the rounds"]
    for each in found:
        rounds = " ".join(f"{value:.2f}" for value in each.p99_of_rounds)
        lines.append(f"{each.name:<14} {each.p50:>8.3f} {each.p99:>12.3f}   {rounds}")
    middle = statistics.median(followed.p99_of_rounds) / statistics.median(alone.p99_of_rounds)
    lines.append(
        f"{READERS} that read and {DEAF} that do not: p50 times {followed.p50 / alone.p50:.3f}, "
        f"p99 times {followed.p99 / alone.p99:.3f}, median of the rounds' p99 times {middle:.3f}"
    )
    lines.append(f"events heard by a reader in a round: {min(followed.heard)} to {max(followed.heard)}")
    return "\n".join(lines)


def _summed(name: str, rounds: list[list[float]], heard: list[int]) -> Followed:
    took = sorted(value for each in rounds for value in each)
    return Followed(name, statistics.median(took), _p99(took), [_p99(each) for each in rounds], heard)


def _p99(took: list[float]) -> float:
    return percentile(took, 0.99)


@contextmanager
def _readers(directory: Path) -> Iterator[list[int]]:
    """Follow from another process, and from here without reading; at the end the list gets the numbers of events."""
    status = directory / "status.sock"
    heard: list[int] = []
    with ExitStack() as deaf:
        for _ in range(DEAF):
            connection = deaf.enter_context(socket.socket(socket.AF_UNIX))
            connection.connect(os.fspath(status))
            connection.sendall(REQUEST)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.readers", str(status), str(READERS)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", "the readers ended"
            yield heard
            counts = [int(word) for word in process.communicate("end\n", timeout=60)[0].split()]
            heard += [min(counts), max(counts)]
        finally:
            process.kill()
            process.wait()
