"""``python -m tests.slow.service.caller SOCKET``: a bot under load, until its standard input ends.

One signal after another, each on a connection of its own. A signal without an answer is sent again with the same key,
as a bot should. A refused connection must never happen, and is counted.
"""

import http.client
import json
import os
import sys
import threading
from pathlib import Path

from tests.support.unix_http import Connection

REPORT_EVERY = 20


def _main(path: Path) -> None:
    over = threading.Event()
    threading.Thread(target=_wait_for_end, args=[over], daemon=True).start()
    counts = {"answered": 0, "refused": 0, "broken": 0}
    other: list[int] = []
    while not over.is_set():
        status = _signal(path, counts["answered"], counts)
        counts["answered"] += 1
        if status not in {200, 202}:
            other.append(status)
        if counts["answered"] % REPORT_EVERY == 0:
            print(json.dumps(counts), flush=True)  # noqa: T201  # for the process that started it
    print(json.dumps({**counts, "other": other}), flush=True)  # noqa: T201


def _wait_for_end(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def _signal(path: Path, number: int, counts: dict[str, int]) -> int:
    """Send a signal until it is answered; return the answer's status."""
    signal = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "10", "ownerId": "bot",
        "snipeTargetId": f"{os.getpid()}-{number}", "deadlineMs": 60_000,
    }  # fmt: skip
    while True:
        connection = Connection(path)
        try:
            connection.connect()
        except OSError:
            counts["refused"] += 1
            continue
        try:
            connection.request("POST", "/v1/signals", json.dumps(signal), {"Content-Type": "application/json"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            counts["broken"] += 1
        finally:
            connection.close()


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
