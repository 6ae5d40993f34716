"""A process of clients that read: ``python -m tests.bench.http_readers SOCKET COUNT PAUSE_MS TARGET...``.

Each of COUNT clients asks for one target after another, on a connection of its own, and waits PAUSE_MS after each
answer. A line on standard input ends them; then the process writes how long each answer took, ms, as a JSON list.

Answers are read and not parsed, and clients without a pause run at a lower priority: what is measured is the daemon's
work for them, and not the clients' own on the same cores.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.unix_http import Connection

POLITE = 10
"""How much nicer clients without a pause are."""


@contextmanager
def reading(path: Path, count: int, pause_ms: float, targets: Sequence[str]) -> Iterator[list[float]]:
    """Read meanwhile, from another process; at the end the list gets how long each answer took, ms."""
    took_ms: list[float] = []
    if not targets:
        yield took_ms
        return
    command = [sys.executable, "-m", __name__, str(path), str(count), str(pause_ms), *targets]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline() != "begun\n":
            raise RuntimeError("the readers ended")
        yield took_ms
        took_ms += json.loads(process.communicate("end\n", timeout=120)[0])
    finally:
        process.kill()
        process.wait()


def _main(path: Path, count: int, pause_ms: float, targets: Sequence[str]) -> None:
    begun = threading.Barrier(count + 1)
    took_ms: list[float] = []

    def read(number: int) -> None:
        connection = Connection(path, timeout_s=120)
        begun.wait()
        while True:
            number += 1
            began_s = time.perf_counter()
            answer = connection.ask("GET", targets[number % len(targets)])
            took_ms.append((time.perf_counter() - began_s) * 1_000)
            if answer.status != 200:
                raise RuntimeError(answer.raw)
            if pause_ms:
                time.sleep(pause_ms / 1_000)

    if not pause_ms:
        os.nice(POLITE)
    for number in range(count):
        threading.Thread(target=read, args=(number * len(targets) // count,), daemon=True).start()
    begun.wait()
    print("begun", flush=True)  # noqa: T201
    sys.stdin.readline()
    print(json.dumps(took_ms), flush=True)  # noqa: T201
    os._exit(0)  # the threads wait for answers


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
