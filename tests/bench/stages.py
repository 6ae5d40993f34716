"""``python -m tests.bench.stages``: what an order costs besides its request, step by step, in µs of CPU time.

Each step runs on the values of two hundred orders, again and again, without the rest of the daemon. The least time
counts. In a burst the caches hold less, and everything takes two to three times as long: the figures say which step
costs how much beside the others, and what a change gained. Nothing here needs a quiet machine.
"""

import gc
import math
import os
import sqlite3
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import count
from pathlib import Path
from typing import BinaryIO, TypeVar

from daemon.api.event_stream import EventStream
from daemon.api.http.body import Body
from daemon.api.http.fast_path import wire_form
from daemon.api.http.response import json
from daemon.api.views import accepted_view
from daemon.config.credentials import Secret
from daemon.core.rules.idempotency import identity_of
from daemon.core.state.changes import ChangeSet
from daemon.core.values.orders import Order
from daemon.core.values.quote_assets import quote_asset
from daemon.core.values.signals import SignalRequest, normalise
from daemon.log import Log
from daemon.monitoring.recorder import Recorder
from daemon.store import queries
from daemon.store.commit import Commit
from daemon.store.opening import prepare
from daemon.store.writer import write
from tests.bench.contestants import KEYS
from tests.core.bench import Bench
from tests.core.making import NOON_MS, RULES, placed
from tests.exchange.mexc.clocks import ManualClock

ORDERS = 200
PER_COMMIT = 50
REPETITIONS = 20
BODY = b'{"symbol":"FOOUSDT","side":"BUY","type":"MARKET","quoteOrderQty":"10","ownerId":"anna","snipeTargetId":"T%d"}'

_body = Body[SignalRequest](SignalRequest)
_identity = partial(identity_of, per_symbol=False, one_buy_per_target=False)
_T = TypeVar("_T")

Step = Callable[[], object]


def main() -> None:
    """Measure each step, and print it."""
    with tempfile.TemporaryDirectory() as name, Path(os.devnull).open("wb") as nothing, closing(_log(nothing)) as log:
        for about, step in _steps(Path(name), log):
            print(f"{about:<48} {_least_us(step):>6.1f}")  # noqa: T201  # its purpose


def _steps(place: Path, log: Log) -> Iterator[tuple[str, Step]]:
    accepted, answered = _decided()
    orders = [order for changes in answered for order in changes.orders.values()]
    events = [event for changes in (*accepted, *answered) for event in changes.events]
    clock = ManualClock(NOON_MS)
    recorder, stream = Recorder(clock), EventStream(clock, log.emit, log.redacted)
    bodies = [BODY % number for number in range(ORDERS)]
    signals = [normalise(_body.decode(body), RULES.config, now_ms=NOON_MS) for body in bodies]
    keys = [_identity(each).keys for each in signals]
    files = (place / f"{number}.db" for number in count())
    with closing(sqlite3.connect(next(files), isolation_level=None)) as database:
        prepare(database, place / "0.db")
        yield "body of a signal", _each(_body.decode, bodies)
        yield "fingerprint and keys", _each(_identity, signals)
        yield (
            "lookup of its keys on disk",
            _each(partial(queries.by_keys, database), keys),
        )
    yield "rows, statements and commits (2 of 50 orders)", lambda: _write(next(files), accepted, answered)
    yield "answer", _each(_answer, orders)
    yield f"log lines ({len(events) / ORDERS:g})", _each(log.emit, events)
    yield "metrics and series", _each(recorder.on_event, events)
    yield "stream of events without readers", _each(stream.on_event, events)


def _each(work: Callable[[_T], object], values: Sequence[_T]) -> Step:
    return lambda: deque(map(work, values), maxlen=0)


def _answer(order: Order) -> bytes:
    return wire_form(json(accepted_view(order, quote_asset, replayed=False), 202), stays=True)


def _decided() -> tuple[list[ChangeSet], list[ChangeSet]]:
    """Accept and send orders, then answer them; return the changes of the decisions."""
    bench = Bench()
    accepted: list[ChangeSet] = []
    answered: list[ChangeSet] = []
    for number in range(ORDERS):
        bench.pass_time(2_000)  # for the rate budget
        bench.watchers[:] = [accepted.append]
        order = bench.submit(snipe_target_id=str(number), owner_id=f"owner-{number}")
        bench.watchers[:] = [answered.append]
        bench.settle()
        bench.answer(order, placed())
        bench.watchers.clear()
    return [each for each in accepted if each], [each for each in answered if each]


def _log(stream: BinaryIO) -> Log:
    log = Log(stream, level="info", form="json")
    log.redact(Secret(key) for key in KEYS.values())
    return log


def _write(path: Path, *decisions: list[ChangeSet]) -> float:
    """Write decisions into a new database; return the CPU time in seconds, without that of its creation."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        prepare(database, path)
        began_s = time.thread_time()
        for group in decisions:
            for first in range(0, len(group), PER_COMMIT):
                commit = Commit()
                for changes in group[first : first + PER_COMMIT]:
                    commit.join(changes)
                write(database, commit)
        return time.thread_time() - began_s


def _least_us(step: Step) -> float:
    """Return the least CPU time of a step for one order."""
    step()
    least_s = math.inf
    gc.disable()
    for _ in range(REPETITIONS):
        began_s = time.thread_time()
        spent_s = step()
        least_s = min(least_s, spent_s if isinstance(spent_s, float) else time.thread_time() - began_s)
    gc.enable()
    return least_s * 1e6 / ORDERS


if __name__ == "__main__":
    main()
