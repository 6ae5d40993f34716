"""A log of very many orders, as a fleet would have written it in months, and an empty member that copies it.

Real orders are traded one by one on the simulated exchange, so that each has entries of its own, with its fills. That
is the most entries an order has: of orders that come at once, an entry holds many. The recorded entries are then
written again and again, with other ids and numbers, each chained to the one before as an owner does it. They are copied
into the table, because an owner's statements for so many would take minutes; a member that joins checks each of them.
"""

import itertools
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import anyio
import msgspec

from daemon.core.values.events import Event
from daemon.core.values.locks import Lock
from daemon.core.values.orders import Order
from daemon.fleet.backends import open_backend
from daemon.fleet.entries import Body, decode, encode
from daemon.fleet.port import Backend, Entry, next_entry
from daemon.fleet.postgres_line import Servers
from tests.bench import machine
from tests.bench.contestants import KEYS, Exchange
from tests.bench.fleet_members import Ledger, Member, copied
from tests.bench.rounds import Figures, progress
from tests.support.daemon_process import Keys
from tests.support.postgres import ADMIN, PostgresServer
from tests.support.stage import Stage
from tests.support.unix_http import Connection
from tests.support.waiting import eventually

GAP_S = 0.05
"""Between two orders, so that they do not share entries."""

SETTLES_S = 60.0
"""The longest wait until the fills of all orders are known."""

SIZE = "SELECT pg_total_relation_size('sniperd.log')"

PIECE = 5_000
"""Entries that are read or written together."""


class LongLog:
    """A ledger whose log grows long."""

    def __init__(self, server: PostgresServer, directory: Path, exchange: Exchange) -> None:
        """``exchange`` is for the members that join: they have nothing to trade there."""
        self._server = server
        self._directory = directory
        self._exchange = exchange
        self._ledger = Ledger("long", server)
        self._recorded: Sequence[Entry] = ()
        self._orders = 0

    def record(self, orders: int) -> Figures:
        """Trade orders one by one; return what each took in the database, in KB of 1,000 bytes."""
        with ExitStack() as ends:
            keys = Keys(self._ledger.environment["MEXC_API_KEY"], KEYS["MEXC_SECRET_KEY"])
            url = Stage(self._directory, ends).exchange(keys=keys).url
            ledger = self._ledger.with_tables({"exchange": {"base_url": url}})
            owner = Member("trader", self._directory / "trader", ledger, self._exchange)
            ends.callback(owner.end)
            owner.start()
            eventually(lambda: owner.fleet()["standing"] == "owner", "it owns the account")
            _trade(owner, 1, "first")  # what is once in a log, and not for each order
            before, first = int(self._server.sql(SIZE)), self._ledger.latest()
            _trade(owner, orders, "long")
            size = int(self._server.sql(SIZE)) - before
        self._recorded = anyio.run(self._read, first)
        self._orders = orders
        bodies = sum(len(entry.body) for entry in self._recorded)
        return {"log_kb": size / orders / 1_000, "bodies_kb": bodies / orders / 1_000}

    def multiply(self, times: int) -> None:
        """Write the recorded entries again, until there are as many orders ``times``."""
        anyio.run(self._write, times)
        progress(f"takeover: the log has {self._ledger.latest():,} entries")

    def join(self, number: int) -> Figures:
        """Start an empty member; return how long it took until its copy was complete, and its memory until then."""
        newcomer = Member("newcomer", self._directory / f"newcomer-{number}", self._ledger, self._exchange)
        last, began_s = self._ledger.latest(), time.perf_counter()
        newcomer.start()
        took_s, pid = time.perf_counter() - began_s, newcomer.contestant.pid
        cpu_s, peak = machine.cpu_ns(pid) / 1e9, machine.peak_bytes(pid)
        with closing(newcomer.database()) as database:
            if (n := copied(database)) < last:
                raise RuntimeError(f"the copy ends at entry {n} of {last}")
        newcomer.end()
        shutil.rmtree(newcomer.directory)
        return {"joins_s": took_s, "joins_cpu_s": cpu_s, "joins_mb": peak / 1e6}

    async def _read(self, after: int) -> Sequence[Entry]:
        async with open_backend(self._server.url(), self._ledger.name, "single") as backend:
            return await _all(backend, after)

    async def _write(self, times: int) -> None:
        at = self._recorded[-1].position
        bodies = _copies([decode(entry.body) for entry in self._recorded], self._orders, times)
        connection, _ = await Servers(self._server.url(user=ADMIN)).connect({})
        while piece := [*itertools.islice(bodies, PIECE)]:
            rows = []
            for body in piece:
                entry = next_entry(at, epoch=at.epoch, at_ms=self._recorded[-1].at_ms, body=body)
                rows.append((self._ledger.name, *msgspec.structs.astuple(entry)))
                at = entry.position
            await connection.copy_records_to_table("log", schema_name="sniperd", records=rows)
        await connection.close()


