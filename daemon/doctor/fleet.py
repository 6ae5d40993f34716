"""The fleet: whether its database answers and keeps what it acknowledges, and whether its members agree."""

import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import anyio

from daemon import __version__
from daemon.config import fleet_table
from daemon.config.addresses import LOOPBACK
from daemon.config.credentials import Credentials, Secret
from daemon.config.fleet_table import FleetTable
from daemon.config.tables import Config
from daemon.core.values.fleet_health import OLD_REPORT_MS
from daemon.doctor.findings import Finding, failure, ok, warning
from daemon.doctor.keys import AS_ROOT, PLAIN, place
from daemon.errors import BackendFailed, BadConfig, NoPermission, NotDurable
from daemon.fleet.agreement import IF_OTHER_ACCOUNT, account_hash, configuration_hash, other_account
from daemon.fleet.backends import open_backend
from daemon.fleet.port import Lease, MemberReport, Role

CHECK, ACCOUNT, DURABLE, MEMBERS = "fleet", "account", "durability", "members"
ANSWER_S = 10.0

ENCRYPTED = {"valkeys", "rediss"}
VERIFIED = {"verify-full", "verify-ca"}


class _Found(NamedTuple):
    """What the database said."""

    name: str
    account: str
    lease: Lease
    doubts: Sequence[str]
    members: Sequence[MemberReport]


def examine(
    config: Config, environ: Mapping[str, str], keys: Credentials | None, store: Path = PLAIN
) -> Iterator[Finding]:
    """Ask the fleet's database; what is written there is undone. Without a fleet there is nothing to find."""
    if not config.fleet.url:
        return
    yield encryption(config.fleet)
    try:
        password = password_of(config.fleet, environ, store)
        found = anyio.run(_ask, config.fleet, password)
    except (NoPermission, PermissionError) as error:
        if isinstance(error, PermissionError) or isinstance(error.__cause__, PermissionError):
            yield warning(CHECK, "you may not read the password of the fleet's database", AS_ROOT)
        else:
            yield failure(CHECK, str(error), "correct what the message names")
        return
    except (BadConfig, NotDurable) as error:
        yield failure(CHECK, str(error), "correct what the message names")
        return
    except BackendFailed as error:
        yield failure(
            CHECK,
            str(error),
            "check the server, [fleet] url, the role's rights (`sniperd fleet init`), and the firewall",
        )
        return
    except TimeoutError:
        yield failure(CHECK, f"no answer within {ANSWER_S:g} s", "check the server, [fleet] url and the firewall")
        return
    yield _owner(config.fleet, found)
    if keys is not None and Role(config.fleet.role) is Role.MEMBER:
        yield _account(config, keys, found.account)
    yield _durability(config.fleet, found.doubts)
    yield from _members(config, found.members)


def password_of(table: FleetTable, environ: Mapping[str, str], store: Path = PLAIN) -> Secret | None:
    """Return the password that the daemon would use, or that systemd would give it.

    Raises:
        NoPermission: it cannot be read.
        PermissionError: its directory may not be read.

    """
    found = fleet_table.password(table, environ)
    given = place(fleet_table.PASSWORD, environ, store)
    if found is None and given.exists():
        return fleet_table.password(FleetTable(password_file=str(given)), {})
    return found


async def _ask(table: FleetTable, password: Secret | None) -> _Found:
    with anyio.fail_after(ANSWER_S):
        async with open_backend(table.url, table.ledger, table.durability, password) as backend:
            account = await backend.account()
            lease = await backend.lease()
            await backend.read(0, 1)
            await backend.calls()
            await backend.try_rights()
            return _Found(backend.name, account, lease, await backend.doubts(table.durability), await backend.members())


def encryption(table: FleetTable) -> Finding:
    """Check that nobody between this machine and the database can read or change what is said."""
    url = urlsplit(table.url)
    hosts = [_host(place) for place in url.netloc.rpartition("@")[2].split(",") if place]
    if all(_is_here(host) for host in hosts):
        return ok(CHECK, "its database is on this machine")
    mode = parse_qs(url.query).get("sslmode", [""])[0]
    if url.scheme in ENCRYPTED or mode in VERIFIED:
        return ok(CHECK, "the way to its database is encrypted, and the server is verified")
    return warning(
        CHECK,
        "the way to its database is not encrypted, or the server is not verified: who can change it can trade",
        "add ?sslmode=verify-full (PostgreSQL), or use valkeys:// (Valkey); leave it only inside a tunnel",
    )


def _host(place: str) -> str:
    return urlsplit(f"//{place}").hostname or ""


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"", *LOOPBACK}


def _owner(table: FleetTable, found: _Found) -> Finding:
    names = {member.member: member.name for member in found.members}
    owner = names.get(found.lease.owner, found.lease.owner)
    said = f"{owner} owned it last (epoch {found.lease.epoch})" if owner else "nobody has owned it yet"
    return ok(CHECK, f"{found.name} answers; ledger {table.ledger}: {said}")


def _account(config: Config, keys: Credentials, account: str) -> Finding:
    if account == account_hash(keys.api_key):
        return ok(ACCOUNT, f"ledger {config.fleet.ledger} was made for this key")
    return failure(ACCOUNT, f"{other_account(config.fleet.ledger)}: this daemon would not start", IF_OTHER_ACCOUNT)


def _durability(table: FleetTable, doubts: Sequence[str]) -> Finding:
    if doubts:
        return failure(
            DURABLE,
            f"the database may lose what it acknowledges: {'; '.join(doubts)}",
            "correct the server's settings: no member owns the account until then; see `sniperd manual fleet`",
        )
    if table.durability == "single":
        return warning(
            DURABLE,
            "the database keeps what it acknowledges, as long as this one server is there",
            "the loss of that server stops the fleet; never let a replica replace it",
        )
    return ok(DURABLE, f"the database keeps what it acknowledges ({table.durability})")


def _members(config: Config, members: Sequence[MemberReport]) -> Iterator[Finding]:
    """Compare the members with each other and with this configuration."""
    latest_ms = max((member.seen_ms for member in members), default=0)
    present = [member for member in members if latest_ms - member.seen_ms <= OLD_REPORT_MS]
    others = [member.name for member in present if member.configuration != configuration_hash(config)]
    if others:
        yield failure(
            MEMBERS,
            f"server, guards, rates or times of {_listed(others)} differ from this configuration",
            "make [exchange], [guards], [locks], [queue], [launch], [retry] and [reconcile] the same on every member",
        )
    blind = [member.name for member in present if not member.reaches_exchange]
    if blind:
        yield warning(
            MEMBERS,
            f"{_listed(blind)} cannot reach the exchange",
            "run `sniperd doctor` there: network, or the key is not bound to that address (MEXC allows ten at most)",
        )
    same = [name for name, count in Counter(member.name for member in present).items() if count > 1]
    if same:
        yield warning(MEMBERS, f"several members are called {_listed(same)}", "set [fleet] name on each")
    versions = {member.version for member in present}
    if versions - {__version__}:
        yield warning(
            MEMBERS,
            f"versions {', '.join(sorted(versions))} are running; this is {__version__}",
            "upgrade those that stand by, then `sniperd fleet hand-over`, then the former owner",
        )
    if not (others or blind or same or versions - {__version__}):
        able = sum(member.role is Role.MEMBER for member in present)
        yield ok(
            MEMBERS, f"{len(present)} report themselves, {able} of them can own; they agree with this configuration"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(set(names)))
