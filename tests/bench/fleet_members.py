"""The members of a fleet as processes that are killed, told to end, and started again."""

import itertools
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from pathlib import Path
from typing import Any

import anyio
import msgspec

from daemon.config.credentials import Secret
from daemon.fleet.agreement import account_hash
from daemon.fleet.backends import create_log
from daemon.fleet.port import Position
from daemon.store.opening import POSITION_FACT
from tests.bench.contestants import KEYS, Contestant, Exchange, daemon
from tests.support.command import sniperd
from tests.support.daemon_process import Tables, merged
from tests.support.fleet_load import Load
from tests.support.postgres import ADMIN, USER, PostgresServer
from tests.support.unix_http import ask
from tests.support.waiting import eventually

PER_S = 100
"""Signals per second of a steady flow."""

SOME = PER_S // 2
"""Answers between the begin of a flow and what happens, and as many after it."""

PATIENCE_S = 60.0

UNLIMITED: Tables = {"exchange": {"weight_per_10s": 1_000_000, "requests_per_s": 1_000_000}}
"""The exchange's limits are out of the way: a flow of orders needs more queries than they permit."""


class Ledger:
    """An account's ledger in PostgreSQL, and what its members have in common."""

    def __init__(self, name: str, server: PostgresServer, tables: Tables | None = None) -> None:
        """Create it; ``tables`` are keys of its members' configuration."""
        self.name = name
        self.server = server
        self.environment = {**KEYS, "MEXC_API_KEY": f"mx0v{name}{server.port}"}
        account = account_hash(Secret(self.environment["MEXC_API_KEY"]))
        anyio.run(_create, server, name, account)
        fleet = {"url": server.url(), "ledger": name, "durability": "single", **(tables or {}).get("fleet", {})}
        self.tables = {**merged(UNLIMITED, tables or {}), "fleet": fleet}

    def with_tables(self, tables: Tables) -> "Ledger":
        """Return the same ledger for members with more keys in their configuration."""
        other = copy(self)
        other.tables = merged(self.tables, tables)
        return other

    def latest(self) -> int:
        """Return the number of the log's latest entry."""
        return int(self.server.sql(f"SELECT max(n) FROM sniperd.log WHERE ledger = '{self.name}'"))  # noqa: S608

    def committed_ns(self, first: int) -> dict[int, int]:
        """Return when the entries from a number on were committed, Unix ns; with ``track_commit_timestamp``."""
        rows = self.server.sql(
            "SELECT n, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1e9)::bigint FROM sniperd.log "  # noqa: S608
            f"WHERE ledger = '{self.name}' AND n >= {first}"
        )
        return {int(n): int(at_ns) for n, at_ns in (row.split("|") for row in rows.splitlines())}


async def _create(server: PostgresServer, name: str, account: str) -> None:
    await create_log(server.url(user=ADMIN), name, account, role=USER)


class Member:
    """A member: its process ends and starts again, its directory stays."""

    def __init__(self, name: str, directory: Path, ledger: Ledger, exchange: Exchange) -> None:
        self.directory = directory
        self._name = name
        self._ledger = ledger
        self._exchange = exchange
        self._process = ExitStack()
        self._contestant: Contestant | None = None

    @property
    def contestant(self) -> Contestant:
        """The running process."""
        assert self._contestant is not None, "it was not started"
        return self._contestant

    @property
    def signals(self) -> Path:
        """The socket that takes signals."""
        return self.directory / "signals.sock"

    def start(self) -> None:
        """Start it; wait until its copy of the log was complete for the first time."""
        tables = {**self._ledger.tables, "fleet": {**self._ledger.tables["fleet"], "name": self._name}}
        running = daemon(
            self.directory, self._exchange, tables, environment=self._ledger.environment, ready="fleet.standing_by"
        )
        self._contestant = self._process.enter_context(running)

    def kill(self) -> int:
        """Kill it with SIGKILL; return when, by the monotonic clock, in ns."""
        killed_ns = time.monotonic_ns()  # a stopwatch
        os.kill(self.contestant.pid, signal.SIGKILL)
        self.end()
        return killed_ns

    def end(self) -> None:
        """Let it end, unless it has ended."""
        self._process.close()

    def restart_after(self, deed: Callable[[], object]) -> None:
        """Do what makes it end; when it has ended, start it again."""
        deed()
        os.waitid(os.P_PID, self.contestant.pid, os.WEXITED | os.WNOWAIT)
        self.end()
        self.start()

    def terminate(self) -> None:
        """Tell it to end."""
        os.kill(self.contestant.pid, signal.SIGTERM)

    def command(self, *words: str) -> None:
        """Run a command of ``sniperd`` on its machine."""
        environ = {**os.environ, **self._ledger.environment, "SNIPERD_CONFIG": str(self.directory / "config.toml")}
        ran = sniperd(*words, environ=environ, directory=Path.cwd())
        assert ran.code == 0, ran

    def fleet(self) -> dict[str, Any]:
        """Return the fleet as it knows it."""
        found: dict[str, Any] = ask(self.contestant.status, "GET", "/v1/fleet").json["fleet"]
        return found

    def database(self) -> sqlite3.Connection:
        """Open its database for reading."""
        path = self.directory / "sniperd.db"
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


