"""Connections to PostgreSQL: to the primary among several hosts, bounded in time, dropped after every failure.

A statement that commits is not always durable. If the wait for the synchronous standby is cancelled, the server commits
on its own disk alone, reports success, and says so in a warning. So a warning fails the statement.

A statement whose answer did not come may still be done. The connection is then closed without asking the server to
cancel the statement: a cancelled wait for the standby would show others what the standby does not have.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, unquote, urlsplit

import anyio
import asyncpg

from daemon.config.credentials import Secret
from daemon.errors import BackendFailed, BackendRefused, BadConfig

TIMEOUT_S = 2.0
"""The longest wait for a statement, with the connection if there is none: less than half of the default lease."""

CONNECT_S = 1.0
"""The longest wait for one host."""

PORT = 5432

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, EOFError)
"""What asyncpg raises. A ``TimeoutError`` is an ``OSError``."""

REFUSALS = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError)
"""What the server says to a user that it does not know or that lacks a right; a wrong password is one of the first."""

SETTINGS = {
    "application_name": "sniperd",
    "client_min_messages": "warning",  # a role may have set it higher, and would hide the warning
    "default_transaction_isolation": "read committed",
    "lock_timeout": "0",
    "synchronous_commit": "on",
    "statement_timeout": "0",  # it would cancel the wait for the standby
    # Firewalls forget connections that are silent for long, and the first signal of the morning would wait.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
"""A session's settings, whatever the server's and the role's are."""

Host = tuple[str | None, int | None]
"""A name, address or directory of a Unix socket, and a port; ``None``: what asyncpg takes by default."""


class Servers:
    """The hosts of a URL. Its texts hold no password."""

    def __init__(self, url: str, password: Secret | None = None) -> None:
        """Read the URL.

        Raises:
            BadConfig: it cannot be read.

        """
        parts = urlsplit(url)
        places, query = parts.netloc.rpartition("@")[2], parse_qs(parts.query)
        self._url = url
        self._password = password
        try:
            self._hosts = deque(_hosts(places or query.get("host", [""])[0], query.get("port", [""])[0]))
        except ValueError:
            raise BadConfig(f"[fleet] url names a port that is no number: {places}") from None
        self.turn = 0  # counts the failures
        self.place = ",".join(_shown(host) for host in self._hosts) + parts.path

    async def connect(self, settings: Mapping[str, str]) -> tuple[asyncpg.Connection, Host]:
        """Connect to the primary; return the connection and its host.

        Raises:
            BackendFailed: no host is the primary, or a connection pooler answers.
            BackendRefused: a host does not let this user in, and no other is the primary.

        """
        failures, is_refused = [], False
        for host in tuple(self._hosts):
            try:
                connection = await self._connect_to(host, settings)
            except DRIVER_ERRORS as error:
                failures.append(f"{_shown(host)}: {said(error)}")
                is_refused |= isinstance(error, REFUSALS)
                self._put_last(host)
            else:
                return connection, host
        raise (BackendRefused if is_refused else BackendFailed)(f"PostgreSQL: {'; '.join(failures)}")

    def leave(self, host: Host) -> None:
        """Try the other hosts first from now on, with every connection.

        A former primary may still answer, and show an old log to those that only read.
        """
        self.turn += 1
        self._put_last(host)

    def _put_last(self, host: Host) -> None:
        if self._hosts[0] == host:
            self._hosts.rotate(-1)

    async def _connect_to(self, host: Host, settings: Mapping[str, str]) -> asyncpg.Connection:
        """Connect to a host, and make sure that it is the server itself.

        Behind a pooler every statement may reach another session, with other settings. A pooler answers with a process
        number of its own.
        """
        with anyio.fail_after(CONNECT_S):
            connection = await asyncpg.connect(
                self._url,
                host=host[0],
                port=host[1],
                password=None if self._password is None else self._password.reveal(),
                timeout=CONNECT_S,
                max_cached_statement_lifetime=0,
                server_settings={**SETTINGS, **settings},
                target_session_attrs="primary",
            )
            try:
                process = await connection.fetchval("SELECT pg_backend_pid()")
            except BaseException:
                connection.terminate()
                raise
        if process != connection.get_server_pid():
            connection.terminate()
            raise BackendFailed(f"PostgreSQL: {_shown(host)} is a connection pooler; [fleet] url must name the server")
        return connection


