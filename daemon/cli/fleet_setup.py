"""What the commands about a stopped member do. They are slow to import."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import anyio

from daemon.cli.backup import configured_database
from daemon.config import fleet_table
from daemon.config.loading import load
from daemon.config.paths import environment
from daemon.config.tables import Config
from daemon.doctor import keys
from daemon.doctor.fleet import password_of
from daemon.errors import BackendFailed, BadConfig, NoPermission
from daemon.fleet.agreement import account_hash
from daemon.fleet.backends import create_log, open_backend
from daemon.fleet.beginning import Begun, begin_log
from daemon.fleet.giving_up import give_up
from daemon.fleet.leaving import Left
from daemon.fleet.leaving import leave as leave_with
from daemon.fleet.loss import Accepted
from daemon.fleet.loss import accept_loss as accept_with
from daemon.store.files import real, refuse_remains


def configured(config_path: Path | None) -> Config:
    """Return the configuration of a member.

    Raises:
        BadConfig: it cannot be read, or is of no member.

    """
    config = Config() if config_path is None else load(config_path)
    if not config.fleet.url:
        raise BadConfig("the configuration has no [fleet] url; name its file with --config; see `sniperd manual fleet`")
    return config


def initialise(config_path: Path | None, url: str, role: str, instead_of: str = "") -> Begun | None:
    """Make tables, rights and ledger, and enter this machine's database, if there is one, as the log's beginning.

    With ``instead_of``, give that ledger of the account up before (:mod:`daemon.fleet.giving_up`).

    Raises:
        BadConfig: the URL is none, or holds a password; or the ledger is the one that is to be given up.
        NotNow: a member of the ledger that is to be given up is at work.
        BackendFailed: the fleet's database does not answer.
        NoPermission: the user lacks a right; or there is no key, or it or the password cannot be read.
        StartupError: the database cannot be entered, or the ledger is another account's.

    """
    config = configured(config_path)
    _check_url(url)
    account, fleet = _account(config, config_path), config.fleet
    password = password_of(fleet, environment(config_path))
    database = configured_database(config_path)
    refuse_remains(real(database))
    if instead_of == fleet.ledger:
        raise BadConfig(f"[fleet] ledger is still {instead_of}: give the new one another name, on every machine")

    async def make() -> Begun | None:
        if instead_of:
            secret = None if url else password
            async with open_backend(url or fleet.url, instead_of, fleet.durability, secret) as former:
                await give_up(former, instead_of, account)
        await create_log(url or fleet.url, fleet.ledger, account, role=role, password=None if url else password)
        if not database.exists():
            return None
        async with open_backend(fleet.url, fleet.ledger, fleet.durability, password) as backend:
            return await begin_log(backend, database)

    return anyio.run(make)


def _check_url(url: str) -> None:
    try:
        has_password, scheme = fleet_table.holds_password(url), urlsplit(url).scheme
    except ValueError as error:
        raise BadConfig(f"--url is no address: {error}") from None
    if url and scheme not in fleet_table.SCHEMES:
        raise BadConfig(f"--url begins with {scheme!r}; allowed: {', '.join(fleet_table.SCHEMES)}, each with ://")
    if has_password:
        raise BadConfig(
            "--url holds a password, and every user of this machine can read the list of processes; remove it, change "
            "it at the database, and give it in a file that $PGPASSFILE names"
        )


def replace_key(config_path: Path | None, url: str) -> str:
    """Record this machine's key as the one of the ledger's account; return the ledger's name.

    Raises:
        BackendFailed: the fleet's database does not answer, has no such ledger, or the user lacks a right.
        BadConfig: that key's account has another ledger, or the URL holds a password.
        NoPermission: there is no key, or it or the password cannot be read.

    """
    config = configured(config_path)
    _check_url(url)
    account, fleet = _account(config, config_path), config.fleet
    password = None if url else password_of(fleet, environment(config_path))

    async def replace() -> None:
        async with open_backend(url or fleet.url, fleet.ledger, fleet.durability, password) as backend:
            await backend.replace_account(account)

    anyio.run(replace)
    return fleet.ledger


def _account(config: Config, config_path: Path | None) -> str:
    found = keys.find(config.exchange, environment(config_path))
    if found is None:
        raise NoPermission(
            "no key of the exchange can be read, by which the account is recognised; run this as root, or as the "
            "daemon's user with its environment"
        )
    return account_hash(found.api_key)


def accept_loss(config_path: Path | None, reason: str) -> Accepted:
    """Enter this machine's copy after what is left of the log; see :func:`daemon.fleet.loss.accept_loss`.

    Raises:
        BackendFailed: the fleet's database does not answer.
        StartupError: the copy cannot be entered, or nothing was lost.

    """
    config = configured(config_path)
    fleet, database = config.fleet, configured_database(config_path)
    password = password_of(fleet, environment(config_path))

    async def accept() -> Accepted:
        async with open_backend(fleet.url, fleet.ledger, fleet.durability, password) as backend:
            return await accept_with(backend, database, reason=reason, actor=f"uid:{os.getuid()}")

    return anyio.run(accept)


def leave(config_path: Path | None) -> tuple[Left, BackendFailed | None]:
    """Make this machine's copy a database of its own, and remove the member from the fleet's list.

    Returns:
        What became of the copy, and why the list still shows the member, if it does.

    Raises:
        StartupError: the copy cannot be changed, or it is none.

    """
    config = configured(config_path)
    fleet, left = config.fleet, leave_with(configured_database(config_path))
    if left.member is None:
        return left, None
    password, member = password_of(fleet, environment(config_path)), left.member

    async def forget() -> None:
        async with open_backend(fleet.url, fleet.ledger, fleet.durability, password) as backend:
            await backend.forget(member)

    try:
        anyio.run(forget)
    except BackendFailed as error:
        return left, error
    return left, None