def copied(database: sqlite3.Connection) -> int:
    """Return the number of the latest entry that a database holds."""
    row = database.execute("SELECT value FROM facts WHERE name = ?", (POSITION_FACT,)).fetchone()
    return 0 if row is None else msgspec.json.decode(row[0], type=Position).n


class Pair:
    """An owner and a standby."""

    def __init__(self, ledger: Ledger, directory: Path, exchange: Exchange) -> None:
        self.ledger = ledger
        self.exchange = exchange
        self.members = [Member(f"{ledger.name}-{n}", directory / f"{ledger.name}-{n}", ledger, exchange) for n in "ab"]

    @contextmanager
    def running(self) -> Iterator["Pair"]:
        """Run both."""
        try:
            for each in self.members:
                each.start()
            yield self
        finally:
            for each in self.members:
                each.end()

    def roles(self) -> tuple[Member, Member]:
        """Wait until one owns the account, and the other could take over with a complete copy; return them."""
        return eventually(self._roles, "an owner, and a standby with a complete copy", PATIENCE_S, pause_s=0.1)

    def _roles(self) -> tuple[Member, Member] | None:
        found = {each.fleet()["standing"]: each for each in self.members}
        if set(found) != {"owner", "standby"}:
            return None
        owner, standby = found["owner"], found["standby"]
        theirs, ours = owner.fleet(), standby.fleet()
        able = [each for each in theirs["members"] if each["standing"] == "standby" and each["cannotOwn"] is None]
        is_complete = ours["n"] == theirs["n"] and ours["cannotOwn"] is None
        return (owner, standby) if is_complete and able else None

    @contextmanager
    def flow(self) -> Iterator["Arrivals"]:
        """Send a steady flow of signals to both until the context ends; it begins and ends with some orders."""
        signals = _Flow([each.signals for each in self.members], per_s=PER_S, at_several=0)
        arrivals = Arrivals(self.exchange)
        signals.start()
        try:
            signals.wait_for(SOME)
            yield arrivals
            signals.wait_for(SOME)
        finally:
            signals.finish()
        latest = max(each.number for each in signals.acknowledged)
        eventually(lambda: arrivals.has(signals.amount(latest)), "the last order", PATIENCE_S, pause_s=0.05)


class Arrivals:
    """When order requests arrived at the exchange, by the monotonic clock, since this was made."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        exchange.arrivals_ns()
        self._found_ns: dict[str, int] = {}

    def has(self, amount: str) -> bool:
        """Return whether an order has arrived."""
        self._found_ns |= self._exchange.arrivals_ns()
        return amount in self._found_ns

    def longest_silence(self) -> tuple[int, int]:
        """Return when the longest time without an arrival began and ended, in ns."""
        ordered = sorted(self._found_ns.values())
        return max(itertools.pairwise(ordered), key=lambda pair: pair[1] - pair[0])


_blocks = itertools.count(10_000_000, 1_000_000)


class _Flow(Load):
    """Signals that the exchange of the benchmarks tells apart, by their amounts."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._first = next(_blocks)

    def amount(self, number: int) -> str:
        """Return the amount of a signal's order."""
        return str(self._first + number)

    def signal(self, number: int) -> dict[str, Any]:
        """Return a signal."""
        amount = self.amount(number)
        return {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "MARKET",
            "quoteOrderQty": amount,
            "ownerId": "bench",
            "snipeTargetId": f"flow-{amount}",
            "idempotencyKey": f"flow-{amount}",
        }