class Line:
    """One connection, used by one statement at a time. It is made when it is needed."""

    def __init__(self, servers: Servers, *, synchronous_commit: str) -> None:
        self._servers = servers
        self._settings = {"synchronous_commit": synchronous_commit}
        self._mutex = anyio.Lock(fast_acquire=True)  # a free lock costs no turn of the loop
        self._connection: asyncpg.Connection | None = None
        self._host: Host = None, None
        self._turn = 0
        self._warning = ""
        self.version = ""  # of the server, once connected

    async def fetch(self, statement: str, *values: object) -> Sequence[asyncpg.Record]:
        """Execute a statement in a transaction of its own, and return its rows.

        Raises:
            BackendFailed: no answer in time, or an error; it may be done or not.
            BackendRefused: the user may not connect, or may not do this.
            asyncpg.UniqueViolationError: nothing was done.

        """
        try:
            with anyio.fail_after(TIMEOUT_S):
                async with self._mutex:
                    return await self._fetch(statement, values)
        except asyncpg.UniqueViolationError:
            raise
        except REFUSALS as error:
            raise BackendRefused(f"PostgreSQL: {said(error)}") from error
        except DRIVER_ERRORS as error:
            raise BackendFailed(f"PostgreSQL: {said(error)}") from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _fetch(self, statement: str, values: Sequence[object]) -> Sequence[asyncpg.Record]:
        if self._turn != self._servers.turn:
            self.close()
        if self._connection is None or self._connection.is_closed():
            self._turn = self._servers.turn
            self._connection, self._host = await self._servers.connect(self._settings)
            self._connection.add_log_listener(self._warned)
            self.version = self._connection.get_settings().server_version.split()[0]
        self._warning = ""
        try:
            rows: Sequence[asyncpg.Record] = await self._connection.fetch(statement, *values)
        except asyncpg.UniqueViolationError:
            raise
        except BaseException:
            self._servers.leave(self._host)
            self.close()
            raise
        if self._warning:
            self.close()
            raise BackendFailed(f"PostgreSQL: {self._warning}")
        return rows

    def _warned(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        """Note a warning; asyncpg calls this before the statement returns."""
        if message.severity_en == "WARNING":
            self._warning = message.message


def said(error: BaseException) -> str:
    """Return in one line what an error says, and for the usual ones what to do."""
    text = "; ".join(" ".join(line.split()) for line in str(error).splitlines())  # the server's hint has its own
    if isinstance(error, (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)):
        return f"{text}; create the tables: sniperd fleet init"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return (
            f"{text}; correct the user in [fleet] url, its password ([fleet] password_file, systemd's credential "
            "fleet_password, or for --url the file that $PGPASSFILE names), or the server's pg_hba.conf"
        )
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"{text}; `sniperd fleet init` grants the daemons' role its rights"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return text or type(error).__name__


def _hosts(places: str, ports: str) -> Sequence[Host]:
    """Read a list of hosts, each with its port or not; ``ports`` is for those without."""
    names = places.split(",")
    given = [int(port) for port in ports.split(",")] if ports else [PORT]
    given = given * len(names) if len(given) == 1 else given
    return [_host(name, port) for name, port in zip(names, given, strict=True)]


def _host(name: str, port: int) -> Host:
    name = unquote(name)
    if name.startswith("["):
        name, _, own = name[1:].partition("]")
        return name, int(own[1:]) if own else port
    if name.startswith("/"):
        return name, port
    name, _, own = name.partition(":")
    return (name, int(own) if own else port) if name else (None, None)


def _shown(host: Host) -> str:
    name, port = host
    if name is None:
        return "localhost"
    shown = f"[{name}]" if ":" in name else name
    return shown if port == PORT else f"{shown}:{port}"
