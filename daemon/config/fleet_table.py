"""The table of a fleet: several daemons for one account, of which one trades and the others stand by."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit

from msgspec import Meta

from daemon.config import credentials
from daemon.config.credentials import Secret
from daemon.config.fields import AtRestart, Table
from daemon.errors import BadConfig

SCHEMES = ("postgresql", "postgres", "valkey", "valkeys", "redis", "rediss")
PASSWORD = "fleet_password"  # noqa: S105  # a credential's name
"""Name of the credential that holds the password of the fleet's database."""

LEASE_MARGIN_MS = 500
"""What a lease lasts beyond an order's window and two renewals. With less, one late renewal would stop new orders."""

_LEDGER = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class FleetTable(Table, frozen=True):
    """Several daemons for one account: one owns it and trades, the others stand by and take over.

    They share a database, which keeps the log of all decisions. See `sniperd manual fleet`.
    """

    url: AtRestart[str] = ""
    """The database that the members share: postgresql://USER@HOST1,HOST2/DATABASE?sslmode=verify-full, or
    valkeys://USER@HOST (also valkey, redis, rediss). It may hold no password: see password_file. Off by default,
    because one machine needs no fleet. Empty: no fleet."""
    password_file: AtRestart[str] = ""
    """The file that holds the database's password and nothing else. Other users must not be able to read it (chmod
    600). The credential fleet_password from the service manager takes precedence. Empty: no password is sent, unless
    PostgreSQL's own $PGPASSFILE has one."""
    ledger: AtRestart[str] = "main"
    """The account's name in the database, with letters, digits, - and _. All members of an account have the same
    ledger; another account in the same database needs another one."""
    name: AtRestart[str] = ""
    """What people see this member as, with letters, digits, dots, - and _. It identifies nothing: a member is
    recognised by a random id in its own database. Empty: the host's name."""
    role: AtRestart[Literal["member", "door"]] = "member"
    """What this daemon does. "member": it can own the account. "door": it never trades; it hands signals to the owner
    and shows the account, for example beside a bot that runs elsewhere."""
    lease_ms: AtRestart[Annotated[int, Meta(ge=2_000, le=60_000)]] = 5_000
    """Milliseconds for which the owner may trade without a renewal. If its machine is lost, no other member trades
    before they have passed, so a shorter lease means a shorter outage. It is at least [exchange] recv_window_ms +
    2 * renew_ms + 500, so that two renewals may fail and an order still has its whole window."""
    renew_ms: AtRestart[Annotated[int, Meta(ge=100, le=20_000)]] = 1_000
    """Milliseconds between two renewals of the lease. Each is a small write to the shared database."""
    durability: AtRestart[Literal["synchronous", "below", "single"]] = "synchronous"
    """What is required of the shared database before this member owns the account. "synchronous": it acknowledges a
    write only when a second server has it, so that its fail-over loses nothing. "below": one server whose storage is
    replicated beneath it, as some cloud databases are; write it only if its maker promises that. "single": one server
    that syncs every write to its disk; if it is lost the fleet stands still, and no replica may ever replace it. The
    default is the one that survives the loss of any one machine."""

    @property
    def is_door(self) -> bool:
        """Whether this daemon never trades."""
        return self.role == "door"

    def check(self, recv_window_ms: int) -> None:
        """Check the values against each other and an order's window.

        Raises:
            BadConfig: a text is not as its key describes. The message never repeats the URL, which may hold a password.

        """
        if not _LEDGER.fullmatch(self.ledger):
            raise BadConfig(f"[fleet] ledger = {self.ledger!r}; allowed: 1 to 40 letters, digits, - and _")
        if self.name and not _NAME.fullmatch(self.name):
            raise BadConfig(f"[fleet] name = {self.name!r}; allowed: up to 64 letters, digits, dots, - and _")
        if self.url:
            self._check_url()
            self._check_lease(recv_window_ms)

    def _check_url(self) -> None:
        try:
            url = urlsplit(self.url)
            has_password = holds_password(self.url)
            places = _places(self.url)
        except ValueError as error:
            raise BadConfig(f"[fleet] url is no address: {error}") from None
        if has_password:
            raise BadConfig(
                "[fleet] url holds a password, and this file is not secret; remove it, change it at the database, and "
                f"give it as the credential {PASSWORD}, in a file that [fleet] password_file names, or in $PGPASSFILE"
            )
        if url.scheme not in SCHEMES:
            raise BadConfig(
                f"[fleet] url begins with {url.scheme!r}; allowed: postgresql://USER@HOST[:PORT]/DATABASE, or "
                "valkey://, valkeys://, redis:// or rediss://USER@HOST[:PORT]"
            )
        if self.durability == "single" and (len(places) > 1 or "sentinel" in parse_qs(url.query)):
            raise BadConfig(
                '[fleet] durability = "single" is for one server, and url names several, or Sentinels: after a '
                "fail-over to one that lacks the latest writes an order could be sent twice; name one server, or set "
                '"synchronous"'
            )

    def _check_lease(self, recv_window_ms: int) -> None:
        least_ms = recv_window_ms + 2 * self.renew_ms + LEASE_MARGIN_MS
        if self.lease_ms < least_ms:
            raise BadConfig(
                f"[fleet] lease_ms = {self.lease_ms} is too short; allowed: at least [exchange] recv_window_ms + "
                f"2 * renew_ms + {LEASE_MARGIN_MS} = {recv_window_ms} + 2 * {self.renew_ms} + {LEASE_MARGIN_MS} "
                f"= {least_ms}"
            )


def _places(url: str) -> list[str]:
    """Return the hosts of a URL with their ports; PostgreSQL takes them from the parameter ``host``, too.

    Raises:
        ValueError: a port is none.

    """
    parts = urlsplit(url)
    places = parts.netloc.rpartition("@")[2].split(",")
    for place in places:
        urlsplit(f"//{place}").port  # noqa: B018  # it checks the port
    named = parse_qs(parts.query).get("host", [""])[0]
    return places if places != [""] else named.split(",")


def holds_password(url: str) -> bool:
    """Return whether a URL holds a password.

    Raises:
        ValueError: it is no URL.

    """
    parts = urlsplit(url)
    names = [name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)]
    return parts.password is not None or any("password" in name for name in names)


def password(table: FleetTable, environ: Mapping[str, str]) -> Secret | None:
    """Return the password of the fleet's database; ``None`` if none is given.

    Raises:
        NoPermission: it is empty, unreadable, or readable by others.

    """
    return credentials.token(environ, PASSWORD, table.password_file, "password")
