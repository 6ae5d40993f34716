"""``python -m tests.process.fleet.stopped_at POINT NUMBER COMMAND…``: run the daemon, and stop it at its worst instant.

The process stops itself (SIGSTOP) when it passes a point for the given time, as if its machine had been paused there.
Who started it continues it. The points are those at which an owner that another member replaces meanwhile is most
dangerous.
"""

import os
import runpy
import signal
import sys

from daemon.exchange.mexc.order_request import MexcOrderRequest
from daemon.fleet.port import Entry
from daemon.fleet.postgres import PostgresBackend

POINTS = ("decided", "durable", "signed")
"""Before a group is in the log; after it is there; before an order's first byte."""


class _Countdown:
    """Stops the process when it passes for the given time."""

    def __init__(self, left: int) -> None:
        self._left = left

    def passed(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)


def stop_at(point: str, number: int) -> None:
    """Stop this process when it passes a point for the given time."""
    countdown, append, write = _Countdown(number), PostgresBackend.append, MexcOrderRequest.write

    async def append_between(backend: PostgresBackend, entry: Entry) -> None:
        if point == "decided":
            countdown.passed()
        await append(backend, entry)
        if point == "durable":
            countdown.passed()

    def write_after(request: MexcOrderRequest) -> bool:
        if point == "signed":
            countdown.passed()
        return write(request)

    PostgresBackend.append = append_between  # type: ignore[method-assign, assignment]
    MexcOrderRequest.write = write_after  # type: ignore[method-assign, assignment]


if __name__ == "__main__":
    stop_at(sys.argv[1], int(sys.argv[2]))
    sys.argv = sys.argv[sys.argv.index("daemon") :]
    runpy.run_module("daemon", run_name="__main__", alter_sys=True)
