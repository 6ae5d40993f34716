"""A fleet of daemons: one shared database, one simulated exchange, a relay between each member and either of them."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count

from daemon.config.credentials import Secret
from daemon.fleet.agreement import account_hash
from daemon.fleet.backends import create_log
from tests.support.daemon_process import KEYS, Daemon, Keys, Tables, merged
from tests.support.edge import Edge, edge_before
from tests.support.postgres import ADMIN, PASSWORD, USER, PostgresServer
from tests.support.stage import Stage, stage
from tests.support.valkey_process import ValkeyProcess
from tests.support.waiting import PATIENCE_S, eventually

LEASE_MS, RENEW_MS, WINDOW_MS = 2_500, 400, 1_000

QUICK_FLEET: Tables = {
    "exchange": {"recv_window_ms": WINDOW_MS, "timeout_ms": 1_000},
    "fleet": {"lease_ms": LEASE_MS, "renew_ms": RENEW_MS, "durability": "single"},
    "reconcile": {"startup_s": 2},
}

Server = PostgresServer | ValkeyProcess
"""The shared database, where the daemons' user has a password."""


def new_keys() -> Keys:
    """Return the keys of an account that has no ledger yet."""
    return Keys(f"mx0v{secrets.token_hex(8)}", KEYS.api_secret)


_ledgers = count(1)


class Member:
    """A daemon of the fleet, and its ways to the database and to the exchange."""

    def __init__(self, daemon: Daemon, to_database: Edge, to_exchange: Edge) -> None:
        self.daemon = daemon
        self.to_database = to_database
        self.to_exchange = to_exchange

    @property
    def owns(self) -> bool:
        """Whether it accepts signals itself, by its log."""
        process = self.daemon.process
        return process.is_running() and bool(process.events("daemon.ready"))

    def start(self, *wrapper: str) -> None:
        """Start it, and wait until it stands by or owns the account."""
        self.daemon.launch(*wrapper)
        self.daemon.wait_for("fleet.standing_by")


class Fleet:
    """The members of one ledger, and the exchange that knows its account."""

    def __init__(self, stage: Stage, ends: ExitStack, server: Server) -> None:
        self.keys = new_keys()
        self.exchange = stage.exchange(keys=self.keys)
        self.members: list[Member] = []
        self._stage = stage
        self._ends = ends
        self._server = server
        self.ledger = f"test-{next(_ledgers)}"
        account = account_hash(Secret(self.keys.api_key))
        asyncio.run(create_log(_admin_url(server), self.ledger, account, role=USER))

    def add(self, config: Tables | None = None, *, name: str = "") -> Member:
        """Make a member, without starting it."""
        to_database = self._ends.enter_context(edge_before(f"tcp://127.0.0.1:{self._server.port}"))
        to_exchange = self._ends.enter_context(edge_before(self.exchange.url))
        port = to_database.url.rpartition(":")[2]
        fleet = {
            "url": f"{_scheme(self._server)}://{USER}@127.0.0.1:{port}/{_database(self._server)}",
            "ledger": self.ledger,
            "name": name or f"member-{len(self.members) + 1}",
        }
        daemon = self._stage.daemon(self.exchange, merged(QUICK_FLEET, {"fleet": fleet}, config or {}), keys=self.keys)
        secret = daemon.directory / "fleet-password"
        secret.write_text(PASSWORD)
        secret.chmod(0o600)
        daemon.configure({"fleet": {"password_file": str(secret)}, "exchange": {"base_url": to_exchange.url}})
        self.members.append(Member(daemon, to_database, to_exchange))
        return self.members[-1]

    def owner(self, timeout_s: float = PATIENCE_S) -> Member:
        """Wait for a member that owns the account; return it."""
        return eventually(
            lambda: next((each for each in self.members if each.owns), None), "a member owns the account", timeout_s
        )

    def others(self, than: Member) -> list[Member]:
        """Return the members beside one."""
        return [each for each in self.members if each is not than]


def _admin_url(server: Server) -> str:
    return server.url(user=ADMIN) if isinstance(server, PostgresServer) else server.url


def _scheme(server: Server) -> str:
    return "postgresql" if isinstance(server, PostgresServer) else "valkey"


def _database(server: Server) -> str:
    return "postgres" if isinstance(server, PostgresServer) else "0"


@contextmanager
def fleet_stage(server: Server, members: int = 2, config: Tables | None = None) -> Iterator[Fleet]:
    """Create a fleet whose members stand by, except for one, which owns the account."""
    with stage() as place, ExitStack() as ends:
        fleet = Fleet(place, ends, server)
        for _ in range(members):
            fleet.add(config).start()
        fleet.owner()
        yield fleet