async def _all(backend: Backend, after: int) -> Sequence[Entry]:
    found: list[Entry] = []
    while piece := await backend.read(after, PIECE):
        found += piece
        after = piece[-1].n
    return found


def _trade(owner: Member, orders: int, name: str) -> None:
    """Buy one after the other; wait until the fills of all are known."""
    with closing(owner.database()) as database, closing(Connection(owner.signals)) as connection:
        fills = "SELECT count(DISTINCT order_id) FROM fills"
        wanted = database.execute(fills).fetchone()[0] + orders
        for number in range(orders):
            key = f"{name}-{number:08}"
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "25", "ownerId": "bench"}
            answer = connection.ask("POST", "/v1/signals", {**order, "snipeTargetId": key, "idempotencyKey": key})
            assert answer.status == 202, answer.raw
            time.sleep(GAP_S)
        eventually(lambda: database.execute(fills).fetchone()[0] >= wanted, "all fills are known", SETTLES_S)
    machine.settle(owner.contestant.pid)


def _copies(bodies: Sequence[Body], orders: int, times: int) -> Iterator[bytes]:
    """Yield the bodies of recorded entries again and again, each time as those of other orders."""
    ids = sorted({order.order_id for body in bodies for order in body.orders})
    numbers = {order_id.encode(): number for number, order_id in enumerate(ids)}
    named = re.compile(b"|".join([*numbers, rb"long-\d{8}"]))
    tokens = len({lock.token for body in bodies for lock in body.locks})
    encoded = [encode(body) for body in bodies]
    for time_ in range(1, times):

        def renamed(found: re.Match[bytes], first: int = time_ * orders) -> bytes:
            """Return another id or key of the same length, so that the body stays readable."""
            text = found[0]
            if text in numbers:
                return text[:-12] + b"%012d" % (first + numbers[text])
            return b"long-%08d" % (first + int(text[5:]))

        for each in encoded:
            yield _renumbered(decode(named.sub(renamed, each)), time_ * orders, time_ * tokens, time_)


def _renumbered(body: Body, orders: int, tokens: int, time_: int) -> bytes:
    """Return a body whose orders, locks and fills have other numbers."""

    def lock_id(text: str | None) -> str | None:
        return None if text is None else f"lock-{int(text.removeprefix('lock-')) + tokens}"

    def moved(value: Order | Lock | Event) -> object:
        changes: dict[str, object] = {"lock_id": lock_id(value.lock_id)}
        if isinstance(value, Order):
            changes["seq"] = value.seq + orders
        elif isinstance(value, Lock):
            changes["token"] = value.token + tokens
        return msgspec.structs.replace(value, **changes)

    fills = [msgspec.structs.replace(fill, trade_id=f"{fill.trade_id}-{time_}") for fill in body.fills]
    rows = {name: [moved(each) for each in getattr(body, name)] for name in ("orders", "locks", "events")}
    return encode(msgspec.structs.replace(body, fills=fills, **rows))
