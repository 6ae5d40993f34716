"""What a fleet costs its owner: signal to order, alone and with a log in PostgreSQL or Valkey.

Daemons are alive at once and take turns as in :mod:`tests.bench.wire`: one alone, one whose log is in a PostgreSQL on
the same machine, one whose PostgreSQL waits for a synchronous standby, which is on the same machine, too, and one whose
log is in a Valkey that syncs every write. "door" is one with PostgreSQL whose signals come through another member's
socket; its CPU time is the owner's. The servers take their part of the cores and of the disk. On machines of their own
they would not, and the way over the network would be added.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import anyio

from daemon.config.credentials import Secret
from daemon.fleet.agreement import account_hash
from daemon.fleet.backends import create_log
from tests.bench.contestants import KEYS, Contestant, Exchange, Tables, daemon
from tests.bench.report import Report, report
from tests.bench.rounds import Round, measure_rounds, turns
from tests.bench.wire import METRICS, WARM, turn
from tests.support.postgres import ADMIN, USER, PostgresServer, postgres_server
from tests.support.stage import Stage
from tests.support.valkey_process import ValkeyProcess

ACCOUNT = account_hash(Secret(KEYS["MEXC_API_KEY"]))


def measure(directory: Path, *, signals: int, burst: int, rounds: int, servers: Path) -> Report:
    """Measure all contestants in turns.

    Args:
        directory: on a disk; each contestant gets a directory of its own in it.
        signals: sent one after another in a turn.
        burst: sent at once in a turn.
        rounds: how many are to count.
        servers: on the same disk; PostgreSQL's directories are made in it, which another user must reach.

    """
    with ExitStack() as stack:
        exchange = stack.enter_context(Exchange(directory))
        contestants = [
            stack.enter_context(daemon(directory / "alone", exchange))._replace(name="alone"),
            stack.enter_context(_owner("postgresql", directory, exchange, servers, synchronous=False)),
            stack.enter_context(_owner("synchronous", directory, exchange, servers, synchronous=True)),
            stack.enter_context(_owner_on_valkey(directory, exchange)),
            stack.enter_context(_owner("door", directory, exchange, servers, synchronous=False, door=True)),
        ]
        by_name = {each.name: each for each in contestants}
        for each in contestants:
            turn(each, exchange, WARM, burst)

        def one(number: int) -> Round:
            order = turns(by_name, number)
            found = {name: turn(by_name[name], exchange, signals, burst) for name in order}
            return {name: found[name] for name in by_name}

        return report("fleet", measure_rounds("fleet", one, wanted=rounds), METRICS, ["alone"])


@contextmanager
def _owner(
    name: str, directory: Path, exchange: Exchange, servers: Path, *, synchronous: bool, door: bool = False
) -> Iterator[Contestant]:
    """Run a daemon that owns a ledger of its own server; with ``door``, signals go to another member."""
    with postgres_server(servers) as primary, postgres_server(servers) as standby:
        primary.create()
        anyio.run(_create_log, primary)
        if synchronous:
            standby.create_standby(primary, "standby")
            primary.set(synchronous_standby_names="standby")
        durability = "synchronous" if synchronous else "single"
        fleet = {"fleet": {"url": primary.url(), "name": name, "durability": durability}}
        with daemon(directory / name, exchange, fleet) as owner:
            if not door:
                yield owner._replace(name=name)
                return
            with _door(directory / "other", exchange, fleet) as other:
                yield owner._replace(name=name, signals=other.signals)


@contextmanager
def _door(directory: Path, exchange: Exchange, fleet: Tables) -> Iterator[Contestant]:
    """Run a door to a ledger's owner."""
    settings = {"fleet": {**fleet["fleet"], "name": "door", "role": "door"}}
    with daemon(directory, exchange, settings, ready="fleet.standing_by") as contestant:
        yield contestant


@contextmanager
def _owner_on_valkey(directory: Path, exchange: Exchange) -> Iterator[Contestant]:
    """Run a daemon that owns a ledger in a Valkey that syncs every write."""
    with ExitStack() as ends:
        server = ValkeyProcess.started(Stage(directory, ends))
        anyio.run(create_log, server.url, "main", ACCOUNT)
        fleet = {"fleet": {"url": server.url, "name": "valkey", "durability": "single"}}
        with daemon(directory / "on-valkey", exchange, fleet) as contestant:
            yield contestant._replace(name="valkey")


async def _create_log(server: PostgresServer) -> None:
    await create_log(server.url(user=ADMIN), "main", ACCOUNT, role=USER)
